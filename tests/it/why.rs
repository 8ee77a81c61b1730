//! `brig why`: what was refused in a run, and what would allow it, as root and as an ordinary user.

use crate::consent;
use crate::harness::{Client, Scratch, brig, cached, repository};
use crate::rules::manifest;
use crate::users::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const RULES: &str = "
[tools]
allow = [\"list_*\", \"get_*\", \"ask\"]

[[tools.rule]]
tool = \"get_*\"
argument = \"/path\"
within = \"/notes\"

[[tools.limit]]
tool = \"list_*\"
calls-per-minute = 1

[limits]
message = \"64KiB\"
";

fn runs(home: &Home) -> PathBuf {
    home.scratch.join("home/.local/state/brig/runs")
}

fn files(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(runs(home)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn start(home: &Home, more: &str) -> Client {
    let mut command = home.brig();
    command.arg("run").arg(manifest(home, more));
    let mut client = Client::start(command);
    client.initialize();
    client
}

#[track_caller]
fn why(home: &Home, words: &[&str], code: i32) -> String {
    let mut command = home.brig();
    command
        .current_dir(home.scratch.path())
        .arg("why")
        .args(words);
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

#[track_caller]
fn told(home: &Home) -> Value {
    let told = why(home, &["--json", "asks.toml"], 0);
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// How often each kind was refused.
fn counts(run: &Value) -> Vec<(&str, &str, u64)> {
    let refused = run["refused"].as_array().unwrap().iter();
    refused
        .map(|entry| {
            (
                entry["kind"].as_str().unwrap(),
                entry["about"].as_str().unwrap(),
                entry["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// The screen without what is another at each run.
fn steady(home: &Home, screen: &str) -> String {
    let screen = screen.replace(home.scratch.path().to_str().unwrap(), "{scratch}");
    let mut out = String::new();
    let mut rest = screen.as_str();
    while let Some((before, after)) = rest.split_once(" UTC") {
        out.push_str(&before[..before.len() - "2026-11-29 20:45:03".len()]);
        out.push_str("{moment}");
        let ago = after.strip_prefix(" (").and_then(|ago| ago.split_once(')'));
        rest = ago.map_or(after, |(_, rest)| rest);
    }
    out.push_str(rest);
    // A machine may be slow between two calls.
    match out.split_once("call it again in ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}call it again in {{n}}{after}")
        }
        None => out,
    }
}

/// Everything that a run can refuse, once at least.
fn provoke(client: &mut Client) {
    for id in 1..4 {
        client.call(id, "delete_all", &json!({}));
    }
    client.call(4, "b\u{1b}[31m\u{202e}ad", &json!({}));
    client.call(5, "get_note", &json!({ "path": "/etc/passwd" }));
    client.call(6, "list_notes", &json!({}));
    client.call(7, "list_notes", &json!({}));
    client.call(8, "ask", &json!({ "method": "roots/list" }));
    client.call(9, "get_note", &json!({ "path": "x".repeat(70_000) }));
    let twice = r#"{"id":10,"method":"tools/call","params":{"name":"ask","NAME":"delete_all"}}"#;
    client.write(format!("{twice}\n").as_bytes());
    client.answer(10);
}

#[test]
fn what_was_refused_is_told_with_what_would_allow_it() {
    for home in Home::both() {
        let mut client = start(&home, RULES);
        provoke(&mut client);
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{errors}");
        // Each kind is told once while it happens.
        let lines = errors.matches("(tool-not-allowed)").count();
        assert_eq!(lines, 1, "{errors}");
        let screen = why(&home, &["asks.toml"], 0);
        let shown = steady(&home, &screen);
        let expected = repository().join("tests/it/why/refused.expected");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &shown).unwrap();
        }
        assert_eq!(shown, fs::read_to_string(expected).unwrap());
        assert_eq!(why(&home, &["asks"], 0), screen);
        // The command does what it says, once somebody agrees.
        let line = screen
            .lines()
            .find_map(|it| it.trim().strip_prefix("command    brig "));
        let words: Vec<&str> = line.unwrap().split(' ').collect();
        let output = home.brig().args(words).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(12), "{output:?}");
        assert!(shown.contains("\"delete_all\""), "{shown}");
    }
}

#[test]
fn a_journal_is_of_its_user_alone_and_holds_no_value() {
    for home in Home::both() {
        let mut client = start(&home, RULES);
        client.call(1, "get_note", &json!({ "path": "/secret/of/mine" }));
        client.call(2, "b\u{1b}\u{202e}ad", &json!({}));
        client.end();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&runs(&home)), 0o700);
        let [file] = &files(&home)[..] else {
            panic!("{:?}", files(&home))
        };
        assert_eq!(mode(file), 0o600);
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.is_ascii() && !text.contains("/secret/of/mine"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn runs_at_the_same_time_keep_what_is_theirs() {
    let home = Home::new(0);
    let mut clients: Vec<Client> = (0..4).map(|_| start(&home, RULES)).collect();
    for (client, at) in clients.iter_mut().zip(0..) {
        for id in 0..=at {
            client.call(id, &format!("tool_{at}"), &json!({}));
        }
    }
    let shown = told(&home);
    let shown = shown.as_array().unwrap();
    assert!(shown.iter().all(|run| run["running"] == true), "{shown:?}");
    let mut seen: Vec<String> = shown
        .iter()
        .map(|run| format!("{:?}", counts(run)))
        .collect();
    seen.sort();
    // Between powers of ten a count is written when its run ends.
    let wanted = (0..4).map(|at| format!("[(\"tool-not-allowed\", \"tool_{at}\", 1)]"));
    assert_eq!(seen, wanted.collect::<Vec<_>>());
    // One is killed without a word, which keeps what it had written.
    let mut killed = clients.pop().unwrap();
    killed.process.kill().unwrap();
    drop(killed);
    for client in clients {
        assert_eq!(client.end().0, Some(0));
    }
    let texts = files(&home)
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap());
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), 4);
    assert_eq!(
        texts
            .iter()
            .filter(|text| text.contains("\"ended\""))
            .count(),
        3
    );
    assert!(
        texts
            .iter()
            .any(|text| text.contains("{\"again\":0,\"count\":3,"))
    );
    let shown = told(&home);
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown[0]["running"], false);
}

#[test]
fn old_runs_are_forgotten_and_a_flood_stays_small() {
    let home = Home::new(0);
    for _ in 0..10 {
        start(&home, RULES).end();
        assert!(files(&home).len() <= 8);
    }
    let shown = why(&home, &["asks.toml"], 0);
    assert!(shown.contains("\nnothing was refused\n"), "{shown}");
    let mut client = start(&home, RULES);
    for id in 0..2_000 {
        client.call(id, &format!("tool_{id}"), &json!({}));
    }
    let (_, errors) = client.end();
    assert_eq!(errors.matches("(tool-not-allowed)").count(), 4, "{errors}");
    let shown = told(&home);
    let refused = shown[0]["refused"].as_array().unwrap();
    let all: u64 = refused.iter().map(|it| it["count"].as_u64().unwrap()).sum();
    assert_eq!((refused.len(), all), (65, 2_000));
    assert_eq!(refused[64]["rest"], true);
    assert!(
        files(&home)
            .iter()
            .all(|path| fs::metadata(path).unwrap().len() <= 128 << 10)
    );
    assert_eq!(files(&home).len(), 8);
}

#[test]
fn a_journal_that_brig_did_not_write_is_one_message() {
    let home = Home::new(0);
    let mut client = start(&home, RULES);
    client.call(1, "delete_all", &json!({}));
    client.end();
    let [file] = &files(&home)[..] else {
        panic!("{:?}", files(&home))
    };
    let text = fs::read_to_string(file).unwrap();
    let damaged: [(&str, String); 4] = [
        ("its line 1 is none that brig wrote", String::new()),
        (
            "its line 2 is none",
            text.replace("tool-not-allowed", "tool-not-known"),
        ),
        (
            "it has the form 2",
            text.replace("\"journal\":1", "\"journal\":2"),
        ),
        (
            "it is longer than 131072 bytes",
            text.clone() + &" ".repeat(128 << 10),
        ),
    ];
    for (wanted, damaged) in damaged {
        fs::write(file, damaged).unwrap();
        for words in [&["asks.toml"][..], &["asks"]] {
            let told = why(&home, words, 1);
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                told.contains("cannot read the journal") && told.contains("remove"),
                "{told}"
            );
            let told = told.replace(" │ ", " ");
            assert!(told.contains(wanted), "{told}");
        }
    }
    // What others may write to is not believed, and nothing is added to it; the server starts.
    fs::set_permissions(runs(&home), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(why(&home, &["asks.toml"], 1).contains("trust the journals"));
    let mut client = start(&home, RULES);
    client.call(1, "delete_all", &json!({}));
    client.call(2, "delete_more", &json!({}));
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        errors
            .matches("`brig why` will not know of this run")
            .count(),
        1,
        "{errors}"
    );
    assert_eq!(files(&home).len(), 1);
}

#[test]
fn a_start_that_was_refused_and_a_server_nobody_ran_are_told() {
    let home = consent::Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    for nobody in [manifest, "echo", "no\u{1b}body"] {
        home.check(
            &["why", nobody],
            2,
            &["no run of", "is known on this machine"],
        );
    }
    home.asks(
        manifest,
        &[],
        "nobody on this machine has approved that `echo` starts",
    );
    let shown = [
        "not-started: once",
        "nobody on this machine has approved",
        "`brig approve ",
    ];
    home.check(&["why", manifest], 0, &shown);
    home.approve(manifest, &[]);
    home.starts(manifest, &[]);
    home.check(&["why", "echo"], 0, &["nothing was refused", "`brig plan "]);
    // A fault has its line.
    fs::write(
        &path,
        "brig = 1\n[server]\nname = \"echo\"\ncomponent = \"echo.wasm\"\nx = 1\n",
    )
    .unwrap();
    let (_, code, _) = home.run(manifest, &[]);
    assert_eq!(code, Some(3));
    home.check(
        &["why", manifest],
        0,
        &["not-started: once", "decided by line 5"],
    );
}

/// A bound, calls that come to it, and what is told of that: the kind and the key.
type Held<'c> = (&'c str, &'c [(&'c str, Value)], &'c str, &'c str);

