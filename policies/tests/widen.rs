//! What one policy allows beyond another: by example, by algebra, and against an oracle that asks
//! about single paths, connections and calls.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::net::IpAddr;

use brig_policies::{
    Access, Change, Changes, Destination, Exec, Places, Policy, Protocol, check, widen,
};
use proptest::prelude::*;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

fn policy(body: &str) -> Policy {
    let text = format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}");
    check(&text, &places()).unwrap_or_else(|faults| unreachable!("{faults}\n{text}"))
}

fn rights(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.right.as_str()).collect()
}

#[track_caller]
fn check_widened(first: &str, second: &str, widened: &[&str], narrowed: &[&str]) {
    let changes = widen(&policy(first), &policy(second));
    assert_eq!(rights(&changes.widened), widened, "widened");
    assert_eq!(rights(&changes.narrowed), narrowed, "narrowed");
}

fn files(host: &str, more: &str) -> String {
    format!("[[files]]\nhost = \"{host}\"\n{more}\n")
}

#[test]
fn files_are_subtrees() {
    let (outer, inner) = (files("/srv/a", ""), files("/srv/a/b", ""));
    check_widened(&outer, &inner, &[], &["read `/srv/a`"]);
    check_widened(&inner, &outer, &["read `/srv/a`"], &[]);
    check_widened(
        &outer,
        &files("/srv/ab", ""),
        &["read `/srv/ab`"],
        &["read `/srv/a`"],
    );
    let write = files("/srv/a/b", "access = \"write\"");
    check_widened(
        &outer,
        &format!(
            "{outer}{}",
            files("/srv/a/b", "at = \"/b\"\naccess = \"write\"")
        ),
        &["create, change and delete in `/srv/a/b`"],
        &[],
    );
    let named = format!("{write}{}", files("/srv/a/b/.git", "access = \"write\""));
    check_widened(
        &write,
        &named,
        &["change `/srv/a/b/.git`, even where the host obeys it"],
        &[],
    );
    let run = files("/srv/a/b", "access = \"write\"\nexec = true\nlinks = true");
    check_widened(
        &write,
        &run,
        &[
            "run programs of `/srv/a/b`",
            "make links and special files in `/srv/a/b`",
        ],
        &[],
    );
    check_widened(
        &inner,
        &files("/srv/a/b", "links = true\noptional = true\nat = \"/else\""),
        &[],
        &[],
    );
}

fn network(host: &str, more: &str) -> String {
    format!("[[network]]\nhost = \"{host}\"\n{more}\n")
}

#[test]
fn hosts_are_sets() {
    let tls = "ports = [443]";
    check_widened(
        &network("*.example.com", tls),
        &network("a.b.example.com", tls),
        &[],
        &["reach `*.example.com` port 443 (tls)"],
    );
    check_widened(
        &network("*.example.com", tls),
        &network("example.com", tls),
        &["reach `example.com` port 443 (tls)"],
        &["reach `*.example.com` port 443 (tls)"],
    );
    check_widened(
        &network("a.example", tls),
        &network("a.example", "ports = [443, 8443]\nprotocol = \"tls\""),
        &["reach `a.example` port 8443 (tls)"],
        &[],
    );
    check_widened(
        &network("a.example", tls),
        &network("a.example", "ports = [443]\nprotocol = \"tcp\""),
        &["reach `a.example` port 443 (tcp)"],
        &[],
    );
    check_widened(
        &network("a.example", tls),
        &network("a.example", "ports = [443]\nech = \"allow\""),
        &["reach `a.example` port 443 (tls), with the name hidden"],
        &[],
    );
    let intranet = "ports = [443]\naddresses = [\"public\", \"10.1.0.0/16\"]";
    check_widened(
        &network("a.example", tls),
        &network("a.example", intranet),
        &["reach `a.example` port 443 (tls), also at `10.1.0.0/16`"],
        &[],
    );
    let halves = format!(
        "{}{}",
        network("10.0.0.0/9", tls),
        network("10.128.0.0/9", tls)
    );
    check_widened(&halves, &network("10.0.0.0/8", tls), &[], &[]);
    check_widened(
        &network("10.0.0.0/9", tls),
        &network("10.0.0.0/8", tls),
        &["reach `10.0.0.0/8` port 443 (tls)"],
        &[],
    );
    check_widened(
        "",
        &network("localhost", "ports = [1]\nprotocol = \"tcp\""),
        &["reach `localhost` port 1 (tcp)"],
        &[],
    );
}

