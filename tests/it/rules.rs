//! Rules between a real client and a real server: a program and a component, as root and as an
//! ordinary user. What each message may look like is tried in `runtime/bridge/session/tests/rules`.

use crate::harness::{Client, Scratch, brig, repository};
use crate::users::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The distribution's own: another in PATH may lie in somebody's home.
const PYTHON: &str = "/usr/bin/python3";

const RULES: &str = "
[tools]
allow = [\"list_*\", \"get_*\", \"ask\", \"seen\"]

[[tools.rule]]
tool = \"get_*\"
argument = \"/path\"
within = \"/notes\"

[[tools.limit]]
tool = \"list_*\"
calls-per-minute = 1
";

/// `tests/peers/asks.py` before brig, with a folder that it may write.
pub(crate) fn manifest(home: &Home, more: &str) -> PathBuf {
    assert!(
        PathBuf::from(PYTHON).exists(),
        "MISSING PART: python3 (scripts/parts installs it)"
    );
    let code = fs::read_to_string(repository().join("tests/peers/asks.py")).unwrap();
    home.file("read/asks.py", &code, home.user, 0o644);
    let grant = |name: &str| {
        let host = home.scratch.join(name);
        let host = host.display();
        format!("[[files]]\nhost = \"{host}\"\nat = \"/{name}\"\n")
    };
    let text = format!(
        "brig = 1\n[server]\nname = \"asks\"\ncommand = [\"{PYTHON}\", \"/read/asks.py\"]\n\
         {}{}access = \"write\"\n{more}",
        grant("read"),
        grant("write"),
    );
    let path = home.scratch.write("asks.toml", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn start(home: &Home, more: &str) -> Client {
    let mut command = home.brig();
    command.arg("run").arg(manifest(home, more));
    Client::start(command)
}

/// All tools, page by page, and what each page says of caches.
fn pages(client: &mut Client) -> Vec<(Vec<String>, Value, Value)> {
    let mut params = json!({});
    let mut pages = Vec::new();
    for id in 100..110 {
        let answer = client.ask(id, "tools/list", &params);
        let page = &answer["result"];
        let tools = page["tools"].as_array().unwrap().iter();
        let names = tools.map(|tool| {
            assert_eq!(tool["vendor"], json!(1.1), "{tool}");
            tool["name"].as_str().unwrap().to_owned()
        });
        let cursor = page["nextCursor"].clone();
        pages.push((names.collect(), page["cacheScope"].clone(), cursor.clone()));
        if cursor.is_null() {
            return pages;
        }
        params = json!({ "cursor": cursor });
    }
    panic!("pages without end: {pages:?}")
}

fn refusal(answer: &Value) -> &str {
    assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
    let refusal = &answer["result"]["_meta"]["brig"]["refusal"];
    refusal.as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn without_rules_every_tool_is_shown_and_called() {
    for home in Home::both() {
        let mut client = start(&home, "");
        client.initialize();
        let pages = pages(&mut client);
        let names: Vec<&str> = pages
            .iter()
            .flat_map(|(names, _, _)| names)
            .map(String::as_str)
            .collect();
        assert_eq!(
            names,
            ["list_notes", "delete_all", "get_note", "ask", "seen"]
        );
        assert_eq!(pages[0].1, json!("public"));
        let answer = client.call(1, "delete_all", &json!({}));
        assert_eq!(answer["result"]["found"], json!("deleted"), "{answer}");
        assert!(home.scratch.join("write/deleted").exists());
        assert_eq!(client.end().0, Some(0));
    }
}

#[test]
fn what_may_not_be_called_is_not_shown_and_does_not_reach_the_server() {
    for home in Home::both() {
        let mut client = start(&home, RULES);
        client.initialize();
        let pages = pages(&mut client);
        let names = |at: usize| pages[at].0.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(names(0), ["list_notes"]);
        assert_eq!((&pages[0].1, &pages[0].2), (&json!("private"), &json!("2")));
        assert_eq!(names(1), ["get_note", "ask", "seen"]);
        assert_eq!(pages[1].1, json!("public"));

        let refused = client.call(1, "delete_all", &json!({}));
        assert_eq!(refusal(&refused), "tool-not-allowed");
        let text = refused["result"]["content"][0]["text"].as_str().unwrap();
        assert!(
            text.contains("\"delete_all\" may not be called here"),
            "{text}"
        );
        let outside = client.call(2, "get_note", &json!({ "path": "/notes/../write" }));
        assert_eq!(refusal(&outside), "argument-not-allowed");
        let arguments = json!({ "path": "/notes/a" });
        let inside = client.call(3, "get_note", &arguments);
        assert_eq!(inside["result"]["found"], arguments);
        client.call(4, "list_notes", &json!({}));
        assert_eq!(
            refusal(&client.call(5, "list_notes", &json!({}))),
            "rate-limited"
        );
        // What two readers could take for two calls is a call of none.
        let twice =
            r#"{"id":6,"method":"tools/call","params":{"name":"seen","name":"delete_all"}}"#;
        client.write(format!("{twice}\n").as_bytes());
        assert_eq!(
            client.answer(6)["error"]["data"]["code"],
            json!("ambiguous-message")
        );

        let (status, errors) = client.end();
        assert_eq!(status, Some(0), "{errors}");
        assert!(!home.scratch.join("write/deleted").exists());
        let manifest = fs::read_to_string(home.scratch.join("asks.toml")).unwrap();
        for (code, written) in [
            ("tool-not-allowed", "allow = ["),
            ("argument-not-allowed", "[[tools.rule]]"),
            ("rate-limited", "[[tools.limit]]"),
        ] {
            let line = manifest
                .lines()
                .position(|line| line.starts_with(written))
                .unwrap()
                + 1;
            let told = errors.lines().find(|told| told.contains(code));
            let told = told.unwrap_or_else(|| panic!("{code}: {errors}"));
            assert!(told.ends_with(&format!("asks.toml:{line})")), "{told}");
        }
    }
}

/// What a client of a handshake says that it can do, and what the server is to see of it.
const CAPABILITIES: &str = r#"{
    "elicitation": { "form": {}, "url": {} }, "roots": { "listChanged": true },
    "sampling": {}, "vendor": { "x": 1 }
}"#;

fn greet(client: &mut Client) -> Value {
    let capabilities: Value = serde_json::from_str(CAPABILITIES).unwrap();
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": capabilities,
        "clientInfo": { "name": "it", "version": "0" },
    });
    let hello = client.ask(0, "initialize", &params);
    client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    hello
}

#[test]
fn a_server_sees_and_asks_what_it_was_granted() {
    for home in Home::both() {
        let mut client = start(&home, "[client]\nelicitation = true\n");
        let hello = greet(&mut client);
        assert_eq!(hello["result"]["capabilities"], json!({ "tools": {} }));
        let seen = client.call(1, "seen", &json!({}));
        let want = json!({ "elicitation": { "form": {} }, "vendor": { "x": 1 } });
        assert_eq!(seen["result"]["found"]["initialize"], want);
        for (id, method, params) in [
            (2, "sampling/createMessage", json!({ "messages": [] })),
            (3, "roots/list", json!({})),
            (
                4,
                "elicitation/create",
                json!({ "mode": "url", "url": "https://x.example" }),
            ),
        ] {
            // The next line is the answer: the client never sees the question.
            let arguments = json!({ "method": method, "params": params });
            let call = json!({ "name": "ask", "arguments": arguments });
            client.send(
                &json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call }),
            );
            let answer = client.receive();
            assert_eq!(answer["id"], json!(id), "{answer}");
            let error = &answer["result"]["found"]["error"];
            assert_eq!(error["code"], json!(-31010), "{method}: {answer}");
            assert_eq!(error["data"]["refusal"], json!("right-not-granted"));
        }
        let arguments = json!({ "method": "elicitation/create", "params": { "message": "x" } });
        let call = json!({ "name": "ask", "arguments": arguments });
        client.send(&json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": call }));
        assert_eq!(client.receive()["method"], json!("elicitation/create"));
        client.send(&json!({ "jsonrpc": "2.0", "id": "asked", "result": { "action": "accept" } }));
        let answer = client.answer(5);
        assert_eq!(
            answer["result"]["found"]["result"]["action"],
            json!("accept")
        );
        let (status, errors) = client.end();
        assert_eq!(status, Some(0), "{errors}");
        assert!(
            errors.contains("`client.sampling` would let it pass"),
            "{errors}"
        );
    }
}

