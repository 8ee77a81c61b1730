#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{PipeReader, Read, pipe};
use std::net::UdpSocket;
use std::thread;

use brig_policies::{Places, check as read_policy};
use brig_sandbox::component::{Form, WorkerLimits};
use brig_sandbox::egress::decide;
use brig_sandbox::egress::ranges::Wanted;
use brig_sandbox::egress::responder::{QUERY_BYTES_MAX, answer};
use brig_sandbox::egress::wildcard::Wildcards;

use super::*;

const HEAD: &str = "brig = 1\n[server]\nname = \"guest\"\ncomponent = \"guest.wasm\"\n";

/// What is decided of these grants, each without its header; nothing where there is none.
pub(in crate::component) fn egress(grants: &[&str]) -> Option<Egress> {
    let grants = grants.iter().map(|grant| format!("[[network]]\n{grant}\n"));
    let text: String = [HEAD.to_owned()].into_iter().chain(grants).collect();
    let places = Places {
        home: None,
        project: None,
        manifest_folder: "/manifests".to_owned(),
        own_folders: Vec::new(),
        manifest_path: "/manifests/brig.toml".to_owned(),
    };
    decide(&read_policy(&text, &places).unwrap(), &Wanted::usual()).unwrap()
}

/// A guest's network, and what it reports.
pub(in crate::component) fn network(
    egress: Option<Egress>,
    authorities: Vec<String>,
) -> (Network, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let reports = Arc::new(Reports::new(
        File::from(std::os::fd::OwnedFd::from(writer)).into(),
    ));
    let orders = WorkerOrders {
        form: Form::Component,
        args: Vec::new(),
        env: Vec::new(),
        preopens: Vec::new(),
        limits: WorkerLimits {
            memory_bytes_max: 0,
            memories_max: 0,
            tables_max: 0,
            instances_max: 0,
            host_call_bytes_max: 0,
            handles_max: 0,
            random_bytes_max: 0,
        },
        code_bytes: 0,
        code_hash: String::new(),
        code_key: String::new(),
        filter_after_load: Vec::new(),
        egress,
        authorities,
        #[cfg(feature = "test-hooks")]
        captured: false,
    };
    (Network::new(&orders, reports), reader)
}

/// The grants that the reports of a network ask for, which has ended.
pub(in crate::component) fn told(mut reports: PipeReader) -> Vec<String> {
    let mut text = String::new();
    reports.read_to_string(&mut text).unwrap();
    let line = |line: &str| match serde_json::from_str(line).unwrap() {
        WorkerReport::Refused(asked) => {
            let shown = asked.shown();
            asked
                .line()
                .unwrap_or_else(|| format!("no line for {shown}"))
        }
        other => panic!("{other:?} is no refusal"),
    };
    text.lines().map(line).collect()
}

/// A responder of these grants on an address of its own, which answers as many queries.
pub(in crate::component) fn responder(
    egress: &Egress,
    queries: usize,
) -> (SocketAddr, thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (at, egress) = (socket.local_addr().unwrap(), egress.clone());
    let serving = thread::spawn(move || {
        let mut wildcards = Wildcards::new(&egress);
        for _ in 0..queries {
            let mut query = [0; QUERY_BYTES_MAX];
            let (bytes, from) = socket.recv_from(&mut query).unwrap();
            let reply = answer(&query[..bytes], &egress, &mut wildcards, 0).unwrap();
            socket.send_to(&reply.bytes, from).unwrap();
        }
    });
    (at, serving)
}

pub(in crate::component) fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

const GRANTS: &[&str] = &[
    "host = \"api.example.com\"\nports = [443]",
    "host = \"*.example.org\"\nports = [443]",
];

#[track_caller]
fn check_use(at: &str, usage: SocketAddrUse, want: bool, lines: &[&str]) {
    let (network, reports) = network(egress(GRANTS), Vec::new());
    assert_eq!(network.admits(at.parse().unwrap(), usage), want, "{at}");
    // Told once, however often it is tried.
    assert_eq!(network.admits(at.parse().unwrap(), usage), want, "{at}");
    drop(network);
    assert_eq!(told(reports), lines);
}

