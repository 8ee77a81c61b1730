//! Locks: written from an instance of the server, held in a session, compared with what the server
//! says later.

use crate::consent::Home;
use crate::harness::{Client, UNASKED, repository};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// The distribution's own: another in PATH may lie in somebody's home.
const PYTHON: &str = "/usr/bin/python3";

/// A server whose tools stand in a file.
pub(crate) struct Said {
    pub(crate) home: Home,
    pub(crate) manifest: PathBuf,
}

impl Said {
    pub(crate) fn new(tools: &Value, more: &str) -> Self {
        assert!(
            PathBuf::from(PYTHON).exists(),
            "MISSING PART: python3 (scripts/parts installs it)"
        );
        let home = Home::new();
        let script = fs::read(repository().join("tests/it/locks/server.py")).unwrap();
        home.scratch.write("said/server.py", script);
        let said = home.scratch.join("said");
        let text = format!(
            "brig = 1\n[server]\nname = \"said\"\ncommand = [\"{PYTHON}\", \"/said/server.py\"]\n\
             [[files]]\nhost = \"{}\"\nat = \"/said\"\n{more}",
            said.display()
        );
        let manifest = home.scratch.write("repo/brig.toml", text);
        let said = Self { home, manifest };
        said.says(tools);
        said
    }

    /// On a host that does not ask.
    fn unasked(tools: &Value) -> Self {
        let said = Self::new(tools, "");
        said.home
            .scratch
            .write("home/.config/brig/config.toml", UNASKED);
        said
    }

    pub(crate) fn says(&self, tools: &Value) {
        self.home
            .scratch
            .write("said/tools.json", tools.to_string());
    }

    pub(crate) fn path(&self) -> &str {
        self.manifest.to_str().unwrap()
    }

    pub(crate) fn lock(&self) -> String {
        fs::read_to_string(self.home.scratch.join("repo/brig.lock")).unwrap()
    }

    #[track_caller]
    fn locked(&self, told: &[&str]) {
        self.home.check(&["lock", self.path()], 0, told);
    }

    #[track_caller]
    fn drifted(&self, told: &[&str]) {
        let before = self.lock();
        self.home.check(&["lock", "--check", self.path()], 14, told);
        assert_eq!(self.lock(), before);
    }

    #[track_caller]
    fn same(&self) {
        self.home.check(
            &["lock", "--check", self.path()],
            0,
            &["the server is what was reviewed"],
        );
    }
}

fn note(description: &str) -> Value {
    json!({
        "name": "get_note", "description": description,
        "inputSchema": { "type": "object", "properties": { "name": { "type": "string" } } },
    })
}

fn list() -> Value {
    json!({ "name": "list_notes", "inputSchema": { "type": "object" } })
}

#[test]
fn a_lock_has_the_tools_of_both_eras_and_all_pages() {
    let tools = json!({
        "legacy": [[note("Reads one."), list()], [{ "name": "on_page_two" }]],
        "modern": [[note("Reads one, in short.")], [list()]],
    });
    let said = Said::unasked(&tools);
    said.home
        .check(&["lock", "--check", said.path()], 14, &["there is no lock"]);
    said.locked(&["the tool `on_page_two` is new", "+ Reads one.", "4 tools"]);
    let lock = said.lock();
    let expected = repository().join("tests/it/locks/two-eras.expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, without_manifest(&lock)).unwrap();
    }
    assert_eq!(
        without_manifest(&lock),
        fs::read_to_string(expected).unwrap()
    );
    said.same();
    said.locked(&["4 tools, all as before"]);
    assert_eq!(said.lock(), lock);
}

