//! Attacks by a hostile guest. Each runs bare first, where it must succeed, and then in a cell.
//!
//! What becomes of the session:
//!
//! | attack | in the cell | the session |
//! |---|---|---|
//! | a file by `..`, by a link that was there, by one made first | refused (`EPERM`) | goes on |
//! | a file by its absolute path, a folder that is no grant | no such grant | goes on |
//! | making a symbolic link | refused; with `links` made, but not followed outside | goes on |
//! | a hard link out of a grant, or from one grant to another | refused | goes on |
//! | making, changing, renaming, deleting in a read grant | refused (`EPERM`) | goes on |
//! | TCP, UDP, listening | refused (`access-denied`) | goes on |
//! | resolving a name | fails for good | goes on |
//! | an ungranted variable; all variables | absent; those granted, `LANG`, `TZ` | goes on |
//! | exec, threads | not supported | goes on |
//! | memory without end | the guest is told "no" | goes on |
//! | the same, of a guest that cannot bear it | trap, `memory limit` | ends: -31002, code 7 |
//! | recursion without end, panic, abort | trap | ends: -31002, code 7 |
//! | exit with any status | WASI 0.2 knows only 0 and 1 | ends: -31002, code 7 |
//! | spinning past `limits.call` | the call is answered -31003, and each after it | goes on |
//! | sleeping past `limits.call` | -31003, and the late answer is dropped | goes on |
//! | a flood of junk on standard output | diverted, counted, the log bounded | goes on |
//! | a flood of notifications | forwarded, since they are messages | goes on |
//! | a flood on standard error | escaped, the log bounded | goes on |
//! | a line of 1 GiB | dropped as it comes, and told | goes on |
//! | an answer longer than `limits.message` | -31004 | goes on |
//! | an answer behind junk on its line | diverted with it; its call ends with -31003 | goes on |
//! | a forged frame that is no message | diverted | goes on |
//! | a forged answer that nobody waits for | dropped | goes on |
//! | ignoring the end of its input: spin, sleep, talk | SIGTERM, then the cell's end | code 0 |

use crate::harness::{
    ASKS_ANYTHING, Client, PATIENCE, Scratch, brig, cached, durations, family, is_alive, native,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

const SECRET: &str = "s3cret";

/// Folders with a secret beside what is granted, and listeners on the host's loopback.
pub(crate) struct Ground {
    pub(crate) scratch: Scratch,
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write("secret", SECRET);
        scratch.write("read/hello.txt", "hello");
        scratch.write("write/own.txt", "own");
        for grant in ["read", "write"] {
            let link = |target: &str, name: &str| {
                std::os::unix::fs::symlink(target, scratch.join(grant).join(name)).unwrap();
            };
            link("../secret", "out");
            link(scratch.join("secret").to_str().unwrap(), "out_absolute");
            link("..", "up");
        }
        Self {
            scratch,
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
        }
    }

    /// A call as a table has it, for one side. `<read>` and `<write>` are the granted folders, as
    /// that side names them; `<host>` is the folder on the host that holds the secret.
    pub(crate) fn call(&self, text: &str, inside: bool) -> (String, Value) {
        let host = self.scratch.path().to_str().unwrap();
        let port = |address: SocketAddr| address.port().to_string();
        let text = text
            .replace("<tcp>", &port(self.tcp.local_addr().unwrap()))
            .replace("<udp>", &port(self.udp.local_addr().unwrap()));
        let granted = if inside { "" } else { host };
        let text = text.replace("<read>", &format!("{granted}/read"));
        let text = text.replace("<write>", &format!("{granted}/write"));
        let text = text.replace("<host>", host);
        let mut words = text.split_whitespace();
        let tool = words.next().unwrap().to_owned();
        let argument = |word: &str| {
            let (name, value) = word.split_once('=').unwrap();
            let number = value.parse::<u64>().map(Value::from);
            (name.to_owned(), number.unwrap_or_else(|_| value.into()))
        };
        (
            tool,
            words
                .map(argument)
                .collect::<serde_json::Map<_, _>>()
                .into(),
        )
    }

    pub(crate) fn manifest(&self, links: bool, more: &str) -> std::path::PathBuf {
        let grants = format!(
            "[[files]]\nhost = \"{}\"\nat = \"/read\"\n\
             [[files]]\nhost = \"{}\"\nat = \"/write\"\naccess = \"write\"\nlinks = {links}\n\
             [env]\nGRANTED = \"yes\"\n{more}",
            self.scratch.join("read").display(),
            self.scratch.join("write").display()
        );
        self.scratch.manifest("hostile", &grants)
    }

    /// All that lies outside of the write grant, with its content.
    fn outside(&self) -> BTreeSet<(String, Vec<u8>)> {
        let mut found = BTreeSet::new();
        for folder in ["", "read"] {
            for entry in fs::read_dir(self.scratch.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let content = fs::read(&path).unwrap_or_default();
                found.insert((path.display().to_string(), content));
            }
        }
        found
    }
}

