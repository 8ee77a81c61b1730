//! What this host's own resolver and proxies do to names that manifests grant. It looks at files
//! and variables alone: nobody is asked for a name.

use super::Finding;
use crate::carrier::own_addresses;
use crate::log::escape;
use crate::places::settings_path;
use crate::settings::{self, Outward};
use brig_policies::{Block, ProxyAddress};
use brig_sandbox::egress::filter::{Place, place};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::IpAddr;

/// resolv.conf(5), and what systemd-resolved asks where that one names it alone.
const RESOLVER: &str = "/etc/resolv.conf";
const BEHIND: &str = "/run/systemd/resolve/resolv.conf";
/// Where systemd-resolved answers (systemd-resolved.service(8)).
const STUBS: &[&str] = &["127.0.0.53", "127.0.0.54"];
/// Variables by which programs find a proxy, in either case.
const VARIABLES: &[&str] = &["HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY"];
/// Where proxies of one host make addresses up unless they are told otherwise: sing-box, Surge and
/// V2Ray; Clash and mihomo; both kinds over IPv6.
const FAKE: &[&str] = &["198.18.0.0/15", "28.0.0.0/8", "fc00::/18"];

/// What there is to tell of names.
pub(super) fn names() -> Vec<Finding> {
    let Ok(settings) = settings::find() else {
        return vec![Finding {
            name: "settings",
            found: "they cannot be used, so no server starts".to_owned(),
            remedy: "`brig settings` tells what is wrong with them".to_owned(),
        }];
    };
    let outward = settings.map_or_else(Outward::usual, |found| found.outward);
    let asked = fs::read_to_string(RESOLVER);
    let mut servers = asked.as_deref().map(servers).unwrap_or_default();
    let shown = name_servers(asked.as_deref().err(), &servers);
    if servers
        .iter()
        .any(|server| STUBS.contains(&server.as_str()))
    {
        let behind = fs::read_to_string(BEHIND).unwrap_or_default();
        servers.extend(self::servers(&behind));
    }
    let set = VARIABLES.iter().copied().find_map(|name| {
        let lower = name.to_ascii_lowercase();
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        of(name).or_else(|| of(&lower)).map(|value| (name, value))
    });
    let fake = match own_addresses() {
        Ok(own) => fake(&outward, &servers, &own),
        Err(error) => Finding {
            name: "fake addresses",
            found: format!("cannot tell this host's own addresses: {error}"),
            remedy: "mount /proc: without it no server with a network grant reaches a name"
                .to_owned(),
        },
    };
    vec![shown, proxy(&outward, set), fake]
}

/// The name servers of a resolv.conf(5), as they are written there.
fn servers(text: &str) -> Vec<String> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver"))
            .then(|| words.next().map(str::to_owned))
            .flatten()
    };
    text.lines().filter_map(server).collect()
}

fn name_servers(error: Option<&io::Error>, servers: &[String]) -> Finding {
    let (found, remedy) = match (error, servers) {
        (Some(error), _) => (
            format!("cannot read {RESOLVER}: {error}"),
            "without it this host asks itself (127.0.0.1) for names",
        ),
        (None, []) => (
            format!("{RESOLVER} names none, so this host asks itself (127.0.0.1)"),
            "",
        ),
        (None, servers) => (escape(servers.join(", ").as_bytes()), ""),
    };
    Finding {
        name: "name servers",
        found,
        remedy: remedy.to_owned(),
    }
}

/// Programs go by variables, and brig by its settings alone: a variable is whoever's starts brig.
fn proxy(outward: &Outward, set: Option<(&str, String)>) -> Finding {
    let (found, remedy) = match (&outward.proxy, set) {
        (Some(proxy), _) => (format!("{proxy}, by the settings"), String::new()),
        (None, None) => ("none".to_owned(), String::new()),
        (None, Some((variable, value))) => {
            let found = format!("{variable} is set, and the settings name no proxy");
            let value = value.trim_end_matches('/');
            let value = if value.contains("://") {
                value.to_owned()
            } else {
                format!("http://{value}")
            };
            // What is no place alone may hold a password, and is not repeated.
            let remedy = match value.parse::<ProxyAddress>() {
                Ok(proxy) => write(&format!("proxy = \"{proxy}\"")),
                Err(_) => "brig takes an HTTP proxy without a password: `proxy = \
                     \"http://HOST:PORT\"` below `[network]` in the settings"
                    .to_owned(),
            };
            let only = "if others are reached by it alone";
            (found, format!("{only}, {remedy}"))
        }
    };
    Finding {
        name: "proxy",
        found,
        remedy,
    }
}