#[test]
fn tools_are_patterns_and_rules() {
    let rule = |condition: &str| {
        format!(
            "[tools]\nallow = [\"get_*\"]\n[[tools.rule]]\ntool = \"get_*\"\n\
             argument = \"/p\"\n{condition}\n"
        )
    };
    check_widened(
        "",
        "[tools]\nallow = [\"get_*\"]\n",
        &[],
        &["call every tool that was reviewed"],
    );
    check_widened(
        "[tools]\nallow = [\"get_*\", \"put_a\"]\n",
        "[tools]\nallow = [\"get_a\", \"put_*\"]\n",
        &["call the tools `put_*`"],
        &["call the tools `get_*`"],
    );
    check_widened(
        &rule("within = \"/a\""),
        "[tools]\nallow = [\"get_*\"]\n",
        &["call `get_*` with another `/p` than before (only paths within `/a`)"],
        &[],
    );
    check_widened(
        &rule("within = \"/a\""),
        "[tools]\nallow = [\"list\"]\n",
        &["call the tools `list`"],
        &["call the tools `get_*`"],
    );
    check_widened(
        &rule("within = \"/a\""),
        &rule("within = \"/a/b\""),
        &[],
        &["call `get_*` with another `/p` than before (only paths within `/a/b`)"],
    );
    check_widened(
        &rule("max = 5"),
        &rule("equals = 3"),
        &[],
        &["call `get_*` with another `/p` than before (only 3)"],
    );
    check_widened(
        &rule("matches = \"a*\""),
        &rule("equals = \"ab\""),
        &[],
        &["call `get_*` with another `/p` than before (only \"ab\")"],
    );
    check_widened(
        &rule("within = \"/a\""),
        &rule("equals = \"/a/../b\""),
        &["call `get_*` with another `/p` than before (only paths within `/a`)"],
        &["call `get_*` with another `/p` than before (only \"/a/../b\")"],
    );
}

#[test]
fn limits_of_tools_are_compared_bound_by_bound() {
    let limit = |tool: &str, bounds: &str| {
        format!("[tools]\n[[tools.limit]]\ntool = \"{tool}\"\n{bounds}\n")
    };
    let both = limit("get_*", "concurrency = 2\nresult = \"1MiB\"");
    check_widened(
        &both,
        &limit("*", "concurrency = 2"),
        &["get answers of `get_*` beyond 1MiB"],
        &["at once call `*` beyond 2 times"],
    );
    check_widened(
        &limit("get_*", "calls-per-minute = 5"),
        &limit("get_*", "calls-per-minute = 4"),
        &[],
        &["in a minute call `get_*` beyond 4 times"],
    );
    // Its tools can no longer be called.
    check_widened(
        &both,
        "[tools]\nallow = [\"list\"]\n",
        &[],
        &["call every tool that was reviewed"],
    );
}

#[test]
fn resources_and_prompts_are_patterns() {
    check_widened(
        "[resources]\nallow = [\"file:///a/*\"]\n[prompts]\nallow = []\n",
        "[resources]\nallow = [\"file:///*\"]\n",
        &["read the resources `file:///*`", "use the prompts `*`"],
        &[],
    );
    check_widened("", "[resources]\n[prompts]\n", &[], &[]);
}

