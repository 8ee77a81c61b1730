//! What a side may cost the other in time and memory.

use crate::harness::{ASKS_ANYTHING, Client, PATIENCE, Scratch, brig};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// brig before a committed guest, with limits.
fn before(guest: &str, limits: &str) -> (Client, Scratch) {
    let scratch = Scratch::new();
    let more = format!("{ASKS_ANYTHING}[limits]\n{limits}\n");
    let mut client = Client::run(scratch.manifest(guest, &more));
    client.initialize();
    (client, scratch)
}

impl Client {
    fn begin(&mut self, id: u64, tool: &str, arguments: &Value) {
        let params = json!({ "name": tool, "arguments": arguments });
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
    }

    /// The next message is brig's error for this id.
    #[track_caller]
    fn refused(&mut self, id: u64, code: i32, name: &str) {
        let answer = self.receive();
        assert_eq!(answer["id"], json!(id), "{answer}");
        assert_eq!(answer["error"]["code"], json!(code), "{answer}");
        assert_eq!(
            answer["error"]["data"],
            json!({ "source": "brig", "code": name })
        );
    }

    /// The next message is the server's answer to this id.
    #[track_caller]
    fn answered(&mut self, id: u64) -> Value {
        let answer = self.receive();
        assert_eq!(answer["id"], json!(id), "{answer}");
        assert!(answer.get("error").is_none(), "{answer}");
        answer
    }
}

/// The time of a call in these tests. The first request has no more, and it waits for the cell.
const CALL: &str = "call = \"2s\"";

#[test]
fn a_call_that_is_not_answered_in_time_is_answered_by_brig() {
    let (mut client, _scratch) = before("hostile", CALL);
    client.begin(2, "no_answer", &json!({}));
    client.begin(3, "late_answer", &json!({ "ms": 600_000 }));
    client.refused(2, -31003, "call-deadline");
    client.refused(3, -31003, "call-deadline");
    client.begin(4, "late_answer", &json!({ "ms": 1 }));
    client.refused(4, -31003, "call-deadline");
    // By now brig's word that the call is cancelled has let the answer go: it is dropped.
    client.begin(5, "echo", &json!({}));
    client.answered(5);
    let (status, errors) = client.end();
    assert_eq!(status, Some(0), "{errors}");
    for told in [
        "a request of the client was not answered",
        "after its time was up",
    ] {
        assert!(errors.contains(told), "{errors:?} lacks {told:?}");
    }
}

/// While the guest is busy every call is overdue; then the session goes on.
#[track_caller]
fn lives(tool: &str) {
    let (mut client, _scratch) = before("hostile", CALL);
    client.begin(1, tool, &json!({ "ms": 2500 }));
    client.refused(1, -31003, "call-deadline");
    let until = Instant::now() + PATIENCE;
    for id in 2.. {
        assert!(Instant::now() < until, "the session is dead after {tool}");
        if client.call(id, "echo", &json!({})).get("result").is_some() {
            break;
        }
    }
    assert_eq!(client.end().0, Some(0));
}

#[test]
fn a_session_outlives_a_guest_that_sleeps_too_long() {
    lives("sleep");
}

#[test]
fn a_session_outlives_a_guest_that_computes_too_long() {
    lives("spin");
}

#[test]
fn a_guest_that_computes_for_good_is_ended_with_its_client() {
    let (mut client, _scratch) = before("hostile", CALL);
    client.begin(1, "spin", &json!({}));
    client.refused(1, -31003, "call-deadline");
    assert_eq!(client.end().0, Some(0));
}

#[test]
fn progress_and_questions_to_the_client_give_a_call_more_time() {
    let (mut client, _scratch) = before("hostile", CALL);
    let progress = r#"{"method":"notifications/progress","params":{"progressToken":"p"}}"#;
    let line = [progress; 5].join("\n");
    let arguments = json!({ "line": line, "size": progress.len() + 1, "ms": 700 });
    let meta = json!({ "progressToken": "p" });
    let params = json!({ "name": "split", "arguments": arguments, "_meta": meta });
    client.send(&json!({ "id": 1, "method": "tools/call", "params": params }));
    for _ in 0..5 {
        assert_eq!(client.receive()["method"], json!("notifications/progress"));
    }
    client.answered(1);
    client.begin(2, "ask_client", &json!({ "method": "elicitation/create" }));
    assert_eq!(client.receive()["method"], json!("elicitation/create"));
    thread::sleep(Duration::from_millis(2500));
    client.send(&json!({ "jsonrpc": "2.0", "id": "asked", "result": {} }));
    client.answered(2);
}

