//! Every attack succeeds on the bare host, so that its failure in a cell means something.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A hostile server without any walls.
struct Bare {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bare {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostile"));
        command.env("HOSTILE_SECRET", "s3cret");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self {
            child,
            input,
            output: BufReader::new(output),
        }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn call(&mut self, tool: &str, arguments: &Value) {
        let params = json!({ "name": tool, "arguments": arguments });
        self.send(&json!({ "id": 7, "method": "tools/call", "params": params }).to_string());
    }

    fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.output.read_until(b'\n', &mut line).unwrap();
        line
    }

    /// Lines up to the one that answers the call.
    fn until_answer(&mut self) -> (Vec<Vec<u8>>, Value) {
        let mut before = Vec::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the server ended after {before:?}");
            match serde_json::from_slice::<Value>(&line) {
                Ok(message) if message["id"] == 7 && !message["result"]["content"].is_null() => {
                    return (before, message);
                }
                Ok(_) | Err(_) => before.push(line),
            }
        }
    }

    /// What the tool says, which must not be that it failed.
    fn text(&mut self, tool: &str, arguments: &Value) -> String {
        self.call(tool, arguments);
        let (_, answer) = self.until_answer();
        assert_eq!(answer["result"]["isError"], false, "{tool}: {answer}");
        answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The status, when the server ends by itself within two seconds.
    fn ended(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended, and then there is nothing to be ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One call whose text must hold `wanted`.
#[track_caller]
fn check(tool: &str, arguments: &Value, wanted: &str) {
    let text = Bare::start().text(tool, arguments);
    assert!(
        text.contains(wanted),
        "{tool} says {text:?}, which holds no {wanted:?}"
    );
}

/// One call that fails in these words.
#[track_caller]
fn check_fails(tool: &str, arguments: &Value, wanted: &str) {
    let mut bare = Bare::start();
    bare.call(tool, arguments);
    let result = &bare.until_answer().1["result"];
    assert_eq!(result["isError"], true, "{tool}: {result}");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains(wanted),
        "{tool} says {text:?}, not {wanted:?}"
    );
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(folder.join("granted")).unwrap();
    fs::write(folder.join("secret"), "s3cret").unwrap();
    folder
}

#[test]
fn files_are_read_and_written_anywhere() {
    let folder = scratch("files");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    check("read_file", &json!({ "path": path("secret") }), "s3cret");
    check(
        "read_file",
        &json!({ "path": path("granted/../secret") }),
        "s3cret",
    );
    check("list_dir", &json!({ "path": path("") }), "granted\nsecret");
    check(
        "symlink",
        &json!({ "target": path("secret"), "link": path("granted/l") }),
        "done",
    );
    check("read_file", &json!({ "path": path("granted/l") }), "s3cret");
    check(
        "hard_link",
        &json!({ "source": path("secret"), "link": path("granted/h") }),
        "done",
    );
    check("read_file", &json!({ "path": path("granted/h") }), "s3cret");
    check(
        "write_file",
        &json!({ "path": path("granted/h"), "text": "owned" }),
        "done",
    );
    assert_eq!(fs::read_to_string(folder.join("secret")).unwrap(), "owned");
    check(
        "rename",
        &json!({ "path": path("granted/h"), "to": path("moved") }),
        "done",
    );
    check("remove", &json!({ "path": path("moved") }), "done");
    assert!(!folder.join("moved").exists());
}

#[test]
fn the_network_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap).take(2) {
            let mut heard = [0; 5];
            if stream.read(&mut heard).unwrap() == 5 {
                stream.write_all(b"heard").unwrap();
            }
        }
    });
    check(
        "connect",
        &json!({ "host": "127.0.0.1", "port": port }),
        "connected",
    );
    check(
        "connect",
        &json!({ "host": "127.0.0.1", "port": port, "send": "hello" }),
        "heard",
    );
    peer.join().unwrap();
    check(
        "bind",
        &json!({ "host": "127.0.0.1", "port": 0 }),
        "listening on 127.0.0.1:",
    );
    check("resolve", &json!({ "host": "127.0.0.1" }), "127.0.0.1");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    check(
        "udp_send",
        &json!({ "host": "127.0.0.1", "port": port, "send": "hello" }),
        "sent 5",
    );
    let mut heard = [0; 16];
    assert_eq!(socket.recv(&mut heard).unwrap(), 5);
}

#[test]
fn the_process_is_free() {
    check("env", &json!({ "name": "HOSTILE_SECRET" }), "s3cret");
    check("env_all", &json!({}), "HOSTILE_SECRET=s3cret");
    check(
        "exec",
        &json!({ "program": "echo", "argument": "ran" }),
        "ran\n",
    );
    check("thread", &json!({}), "a thread ran");
}

