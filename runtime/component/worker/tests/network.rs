//! Guests that use WASI's sockets and requests, against servers of this process.

use std::io::{BufRead, BufReader, Write, pipe};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};

use super::super::super::compile::tests::compiled_bytes;
use super::super::super::network::tests::{egress, network, responder, told};
use super::*;

const HOSTILE: &[u8] = include_bytes!("../../../../tests/guests/hostile/hostile.wasm");
const FETCH: &[u8] = include_bytes!("../../../../tests/guests/fetch/fetch.wasm");

/// What a guest answers to calls of its tools, each by the text of its result, and the lines of
/// grants that its refusals lead to.
fn play(
    guest: &[u8],
    grants: &[&str],
    at: Option<SocketAddr>,
    calls: &[(&str, Value)],
) -> (Vec<String>, Vec<String>) {
    let code = compiled_bytes(Form::Component, guest);
    let (guest_input, mut feed) = pipe().unwrap();
    let (drain, guest_output) = pipe().unwrap();
    let (_errors, guest_error) = pipe().unwrap();
    let pipes = Pipes {
        input: Pipe::new(guest_input),
        output: Pipe::new(guest_output),
        error: Pipe::new(guest_error),
    };
    let mut orders = orders(Form::Component, &code);
    orders.limits.memory_bytes_max = 64 << 20;
    orders.limits.instances_max = 64;
    orders.limits.memories_max = 8;
    orders.limits.tables_max = 64;
    let (network, reports) = network(egress(grants), Vec::new());
    let network = match at {
        Some(at) => network.with_responder(at),
        None => network,
    };
    let mut start = Start::new(&orders, &file_of(&code), pipes, Arc::new(network)).unwrap();
    let about = json!({"name": "test", "version": "1"});
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about,
    });
    let mut lines = vec![
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
    ];
    for (id, (tool, arguments)) in calls.iter().enumerate() {
        let params = json!({"name": tool, "arguments": arguments});
        lines.push(
            json!({"jsonrpc": "2.0", "id": id + 1, "method": "tools/call", "params": params}),
        );
    }
    for line in &lines {
        writeln!(feed, "{line}").unwrap();
    }
    drop(feed);
    let reading = thread::spawn(move || {
        let lines = BufReader::new(drain).lines();
        lines
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .collect()
    });
    assert_eq!(start.run(), exited(0));
    drop(start);
    let answers: Vec<Value> = reading.join().unwrap();
    let text = |answer: &Value| {
        answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    (answers.iter().skip(1).map(text).collect(), told(reports))
}

/// A server that answers each of as many connections with what it read, after a greeting.
fn echo(connections: usize) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut part = [0; 64];
            let count = stream.read(&mut part).unwrap();
            stream.write_all(b"heard ").unwrap();
            stream.write_all(&part[..count]).unwrap();
        }
    });
    (port, serving)
}

/// A web server for as many requests without a body.
fn web(requests: usize) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let serve = |mut stream: std::net::TcpStream| {
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let first = head.lines().next().unwrap_or_default();
            let body = format!("you asked {first}");
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        };
        let serving: Vec<_> = (0..requests)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                thread::spawn(move || serve(stream))
            })
            .collect();
        for serving in serving {
            serving.join().unwrap();
        }
    });
    (port, serving)
}

fn local(port: u16) -> String {
    format!("host = \"localhost\"\nports = [{port}]\nprotocol = \"tcp\"")
}

fn line(host: &str, port: u16) -> String {
    format!("[[network]] host = \"{host}\", ports = [{port}], protocol = \"tcp\"")
}

#[test]
fn a_guest_connects_where_it_may_and_nowhere_else() {
    let (port, serving) = echo(2);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other_port = other.local_addr().unwrap().port();
    let local = local(port);
    let to = |host: &str, port: u16| ("connect", json!({"host": host, "port": port, "send": "hi"}));
    let calls = [
        to("localhost", port),
        to("127.0.0.1", port),
        to("localhost", other_port),
        to("169.254.169.254", 80),
        (
            "udp_send",
            json!({"host": "127.0.0.1", "port": port, "send": "hi"}),
        ),
        ("bind", json!({"host": "127.0.0.1", "port": 0})),
        ("resolve", json!({"host": "example.org"})),
    ];
    let (answers, lines) = play(HOSTILE, &[&local], None, &calls);
    assert_eq!(answers[..2], ["heard hi", "heard hi"]);
    for answer in &answers[2..] {
        assert!(answer.contains("access-denied"), "{answers:?}");
    }
    let want = [
        line("localhost", other_port),
        "no line for 169.254.169.254 on port 80".to_owned(),
        "[[network]] host = \"example.org\", ports = [443]".to_owned(),
    ];
    assert_eq!(lines, want);
    serving.join().unwrap();
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "somebody connected");
}

#[test]
fn a_guest_without_grants_gets_no_socket() {
    let calls = [
        ("connect", json!({"host": "127.0.0.1", "port": 1})),
        ("resolve", json!({"host": "example.org"})),
        ("resolve", json!({"host": "not a name"})),
    ];
    let (answers, lines) = play(HOSTILE, &[], None, &calls);
    for answer in &answers[..2] {
        assert!(answer.contains("access-denied"), "{answers:?}");
    }
    assert!(answers[2].contains("invalid-argument"), "{answers:?}");
    assert_eq!(lines, ["[[network]] host = \"example.org\", ports = [443]"]);
}

#[test]
fn a_guest_looks_up_what_is_granted() {
    let grants = [
        "host = \"api.example.com\"\nports = [443]",
        "host = \"*.example.org\"\nports = [443]",
    ];
    let (at, serving) = responder(&egress(&grants).unwrap(), 2);
    let resolve = |host: &str| ("resolve", json!({"host": host}));
    let calls = ["api.example.com", "a.example.org", "10.0.0.1", "localhost"].map(resolve);
    let (answers, lines) = play(HOSTILE, &grants, Some(at), &calls);
    let want = [
        "100.64.0.1\nfd62:7269:6700::1",
        "100.64.1.0\nfd62:7269:6700::100",
        "10.0.0.1",
        "127.0.0.1\n::1",
    ];
    assert_eq!(answers, want);
    assert_eq!(lines, Vec::<String>::new());
    serving.join().unwrap();
}

#[test]
fn a_guest_asks_web_servers() {
    let (port, serving) = web(6);
    let local = local(port);
    let url = format!("http://localhost:{port}");
    let calls = [
        ("fetch", json!({"url": format!("{url}/a?b")})),
        ("fetch_at_once", json!({"url": url, "count": 5})),
        ("fetch", json!({"url": "http://example.org/"})),
        ("fetch", json!({"url": url, "field": "Host: example.org"})),
        ("fetch", json!({"url": url, "field": "Connection: upgrade"})),
        (
            "fetch",
            json!({"url": format!("http://a@localhost:{port}/")}),
        ),
        ("fetch", json!({"url": url, "method": "CONNECT"})),
    ];
    let (answers, lines) = play(FETCH, &[&local], None, &calls);
    assert_eq!(
        answers[..2],
        ["200 you asked GET /a?b HTTP/1.1", "5 answered"]
    );
    for (answer, want) in answers[2..].iter().zip([
        "HttpRequestDenied",
        "Forbidden",
        "Forbidden",
        "HttpRequestUriInvalid",
        "HttpRequestMethodInvalid",
    ]) {
        assert!(answer.contains(want), "{answer}");
    }
    assert_eq!(lines, ["[[network]] host = \"example.org\", ports = [80]"]);
    serving.join().unwrap();
}