#[test]
fn a_server_that_answers_nothing_at_first_is_ended() {
    let scratch = Scratch::new();
    let mut client = Client::run(scratch.manifest("hostile", "[limits]\nstart = \"1s\"\n"));
    client.begin(1, "spin", &json!({}));
    client.refused(1, -31008, "start-deadline");
    let (status, errors) = client.end();
    assert_eq!(status, Some(8), "{errors}");
    assert!(errors.contains("limits.start"), "{errors}");
}

/// `head`, so many `x`, `tail`: a line of exactly `bytes`, and its end.
fn line_of(bytes: usize, head: &str, tail: &str) -> Vec<u8> {
    let pad = bytes - head.len() - tail.len();
    let line = [head.as_bytes(), &vec![b'x'; pad], tail.as_bytes(), b"\n"];
    line.concat()
}

/// A message of the limit passes both ways, one byte more is refused, and the session lives.
#[track_caller]
fn bounded(limits: &str, limit: usize) {
    let (mut client, _scratch) = before("echo", limits);
    let notification = |bytes| line_of(bytes, r#"{"method":"vendor/own","x":""#, r#""}"#);
    client.write(&notification(limit));
    assert!(client.line().unwrap() == notification(limit));
    client.write(&notification(limit + 1));
    for (id, head, tail) in [
        (1, r#"{"id":1,"method":"ping","x":""#, r#""}"#),
        (2, r#"{"method":"ping","x":""#, r#"","id":2}"#),
    ] {
        client.write(&line_of(limit, head, tail));
        client.answered(id);
        client.write(&line_of(limit + 1, head, tail));
        client.refused(id, -31005, "message-too-large");
    }
    let (status, errors) = client.end();
    assert_eq!(status, Some(0), "{errors}");
    let told = format!("the client wrote a message of {} bytes", limit + 1);
    assert!(errors.contains(&told), "{errors:?} lacks {told:?}");

    let (mut client, _scratch) = before("hostile", limits);
    client.begin(1, "big_answer", &json!({ "bytes": 0 }));
    let frame = client.line().unwrap().len() - 1;
    client.begin(1, "big_answer", &json!({ "bytes": limit - frame }));
    assert_eq!(client.line().unwrap().len() - 1, limit);
    client.begin(1, "big_answer", &json!({ "bytes": limit - frame + 1 }));
    client.refused(1, -31004, "answer-too-large");
    client.begin(2, "ask_client", &json!({}));
    assert_eq!(client.receive()["id"], json!("asked"));
    client.write(&line_of(limit + 1, r#"{"id":"asked","result":""#, r#""}"#));
    assert!(client.answered(2).to_string().contains("-31004"));
    assert_eq!(client.end().0, Some(0));
}

#[test]
fn messages_are_bounded_at_16_mib_unless_said_otherwise() {
    bounded("", 16 << 20);
}

#[test]
fn messages_are_bounded_as_the_manifest_says() {
    bounded("message = \"64KiB\"", 64 << 10);
}

/// A client that reads when it is told to, and never what brig tells people.
struct Deaf {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    at_first_kib: u64,
    _scratch: Scratch,
}

impl Deaf {
    fn before(guest: &str) -> Self {
        let scratch = Scratch::new();
        let limits = "[limits]\nmessage = \"1MiB\"\ncall = \"10m\"\n";
        let manifest = scratch.manifest(guest, &format!("{ASKS_ANYTHING}{limits}"));
        let mut command = brig();
        command
            .arg("run")
            .arg(manifest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let (to, from) = (process.stdin.take(), process.stdout.take().unwrap());
        let from = BufReader::new(from);
        let mut deaf = Self {
            process,
            to,
            from,
            at_first_kib: 0,
            _scratch: scratch,
        };
        deaf.write(b"{\"id\":0,\"method\":\"ping\"}\n");
        deaf.until_answer(0);
        deaf.at_first_kib = deaf.most_kib();
        deaf
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn begin(&mut self, id: u64, tool: &str, arguments: &Value) {
        let params = json!({ "name": tool, "arguments": arguments });
        let call = json!({ "id": id, "method": "tools/call", "params": params });
        self.write(format!("{call}\n").as_bytes());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        assert!(
            line.ends_with('\n'),
            "brig closed its output after {line:?}"
        );
        line
    }

    /// The answer with this id, and how many lines came before it.
    fn until_answer(&mut self, id: u64) -> (usize, Value) {
        for before in 0.. {
            let line = self.line();
            // Most lines are a flood, which is quickest not parsed.
            if line.contains(r#""id""#) {
                let message: Value = serde_json::from_str(&line).unwrap();
                assert_eq!(message["id"], json!(id), "{message}");
                return (before, message);
            }
        }
        unreachable!("a flood has an end")
    }

    /// Waits until brig reads nothing any more.
    fn until_still(&self) {
        let io = format!("/proc/{}/io", self.process.id());
        let mut last = String::new();
        loop {
            thread::sleep(Duration::from_millis(300));
            let now = fs::read_to_string(&io).unwrap();
            if now == last {
                return;
            }
            last = now;
        }
    }

    /// The most memory that brig has had.
    fn most_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// brig holds at most a few messages of 1 MiB, whatever has passed through it.
    #[track_caller]
    fn is_small(&self) {
        let grown_kib = self.most_kib() - self.at_first_kib;
        assert!(grown_kib < 12 << 10, "brig has grown by {grown_kib} KiB");
    }

    fn end(mut self) {
        self.to = None;
        let until = Instant::now() + PATIENCE;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "brig does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const FLOOD_BYTES: u64 = 32 << 20;

#[test]
fn a_flood_of_messages_waits_for_a_client_that_does_not_read() {
    let mut deaf = Deaf::before("hostile");
    deaf.begin(
        1,
        "flood_stdout",
        &json!({ "bytes": FLOOD_BYTES, "kind": "notifications" }),
    );
    deaf.until_still();
    deaf.is_small();
    let (lines, _) = deaf.until_answer(1);
    // All of them: the guest writes lines of one length until it has written enough.
    let length =
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"flood"}}"#.len();
    assert_eq!(lines as u64, FLOOD_BYTES.div_ceil(length as u64 + 1));
    deaf.is_small();
    deaf.begin(
        2,
        "flood_stdout",
        &json!({ "bytes": FLOOD_BYTES, "kind": "notifications" }),
    );
    deaf.until_still();
    // A pipe between the two would wait as well. A signal ends it, as it does in every SDK.
    let process = Pid::from_child(&deaf.process);
    rustix::process::kill_process(process, Signal::TERM).unwrap();
    deaf.end();
}

#[test]
fn floods_beside_the_protocol_hold_up_nobody() {
    let mut deaf = Deaf::before("hostile");
    deaf.begin(
        1,
        "flood_stdout",
        &json!({ "bytes": FLOOD_BYTES / 4, "kind": "junk" }),
    );
    assert_eq!(deaf.until_answer(1).0, 0);
    deaf.begin(2, "flood_stderr", &json!({ "bytes": FLOOD_BYTES }));
    assert_eq!(deaf.until_answer(2).0, 0);
    deaf.is_small();
    deaf.end();
}

#[test]
fn a_client_that_writes_without_reading_waits_and_loses_nothing() {
    let mut deaf = Deaf::before("echo");
    let pad = "x".repeat(8000);
    let mut to = deaf.to.take().unwrap();
    let writer = thread::spawn(move || {
        for id in 1..=2000 {
            writeln!(
                to,
                r#"{{"id":{id},"method":"vendor/own","params":"{pad}"}}"#
            )
            .unwrap();
        }
        to
    });
    deaf.until_still();
    deaf.is_small();
    for id in 1..=2000 {
        let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result""#);
        assert!(
            deaf.line().starts_with(&head),
            "the answer to {id} is lost or late"
        );
    }
    deaf.to = Some(writer.join().unwrap());
    deaf.is_small();
    deaf.end();
}

const GIBIBYTE: u64 = 1 << 30;

#[test]
fn a_line_of_a_gibibyte_from_the_server_costs_no_memory() {
    let mut deaf = Deaf::before("hostile");
    for (id, kind) in [(1, "notification"), (2, "junk")] {
        deaf.begin(
            id,
            "giant_line",
            &json!({ "bytes": FLOOD_BYTES, "kind": kind }),
        );
        assert_eq!(deaf.until_answer(id).0, 0, "{kind}");
    }
    deaf.begin(3, "big_answer", &json!({ "bytes": GIBIBYTE }));
    assert_eq!(deaf.until_answer(3).1["error"]["code"], json!(-31004));
    deaf.begin(4, "echo", &json!({}));
    deaf.until_answer(4);
    deaf.is_small();
    deaf.end();
}

#[test]
fn a_line_of_a_gibibyte_from_the_client_costs_no_memory() {
    let mut deaf = Deaf::before("echo");
    deaf.write(b"{\"id\":1,\"method\":\"vendor/own\",\"params\":\"");
    let block = vec![b'x'; 1 << 20];
    for _ in 0..GIBIBYTE >> 20 {
        deaf.write(&block);
    }
    deaf.write(b"\"}\n{\"id\":2,\"method\":\"ping\"}\n");
    assert_eq!(deaf.until_answer(1).1["error"]["code"], json!(-31005));
    deaf.until_answer(2);
    deaf.is_small();
    deaf.end();
}
