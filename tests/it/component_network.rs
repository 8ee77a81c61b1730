//! Guests that reach other hosts: WASI's sockets and requests, through the cell's own network, on a
//! host of the test's own (`tests/peers/component_network/host.py`).

use crate::harness::{Client, Scratch, brig, cached, native, repository, tool};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// The servers' addresses are that host's own, which no name reaches unless its grant says so.
fn grants() -> String {
    let grants = [
        "host = \"api.stand.test\"\nports = [443]",
        "host = \"api.stand.test\"\nports = [80]",
        "host = \"api.stand.test\"\nports = [5000]\nprotocol = \"tcp\"",
        "host = \"*.wild.stand.test\"\nports = [443]",
    ];
    let addresses = "addresses = [\"93.184.216.34/32\", \"2606:2800:220:1::34/128\"]";
    let grant = |grant: &&str| format!("[[network]]\n{grant}\n{addresses}\n");
    grants.iter().map(grant).collect()
}

/// A session with a guest on that host.
struct Session {
    scratch: Scratch,
    client: Client,
    id: u64,
}

impl Session {
    fn start(guest: &str, grants: &str) -> Self {
        let scratch = Scratch::new();
        let mut own = cached(brig());
        own.arg("run").arg(scratch.manifest(guest, grants));
        Self::on_host(scratch, &own)
    }

    /// The same program without a cell.
    fn bare(guest: &str) -> Self {
        Self::on_host(Scratch::new(), &Command::new(native(guest)))
    }

    fn on_host(scratch: Scratch, own: &Command) -> Self {
        let mut command = Command::new(tool("unshare"));
        command.args(["--net", "--mount", "python3"]);
        command.arg(repository().join("tests/peers/component_network/host.py"));
        command.arg(scratch.path()).arg(own.get_program());
        command.args(own.get_args());
        for (name, value) in own.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("SSL_CERT_FILE", scratch.join("authority.pem"));
        let mut client = Client::start(command);
        client.initialize();
        Self {
            scratch,
            client,
            id: 0,
        }
    }

