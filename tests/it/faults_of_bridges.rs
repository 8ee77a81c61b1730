//! What other bridges between a client and a server on pipes got wrong, with brig in their place.
//!
//! Each row of `FAULTS` is first tried on `tests/peers/broken_bridge.py`, which has the fault: a
//! row that does not see it there proves nothing. `ELSEWHERE` has those that other tests try. Not
//! a launcher's are those of HTTP (sessions, streams, paths), and one server's fault that ends
//! others, since each brig has one server.

use crate::harness::{Client, PATIENCE, Scratch, brig, repository};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PYTHON: &str = "/usr/bin/python3";

/// How long a row waits for what a bridge without the fault does at once.
const SOON: Duration = Duration::from_secs(10);

/// What sees a fault, of a bridge that a command starts.
type Sight = fn(Command);

/// Each fault: as `tests/peers/broken_bridge.py` names it, where it was found, and what sees it.
const FAULTS: [(&str, &str, Sight); 8] = [
    (
        "holds a cancellation back",
        "fastmcp 4124, XcodeMCPKit 210",
        a_cancellation_reaches_the_server_before_any_answer,
    ),
    (
        "makes errors anew",
        "centian 70",
        an_error_is_the_servers_own,
    ),
    (
        "takes the next line for the answer",
        "toolhive 1568",
        what_comes_before_an_answer_is_none,
    ),
    (
        "ends with the server",
        "ruflo 2426",
        the_last_answer_of_a_server_arrives_whole,
    ),
    (
        "cuts within a character",
        "teamclu 1234",
        a_log_is_cut_anywhere,
    ),
    (
        "needs somebody to read the log",
        "google-docs-mcp 153",
        nobody_has_to_read_the_log,
    ),
    (
        "drops who is silent",
        "prometheus-mcp 101, agentgateway 3393",
        silence_is_no_end,
    ),
    (
        "ends at an unknown request",
        "memoria 253",
        a_probe_of_the_other_era_is_answered_by_the_server,
    ),
];

/// Faults that other tests try: what went wrong, where, and the test with its file.
const ELSEWHERE: [(&str, &str, &str, &str); 15] = [
    (
        "the server outlives its launcher",
        "supergateway 155",
        "kills",
        "a_killed_supervisor_leaves_nothing",
    ),
    (
        "only the shell before the server is ended",
        "supergateway 141, 124, 137",
        "programs",
        "all_that_a_program_started_ends_with_its_session",
    ),
    (
        "the client's death is not seen",
        "mcp-remote 64, codex 18881, claude-code 83771",
        "kills",
        "a_killed_client_leaves_nothing",
    ),
    (
        "the end of the client's messages is not seen",
        "mcp-remote 64",
        "streams",
        "what_was_asked_before_the_client_hung_up_is_answered",
    ),
    (
        "the end takes for ever",
        "mcp-remote 206",
        "hostile",
        "a_server_that_ignores_its_end_is_ended",
    ),
    (
        "a call waits for ever for a server that is dead",
        "frontmcp 399, mcpo 240, 152",
        "hostile",
        "a_server_that_ends_is_told",
    ),
    (
        "a call waits for ever for a server that lives",
        "frontmcp 399",
        "bridge_limits",
        "a_call_that_is_not_answered_in_time_is_answered_by_brig",
    ),
    (
        "a server that cannot start ends more than itself, without a word",
        "mcpo 203",
        "programs",
        "a_program_that_cannot_run_is_refused_by_name",
    ),
    (
        "notifications that nobody knows are lost",
        "fastmcp 4161",
        "relay",
        "params_and_answers_keep_every_byte",
    ),
    (
        "sampling and elicitation are lost",
        "litellm 23761, higress 3685, toolport 167",
        "rights",
        "everything_of_typescript_sdk_2_legacy",
    ),
    (
        "memory and time grow with a line",
        "typescript-sdk 2245",
        "bridge_limits",
        "a_line_of_a_gibibyte_from_the_server_costs_no_memory",
    ),
    (
        "a long answer ends the session or is lost",
        "codebase-memory-mcp 1375, MCP-Plugin-dotnet 113",
        "bridge_limits",
        "messages_are_bounded_at_16_mib_unless_said_otherwise",
    ),
    (
        "nobody reads, and it turns in circles",
        "midscene 2157",
        "streams",
        "a_client_that_takes_no_answers_has_left",
    ),
    (
        "a log on standard output breaks the protocol",
        "azure-devops-mcp 147, mcp-server-excel 636, actual-mcp 161",
        "relay",
        "noise_of_the_server_does_not_reach_the_client",
    ),
    (
        "the container outlives its engine's client",
        "mcp-debugger 633, github-mcp-server 2323, copilot-cli 4460",
        "engines",
        "dockerd_leaves_nothing",
    ),
];