/// What a bound did to a server is told by the bound.
#[test]
fn what_a_limit_held_is_told_by_its_key() {
    let scratch = Scratch::new();
    let brig = || {
        let mut command = cached(brig());
        command.env("XDG_STATE_HOME", scratch.join("state"));
        command
    };
    let long = json!({ "text": "x".repeat(900_000) });
    let rows: [Held<'_>; 3] = [
        (
            "memory = \"16MiB\"",
            &[("alloc_forever", json!({})), ("echo", long)],
            "out-of-memory: once",
            "another `memory` in `[limits]`",
        ),
        (
            "call = \"1s\"",
            // What is asked first has the time of a start.
            &[("echo", json!({})), ("sleep", json!({ "ms": 1500 }))],
            "overdue: once",
            "another `call` in `[limits]`",
        ),
        (
            "start = \"1s\"",
            &[("spin", json!({}))],
            "start-overdue: once",
            "another `start` in `[limits]`",
        ),
    ];
    for (limits, calls, kind, allowed) in rows {
        let manifest = scratch.manifest("hostile", &format!("[limits]\n{limits}\n"));
        let mut command = brig();
        command.arg("run").arg(&manifest);
        let mut client = Client::start(command);
        for (id, (tool, arguments)) in (1..).zip(calls) {
            client.call(id, tool, arguments);
        }
        client.end();
        let output = brig().arg("why").arg(&manifest).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(
            told.contains(kind) && told.contains(allowed),
            "{limits}: {told}"
        );
    }
}