    /// What a tool says, an error or not.
    fn call(&mut self, tool: &str, arguments: &Value) -> String {
        self.id += 1;
        let answer = self.client.call(self.id, tool, arguments);
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    #[track_caller]
    fn check(&mut self, tool: &str, arguments: &Value, want: &str) {
        let said = self.call(tool, arguments);
        assert!(said.contains(want), "{tool} {arguments}: {said}");
    }

    /// What brig told, and what came to the servers.
    fn end(self) -> (String, String) {
        let heard = self.scratch.join("heard.txt");
        let (code, told) = self.client.end();
        assert_eq!(code, Some(0), "{told}");
        (told, fs::read_to_string(heard).unwrap_or_default())
    }
}

#[test]
fn a_guest_asks_web_servers_by_name() {
    let mut session = Session::start("fetch", &grants());
    let fetch = |url: &str| json!({ "url": url });
    session.check(
        "fetch",
        &fetch("http://api.stand.test/a?b"),
        "200 GET api.stand.test /a?b",
    );
    session.check(
        "fetch",
        &fetch("https://api.stand.test/c"),
        "200 GET api.stand.test /c",
    );
    session.check(
        "fetch",
        &fetch("https://a.wild.stand.test/"),
        "200 GET a.wild.stand.test /",
    );
    session.check(
        "fetch",
        &json!({
            "url": "https://api.stand.test/", "method": "POST",
            "field": "content-length: 100000", "body": "x".repeat(100_000),
        }),
        "200 POST api.stand.test / xxx",
    );
    session.check(
        "fetch_at_once",
        &json!({ "url": "https://api.stand.test/", "count": 8 }),
        "8 answered",
    );
    for denied in [
        "http://other.stand.test/",
        "https://93.184.216.34/",
        "http://a.wild.stand.test/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
    ] {
        session.check("fetch", &fetch(denied), "HttpRequestDenied");
    }
    let (told, heard) = session.end();
    for line in [
        "[[network]] host = \"other.stand.test\", ports = [80]",
        "[[network]] host = \"93.184.216.34\", ports = [443]",
        "[[network]] host = \"a.wild.stand.test\", ports = [80]",
        "no grant lets the server reach 169.254.169.254 on port 80, and no manifest",
        "[[network]] host = \"localhost\", ports = [80]",
    ] {
        assert!(told.contains(line), "{line} is not told:\n{told}");
    }
    assert!(!heard.contains("other.stand.test"), "{heard}");
    assert_eq!(heard.lines().count(), 4 + 8, "{heard}");
}

/// Ways around the grants, as a guest can try them: `tests/escape/network.toml` has those of
/// programs.
fn ways() -> Vec<(&'static str, Value)> {
    let to = |host: &str, port: u16| json!({ "host": host, "port": port, "send": "hi" });
    vec![
        ("connect", to("api.stand.test", 5001)),
        ("connect", to("other.stand.test", 5000)),
        ("connect", to("93.184.216.34", 5000)),
        ("connect", to("::ffff:93.184.216.34", 5000)),
        ("connect", to("2606:2800:220:1::34", 5000)),
        ("connect", to("127.0.0.1", 5002)),
        ("connect", to("169.254.169.254", 5000)),
        ("resolve", json!({ "host": "other.stand.test" })),
        ("udp_send", to("93.184.216.34", 5000)),
        ("bind", json!({ "host": "127.0.0.1", "port": 5003 })),
        ("bind", json!({ "host": "0.0.0.0", "port": 5004 })),
    ]
}

#[test]
fn every_way_around_is_open_bare_and_shut_to_a_guest() {
    let mut bare = Session::bare("hostile");
    let mut celled = Session::start("hostile", &grants());
    for (way, arguments) in ways() {
        bare.id += 1;
        let answer = bare.client.call(bare.id, way, &arguments);
        let failed = answer["result"]["isError"].as_bool().unwrap_or(false);
        assert!(!failed, "bare: {way} {arguments}: {answer}");
        let said = celled.call(way, &arguments);
        // WASI knows no address of IPv4 in the form of IPv6.
        let mut codes = ["access-denied", "invalid-argument"].iter();
        let is_shut = codes.any(|code| said.contains(code));
        assert!(is_shut, "in a cell: {way} {arguments}: {said}");
    }
    bare.end();
    let (_, heard) = celled.end();
    assert_eq!(heard, "", "nobody was reached");
}

#[test]
fn a_guest_connects_by_name_and_address() {
    let mut session = Session::start("hostile", &grants());
    let to = |host: &str, port: u16| json!({ "host": host, "port": port, "send": "hi" });
    session.check("connect", &to("api.stand.test", 5000), "heard hi");
    session.check(
        "resolve",
        &json!({ "host": "api.stand.test" }),
        "100.64.0.1",
    );
    session.check(
        "resolve",
        &json!({ "host": "a.wild.stand.test" }),
        "100.64.1.",
    );
    for (host, port) in [
        ("api.stand.test", 5001),
        ("93.184.216.34", 5000),
        ("127.0.0.1", 53),
        ("2606:2800:220:1::34", 80),
    ] {
        session.check("connect", &to(host, port), "access-denied");
    }
    session.check(
        "resolve",
        &json!({ "host": "other.stand.test" }),
        "access-denied",
    );
    session.check("udp_send", &to("127.0.0.1", 53), "access-denied");
    session.check(
        "bind",
        &json!({ "host": "127.0.0.1", "port": 5000 }),
        "access-denied",
    );
    let (told, heard) = session.end();
    assert!(
        told.contains("[[network]] host = \"api.stand.test\", ports = [5001]"),
        "{told}"
    );
    assert_eq!(heard, "greeter 5000\n");
}

#[test]
fn a_guest_without_grants_reaches_nobody_and_is_told_so() {
    let mut session = Session::start("fetch", "");
    session.check(
        "fetch",
        &json!({ "url": "https://api.stand.test/" }),
        "HttpRequestDenied",
    );
    let (told, heard) = session.end();
    assert!(
        told.contains("[[network]] host = \"api.stand.test\", ports = [443]"),
        "{told}"
    );
    assert_eq!(heard, "");
}