/// The guest's bare twin: no cell, no bridge.
fn bare() -> Client {
    let mut command = Command::new(native("hostile"));
    command.env("HOSTILE_SECRET", SECRET);
    Client::start(command)
}

/// The guest in its cell. brig itself has the secret in its environment.
fn celled(manifest: &std::path::Path) -> Client {
    let mut command = cached(brig());
    command.arg("run").arg(manifest);
    command.env("HOSTILE_SECRET", SECRET);
    command.env("LANG", "C.UTF-8").env("TZ", "Europe/Berlin");
    let mut client = Client::start(command);
    client.initialize();
    client
}

/// What a call came to: the tool's own text, or the error that it reports.
fn outcome(answer: &Value) -> Result<&str, &str> {
    let text = answer["result"]["content"][0]["text"].as_str();
    let text = text.unwrap_or_else(|| panic!("no tool's answer: {answer}"));
    if answer["result"]["isError"] == json!(true) {
        Err(text)
    } else {
        Ok(text)
    }
}

/// What the read and write grants deny. Columns: whether the write grant has `links`; the calls, of
/// which bare all succeed; what the last one says bare; the number of the call that is refused in
/// the cell; words of the refusal. The secret's folder lies below `/tmp`, which in the cell is a
/// memory file system of its own.
const READING: &str = r"
no  | read_file path=<read>/../secret          | s3cret     | 1 | Operation not permitted
no  | read_file path=<write>/../secret         | s3cret     | 1 | Operation not permitted
no  | read_file path=<write>/up/secret         | s3cret     | 1 | Operation not permitted
no  | read_file path=<host>/secret             | s3cret     | 1 | No such file
no  | read_file path=/etc/passwd               | root       | 1 | Capabilities insufficient
no  | read_file path=/proc/self/status         | NoNewPrivs | 1 | Capabilities insufficient
no  | list_dir path=<host>                     | secret     | 1 | No such file
no  | list_dir path=/                          | proc       | 1 | Capabilities insufficient
no  | list_dir path=<read>/..                  | secret     | 1 | Operation not permitted
no  | list_dir path=<read>/up                  | secret     | 1 | Operation not permitted
no  | read_file path=<read>/out                | s3cret     | 1 | Operation not permitted
no  | read_file path=<read>/out_absolute       | s3cret     | 1 | Operation not permitted
no  | read_file path=<write>/out               | s3cret     | 1 | Operation not permitted
no  | symlink target=../secret link=<write>/l; read_file path=<write>/l | s3cret | 1 | Permission denied
no  | symlink target=own.txt link=<write>/l; read_file path=<write>/l   | own    | 1 | Permission denied
yes | symlink target=../secret link=<write>/l; read_file path=<write>/l | s3cret | 2 | Operation not permitted
yes | symlink target=.. link=<write>/l; read_file path=<write>/l/secret | s3cret | 2 | Operation not permitted
yes | symlink target=<host>/secret link=<write>/l; read_file path=<write>/l | s3cret | 1 | Operation not permitted
no  | hard_link source=<write>/../secret link=<write>/h; read_file path=<write>/h | s3cret | 1 | Operation not permitted
yes | hard_link source=<write>/out link=<write>/h; read_file path=<write>/h       | s3cret | 2 | Operation not permitted
no  | hard_link source=<host>/secret link=<write>/h; read_file path=<write>/h     | s3cret | 1 | No such file
no  | hard_link source=<read>/hello.txt link=<write>/h; read_file path=<write>/h  | hello  | 1 | Operation not permitted
";