/// Whether this host's names seem to lead to addresses that a proxy makes up.
fn fake(outward: &Outward, servers: &[String], own: &BTreeSet<IpAddr>) -> Finding {
    let address = |server: &String| {
        let bare = server.split_once('%').map_or(server.as_str(), |(at, _)| at);
        bare.parse::<IpAddr>().ok()
    };
    let servers: BTreeSet<IpAddr> = servers.iter().filter_map(address).collect();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for block in FAKE.iter().filter_map(|text| text.parse::<Block>().ok()) {
        let server = servers.iter().find(|at| block.holds(**at));
        let here = own.iter().find(|at| block.holds(**at));
        let what = match (server, here) {
            (Some(server), _) => format!("the name server {server}"),
            (None, Some(here)) => format!("this host's address {here}"),
            (None, None) => continue,
        };
        found.push(format!("{what} lies in {block}"));
        let is_named = outward.fake.iter().any(|named| named.covers(&block));
        if !is_named && place(block.first()) != Place::Public {
            missing.push(format!("\"{block}\""));
        }
    }
    let named: Vec<String> = outward.fake.iter().map(Block::to_string).collect();
    let found = match (found.as_slice(), named.as_slice()) {
        ([], []) => "no sign of them".to_owned(),
        ([], named) => format!("{}, by the settings", named.join(", ")),
        (found, _) => format!(
            "{}, where proxies of a host make addresses up",
            found.join("; ")
        ),
    };
    let remedy = if missing.is_empty() {
        String::new()
    } else {
        let line = write(&format!("fake-addresses = [{}]", missing.join(", ")));
        format!("if names lead there, {line}")
    };
    Finding {
        name: "fake addresses",
        found,
        remedy,
    }
}

/// Where a line belongs.
fn write(line: &str) -> String {
    let path = settings_path().ok().flatten();
    let path = path.map_or_else(|| "the settings".to_owned(), |path| escape(path.as_bytes()));
    format!("write `{line}` below `[network]` in {path}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn settings(proxy: Option<&str>, fake: &[&str]) -> Outward {
        Outward {
            proxy: proxy.map(|proxy| proxy.parse().unwrap()),
            fake: fake.iter().map(|block| block.parse().unwrap()).collect(),
            ..Outward::usual()
        }
    }

    #[track_caller]
    fn check(got: &Finding, found: &str, remedy: &str) {
        assert_eq!(got.found, found);
        let has = got.remedy.contains(remedy) && got.remedy.is_empty() == remedy.is_empty();
        assert!(has, "{} lacks {remedy}", got.remedy);
    }

    #[test]
    fn name_servers_are_those_of_the_file() {
        let text = "# nameserver 1.1.1.1\nsearch corp\nnameserver\t10.0.0.1 \nnameserver\n\
                    nameserver fe80::1%eth0\nnameservers 8.8.8.8\n";
        let found = servers(text);
        check(&name_servers(None, &found), "10.0.0.1, fe80::1%eth0", "");
        let none = "/etc/resolv.conf names none, so this host asks itself (127.0.0.1)";
        check(&name_servers(None, &[]), none, "");
        let odd = servers("nameserver \x1b[2J\n");
        assert!(!name_servers(None, &odd).found.contains('\x1b'));
    }

    #[test]
    fn a_variable_is_told_with_the_line_to_write() {
        let set = |value: &str| Some(("HTTPS_PROXY", value.to_owned()));
        let told = "HTTPS_PROXY is set, and the settings name no proxy";
        for value in ["http://p.corp:3128", "http://p.corp:3128/", "p.corp:3128"] {
            let line = "`proxy = \"http://p.corp:3128\"` below `[network]`";
            check(&proxy(&settings(None, &[]), set(value)), told, line);
        }
        for value in ["http://me:secret@p:1", "socks5h://p:1", "https://p:1"] {
            let got = proxy(&settings(None, &[]), set(value));
            check(&got, told, "an HTTP proxy without a password");
            assert!(!got.remedy.contains("secret"), "{}", got.remedy);
        }
        check(&proxy(&settings(None, &[]), None), "none", "");
        let named = settings(Some("http://p:1"), &[]);
        check(
            &proxy(&named, set("http://q:1")),
            "http://p:1, by the settings",
            "",
        );
    }

    #[test]
    fn addresses_that_are_made_up_are_found_by_where_they_lie() {
        let check = |(servers, own, fakes): (&[&str], &[&str], &[&str]), found, remedy| {
            let servers: Vec<String> = servers.iter().map(|&one| one.to_owned()).collect();
            let own = own.iter().map(|one| one.parse().unwrap()).collect();
            check(&fake(&settings(None, fakes), &servers, &own), found, remedy);
        };
        check(
            (&["10.0.0.1", "junk"], &["192.168.1.2"], &[]),
            "no sign of them",
            "",
        );
        let told = "the name server 198.18.0.2 lies in 198.18.0.0/15, where proxies of a host make \
                    addresses up";
        let line = "`fake-addresses = [\"198.18.0.0/15\"]` below `[network]`";
        check((&["198.18.0.2"], &["198.18.0.1"], &[]), told, line);
        check((&["198.18.0.2"], &[], &["198.18.0.0/15"]), told, "");
        // Part of it is not all of it.
        check((&["198.18.0.2"], &[], &["198.18.0.0/16"]), told, line);
        let own = "this host's address fc00::1 lies in fc00::/18, where proxies of a host make \
                   addresses up";
        check((&[], &["fc00::1"], &[]), own, "[\"fc00::/18\"]");
        // These count as public as they are.
        let public = "this host's address 28.0.0.1 lies in 28.0.0.0/8, where proxies of a host \
                      make addresses up";
        check((&[], &["28.0.0.1"], &[]), public, "");
        let named = "198.18.0.0/16, by the settings";
        check((&["10.0.0.1"], &[], &["198.18.0.0/16"]), named, "");
    }
}