#[test]
fn what_is_asked_for_is_taken() {
    check("alloc", &json!({ "mb": 64 }), "took 64 MiB");
    check("alloc_forever", &json!({ "mb_max": 64 }), "took 64 MiB");
    check("spin", &json!({ "ms": 20 }), "spun");
    check("sleep", &json!({ "ms": 20 }), "slept");
    check("recurse", &json!({ "depth": 100 }), "came back from 100");
}

#[test]
fn ends_are_as_announced() {
    let end = |tool: &str, arguments: &Value| {
        let mut bare = Bare::start();
        bare.call(tool, arguments);
        assert_eq!(bare.line(), b"", "{tool} answers");
        bare.ended().unwrap()
    };
    assert_eq!(end("exit", &json!({ "code": 42 })).code(), Some(42));
    assert_eq!(end("panic", &json!({})).code(), Some(101));
    assert_eq!(end("trap", &json!({})).signal(), Some(6));
    assert_eq!(end("recurse", &json!({})).signal(), Some(6));
}

#[test]
fn nothing_ends_a_server_that_goes_on() {
    let mut spinning = Bare::start();
    spinning.call("spin", &json!({}));
    spinning.input = None;
    for how in ["spin", "sleep"] {
        let mut bare = Bare::start();
        assert!(
            bare.text("ignore_eof", &json!({ "how": how }))
                .contains(how)
        );
        bare.input = None;
        assert!(bare.ended().is_none(), "{how} ended");
    }
    assert!(spinning.ended().is_none());
    let mut talking = Bare::start();
    talking.text("ignore_eof", &json!({ "how": "talk" }));
    talking.input = None;
    assert_eq!(talking.line(), talking.line());
    let mut quiet = Bare::start();
    quiet.input = None;
    assert!(quiet.ended().unwrap().success());
}

#[test]
fn floods_have_their_size() {
    let sizes = |tool: &str, arguments: &Value| {
        let mut bare = Bare::start();
        bare.call(tool, arguments);
        let (before, answer) = bare.until_answer();
        let text = answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .len();
        (
            before.len(),
            before.iter().map(Vec::len).sum::<usize>(),
            text,
        )
    };
    let mebibyte = 1 << 20;
    for kind in ["junk", "notifications"] {
        let (lines, bytes, _) = sizes("flood_stdout", &json!({ "bytes": mebibyte, "kind": kind }));
        assert!(
            lines > 10_000 && (mebibyte..mebibyte + 100).contains(&bytes),
            "{bytes}"
        );
    }
    for kind in ["junk", "notification"] {
        let (lines, bytes, _) = sizes("giant_line", &json!({ "bytes": mebibyte, "kind": kind }));
        assert!(
            lines == 1 && (mebibyte..mebibyte + 100).contains(&bytes),
            "{lines} {bytes}"
        );
    }
    assert_eq!(
        sizes("big_answer", &json!({ "bytes": mebibyte })),
        (0, 0, mebibyte)
    );
    let mut open = Bare::start();
    open.call("giant_line", &json!({ "bytes": 3, "kind": "open" }));
    assert!(open.line().starts_with(b"xxx{\"jsonrpc\""));
    let mut errors = Bare::start();
    errors.text("flood_stderr", &json!({ "bytes": 1000 }));
    errors.input = None;
    let mut written = Vec::new();
    errors
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_end(&mut written)
        .unwrap();
    assert!(
        written.len() >= 1000 && written.starts_with(b"\x1b[2J"),
        "{}",
        written.len()
    );
}

#[test]
fn lines_are_written_as_given() {
    let before = |tool: &str, arguments: &Value| {
        let mut bare = Bare::start();
        bare.call(tool, arguments);
        bare.until_answer().0.concat()
    };
    assert_eq!(before("raw", &json!({ "line": "as {is" })), b"as {is\n");
    assert_eq!(before("raw_hex", &json!({ "hex": "00ff0a" })), b"\0\xff\n");
    assert_eq!(
        before("split", &json!({ "line": "abc", "size": 1, "ms": 1 })),
        b"abc\n"
    );
    assert_eq!(
        before("notify", &json!({ "n": 3 }))
            .split(|b| *b == b'\n')
            .count(),
        4
    );
    let answer = before("forge", &json!({ "kind": "answer", "id": "\"x\"" }));
    assert_eq!(
        answer,
        b"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"forged\":true}}\n"
    );
    let all = before("forge", &json!({}));
    for piece in [
        &b"\0"[..],
        b"\xff",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"[[[[",
        b"\"id\":7",
        b"\x1b",
    ] {
        assert!(
            all.windows(piece.len()).any(|part| part == piece),
            "no {piece:?}"
        );
    }
}

