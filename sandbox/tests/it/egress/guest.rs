//! What a worker lets its guest ask for.

use super::{API, egress};
use brig_sandbox::egress::guest::{AskedFor, Whereabouts, may_ask, may_connect, whereabouts};
use brig_sandbox::egress::permit::{Refusal, Target};
use core::net::{IpAddr, Ipv4Addr};

const GRANTS: &[&str] = &[
    API,
    "host = \"*.example.com\"\nports = [443, 8443]\nprotocol = \"tls\"",
    "host = \"10.1.2.0/24\"\nports = [443, 8080]\nprotocol = \"tcp\"",
];

fn told(answer: Result<(), Refusal>) -> String {
    let Err(refusal) = answer else {
        return "granted".to_owned();
    };
    let line = AskedFor::of(&refusal).and_then(|asked| asked.line());
    line.unwrap_or_else(|| "by no grant".to_owned())
}

#[track_caller]
fn check(at: &str, granted: &str, without: &str) {
    let egress = egress(GRANTS);
    let at = at.parse().unwrap();
    assert_eq!(told(may_connect(Some(&egress), at)), granted, "{at}");
    assert_eq!(told(may_connect(None, at)), without, "{at}, without grants");
}

fn line(host: &str, port: u16) -> String {
    let protocol = match port {
        80 | 443 => "",
        _ => ", protocol = \"tcp\"",
    };
    format!("[[network]] host = \"{host}\", ports = [{port}]{protocol}")
}

#[test]
fn a_guest_connects_to_what_stands_for_a_grant() {
    let nobody = |host: &str, port| line(host, port);
    check("100.64.0.1:443", "granted", &nobody("100.64.0.1", 443));
    check(
        "[fd62:7269:6700::1]:443",
        "granted",
        &nobody("fd62:7269:6700::1", 443),
    );
    check(
        "100.64.0.1:22",
        &line("api.example.com", 22),
        &nobody("100.64.0.1", 22),
    );
    // Any name below the wildcard could be there, and none on that other port.
    check("100.64.1.9:8443", "granted", &nobody("100.64.1.9", 8443));
    check("100.64.1.9:22", "by no grant", &nobody("100.64.1.9", 22));
    // Of the range, and for neither a name nor a wildcard.
    check("100.64.0.9:443", "by no grant", &nobody("100.64.0.9", 443));
    check("10.1.2.3:8080", "granted", &nobody("10.1.2.3", 8080));
    check(
        "10.1.2.3:22",
        &line("10.1.2.3", 22),
        &nobody("10.1.2.3", 22),
    );
    check(
        "10.1.3.3:443",
        &line("10.1.3.3", 443),
        &nobody("10.1.3.3", 443),
    );
    check("[::ffff:10.1.2.3]:443", "granted", &nobody("10.1.2.3", 443));
    check(
        "127.0.0.1:443",
        &line("localhost", 443),
        &nobody("localhost", 443),
    );
    check("[::1]:53", &line("localhost", 53), &nobody("localhost", 53));
    // No manifest can have that one.
    check("169.254.169.254:80", "by no grant", "by no grant");
}

fn name(text: &str) -> Target {
    Target::Name(text.parse().unwrap())
}

#[test]
fn loopback_is_reached_where_it_is_granted() {
    let egress = egress(&["host = \"localhost\"\nports = [5432]\nprotocol = \"tcp\""]);
    for (at, want) in [
        ("127.0.0.1:5432", "granted".to_owned()),
        ("[::1]:5432", "granted".to_owned()),
        ("127.0.0.1:22", line("localhost", 22)),
        ("127.0.0.2:5432", "by no grant".to_owned()),
    ] {
        assert_eq!(told(may_connect(Some(&egress), at.parse().unwrap())), want);
    }
}

#[track_caller]
fn check_name(text: &str, port: u16, granted: &str, is_at: &str) {
    let egress = egress(GRANTS);
    let target = name(text);
    let at = match whereabouts(Some(&egress), &target) {
        Some(Whereabouts::At(at)) => at.v4.to_string(),
        Some(Whereabouts::Responder) => "responder".to_owned(),
        None => "nowhere".to_owned(),
    };
    assert_eq!(at, is_at, "{text}");
    assert_eq!(told(may_ask(Some(&egress), target.clone(), port)), granted);
    assert_eq!(whereabouts(None, &target), None);
    assert_eq!(told(may_ask(None, target, port)), line(text, port));
}

#[test]
fn a_guest_asks_for_granted_names() {
    check_name("api.example.com", 443, "granted", "100.64.0.1");
    check_name(
        "api.example.com",
        22,
        &line("api.example.com", 22),
        "100.64.0.1",
    );
    // The wildcard grants more ports of it.
    check_name("api.example.com", 8443, "granted", "100.64.0.1");
    check_name("www.example.com", 443, "granted", "responder");
    check_name(
        "www.example.com",
        22,
        &line("www.example.com", 22),
        "responder",
    );
    check_name("example.com", 443, &line("example.com", 443), "nowhere");
    check_name("example.org", 443, &line("example.org", 443), "nowhere");
}

#[test]
fn localhost_is_found_and_is_no_right() {
    let here = Target::Loopback(IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(whereabouts(None, &here), None);
    let egress = egress(&[API]);
    let Some(Whereabouts::At(at)) = whereabouts(Some(&egress), &here) else {
        panic!("localhost is there beside every grant");
    };
    assert!(at.v4.is_loopback() && at.v6.is_loopback());
    assert_eq!(told(may_ask(None, here, 443)), line("localhost", 443));
}

#[test]
fn a_report_names_what_a_guest_can_ask_for() {
    let read = |text: &str| serde_json::from_str::<AskedFor>(text).ok();
    for (host, is_one) in [
        ("api.example.com", true),
        ("10.0.0.1", true),
        ("169.254.169.254", true),
        ("localhost", true),
        ("*.example.com", false),
        ("10.0.0.0/8", false),
    ] {
        let asked = read(&format!("{{\"host\":\"{host}\",\"port\":443}}"));
        assert_eq!(asked.map(|asked| asked.is_one()), Some(is_one), "{host}");
    }
    for text in [
        "{\"host\":\"a b\",\"port\":443}",
        "{\"host\":\"\\u001b[2J\",\"port\":1}",
        "{\"host\":\"a.example\",\"port\":65536}",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}