#[test]
fn each_fault_that_is_tried_elsewhere_is() {
    for (fault, place, file, test) in ELSEWHERE {
        let path = repository().join(format!("tests/it/{file}.rs"));
        let text = fs::read_to_string(&path).unwrap();
        let head = format!("#[test]\nfn {test}()");
        assert!(
            text.contains(&head),
            "{fault} ({place}): {file} has no {test}"
        );
    }
}

#[test]
fn no_fault_of_other_bridges_is_brigs() {
    let scratch = &Scratch::new();
    let mut found = String::new();
    thread::scope(|scope| {
        let tried = FAULTS.map(|(fault, place, sees)| {
            let broken = scope.spawn(move || sees(broken(fault)));
            let walled = scope.spawn(move || sees(walled(scratch)));
            (fault, place, broken, walled)
        });
        for (fault, place, broken, walled) in tried {
            if broken.join().is_ok() {
                writeln!(found, "{fault}: not seen where it is").unwrap();
            }
            if walled.join().is_err() {
                writeln!(found, "{fault} ({place}): brig has it").unwrap();
            }
        }
    });
    assert!(found.is_empty(), "{found}");
}

fn server() -> PathBuf {
    repository().join("tests/peers/faults.py")
}

/// The server behind a bridge that has one fault.
fn broken(fault: &str) -> Command {
    assert!(
        PathBuf::from(PYTHON).exists(),
        "MISSING PART: python3 (scripts/parts installs it)"
    );
    let mut command = Command::new(PYTHON);
    command.arg(repository().join("tests/peers/broken_bridge.py"));
    command.args([fault, PYTHON]).arg(server());
    command
}

/// The server behind brig.
fn walled(scratch: &Scratch) -> Command {
    let folder = server().parent().unwrap().display().to_string();
    let text = format!(
        "brig = 1\n[server]\nname = \"faults\"\ncommand = [\"{PYTHON}\", \"/peers/faults.py\"]\n\
         [[files]]\nhost = \"{folder}\"\nat = \"/peers\"\n\
         [limits]\nstart = \"10s\"\ncall = \"2s\"\n"
    );
    let thread = format!("{:?}.toml", thread::current().id());
    let mut command = brig();
    command.arg("run").arg(scratch.write(thread, text));
    command
}

impl Client {
    fn ask_for(&mut self, id: &Value, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    #[track_caller]
    fn soon(&mut self) -> String {
        let line = self.line_within(SOON).expect("nothing comes");
        String::from_utf8(line).unwrap()
    }

    /// A request that the server answers with its method.
    #[track_caller]
    fn alive(&mut self, id: u64) {
        self.ask_for(&json!(id), "alive", &json!({}));
        let wanted = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"method":"alive"}}}}"#);
        assert_eq!(self.soon().trim_end(), wanted);
    }
}

/// With ids that a bridge must not mix up.
fn a_cancellation_reaches_the_server_before_any_answer(command: Command) {
    let mut client = Client::start(command);
    client.alive(0);
    for id in [json!(2), json!("2"), json!(20)] {
        client.ask_for(&id, "hold", &json!({}));
    }
    for id in [json!("2"), json!(20), json!(2)] {
        let params = json!({ "requestId": id });
        client.send(&json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params,
        }));
        let told: Value = serde_json::from_str(&client.soon()).unwrap();
        assert_eq!(told["method"], json!("vendor/cancelled"), "{told}");
        assert_eq!(told["params"], params);
    }
    // No answer to what was cancelled comes before this one.
    client.alive(3);
    assert_eq!(client.end().0, Some(0));
}