#[test]
fn the_rest_is_compared_by_name_and_size() {
    check_widened(
        "[env]\nA = { host = \"X\" }\n",
        "[env]\nB = { host = \"X\" }\nC = \"lit\"\n",
        &[],
        &[],
    );
    check_widened(
        "",
        "[env]\nA = { secret = \"x\" }\nB = { host = \"Y\" }\n",
        &["see the secret `x`", "see this host's variable `Y`"],
        &[],
    );
    check_widened(
        "[env]\nTZ = \"UTC\"\n",
        "",
        &["see this host's variable `TZ`"],
        &[],
    );
    check_widened(
        "[limits]\nmemory = \"64MiB\"\ncall = \"2m\"\n",
        "",
        &["memory: `256MiB` in place of `64MiB`"],
        &["call: `2m` in place of `1m`"],
    );
    check_widened(
        "[[state]]\nat = \"/d\"\n",
        "[[state]]\nat = \"/d\"\nsize = \"1GiB\"\n[[state]]\nat = \"/e\"\n",
        &[
            "keep more in `/d` between runs: `1GiB` in place of `256MiB`",
            "keep up to 256MiB in `/e` between runs",
        ],
        &[],
    );
    check_widened(
        "[client]\nroots = true\n",
        "[client]\nsampling = true\n",
        &["ask the client for sampling"],
        &["ask the client for roots"],
    );
    check_widened(
        "",
        "[syscalls]\nallow = [\"jit\"]\n",
        &["make the system calls of `jit`"],
        &[],
    );
}

#[test]
fn what_is_no_right_is_told_apart() {
    let other = |first: &str, second: &str| {
        let Changes {
            widened,
            narrowed,
            other,
        } = widen(&policy(first), &policy(second));
        assert_eq!((widened, narrowed), (Vec::new(), Vec::new()));
        other.iter().map(|change| change.key).collect::<Vec<_>>()
    };
    assert_eq!(other("args = [\"a\"]\n", "args = [\"b\"]\n"), ["args"]);
    assert_eq!(other("[env]\nA = \"1\"\n", "[env]\nA = \"2\"\n"), ["env"]);
    assert_eq!(
        other(&files("/srv/a", ""), &files("/srv/a", "at = \"/b\"")),
        ["files"]
    );
    assert!(other("", "# nothing\n").is_empty());
}

/// Paths, one of which often lies in another.
const PATHS: &[&str] = &["/srv/a", "/srv/a/b", "/srv/a/b/c", "/srv/ab", "/srv/d"];
const HOSTS: &[&str] = &[
    "example.com",
    "*.example.com",
    "a.example.com",
    "*.a.example.com",
    "10.0.0.0/28",
    "10.0.0.0/29",
    "10.0.0.8/29",
    "10.0.0.8/30",
    "10.0.0.12/30",
    "10.0.0.9",
    "localhost",
];
const PORTS: &[u16] = &[80, 443];
const PROTOCOLS: &[&str] = &["tls", "http", "tcp"];
const PATTERNS: &[&str] = &["*", "a*", "*a", "ab", "b", "*b*", "a*b", "ab*"];
const CONDITIONS: &[&str] = &[
    "max = 1",
    "max = 2",
    "equals = 1",
    "within = \"/a\"",
    "within = \"/a/b\"",
    "equals = \"/a/b\"",
    "matches = \"/a*\"",
];

/// The groups of system calls that are on.
fn groups(jit: bool, numa: bool) -> String {
    let groups = [(jit, "\"jit\""), (numa, "\"numa\"")];
    let groups = groups.iter().filter(|(on, _)| *on).map(|(_, name)| *name);
    groups.collect::<Vec<&str>>().join(", ")
}

