//! How the network part of a plan reads.

use super::line;
use brig_policies::{Destination, Ech, Reach};
use brig_sandbox::egress::{Egress, Grant};

/// A line for each grant, and what stands between this host and others.
pub(super) fn network(egress: Option<&Egress>, out: &mut String) {
    let Some(egress) = egress else {
        line(out, "network", "none");
        return;
    };
    for grant in &egress.grants {
        line(out, "network", &granted(grant, egress));
    }
    if let Some(proxy) = &egress.proxy {
        line(out, "", &format!("names are asked of the proxy {proxy}"));
    }
    if !egress.fake.is_empty() {
        let blocks: Vec<String> = egress.fake.iter().map(ToString::to_string).collect();
        let blocks = blocks.join(", ");
        line(out, "", &format!("addresses of {blocks} count as public"));
    }
}

fn granted(grant: &Grant, egress: &Egress) -> String {
    let ports: Vec<String> = grant.ports.iter().map(ToString::to_string).collect();
    let port = if ports.len() == 1 { "port" } else { "ports" };
    let (host, ports) = (&grant.host, ports.join(", "));
    let mut told = format!("{host}, {port} {ports}, {}", grant.protocol.as_str());
    let reaches: Vec<String> = grant.addresses.iter().map(reach).collect();
    if !reaches.is_empty() {
        told = format!("{told}, at {}", reaches.join(" and "));
    }
    if grant.ech == Ech::Allow {
        told.push_str(", its name hidden or not (ech)");
    }
    match inside(&grant.host, egress) {
        Some(at) => format!("{told}; in the cell {at}"),
        None => told,
    }
}

fn reach(reach: &Reach) -> String {
    match reach {
        Reach::Public => "public addresses".to_owned(),
        Reach::Block(block) => block.to_string(),
    }
}

/// What stands for a name in the cell; other hosts are asked for by their own addresses there.
fn inside(host: &Destination, egress: &Egress) -> Option<String> {
    match host {
        Destination::Name(name) => {
            let at = egress.fixed(name)?;
            Some(format!("{} and {}", at.v4, at.v6))
        }
        Destination::Below(_) => {
            let ranges = egress.ranges?;
            Some(format!("one of {} and of {}", ranges.v4, ranges.v6))
        }
        Destination::Address(_) | Destination::Block(_) | Destination::Loopback => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use brig_policies::{Places, check};
    use brig_sandbox::egress::decide;
    use brig_sandbox::egress::ranges::Wanted;

    #[track_caller]
    fn told(grants: &[&str], proxy: Option<&str>, fake: &[&str], want: &[&str]) {
        let entry = |grant: &&str| ["[[network]]\n", grant, "\n"].concat();
        let grants: String = grants.iter().map(entry).collect();
        let text = format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{grants}");
        let places = Places {
            home: None,
            project: None,
            manifest_folder: "/srv".to_owned(),
            own_folders: Vec::new(),
            manifest_path: "/srv/brig.toml".to_owned(),
        };
        let policy = check(&text, &places).unwrap();
        let proxy = proxy.map(|proxy| proxy.parse().unwrap());
        let fake: Vec<_> = fake.iter().map(|block| block.parse().unwrap()).collect();
        let egress = decide(&policy, &Wanted::usual()).unwrap();
        let egress = egress.map(|egress| egress.by_way_of(proxy.as_ref(), &fake));
        let mut out = String::new();
        network(egress.as_ref(), &mut out);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines, want);
    }

    #[test]
    fn each_grant_is_a_line() {
        told(
            &[],
            Some("http://p:1"),
            &["198.18.0.0/15"],
            &["network      none"],
        );
        told(
            &[
                "host = \"api.example.com\"\nports = [443]\nech = \"allow\"",
                "host = \"*.db.example\"\nports = [5432, 443]\nprotocol = \"tcp\"\n\
                 addresses = [\"public\", \"10.0.0.0/8\"]",
                "host = \"localhost\"\nports = [80]",
                "host = \"10.1.0.0/16\"\nports = [22]\nprotocol = \"tcp\"",
            ],
            None,
            &["198.18.0.0/15"],
            &[
                "network      api.example.com, port 443, tls, at public addresses, its name hidden \
                 or not (ech); in the cell 100.64.0.1 and fd62:7269:6700::1",
                "network      *.db.example, ports 443, 5432, tcp, at public addresses and \
                 10.0.0.0/8; in the cell one of 100.64.0.0/20 and of fd62:7269:6700::/64",
                "network      10.1.0.0/16, port 22, tcp",
                "network      localhost, port 80, http",
                "             addresses of 198.18.0.0/15 count as public",
            ],
        );
        told(
            &["host = \"a.example\"\nports = [80]"],
            Some("http://p:1"),
            &["198.18.0.0/15"],
            &[
                "network      a.example, port 80, http, at public addresses; in the cell \
                 100.64.0.1 and fd62:7269:6700::1",
                "             names are asked of the proxy http://p:1",
            ],
        );
    }
}
