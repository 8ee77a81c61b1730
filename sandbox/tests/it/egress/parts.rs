//! The network part of a plan.

use super::{API, decided, egress};
use crate::ask::{HEAD, policy};
use brig_policies::Block;
use brig_sandbox::egress::ranges::{Unfit, Wanted};
use brig_sandbox::egress::{Egress, LISTENERS_MAX, Undecidable, decide, grant_line};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The part as short lines: names with addresses, routes, listeners.
fn told(egress: &Egress) -> String {
    let mut told = String::new();
    for fixed in &egress.names {
        write!(told, "{} {} {}; ", fixed.name, fixed.at.v4, fixed.at.v6).unwrap();
    }
    for route in &egress.routes {
        write!(told, "{route}; ").unwrap();
    }
    for listener in &egress.listeners {
        write!(told, "{} {:?}; ", listener.port, listener.family).unwrap();
    }
    told.trim_end_matches("; ").to_owned()
}

#[track_caller]
fn check(grants: &[&str], want: &str) {
    assert_eq!(told(&egress(grants)), want, "{grants:?}");
}

#[test]
fn a_part_has_what_its_grants_need() {
    check(
        &[API],
        "api.example.com 100.64.0.1 fd62:7269:6700::1; 100.64.0.0/20; fd62:7269:6700::/64; \
         443 V4; 443 V6",
    );
    // Sorted by name, and two grants of one name share its addresses.
    check(
        &[
            "host = \"b.example\"\nports = [443]",
            "host = \"a.example\"\nports = [80]",
            "host = \"b.example\"\nports = [5432]\nprotocol = \"tcp\"",
        ],
        "a.example 100.64.0.1 fd62:7269:6700::1; b.example 100.64.0.2 fd62:7269:6700::2; \
         100.64.0.0/20; fd62:7269:6700::/64; 80 V4; 80 V6; 443 V4; 443 V6; 5432 V4; 5432 V6",
    );
    // Names below a wildcard have no address before they are asked for.
    check(
        &["host = \"*.example.com\"\nports = [443]"],
        "100.64.0.0/20; fd62:7269:6700::/64; 443 V4; 443 V6",
    );
    check(
        &["host = \"10.1.2.3\"\nports = [22]\nprotocol = \"tcp\""],
        "10.1.2.3/32; 22 V4",
    );
    check(
        &["host = \"2001:db8::/32\"\nports = [443]"],
        "2001:db8::/32; 443 V6",
    );
    check(
        &["host = \"localhost\"\nports = [5432]\nprotocol = \"tcp\""],
        "5432 V4; 5432 V6",
    );
}

#[test]
fn without_grants_there_is_no_part() {
    assert_eq!(decided(&[]), Ok(None));
}

#[test]
fn virtual_addresses_make_room_for_granted_ones() {
    let v4 = |grants: &[&str]| egress(grants).ranges.unwrap().v4.to_string();
    let peer = |host: &str| format!("host = \"{host}\"\nports = [443]");
    assert_eq!(v4(&[API, &peer("100.64.3.4")]), "100.64.16.0/20");
    assert_eq!(v4(&[API, &peer("100.64.0.0/15")]), "100.66.0.0/20");
    assert_eq!(v4(&[API, &peer("100.64.0.0/10")]), "198.18.0.0/20");
    assert_eq!(v4(&[API, &peer("100.0.0.0/8")]), "198.18.0.0/20");
    let v6 = egress(&[API, &peer("fd62:7269:6700::9")])
        .ranges
        .unwrap()
        .v6;
    assert_eq!(v6.to_string(), "fd62:7269:6700:1::/64");
    // Where nothing is left, the fault is at a grant that takes it.
    let full = [API, &peer("100.64.0.0/10"), &peer("198.18.0.0/15")];
    let Err(fault @ Undecidable::Room { .. }) = decided(&full) else {
        panic!("there is room");
    };
    assert_eq!(
        fault.to_string(),
        "find room for virtual addresses: grants name addresses all over 100.64.0.0/10 and \
         198.18.0.0/15"
    );
    assert!(!fault.span().is_empty() && fault.help().contains("settings"));
}

#[test]
fn there_are_only_so_many_listeners() {
    let ports = |count: u16| -> String {
        let ports: Vec<String> = (1..=count).map(|port| (7000 + port).to_string()).collect();
        let ports = ports.join(", ");
        format!("host = \"a.example\"\nports = [{ports}]\nprotocol = \"tcp\"")
    };
    assert_eq!(egress(&[&ports(64)]).listeners.len(), LISTENERS_MAX);
    // A port of more than one grant counts once.
    let again = "host = \"b.example\"\nports = [7001]\nprotocol = \"tcp\"";
    assert_eq!(egress(&[&ports(32), again]).listeners.len(), 64);
}