const CHANGING: &str = r"
no  | write_file path=<read>/new text=x                 | done | 1 | Operation not permitted
no  | write_file path=<read>/hello.txt text=x           | done | 1 | Operation not permitted
no  | write_file path=<read>/hello.txt text=            | done | 1 | Operation not permitted
no  | write_file path=<write>/out text=x                | done | 1 | Operation not permitted
no  | write_file path=<host>/secret text=x              | done | 1 | No such file
no  | rename path=<read>/hello.txt to=<read>/b          | done | 1 | Operation not permitted
no  | rename path=<read>/hello.txt to=<write>/b         | done | 1 | Operation not permitted
no  | rename path=<write>/own.txt to=<read>/b           | done | 1 | Operation not permitted
no  | rename path=<write>/own.txt to=<write>/../b       | done | 1 | Operation not permitted
no  | remove path=<read>/hello.txt                      | done | 1 | Operation not permitted
no  | remove path=<read>/out                            | done | 1 | Operation not permitted
no  | remove path=<write>/../secret                     | done | 1 | Operation not permitted
";

const REACHING: &str = r"
no  | connect host=127.0.0.1 port=<tcp>                 | connected      | 1 | access-denied
no  | udp_send host=127.0.0.1 port=<udp> send=x         | sent 1         | 1 | access-denied
no  | bind host=127.0.0.1 port=0                        | listening      | 1 | access-denied
no  | resolve host=localhost                            | 127.0.0.1      | 1 | access-denied
no  | env name=HOSTILE_SECRET                           | s3cret         | 1 | not found
no  | env name=PATH                                     | /              | 1 | not found
no  | exec program=echo argument=ran                    | ran            | 1 | not supported
no  | thread                                            | a thread ran   | 1 | unsupported
no  | alloc mb=300                                      | took 300 MiB   | 1 | memory was refused after 0 MiB
no  | alloc_forever mb_max=300                          | took 300 MiB   | 1 | memory was refused after 2
";

/// Bare, every call succeeds. In the cell one is refused, in these words; nothing outside has
/// changed, and the session goes on.
#[track_caller]
fn check(table: &str) {
    let mut count = 0;
    for line in table.lines().filter(|line| !line.is_empty()) {
        let row: Vec<_> = line.split('|').map(str::trim).collect();
        let [links, steps, bare, refused, words] = row[..] else {
            panic!("{line}")
        };
        let calls: Vec<_> = steps.split(';').collect();
        succeeds_bare(&calls, bare);
        is_refused(&calls, links == "yes", refused.parse().unwrap(), words);
        count += 1;
    }
    assert!(count > 5, "the table has lines");
}

fn succeeds_bare(calls: &[&str], want: &str) {
    let ground = Ground::new();
    let mut client = bare();
    let mut last = String::new();
    for (step, call) in (1..).zip(calls) {
        let (tool, arguments) = ground.call(call, false);
        let answer = client.call(step, &tool, &arguments);
        let text = outcome(&answer).unwrap_or_else(|error| panic!("{call} fails bare: {error}"));
        text.clone_into(&mut last);
    }
    assert!(last.contains(want), "{calls:?} says {last:?} bare");
}