/// A manifest's parts, each right on a line of its own section.
fn bodies() -> impl Strategy<Value = String> {
    let files = prop::collection::vec((0..PATHS.len(), any::<[bool; 3]>()), 0..4);
    let network = prop::collection::btree_set((0..HOSTS.len(), 0..PORTS.len()), 0..5)
        .prop_flat_map(|grants| {
            let count = grants.len();
            (
                Just(grants),
                prop::collection::vec(0..PROTOCOLS.len(), count),
            )
        });
    let allow = prop::option::of(prop::collection::btree_set(0..PATTERNS.len(), 0..3));
    let rules = prop::collection::vec((0..PATTERNS.len(), 0..CONDITIONS.len()), 0..3);
    let rest = (any::<[bool; 6]>(), 16_u64..20);
    (files, network, allow, rules, rest).prop_map(|(files, network, allow, rules, rest)| {
        let mut body = String::new();
        for (count, (path, [write, exec, links])) in files.into_iter().enumerate() {
            let access = if write { "write" } else { "read" };
            write!(
                body,
                "[[files]]\nhost = \"{}\"\nat = \"/f{count}\"\naccess = \"{access}\"\n\
                 exec = {exec}\n\
                 links = {links}\n",
                PATHS[path]
            )
            .unwrap();
        }
        for ((host, port), protocol) in network.0.iter().zip(network.1) {
            let (host, port, protocol) = (HOSTS[*host], PORTS[*port], PROTOCOLS[protocol]);
            let at = format!("host = \"{host}\"\nports = [{port}]");
            writeln!(body, "[[network]]\n{at}\nprotocol = \"{protocol}\"").unwrap();
        }
        if allow.is_some() || !rules.is_empty() {
            body += "[tools]\n";
        }
        if let Some(allow) = allow {
            let allow: Vec<&str> = allow.into_iter().map(|at| PATTERNS[at]).collect();
            writeln!(body, "allow = {allow:?}").unwrap();
        }
        for (tool, condition) in rules {
            let (tool, condition) = (PATTERNS[tool], CONDITIONS[condition]);
            let about = format!("tool = \"{tool}\"\nargument = \"/p\"");
            writeln!(body, "[[tools.rule]]\n{about}\n{condition}").unwrap();
        }
        let ([host, secret, roots, logging, jit, numa], memory) = rest;
        writeln!(
            body,
            "[client]\nroots = {roots}\nlogging = {logging}\n[env]\nA = \"x\""
        )
        .unwrap();
        body += if host { "B = { host = \"H\" }\n" } else { "" };
        body += if secret {
            "C = { secret = \"s\" }\n"
        } else {
            ""
        };
        writeln!(body, "[syscalls]\nallow = [{}]", groups(jit, numa)).unwrap();
        writeln!(body, "[limits]\nmemory = \"{memory}MiB\"").unwrap();
        body
    })
}

/// Whether a path below a source may be read, written, run, or get links.
fn may(policy: &Policy, path: &str) -> [bool; 4] {
    let mut may = [false; 4];
    let below = |outer: &str| path == outer || path.starts_with(&format!("{outer}/"));
    for grant in policy
        .files()
        .iter()
        .filter(|grant| below(grant.host().as_str()))
    {
        let write = grant.access() == Access::Write;
        may[0] = true;
        may[1] |= write;
        may[2] |= grant.exec() == Exec::Allowed;
        may[3] |= write && grant.links() == brig_policies::Links::Allowed;
    }
    may
}

/// Whether a connection passes that asks for a name or an address, and speaks so.
fn connects(policy: &Policy, to: &str, port: u16, spoken: Protocol) -> bool {
    policy.network().iter().any(|grant| {
        let is_named = match grant.host() {
            Destination::Name(name) => name.as_str() == to,
            Destination::Below(name) => to.ends_with(&format!(".{name}")),
            Destination::Address(address) => to.parse() == Ok(*address),
            Destination::Block(block) => to.parse::<IpAddr>().is_ok_and(|to| block.holds(to)),
            Destination::Loopback => to == "localhost",
        };
        let passes = grant.protocol() == Protocol::Tcp || grant.protocol() == spoken;
        is_named && grant.ports().contains(&port) && passes
    })
}

fn points_of_network(policy: &Policy) -> Vec<bool> {
    let mut hosts: Vec<String> = [
        "example.com",
        "a.example.com",
        "b.a.example.com",
        "x.b.example.com",
        "localhost",
    ]
    .map(Into::into)
    .into();
    hosts.extend((0..17).map(|last| format!("10.0.0.{last}")));
    let mut points = Vec::new();
    for host in &hosts {
        for port in PORTS {
            for spoken in [Protocol::Tls, Protocol::Http, Protocol::Tcp] {
                points.push(connects(policy, host, *port, spoken));
            }
        }
    }
    points
}