fn an_error_is_the_servers_own(command: Command) {
    let mut client = Client::start(command);
    let error = r#"{"code":-32001,"message":"MCP error -32001: x","data":{"c":[7]},"own":1.10}"#;
    let line = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#);
    client.ask_for(&json!(1), "write", &json!({ "lines": [line] }));
    assert_eq!(client.soon(), format!("{line}\n"));
    assert_eq!(client.end().0, Some(0));
}

fn what_comes_before_an_answer_is_none(command: Command) {
    let mut client = Client::start(command);
    let lines = [
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}"#,
        r#"{"jsonrpc":"2.0","method":"vendor/ask","id":1,"params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"the":"answer"}}"#,
    ];
    client.ask_for(&json!(1), "write", &json!({ "lines": lines }));
    for line in lines {
        assert_eq!(client.soon(), format!("{line}\n"));
    }
    client.send(&json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    client.alive(2);
    assert_eq!(client.end().0, Some(0));
}

/// More than a pipe holds.
const BYTES: usize = 300_000;

/// To a client that reads only when the server has ended.
fn the_last_answer_of_a_server_arrives_whole(command: Command) {
    let mut command = command;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).spawn().unwrap();
    let mut to = process.stdin.take().unwrap();
    let request = json!({ "id": 1, "method": "last", "params": { "bytes": BYTES } });
    writeln!(to, "{request}").unwrap();
    thread::sleep(Duration::from_secs(1));
    let mut got = Vec::new();
    let from = process.stdout.take().unwrap();
    from.take(10 * BYTES as u64).read_to_end(&mut got).unwrap();
    let _ = process.kill();
    process.wait().unwrap();
    assert_eq!(got.len(), BYTES + 1);
    assert!(got.ends_with(b"x\"}\n"));
}

/// brig cuts a line of a log at 2,000 bytes, the bridge that broke at 8,192: within a character of
/// three bytes, wherever that is.
fn a_log_is_cut_anywhere(command: Command) {
    let mut client = Client::start(command);
    let lines: Vec<_> = (0..3)
        .map(|head| "x".repeat(head) + &"\u{6f22}".repeat(3000))
        .collect();
    client.ask_for(&json!(1), "log", &json!({ "lines": lines }));
    assert_eq!(
        client.soon(),
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"
    );
    // Let the log be read, which is nobody's turn before that of an answer.
    thread::sleep(Duration::from_millis(200));
    client.alive(2);
    let (status, errors) = client.end();
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(
        errors.matches("\u{6f22}\u{6f22}").count() / 300,
        3,
        "{errors}"
    );
}

/// The log's reader has gone. Nothing waits for it, ends of it, or turns in circles.
fn nobody_has_to_read_the_log(command: Command) {
    let mut command = command;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stderr.take());
    let mut to = process.stdin.take().unwrap();
    let lines = vec!["x".repeat(1000); 100];
    let request = json!({ "id": 1, "method": "log", "params": { "lines": lines } });
    writeln!(to, "{request}").unwrap();
    thread::sleep(Duration::from_millis(500));
    let before = ticks(process.id());
    thread::sleep(Duration::from_secs(1));
    let spent = ticks(process.id()) - before;
    let _ = writeln!(to, "{}", json!({ "id": 2, "method": "alive" }));
    drop(to);
    let mut said = String::new();
    let mut from = process.stdout.take().unwrap();
    from.read_to_string(&mut said).unwrap();
    let until = Instant::now() + PATIENCE;
    while process.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it does not end");
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains(r#""id":2,"result""#), "{said}");
    assert!(spent < 20, "{spent} of 100 ticks in a second of nothing");
}

/// Ticks of a processor that a process has had (proc_pid_stat(5): fields 14 and 15).
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields = rest.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Longer than a call may take, before the first message and after one.
fn silence_is_no_end(command: Command) {
    let mut client = Client::start(command);
    for id in 1..3 {
        thread::sleep(Duration::from_millis(2500));
        client.alive(id);
    }
    assert_eq!(client.end().0, Some(0));
}

fn a_probe_of_the_other_era_is_answered_by_the_server(command: Command) {
    let mut client = Client::start(command);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    client.ask_for(&json!(1), "server/discover", &json!({ "_meta": meta }));
    let error = r#"{"code":-32601,"message":"Method not found"}"#;
    let wanted = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{error}}}\n");
    assert_eq!(client.soon(), wanted);
    client.initialize();
    client.alive(2);
    assert_eq!(client.end().0, Some(0));
}