#[track_caller]
fn check_wanted(v4: &str, v6: &str, want: Result<(), &str>) {
    let block = |text: &str| text.parse::<Block>().unwrap();
    let got = Wanted::new(vec![block(v4)], vec![block(v6)]);
    let got = got.as_ref().map(|_| ()).map_err(Unfit::to_string);
    let want = want.map_err(|why| format!("use {why}"));
    assert_eq!(got, want, "{v4} {v6}");
}

#[test]
fn a_setting_names_private_ranges_with_room() {
    check_wanted("10.200.0.0/16", "fd00::/8", Ok(()));
    check_wanted("127.64.0.0/10", "fd00:1:2:3::/64", Ok(()));
    let private = "for virtual addresses: it is not private";
    check_wanted(
        "8.0.0.0/8",
        "fd00::/8",
        Err(&format!("8.0.0.0/8 {private}")),
    );
    let wide = format!("100.0.0.0/8 {private}");
    check_wanted("100.0.0.0/8", "fd00::/8", Err(&wide));
    let small = "10.0.0.0/21 for virtual addresses: it is smaller than a `/20`";
    check_wanted("10.0.0.0/21", "fd00::/8", Err(small));
    let other = "fd00::/8 for virtual addresses: it is of the other family";
    check_wanted("fd00::/8", "fd00::/8", Err(other));
}

#[test]
fn virtual_addresses_are_never_the_cells_own_loopback() {
    let v4 = vec!["127.0.0.0/8".parse().unwrap()];
    let wanted = Wanted::new(v4, vec!["fd00::/64".parse().unwrap()]).unwrap();
    let policy = policy(&format!("{HEAD}[[network]]\n{API}\n"));
    let ranges = decide(&policy, &wanted).unwrap().unwrap().ranges.unwrap();
    assert_eq!(ranges.v4.to_string(), "127.0.16.0/20");
}

#[test]
fn a_line_says_the_protocol_where_a_manifest_has_to() {
    let host = "api.example.com".parse().unwrap();
    assert_eq!(
        grant_line(&host, 443),
        "[[network]] host = \"api.example.com\", ports = [443]"
    );
    assert_eq!(
        grant_line(&host, 5432),
        "[[network]] host = \"api.example.com\", ports = [5432], protocol = \"tcp\""
    );
}

fn a_grant() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-c]\\.example",
        "\\*\\.[a-c]\\.example",
        "100\\.64\\.[0-9]\\.[1-9]",
        "100\\.6[4-6]\\.0\\.0/16",
        "fd62:7269:6700:[1-3]::/64",
        Just("localhost".to_owned()),
    ];
    let ports = proptest::collection::btree_set(1_u16..9, 1..4);
    let protocol = prop_oneof![Just("tls"), Just("http"), Just("tcp")];
    (host, ports, protocol).prop_map(|(host, ports, protocol)| {
        format!("host = \"{host}\"\nports = {ports:?}\nprotocol = \"{protocol}\"")
            .replace('{', "[")
            .replace('}', "]")
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_part_is_canonical_and_no_two_things_share_an_address(
        grants in proptest::collection::vec(a_grant(), 1..8),
    ) {
        let unique: BTreeSet<&str> =
            grants.iter().filter_map(|grant| grant.lines().next()).collect();
        prop_assume!(unique.len() == grants.len());
        let forth: Vec<&str> = grants.iter().map(String::as_str).collect();
        let back: Vec<&str> = forth.iter().rev().copied().collect();
        let part = egress(&forth);
        // The order in which grants are written is no part of a policy.
        let bytes = serde_json::to_vec(&part).unwrap();
        prop_assert_eq!(&bytes, &serde_json::to_vec(&egress(&back)).unwrap());
        prop_assert_eq!(&part, &serde_json::from_slice::<Egress>(&bytes).unwrap());
        prop_assert!(part.listeners.len() <= LISTENERS_MAX);
        let v4: BTreeSet<_> = part.names.iter().map(|fixed| fixed.at.v4).collect();
        let v6: BTreeSet<_> = part.names.iter().map(|fixed| fixed.at.v6).collect();
        prop_assert_eq!((v4.len(), v6.len()), (part.names.len(), part.names.len()));
        if let Some(ranges) = part.ranges {
            let mine = |block: &Block| *block == ranges.v4 || *block == ranges.v6;
            for route in part.routes.iter().filter(|route| !mine(route)) {
                for range in [ranges.v4, ranges.v6] {
                    prop_assert!(!route.covers(&range) && !range.covers(route));
                }
            }
        }
    }
}