fn is_refused(calls: &[&str], links: bool, refused: u64, words: &str) {
    let ground = Ground::new();
    let mut client = celled(&ground.manifest(links, ""));
    let before = ground.outside();
    for (step, call) in (1..=refused).zip(calls) {
        let (tool, arguments) = ground.call(call, true);
        let answer = client.call(step, &tool, &arguments);
        match outcome(&answer) {
            Ok(_) if step < refused => {}
            Err(error) if step == refused => assert!(error.contains(words), "{call}: {error}"),
            other => panic!("{call}: {other:?}"),
        }
    }
    assert_eq!(ground.outside(), before, "{calls:?} changed something");
    goes_on(&mut client);
    let (code, errors) = client.end();
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{calls:?}");
}

/// The session answers as if nothing had been.
pub(crate) fn goes_on(client: &mut Client) {
    let answer = client.call(999, "echo", &json!({ "still": "here" }));
    assert!(outcome(&answer).unwrap().contains("still"), "{answer}");
}

#[test]
fn no_file_outside_a_grant_is_read() {
    check(READING);
}

#[test]
fn no_file_outside_a_write_grant_is_changed() {
    check(CHANGING);
}

#[test]
fn neither_network_nor_process_nor_memory_is_reached() {
    check(REACHING);
}

#[test]
fn only_granted_variables_are_there() {
    let mut client = bare();
    let answer = client.call(1, "env_all", &json!({}));
    assert!(outcome(&answer).unwrap().contains(SECRET));
    let ground = Ground::new();
    let mut client = celled(&ground.manifest(false, ""));
    let answer = client.call(1, "env_all", &json!({}));
    let mut variables: Vec<_> = outcome(&answer).unwrap().lines().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        ["GRANTED=yes", "LANG=C.UTF-8", "TZ=Europe/Berlin"]
    );
}

#[test]
fn links_in_a_write_grant_work_where_they_are_granted() {
    let ground = Ground::new();
    let mut client = celled(&ground.manifest(true, ""));
    let link = json!({ "target": "own.txt", "link": "/write/l" });
    assert_eq!(outcome(&client.call(1, "symlink", &link)), Ok("done"));
    let read = json!({ "path": "/write/l" });
    assert_eq!(outcome(&client.call(2, "read_file", &read)), Ok("own"));
    assert!(ground.scratch.join("write/l").is_symlink());
}

/// A cell of a guest with these limits and no grants.
fn limited(scratch: &Scratch, limits: &str) -> Client {
    let more = format!("{ASKS_ANYTHING}[limits]\n{limits}\n");
    celled(&scratch.manifest("hostile", &more))
}

fn code(answer: &Value) -> i64 {
    let code = answer["error"]["code"].as_i64();
    code.unwrap_or_else(|| panic!("no error: {answer}"))
}

/// The most memory that the supervisor ever held, in bytes (proc_pid_status(5)).
fn peak_bytes(client: &Client) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", client.process.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Attacks that end the server: the call is answered, in these words, and brig says why.
#[test]
fn a_server_that_ends_is_told() {
    let ends = |limits: &str, calls: &[(&str, Value)], words: &str| {
        let scratch = Scratch::new();
        let mut client = limited(&scratch, limits);
        let mut answer = Value::Null;
        for (id, (tool, arguments)) in (1..).zip(calls) {
            answer = client.call(id, tool, arguments);
        }
        assert_eq!(code(&answer), -31_002, "{calls:?}: {answer}");
        assert!(answer.to_string().contains(words), "{calls:?}: {answer}");
        assert_eq!(client.line(), None, "something follows the end");
        let (status, errors) = client.end();
        assert_eq!(status, Some(7), "{errors}");
        assert!(errors.contains(words), "{errors}");
    };
    let none = || json!({});
    ends(
        "",
        &[("exit", json!({ "code": 0 }))],
        "exited with status 0",
    );
    ends(
        "",
        &[("exit", json!({ "code": 42 }))],
        "exited with status 1",
    );
    ends("", &[("panic", none())], "ended by a trap");
    ends("", &[("trap", none())], "ended by a trap");
    ends("", &[("recurse", none())], "ended by a trap");
    let long = json!({ "text": "x".repeat(900_000) });
    let fill = ("alloc_forever", none());
    ends(
        "memory = \"16MiB\"",
        &[fill, ("echo", long)],
        "memory limit",
    );
}