#[test]
fn a_guest_connects_to_grants_and_listens_nowhere() {
    use SocketAddrUse as Use;
    check_use("100.64.0.1:443", Use::TcpConnect, true, &[]);
    check_use(
        "100.64.0.1:80",
        Use::TcpConnect,
        false,
        &["[[network]] host = \"api.example.com\", ports = [80]"],
    );
    check_use(
        "10.0.0.1:443",
        Use::TcpConnect,
        false,
        &["[[network]] host = \"10.0.0.1\", ports = [443]"],
    );
    check_use("0.0.0.0:0", Use::TcpBind, true, &[]);
    check_use("0.0.0.0:443", Use::TcpBind, false, &[]);
    check_use("127.0.0.1:0", Use::TcpBind, false, &[]);
    for usage in [
        Use::TcpListen,
        Use::TcpAccept,
        Use::UdpBind,
        Use::UdpSend,
        Use::UdpReceive,
    ] {
        check_use("0.0.0.0:0", usage, false, &[]);
        check_use("100.64.0.1:443", usage, false, &[]);
    }
}

#[track_caller]
fn check_target(text: &str, want: Option<&str>) {
    let shown = target(text).map(|target| match target {
        Target::Name(name) => name.to_string(),
        Target::Address(ip) => format!("address {ip}"),
        Target::Loopback(ip) => format!("loopback {ip}"),
    });
    assert_eq!(shown.as_deref(), want, "{text}");
}

#[test]
fn a_host_is_read_as_urls_have_it() {
    check_target("api.example.com", Some("api.example.com"));
    check_target("API.Example.com.", Some("api.example.com"));
    check_target("bücher.example", Some("xn--bcher-kva.example"));
    check_target("localhost", Some("loopback 127.0.0.1"));
    check_target("127.0.0.1", Some("loopback 127.0.0.1"));
    check_target("0x7f.1", Some("loopback 127.0.0.1"));
    check_target("2130706433", Some("loopback 127.0.0.1"));
    check_target("::1", Some("loopback ::1"));
    check_target("[::1]", Some("loopback ::1"));
    check_target("::ffff:127.0.0.1", Some("loopback 127.0.0.1"));
    check_target("127.0.0.2", Some("address 127.0.0.2"));
    check_target("2001:db8::1", Some("address 2001:db8::1"));
    for text in [
        "",
        "a b",
        "a/b",
        "a@b",
        "a:1",
        "*.example.com",
        "x.localhost",
        "a..b",
    ] {
        check_target(text, None);
    }
}

#[track_caller]
fn check_find(text: &str, queries: usize, want: Result<&str, Unfound>, lines: &[&str]) {
    let egress = egress(GRANTS).unwrap();
    let (at, serving) = responder(&egress, queries);
    let (network, reports) = network(Some(egress), Vec::new());
    let network = network.with_responder(at);
    let found = block_on(network.find(&target(text).unwrap()));
    let found = found.map(|found| {
        let found: Vec<String> = found.iter().map(IpAddr::to_string).collect();
        found.join(" ")
    });
    assert_eq!(found.as_deref().map_err(|unfound| *unfound), want, "{text}");
    drop(network);
    assert_eq!(told(reports), lines, "{text}");
    serving.join().unwrap();
}

#[test]
fn names_are_found_by_grants_and_below_wildcards_by_the_responder() {
    check_find(
        "api.example.com",
        0,
        Ok("100.64.0.1 fd62:7269:6700::1"),
        &[],
    );
    check_find(
        "a.example.org",
        2,
        Ok("100.64.1.0 fd62:7269:6700::100"),
        &[],
    );
    check_find("localhost", 0, Ok("127.0.0.1 ::1"), &[]);
    check_find("10.0.0.1", 0, Ok("10.0.0.1"), &[]);
    check_find(
        "example.org",
        0,
        Err(Unfound::NotGranted),
        &["[[network]] host = \"example.org\", ports = [443]"],
    );
    // More labels than the responder takes below a wildcard.
    check_find(
        "a.b.c.d.e.example.org",
        2,
        Err(Unfound::Unanswered(Unanswered::NoSuchName)),
        &[],
    );
}

#[test]
fn refusals_are_told_once_and_no_more_than_the_bound() {
    let (network, reports) = network(None, Vec::new());
    for _ in 0..2 {
        for port in 1..=u16::try_from(REFUSALS_TOLD_MAX).unwrap() + 9 {
            let at = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 1).into(), port);
            assert!(!network.admits(at, SocketAddrUse::TcpConnect));
        }
    }
    drop(network);
    assert_eq!(told(reports).len(), REFUSALS_TOLD_MAX);
}