fn points_of_files(policy: &Policy) -> Vec<bool> {
    PATHS.iter().flat_map(|path| may(policy, path)).collect()
}

/// Texts of up to five letters, one of which stands in no pattern.
fn texts() -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut last = 0;
    for _ in 0..5 {
        let longer: Vec<String> = texts[last..]
            .iter()
            .flat_map(|text| ["a", "b", "c"].map(|letter| format!("{text}{letter}")))
            .collect();
        last = texts.len();
        texts.extend(longer);
    }
    texts
}

fn points_of_tools(policy: &Policy) -> Vec<bool> {
    let allows = |name: &String| match policy.tools().and_then(brig_policies::Tools::allow) {
        Some(allow) => allow.iter().any(|pattern| pattern.matches(name)),
        None => true,
    };
    texts().iter().map(allows).collect()
}

/// Whether there is a point that the second allows and the first does not.
fn is_wider(points: fn(&Policy) -> Vec<bool>, first: &Policy, second: &Policy) -> bool {
    points(first)
        .into_iter()
        .zip(points(second))
        .any(|(before, after)| after && !before)
}

fn tells(changes: &[Change], key: &str, start: &str) -> bool {
    changes
        .iter()
        .any(|change| change.key == key && change.right.starts_with(start))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_changes_from_a_policy_to_itself(body in bodies()) {
        let policy = policy(&body);
        prop_assert!(widen(&policy, &policy).is_empty());
    }

    #[test]
    fn what_one_way_widens_the_other_narrows(one in bodies(), other in bodies()) {
        let (one, other) = (policy(&one), policy(&other));
        let (there, back) = (widen(&one, &other), widen(&other, &one));
        prop_assert_eq!(there.widened, back.narrowed);
        prop_assert_eq!(there.narrowed, back.widened);
    }

    #[test]
    fn no_widening_in_two_steps_is_none_in_one(
        all in prop::collection::vec(bodies(), 3),
        shared in bodies(),
    ) {
        // Bodies that are drawn apart are seldom ordered, so each also stands beside an empty one.
        let mut policies: Vec<Policy> = all.iter().map(|body| policy(body)).collect();
        policies.push(policy(&shared));
        policies.push(policy("[tools]\nallow = []\n[env]\nLANG = \"C\"\nTZ = \"C\"\n"));
        let below = |one: &Policy, other: &Policy| widen(one, other).widened.is_empty();
        for one in &policies {
            for other in policies.iter().filter(|other| below(one, other)) {
                for third in policies.iter().filter(|third| below(other, third)) {
                    prop_assert!(below(one, third));
                }
            }
        }
    }

    #[test]
    fn adding_a_grant_narrows_nothing(
        body in bodies(),
        path in 0..PATHS.len(),
        port in 1000_u16..2000,
    ) {
        let before = policy(&body);
        let added = format!(
            "{}[[network]]\nhost = \"example.com\"\nports = [{port}]\nprotocol = \"tls\"\n\
             [[state]]\nat = \"/kept\"\n{body}",
            files(PATHS[path], "at = \"/added\""),
        );
        let changes = widen(&before, &policy(&added));
        prop_assert_eq!(changes.narrowed, Vec::new());
        prop_assert!(tells(&changes.widened, "network", ""));
    }

    #[test]
    fn an_oracle_of_points_says_the_same(one in bodies(), other in bodies()) {
        let (one, other) = (policy(&one), policy(&other));
        let widened = widen(&one, &other).widened;
        prop_assert_eq!(tells(&widened, "files", ""), is_wider(points_of_files, &one, &other));
        prop_assert_eq!(tells(&widened, "network", ""), is_wider(points_of_network, &one, &other));
        let tools = ["call every", "call the tools"];
        let tools = tools.iter().any(|start| tells(&widened, "tools", start));
        prop_assert_eq!(tools, is_wider(points_of_tools, &one, &other));
    }
}