#[test]
fn a_call_that_takes_too_long_is_answered() {
    let mut client = bare();
    client.send(&json!({ "id": 1, "method": "tools/call", "params": { "name": "spin" } }));
    assert_eq!(client.line_within(Duration::from_millis(300)), None);
    drop(client);

    let scratch = Scratch::new();
    let mut client = limited(&scratch, "call = \"1s\"");
    assert_eq!(
        code(&client.call(1, "sleep", &json!({ "ms": 1500 }))),
        -31_003
    );
    let mut late = client.call(2, "echo", &json!({}));
    if late.get("error").is_some() {
        // A loaded machine: the sleeper had not woken within the second call's time either.
        late = client.call(3, "echo", &json!({}));
    }
    assert_eq!(late["result"]["isError"], json!(false), "{late}");
    goes_on(&mut client);
    let (status, errors) = client.end();
    assert_eq!(status, Some(0));
    assert!(errors.contains("not answered in time"), "{errors}");
    assert!(errors.contains("after its time was up"), "{errors}");

    let mut client = limited(&scratch, "call = \"1s\"");
    assert_eq!(code(&client.call(1, "spin", &json!({}))), -31_003);
    assert_eq!(code(&client.call(2, "echo", &json!({}))), -31_003);
    assert_eq!(client.end().0, Some(0));
}

/// Bytes of standard error that brig may write for a session of this test: a burst, what the time
/// allows, and the escapes that make each byte of a server up to six.
const LOG_BYTES_MAX: usize = 8 << 20;

#[test]
fn floods_neither_grow_brig_nor_end_the_session() {
    const BYTES: u64 = 16 << 20;
    let flooded = |tool: &str, arguments: Value, want: &str| {
        let mut client = bare();
        client.send(&json!({
            "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments },
        }));
        let first = client.line().unwrap();
        drop(client);
        let scratch = Scratch::new();
        let mut client = limited(&scratch, "call = \"10m\"");
        let answer = client.call(1, tool, &arguments);
        assert!(answer.to_string().contains(want), "{tool}: {answer}");
        goes_on(&mut client);
        let peak = peak_bytes(&client);
        assert!(peak < 96 << 20, "{tool}: {peak} bytes");
        let (status, errors) = client.end();
        assert_eq!(status, Some(0), "{tool}");
        assert!(
            errors.len() < LOG_BYTES_MAX,
            "{tool}: {} bytes",
            errors.len()
        );
        assert!(
            !errors.contains(['\x1b', '\u{9b}', '\x08']),
            "{tool}: a terminal obeys"
        );
        (first, errors)
    };
    let (first, errors) = flooded("flood_stdout", json!({ "bytes": BYTES }), "flooded");
    assert!(first.starts_with(b"flood of lines"));
    assert!(errors.contains("were dropped"), "{}", errors.len());
    let notifications = json!({ "bytes": BYTES, "kind": "notifications" });
    let (_, errors) = flooded("flood_stdout", notifications, "flooded");
    assert_eq!(errors, "");
    let (_, errors) = flooded("flood_stderr", json!({ "bytes": BYTES }), "flooded");
    assert!(errors.contains("were dropped"), "{}", errors.len());
    let answer = json!({ "bytes": 4 * BYTES });
    let (_, errors) = flooded("big_answer", answer, "-31004");
    assert!(errors.contains("too long"), "{errors}");
}