#[test]
fn answers_come_when_they_like() {
    let params = json!({ "name": "echo", "arguments": { "b": 1, "a": 2 } });
    check("echo", &params["arguments"], &params.to_string());

    let mut twice = Bare::start();
    twice.call("answer_twice", &json!({}));
    assert!(twice.until_answer().1.to_string().contains("first"));
    assert!(twice.until_answer().1.to_string().contains("second"));

    let mut late = Bare::start();
    late.call("late_answer", &json!({ "ms": 0 }));
    late.send(r#"{"id":8,"method":"ping"}"#);
    let (before, answer) = late.until_answer();
    assert!(
        before.is_empty() && answer.to_string().contains("late"),
        "{before:?} {answer}"
    );
    assert!(late.line().starts_with(br#"{"jsonrpc":"2.0","id":8"#));

    let mut never = Bare::start();
    never.call("no_answer", &json!({}));
    never.send(r#"{"id":8,"method":"ping"}"#);
    assert!(never.line().starts_with(br#"{"jsonrpc":"2.0","id":8"#));

    let mut asking = Bare::start();
    asking.call(
        "ask_client",
        &json!({ "method": "vendor/own", "params": "[1.0]", "id": "9" }),
    );
    let asked = r#"{"jsonrpc":"2.0","id":9,"method":"vendor/own","params":[1.0]}"#;
    assert_eq!(asking.line(), format!("{asked}\n").as_bytes());
    asking.send(r#"{"id":9,"result":{"x":1.0}}"#);
    assert!(asking.until_answer().1.to_string().contains("1.0"));
}

#[test]
fn scripts_make_the_calls_that_they_name() {
    let run = |script: &str, want: &str| check("syscalls", &json!({ "script": script }), want);
    run(
        "# nothing but\n\n tgkill 1 -1 0 => EINVAL",
        "tgkill answered EINVAL",
    );
    run(
        "m = memfd_create \"a\\x62\" 0\nwrite $m \"text\" 4\npread64 $m out:9 9 0",
        "answered 4 text",
    );
    run(
        "p = [zero:8]\npipe2 $p 0\nwrite u32@p+4 \"in\" 2\nread u32@p out:4 4",
        "answered 2 in",
    );
    run(
        "b = [u8:65 be16:0x4243 u16:0x4544 zero:1 \"F\"]\nshow $b",
        "ABCDE\\u{0}F",
    );
    run("e = try close 999\nclose $e => EBADF", "EBADF");
    run("repeat 3 clone SIGCHLD", "clone answered");
    let fails = |script: &str, want: &str| {
        check_fails("syscalls", &json!({ "script": script }), want);
    };
    fails("getpid $absent\n", "nothing is called `absent`");
    fails("nonsense 1", "there is no call `nonsense`");
    fails("getpid 1 2 3 4 5 6 7", "six arguments");
    fails("mmap 0 0o10 PROT_READ|WRONG", "`WRONG` is no number");
    fails(
        "\nopenat AT_FDCWD \"/absent\" O_RDONLY",
        "line 2: openat: ENOENT",
    );
    fails("getpid => 0", "line 1: getpid: answered ");
}

#[test]
fn the_kernel_is_reached_by_families() {
    let sweep = |family: &str, want: &str| check("sweep", &json!({ "family": family }), want);
    sweep("calls", "answered E");
    for family in [
        "sockets",
        "socket-pairs",
        "fcntls",
        "ioctls",
        "prctls",
        "clones",
        "unshares",
    ] {
        sweep(family, "answered ");
    }
    let nothing = json!({ "family": "nothing" });
    check_fails("sweep", &nothing, "there is no family `nothing`");
    let no_list = json!({ "family": "calls", "but": "x" });
    check_fails("sweep", &no_list, "`x` is no list");
    check("threads", &json!({ "n": 4 }), "4 threads ran at once");
    if cfg!(target_arch = "x86_64") {
        check("old_door", &json!({}), "answered ");
    }
}

/// A tool that no test names is an attack that nobody has seen succeed.
#[test]
fn every_tool_is_tried() {
    let mut bare = Bare::start();
    bare.send(r#"{"id":1,"method":"tools/list"}"#);
    let list: Value = serde_json::from_slice(&bare.line()).unwrap();
    let tools = list["result"]["tools"].as_array().unwrap();
    let names: BTreeSet<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), tools.len(), "two tools share a name");
    let source = include_str!("bare.rs");
    let tried = |name: &str| source.contains(&format!("\"{name}\","));
    let untried: Vec<_> = names.into_iter().filter(|name| !tried(name)).collect();
    assert_eq!(untried, Vec::<&str>::new());
}