#[test]
fn the_modern_era_has_the_same_rules() {
    for home in Home::both() {
        let mut client = start(&home, &format!("{RULES}[client]\nroots = true\n"));
        let capabilities: Value = serde_json::from_str(CAPABILITIES).unwrap();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        let found = client.ask(1, "server/discover", &json!({ "_meta": meta }));
        assert_eq!(found["result"]["capabilities"], json!({ "tools": {} }));
        let call = |name: &str| json!({ "_meta": meta, "name": name, "arguments": {} });
        let refused = client.ask(2, "tools/call", &call("delete_all"));
        assert_eq!(refusal(&refused), "tool-not-allowed");
        assert_eq!(refused["result"]["resultType"], json!("complete"));
        let seen = client.ask(3, "tools/call", &call("seen"));
        let want = json!({ "roots": { "listChanged": true }, "vendor": { "x": 1 } });
        assert_eq!(seen["result"]["found"]["request"], want);
        assert_eq!(client.end().0, Some(0));
    }
}

#[test]
fn a_component_has_the_same_rules() {
    let scratch = Scratch::new();
    let rules = "[tools]\nallow = [\"ask_client\"]\n";
    let mut client = Client::run(scratch.manifest("hostile", rules));
    client.initialize();
    let list = client.ask(1, "tools/list", &json!({}));
    let tools = list["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1, "{list}");
    assert_eq!(tools[0]["name"], json!("ask_client"));
    assert_eq!(
        refusal(&client.call(2, "notify", &json!({ "n": 1 }))),
        "tool-not-allowed"
    );
    let asked = client.call(3, "ask_client", &json!({}));
    assert!(asked.to_string().contains("-31010"), "{asked}");
    assert_eq!(client.end().0, Some(0));
}

#[test]
fn a_plan_shows_the_rules_and_is_another_with_others() {
    let scratch = Scratch::new();
    let plan = |more: &str, words: &[&str]| {
        let mut command = brig();
        command
            .arg("plan")
            .arg(scratch.manifest("echo", more))
            .args(words);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = plan(&format!("{RULES}[client]\nroots = true\n"), &[]);
    for line in [
        "tools        `ask`, `get_*`, `list_*`, `seen`",
        "rule         `get_*`: `/path` has to lie within `/notes`, without `..`",
        "limit        `list_*`: at most 1 calls in a minute",
        "resources    all",
        "client       asked for nothing but roots",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let digest = |more: &str| {
        let plan: Value = serde_json::from_str(&plan(more, &["--json"])).unwrap();
        plan["digest"].as_str().unwrap().to_owned()
    };
    let rules = digest(RULES);
    assert_eq!(digest(&format!("# a comment\n\n{RULES}")), rules);
    assert_ne!(digest(&RULES.replace("/notes", "/")), rules);
    assert_ne!(digest(&format!("{RULES}[client]\nroots = true\n")), rules);
}
