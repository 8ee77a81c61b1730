//! Accepted connections.

use super::{API, egress};
use brig_sandbox::egress::Egress;
use brig_sandbox::egress::permit::{Target, permit};
use brig_sandbox::egress::wildcard::Wildcards;

const GRANTS: &[&str] = &[
    API,
    "host = \"api.example.com\"\nports = [22]\nprotocol = \"tcp\"",
    "host = \"*.example.com\"\nports = [443, 8443]\nprotocol = \"tls\"",
    "host = \"*.eu.example.com\"\nports = [443]\nech = \"allow\"",
    "host = \"10.1.0.0/16\"\nports = [443]",
    "host = \"10.1.2.0/24\"\nports = [443, 8080]\nprotocol = \"tcp\"",
    "host = \"10.1.2.3\"\nports = [443]",
];

/// What is told of a connection: the grant that lets it pass and whom it means, or the refusal and
/// the line that would let it pass.
fn told(egress: &Egress, wildcards: &Wildcards, at: &str) -> String {
    match permit(egress, wildcards, at.parse().unwrap()) {
        Ok(permit) => {
            let target = match permit.target() {
                Target::Name(name) => name.to_string(),
                Target::Address(address) | Target::Loopback(address) => address.to_string(),
            };
            format!("{} → {target}:{}", permit.grant().host, permit.port())
        }
        Err(refusal) => match refusal.line() {
            Some(line) => format!("{refusal} | {line}"),
            None => refusal.to_string(),
        },
    }
}

#[track_caller]
fn check(at: &str, want: &str) {
    let egress = egress(GRANTS);
    let mut wildcards = Wildcards::new(&egress);
    for name in ["www.example.com", "a.eu.example.com"] {
        wildcards.allocate(&name.parse().unwrap(), 0).unwrap();
    }
    assert_eq!(told(&egress, &wildcards, at), want, "{at}");
}

#[test]
fn the_closest_grant_counts() {
    check("100.64.0.1:443", "api.example.com → api.example.com:443");
    check(
        "[fd62:7269:6700::1]:443",
        "api.example.com → api.example.com:443",
    );
    check("100.64.0.1:22", "api.example.com → api.example.com:22");
    // What its own grants do not have, the wildcard's does.
    check("100.64.0.1:8443", "*.example.com → api.example.com:8443");
    check("100.64.1.0:443", "*.example.com → www.example.com:443");
    check(
        "[fd62:7269:6700::101]:443",
        "*.eu.example.com → a.eu.example.com:443",
    );
    check("100.64.1.1:8443", "*.example.com → a.eu.example.com:8443");
    check("10.1.2.3:443", "10.1.2.3 → 10.1.2.3:443");
    check("10.1.2.3:8080", "10.1.2.0/24 → 10.1.2.3:8080");
    check("10.1.2.4:443", "10.1.2.0/24 → 10.1.2.4:443");
    check("10.1.3.1:443", "10.1.0.0/16 → 10.1.3.1:443");
    check("[::ffff:10.1.3.1]:443", "10.1.0.0/16 → 10.1.3.1:443");
}

#[test]
fn everything_else_is_refused_with_the_grant_that_is_missing() {
    let other = |port: u16, host: &str, line: &str| {
        format!("connect to port {port} of {host}: other ports of it are granted | {line}")
    };
    let line = "[[network]] host = \"api.example.com\", ports = [25], protocol = \"tcp\"";
    check("100.64.0.1:25", &other(25, "api.example.com", line));
    let line = "[[network]] host = \"www.example.com\", ports = [80]";
    check("100.64.1.0:80", &other(80, "www.example.com", line));
    let line = "[[network]] host = \"10.1.3.1\", ports = [8080], protocol = \"tcp\"";
    check("10.1.3.1:8080", &other(8080, "10.1.3.1", line));
    for at in [
        "100.64.0.2:443",
        "100.64.1.2:443",
        "100.64.15.255:443",
        "100.64.0.0:443",
    ] {
        let want = "the address stands for no name that was asked for";
        check(at, &format!("connect to {at}: {want}"));
    }
    let nobody = |port: u16, host: &str, line: &str| {
        format!("connect to port {port} of {host}: it is not granted | {line}")
    };
    let line = "[[network]] host = \"localhost\", ports = [443]";
    check("127.0.0.1:443", &nobody(443, "localhost", line));
    check("[::1]:443", &nobody(443, "localhost", line));
    let line = "[[network]] host = \"127.0.0.2\", ports = [443]";
    check("127.0.0.2:443", &nobody(443, "127.0.0.2", line));
    let line = "[[network]] host = \"10.2.0.1\", ports = [443]";
    check("10.2.0.1:443", &nobody(443, "10.2.0.1", line));
}

#[test]
fn this_host_is_its_two_addresses() {
    let egress = egress(&["host = \"localhost\"\nports = [5432]\nprotocol = \"tcp\""]);
    let told = |at| told(&egress, &Wildcards::new(&egress), at);
    assert_eq!(told("127.0.0.1:5432"), "localhost → 127.0.0.1:5432");
    assert_eq!(told("[::1]:5432"), "localhost → ::1:5432");
    assert_eq!(
        told("127.0.0.1:22"),
        "connect to port 22 of localhost: other ports of it are granted | [[network]] host = \
         \"localhost\", ports = [22], protocol = \"tcp\""
    );
    let elsewhere = told("127.0.0.53:5432");
    assert!(elsewhere.starts_with("connect to port 5432 of 127.0.0.53: it is not granted"));
}