/// The manifest has a path of this machine.
fn without_manifest(lock: &str) -> String {
    let lines = lock.lines().filter(|line| !line.starts_with("manifest = "));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn one_era_is_enough() {
    for era in ["legacy", "modern"] {
        let said = Said::unasked(&json!({ era: [[list()]] }));
        said.locked(&["1 tool"]);
        assert!(said.lock().contains(&format!("\neras = [\"{era}\"]\n")));
        said.same();
    }
    let said = Said::unasked(&json!({}));
    said.home.check(
        &["lock", said.path()],
        1,
        &["it answered in no era of the protocol"],
    );
    let said = Said::unasked(&json!({ "legacy": [] }));
    said.locked(&["0 tools"]);
}

#[test]
fn a_server_that_changed_is_told_apart() {
    let one = json!({ "legacy": [[note("Reads one."), list()]] });
    let said = Said::unasked(&one);
    said.locked(&[]);
    said.says(
        &json!({ "legacy": [[note("Reads one.\u{202e} And more.\u{e0048}\u{e0069}"), list()]] }),
    );
    said.drifted(&[
        "the tool `get_note` changed",
        "+ Reads one.\\u{202e} And more.\\u{e0048}\\u{e0069}",
        "! it has 3 characters that cannot be seen; some spell `Hi`",
    ]);
    said.says(&json!({ "legacy": [[list()]], "modern": [[list()]] }));
    said.drifted(&[
        "the server now speaks the modern era",
        "the tool `get_note` is gone",
    ]);
    said.says(&json!({ "legacy": [[list(), note("Reads one.")]] }));
    said.same();
    let text = fs::read_to_string(&said.manifest).unwrap();
    fs::write(
        &said.manifest,
        format!("{text}[limits]\nmemory = \"1GiB\"\n"),
    )
    .unwrap();
    said.drifted(&["the manifest says something else"]);
    fs::write(&said.manifest, format!("# a remark\n{text}")).unwrap();
    said.same();
    let output = said
        .home
        .output(&["lock", "--check", "--json", said.path()]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["tools"], json!([]));
}

#[test]
fn variants_can_be_kept() {
    let said = Said::unasked(&json!({ "legacy": [[note("one")]] }));
    said.locked(&[]);
    said.says(&json!({ "legacy": [[note("other")]] }));
    said.home
        .check(&["lock", "--keep", said.path()], 0, &["2 tools"]);
    said.same();
    said.says(&json!({ "legacy": [[note("one")]] }));
    said.same();
    said.locked(&["1 tool"]);
}

/// Some servers offer more to a client that they can ask: both are asked for, as far as the
/// manifest lets the server ask.
#[test]
fn what_is_offered_to_a_client_that_can_be_asked_is_locked_too() {
    let tools = json!({ "legacy": [[list()]], "granted": [{ "name": "asks" }] });
    let said = Said::new(&tools, "[client]\nsampling = true\n");
    said.home
        .scratch
        .write("home/.config/brig/config.toml", UNASKED);
    said.locked(&["the tool `asks` is new", "2 tools"]);
}

#[test]
fn what_cannot_be_reviewed_is_left_out_and_told() {
    let twice = r#"{"name":"a","description":"x","description":"y"}"#;
    let said =
        Said::unasked(&json!({ "legacy": [[list(), twice, { "name": "b", "Title": "x" }]] }));
    said.locked(&[
        "note: a tool of the legacy era is left out: it has \"description\" twice",
        "it has \"Title\", which some clients read as another name",
        "1 tool",
    ]);
}

/// What a client gets of each page of a list.
pub(crate) fn listed(client: &mut Client) -> Vec<String> {
    let mut names = Vec::new();
    let mut params = json!({});
    for id in 10.. {
        let answer = client.ask(id, "tools/list", &params);
        let tools = answer["result"]["tools"].as_array().unwrap();
        names.extend(
            tools
                .iter()
                .map(|tool| tool["name"].as_str().unwrap().to_owned()),
        );
        let cursor = &answer["result"]["nextCursor"];
        if cursor.is_null() {
            break;
        }
        params = json!({ "cursor": cursor });
    }
    names
}

#[test]
fn a_session_is_held_to_its_lock() {
    let said = Said::unasked(&json!({ "legacy": [[note("Reads one.")], [list()]] }));
    said.locked(&[]);
    let mut client = Client::start(said.home.brig(&["run", said.path()]));
    client.initialize();
    assert_eq!(listed(&mut client), ["get_note", "list_notes"]);
    let answer = client.call(1, "get_note", &json!({}));
    assert_eq!(answer["result"]["content"][0]["text"], "called get_note");
    assert_eq!(client.end(), (Some(0), String::new()));

    let more = json!({ "name": "send_mail", "description": "Sends\u{202e} it." });
    said.says(&json!({ "legacy": [[note("Reads all.")], [list(), more]] }));
    let mut client = Client::start(said.home.brig(&["run", said.path()]));
    client.initialize();
    assert_eq!(listed(&mut client), ["list_notes"]);
    for (id, tool, code) in [
        (1, "get_note", "tool-changed"),
        (2, "send_mail", "tool-not-reviewed"),
    ] {
        let answer = client.call(id, tool, &json!({}));
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(answer["result"]["_meta"]["brig"]["refusal"], code);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        // A model reads this: it has the name and the reason, and no command.
        assert!(text.contains(tool) && !text.contains("brig lock"), "{text}");
    }
    let answer = client.call(3, "list_notes", &json!({}));
    assert_eq!(answer["result"]["content"][0]["text"], "called list_notes");
    assert_eq!(listed(&mut client), ["list_notes"]);
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{errors}");
    let expected = repository().join("tests/it/locks/drift.expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, &errors).unwrap();
    }
    assert_eq!(errors, fs::read_to_string(expected).unwrap());
}

#[test]
fn a_strict_session_ends_with_the_first_tool_that_changed() {
    let tools = json!({ "legacy": [[list()]] });
    let said = Said::new(&tools, "[tools]\nstrict = true\n");
    said.home
        .scratch
        .write("home/.config/brig/config.toml", UNASKED);
    let told = [
        "`[tools] strict` holds the server to a lock",
        "`brig lock` writes it",
    ];
    said.home.check(&["run", said.path()], 14, &told);
    said.home.check(&["approve", said.path()], 14, &told);
    said.locked(&[]);
    said.home.starts(said.path(), &[]);
    said.says(&json!({ "legacy": [[list(), note("x")]] }));
    let mut client = Client::start(said.home.brig(&["run", said.path()]));
    client.initialize();
    let answer = client.ask(1, "tools/list", &json!({}));
    assert_eq!(answer["error"]["data"]["code"], "tools-drifted", "{answer}");
    assert_eq!(client.line(), None);
    let (code, errors) = client.end();
    assert_eq!(code, Some(14), "{errors}");
    assert!(errors.contains("the tool `get_note` is new"), "{errors}");
}

/// A lock that was edited by hand, or that nobody made.
#[test]
fn a_lock_that_says_what_was_not_reviewed_stops_the_server() {
    let said = Said::unasked(&json!({ "legacy": [[note("Reads one."), list()]] }));
    said.locked(&[]);
    let lock = said.lock();
    let path = said.home.scratch.join("repo/brig.lock");
    fs::write(&path, lock.replace("Reads one.", "Reads all.")).unwrap();
    let told = [
        "invalid-record",
        "the hash of `get_note` is not that of what stands below it",
    ];
    for words in [
        &["run", said.path()][..],
        &["lock", "--check", said.path()],
        &["verify", said.path()],
    ] {
        said.home.check(words, 3, &told);
    }
    fs::write(&path, lock.replace("lock = 1", "lock = 2")).unwrap();
    said.home
        .check(&["run", said.path()], 3, &["unknown-format"]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    said.home
        .check(&["run", said.path()], 3, &["it is no regular file"]);
    fs::remove_dir(&path).unwrap();
    // One that is in the way is written anew, and reviewed as a whole.
    fs::write(&path, "lock = 0").unwrap();
    said.locked(&["2 tools"]);
    assert_eq!(said.lock(), lock);
}

#[test]
fn a_server_runs_to_be_looked_at_only_with_consent() {
    let said = Said::new(&json!({ "legacy": [[list()]] }), "");
    let told = said.home.check(
        &["lock", said.path()],
        12,
        &["there is no terminal to ask at", "brig lock"],
    );
    let (_, digest) = told.split_once("--digest ").unwrap();
    let digest = digest.split('`').next().unwrap();
    assert!(!said.home.scratch.join("repo/brig.lock").exists());
    let line = format!("\"$BRIG\" lock {}", said.path());
    let (code, screen) = said.home.at_terminal(&line, "", "n\n");
    assert_eq!(code, Some(12), "{screen}");
    assert!(
        screen.contains("Start it once, to ask for its tools? [y/N]"),
        "{screen}"
    );
    assert!(!said.home.scratch.join("repo/brig.lock").exists());
    // That it was looked at is not that it may start.
    said.home.check(
        &["lock", said.path(), "--digest", digest],
        0,
        &["next: review it, then `brig approve"],
    );
    said.home.asks(
        said.path(),
        &[],
        "nobody on this machine has approved that `said` starts",
    );
    said.home.approve(said.path(), &[]);
    said.home.starts(said.path(), &[]);
    // The plan is approved, so it may be looked at again; another lock is to be approved again.
    said.says(&json!({ "legacy": [[list(), note("x")]] }));
    said.home.check(
        &["lock", "--check", said.path()],
        14,
        &["the tool `get_note` is new"],
    );
    said.home
        .check(&["lock", said.path()], 0, &["next: review it"]);
    said.home.asks(
        said.path(),
        &[],
        "is not what you approved on this machine any more",
    );
    said.home.check(
        &["approve", said.path()],
        12,
        &[
            "its lock the tool `get_note` is new",
            "are held to",
            "get_note, list_notes",
        ],
    );
    // At a terminal the new lock is asked about at once.
    said.says(&json!({ "legacy": [[note("x")]] }));
    let (code, screen) = said.home.at_terminal(&line, "", "y\n");
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("Approve that it starts with this lock? [y/N]"),
        "{screen}"
    );
    said.home.starts(said.path(), &[]);
}

#[test]
fn a_component_that_was_replaced_does_not_start() {
    let home = Home::new();
    home.scratch.write("home/.config/brig/config.toml", UNASKED);
    let copy = |guest: &str| {
        let wasm = repository().join(format!("tests/guests/{guest}/{guest}.wasm"));
        fs::create_dir_all(home.scratch.join("repo")).unwrap();
        fs::copy(wasm, home.scratch.join("repo/x.wasm")).unwrap();
    };
    copy("echo");
    let text = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n";
    let path = home.scratch.write("repo/weather.toml", text);
    let manifest = path.to_str().unwrap();
    // Several manifests in one folder have a lock each.
    home.check(&["lock", manifest], 0, &["repo/weather.lock"]);
    home.starts(manifest, &[]);
    copy("hostile");
    let told = [
        "what runs is not what was reviewed",
        "`brig lock` tells how its tools differ",
    ];
    home.check(&["run", manifest], 14, &told);
    home.check(&["approve", manifest], 14, &told);
    home.check(
        &["lock", "--check", manifest],
        14,
        &["what is run is something else"],
    );
    home.check(&["lock", manifest], 0, &[]);
    home.starts(manifest, &[]);
}
