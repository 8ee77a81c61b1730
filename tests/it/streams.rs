//! The client's streams may be of any kind, and each of them may close before the other.

use crate::harness::{Client, PATIENCE, Scratch, brig, state, tool, unasked};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A session with the echo guest, and what comes back. One message is longer than a pipe, a socket
/// or a terminal takes at once.
fn dialog(round: u32) -> (String, String) {
    let (mut asked, mut answered) = (String::new(), String::new());
    for (id, length) in [(1, 0), (2, 300_000), (3, 9)] {
        let id = 10 * round + id;
        let params = "x".repeat(length);
        writeln!(
            asked,
            r#"{{"id":{id},"method":"vendor/own","params":"{params}"}}"#
        )
        .unwrap();
        let result = format!(r#"{{"params":"{params}"}}"#);
        writeln!(
            answered,
            r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
        )
        .unwrap();
    }
    (asked, answered)
}

fn run(manifest: &Path) -> Command {
    let mut command = brig();
    command.arg("run").arg(manifest);
    command
}

/// Waits for the end of a process.
#[track_caller]
fn end(mut process: Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            let _ = process.kill();
            panic!("brig does not end");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Talks, and hangs up by `close`; then the session ends as it should, and nothing more is said.
#[track_caller]
fn talk(mut to: impl Write, from: impl Read, process: Child, close: impl FnOnce()) {
    let mut from = BufReader::new(from);
    // Twice: what is written while nothing is read, then what is written after an answer.
    for round in 0..2 {
        let (asked, answered) = dialog(round);
        to.write_all(asked.as_bytes()).unwrap();
        for line in answered.split_inclusive('\n') {
            let mut got = String::new();
            from.read_line(&mut got).unwrap();
            assert!(got == line, "got {} bytes for {}", got.len(), line.len());
        }
    }
    drop(to);
    close();
    let mut rest = Vec::new();
    from.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(end(process).code(), Some(0));
}

#[test]
fn pipes() {
    let scratch = Scratch::new();
    let mut command = run(&scratch.manifest("echo", ""));
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (to, from) = (
        process.stdin.take().unwrap(),
        process.stdout.take().unwrap(),
    );
    talk(to, from, process, || {});
}

fn theirs(socket: UnixStream) -> Stdio {
    Stdio::from(OwnedFd::from(socket))
}

/// What Node gives: three pairs of sockets.
#[test]
fn a_socket_for_each_stream() {
    let scratch = Scratch::new();
    let mut command = run(&scratch.manifest("echo", ""));
    let (to, input) = UnixStream::pair().unwrap();
    let (from, output) = UnixStream::pair().unwrap();
    let (_told, errors) = UnixStream::pair().unwrap();
    command
        .stdin(theirs(input))
        .stdout(theirs(output))
        .stderr(theirs(errors));
    let process = command.spawn().unwrap();
    drop(command);
    talk(to, from, process, || {});
}

#[test]
fn one_socket_for_both_streams() {
    let scratch = Scratch::new();
    let mut command = run(&scratch.manifest("echo", ""));
    let (ours, socket) = UnixStream::pair().unwrap();
    command
        .stdin(theirs(socket.try_clone().unwrap()))
        .stdout(theirs(socket));
    let process = command.spawn().unwrap();
    drop(command);
    let (to, half) = (ours.try_clone().unwrap(), ours.try_clone().unwrap());
    talk(to, ours, process, move || {
        half.shutdown(std::net::Shutdown::Write).unwrap();
    });
}

#[test]
fn regular_files() {
    let scratch = Scratch::new();
    let manifest = scratch.manifest("echo", "");
    let (asked, answered) = dialog(0);
    let input = File::open(scratch.write("in", asked)).unwrap();
    let output = File::create(scratch.join("out")).unwrap();
    let process = run(&manifest).stdin(input).stdout(output).spawn().unwrap();
    assert_eq!(end(process).code(), Some(0));
    assert!(fs::read_to_string(scratch.join("out")).unwrap() == answered);
}

#[test]
fn nothing_at_all() {
    let scratch = Scratch::new();
    let manifest = scratch.manifest("echo", "");
    let process = run(&manifest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(end(process).code(), Some(0));
}

/// socat has the terminal's other side, and hangs up when its own input ends.
#[test]
fn a_terminal() {
    let scratch = Scratch::new();
    let manifest = scratch.manifest("echo", "");
    let program = format!(
        "EXEC:{} run {}",
        env!("CARGO_BIN_EXE_brig"),
        manifest.display()
    );
    let mut command = Command::new(tool("socat"));
    command.args(["-", &format!("{program},pty,rawer,setsid,ctty")]);
    command
        .env("XDG_CONFIG_HOME", unasked())
        .env("XDG_STATE_HOME", state());
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (to, from) = (
        process.stdin.take().unwrap(),
        process.stdout.take().unwrap(),
    );
    talk(to, from, process, || {});
    let until = Instant::now() + PATIENCE;
    while runs_with(&manifest) {
        assert!(Instant::now() < until, "brig outlives its terminal");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether any process has this path on its command line.
fn runs_with(path: &Path) -> bool {
    let words = path.as_os_str().as_encoded_bytes();
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == words)
    })
}

#[test]
fn what_was_asked_before_the_client_hung_up_is_answered() {
    let scratch = Scratch::new();
    let mut client = Client::run(scratch.manifest("echo", ""));
    client.initialize();
    let (asked, answered): (String, String) = (0..10).map(dialog).unzip();
    client.write(asked.as_bytes());
    // The last line counts without its end.
    client.write(b"{\"id\":4,\"method\":\"ping\"}");
    client.close();
    for line in answered.split_inclusive('\n') {
        assert!(client.line().unwrap() == line.as_bytes());
    }
    assert_eq!(
        client.line().unwrap(),
        b"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n"
    );
    assert_eq!(client.line(), None);
    assert_eq!(client.end(), (Some(0), String::new()));
}

/// Nobody reads the answers, so there is no client, although its other stream is open.
#[test]
fn a_client_that_takes_no_answers_has_left() {
    let scratch = Scratch::new();
    let mut command = run(&scratch.manifest("echo", ""));
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = process.stdin.take().unwrap();
    drop(process.stdout.take());
    to.write_all(b"{\"id\":1,\"method\":\"ping\"}\n").unwrap();
    assert_eq!(end(process).code(), Some(0));
}