#[test]
fn a_line_of_a_gibibyte_is_dropped() {
    let scratch = Scratch::new();
    let mut client = limited(&scratch, "call = \"10m\"");
    for (id, kind) in [(1, "notification"), (2, "junk")] {
        let bytes = durations::pick(durations::GIANT_LINE_BYTES) / id;
        let line = json!({ "bytes": bytes, "kind": kind });
        client.send(&json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "giant_line", "arguments": line },
        }));
        let line = client.line_within(PATIENCE * 10).unwrap();
        let answer: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(outcome(&answer), Ok("written"));
    }
    let peak = peak_bytes(&client);
    assert!(peak < 96 << 20, "{peak} bytes");
    goes_on(&mut client);
    let (status, errors) = client.end();
    assert_eq!(status, Some(0));
    assert!(errors.contains("too long"), "{}", errors.len());
    assert!(errors.len() < LOG_BYTES_MAX, "{} bytes", errors.len());
}

#[test]
fn an_answer_behind_junk_is_none() {
    let scratch = Scratch::new();
    let mut client = limited(&scratch, "call = \"2s\"");
    let open = json!({ "bytes": 100, "kind": "open" });
    assert_eq!(code(&client.call(1, "giant_line", &open)), -31_003);
    goes_on(&mut client);
}

/// The names of the guest's forgeries, from its source: a new one is tried without being listed.
fn forgeries() -> Vec<&'static str> {
    let source = include_str!("../guests/hostile/src/forge.rs");
    let table = source
        .split_once("const FRAMES")
        .unwrap()
        .1
        .split_once("];")
        .unwrap()
        .0;
    let names = table.lines().map(str::trim).filter(|line| {
        line.starts_with('"') || (line.starts_with("(\"") && line.contains("\", b"))
    });
    let names = names.map(|line| line.trim_start_matches('(').split('"').nth(1).unwrap());
    names.chain(["deep"]).collect()
}

/// Whatever is forged, each request gets one answer, and the client reads nothing but messages.
#[test]
fn forged_frames_answer_nothing() {
    let kinds = forgeries();
    assert!(
        kinds.len() > 20 && kinds.contains(&"doubled_id"),
        "{kinds:?}"
    );
    let scratch = Scratch::new();
    let mut client = limited(&scratch, "call = \"60s\"");
    for (call, kind) in (1..).zip(&kinds) {
        let params = json!({ "name": "forge", "arguments": { "kind": kind } });
        let id = call * 2;
        client
            .send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
        client.send(&json!({ "jsonrpc": "2.0", "id": id + 1, "method": "ping" }));
        let mut answers = [0, 0];
        while answers[1] == 0 {
            let message = client.receive();
            let messages = match &message {
                Value::Array(batch) => batch.clone(),
                Value::Object(_) => vec![message.clone()],
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    panic!("{kind}: {message} is no message")
                }
            };
            for message in messages {
                if message.get("method").is_some() {
                    continue;
                }
                let answered = message["id"]
                    .as_u64()
                    .unwrap_or_else(|| panic!("{kind}: {message}"));
                assert!([id, id + 1].contains(&answered), "{kind}: {message}");
                answers[usize::try_from(answered - id).unwrap()] += 1;
            }
        }
        assert_eq!(answers, [1, 1], "{kind}");
    }
    goes_on(&mut client);
    let (status, errors) = client.end();
    assert_eq!(status, Some(0));
    for words in ["no JSON-RPC message", "never made", "ambiguous", "too deep"] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    assert!(!errors.contains('\x1b'));
}

#[test]
fn a_server_that_ignores_its_end_is_ended() {
    for how in ["spin", "sleep", "talk"] {
        let arguments = json!({ "how": how });
        let mut client = bare();
        assert!(outcome(&client.call(1, "ignore_eof", &arguments)).is_ok());
        client.close();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(client.process.try_wait().unwrap(), None, "{how} ends bare");
        drop(client);

        let scratch = Scratch::new();
        let mut client = celled(&scratch.manifest("hostile", ""));
        assert!(outcome(&client.call(1, "ignore_eof", &arguments)).is_ok());
        let cell = family(client.process.id());
        assert_eq!(cell.len(), 3, "warden, init and worker: {cell:?}");
        let (status, errors) = client.end();
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{how}");
        for process in cell {
            assert!(!is_alive(process), "{how}: {process} is left");
        }
    }
}
