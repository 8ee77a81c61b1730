//! Exit codes, streams, and words of the commands.

use crate::harness::{Client, Scratch, brig, repository};
use serde_json::{Value, json};
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    brig()
        .current_dir(repository())
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn check(arguments: &[&str], code: i32, out: &str, err: &str) {
    let output = run(arguments);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert!(stdout.contains(out), "{stdout:?} lacks {out:?}");
    assert!(stderr.contains(err), "{stderr:?} lacks {err:?}");
}

#[test]
fn exit_codes_and_streams() {
    let units = "examples/units/brig.toml";
    let notes = "examples/notes/brig.toml";
    check(&["--help"], 0, "brig call examples", "");
    check(&["run", "--help"], 0, "mcpServers", "");
    check(&[], 2, "", "Usage");
    check(&["fly"], 2, "", "unrecognized");
    check(&["check", units], 0, "no faults", "");
    check(&["check", "absent.toml"], 3, "", "absent.toml");
    check(&["check", "Cargo.toml"], 3, "", "unknown");
    check(&["check", "--json", units], 0, "\"server\"", "");
    check(&["check", "--json", "Cargo.toml"], 3, "\"line\":", "");
    check(&["plan", notes], 0, "mount-namespace, landlock", "");
    let convert = r#"{"value":5,"from":"km","to":"mi"}"#;
    check(&["call", units, "convert", convert], 0, "3.106", "");
    check(
        &[
            "call",
            units,
            "convert",
            r#"{"value":5,"from":"km","to":"kg"}"#,
        ],
        9,
        "",
        "",
    );
    check(&["call", units, "no_such_tool"], 9, "", "");
    check(&["call", units, "convert", "[]"], 2, "", "no JSON object");
    check(&["call", notes, "list_notes"], 0, "groceries", "");
}

#[test]
fn manuals_and_completions_know_every_command() {
    let help = run(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let listed = help.split_once("Commands:\n").unwrap().1;
    let listed = listed.split_once("\n\n").unwrap().0;
    let names = listed.lines().filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = names
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 5, "{names:?}");
    let scratch = Scratch::new();
    check(
        &["man", "--into", scratch.path().to_str().unwrap()],
        0,
        "",
        "",
    );
    for name in names.into_iter().filter(|name| *name != "help") {
        let page = scratch.join(format!("brig-{name}.1"));
        let page = std::fs::read_to_string(page).unwrap_or_else(|e| panic!("{name}: {e}"));
        let title = format!(".TH BRIG-{}", name.to_uppercase());
        assert!(page.contains(&title), "{page}");
        check(&["man", name], 0, &title, "");
        for shell in ["bash", "zsh", "fish"] {
            check(&["completions", shell], 0, name, "");
        }
    }
    check(&["man"], 0, ".TH BRIG", "");
    check(&["man", "fly"], 2, "", "no command `fly`");
    check(
        &["man", "--into", "/no/such/folder"],
        1,
        "",
        "/no/such/folder",
    );
}

#[test]
fn a_plan_is_the_same_each_time_and_names_no_inode() {
    let plan = || {
        let output = run(&["plan", "--json", "examples/notes/brig.toml"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let (one, two) = (plan(), plan());
    assert_eq!(one, two);
    assert_eq!(one["digest"].as_str().unwrap().len(), 64);
    assert!(!one.to_string().contains("\"inode\""));
}

/// A start that is refused answers the client's first request, then ends with its code.
#[track_caller]
fn refused(manifest: &str, code: i32, words: &str) {
    let scratch = Scratch::new();
    let path = scratch.write("brig.toml", manifest);
    let mut client = Client::run(&path);
    let answer = client.initialize_or_error();
    assert_eq!(answer["error"]["code"], json!(-31001), "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message:?} lacks {words:?}");
    let (status, errors) = client.end();
    assert_eq!(status, Some(code), "{errors}");
    assert!(errors.contains(words), "{errors:?} lacks {words:?}");
}

impl Client {
    fn initialize_or_error(&mut self) -> Value {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {} });
        self.ask(7, "initialize", &params)
    }
}

#[test]
fn a_refused_start_answers_the_client() {
    let units = repository().join("examples/units/units.wasm");
    let head = "brig = 1\n[server]\nname = \"x\"\n";
    refused("brig = 1\n", 3, "server");
    refused(
        &format!("{head}component = \"absent.wasm\"\n"),
        5,
        "absent.wasm",
    );
    refused(
        &format!("{head}component = \"brig.toml\"\n"),
        5,
        "not WebAssembly",
    );
    let runs = format!("{head}component = \"{}\"\n", units.display());
    refused(&format!("{runs}[[files]]\nhost = \"/etc\"\n"), 3, "/etc");
    refused(
        &format!("{runs}[[files]]\nhost = \"/srv/none-such\"\n"),
        3,
        "does not exist",
    );
    refused(
        &format!("{runs}[[state]]\nat = \"/data\"\n"),
        3,
        "not enforceable yet",
    );
}

#[test]
fn check_tells_what_a_plan_refuses() {
    let scratch = Scratch::new();
    let text = "brig = 1\n[server]\nname = \"x\"\nnpm = \"x@1.0.0\"\n\
        [[state]]\nat = \"/data\"\n";
    let path = scratch.write("x.toml", text);
    let path = path.display().to_string();
    check(&["check", &path], 0, "no faults", "");
    for (place, key) in [("4:1", "npm"), ("5:1", "state")] {
        let note = format!("note: {path}:{place}: `{key}` is not enforceable yet, and refused at");
        check(&["check", &path], 0, "", &note);
    }
    let told = run(&["check", "--json", &path]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let later = told["not-enforceable"].as_array().unwrap();
    let lines: Vec<_> = later
        .iter()
        .map(|part| part["place"]["line"].as_u64())
        .collect();
    assert_eq!(lines, [Some(4), Some(5)]);
    assert_eq!(told["manifest"]["server"]["npm"], "x@1.0.0");
    check(&["plan", &path], 3, "", "`npm` is not enforceable yet");
    let quiet = run(&["check", "examples/units/brig.toml"]);
    assert!(quiet.stderr.is_empty(), "{quiet:?}");
}

#[test]
fn a_review_tells_what_widens() {
    let scratch = Scratch::new();
    let head = "brig = 1\n[server]\nname = \"x\"\ncommand = [\"cat\"]\n";
    let grant = |access: &str| {
        format!("{head}[[files]]\nhost = \"/srv/notes\"\naccess = \"{access}\"\noptional = true\n")
    };
    let path = |name: &str, text: &str| scratch.write(name, text).display().to_string();
    let none = path("none.toml", head);
    let read = path("read.toml", &grant("read"));
    let write = path("write.toml", &grant("write"));
    check(&["diff", &none, &none], 0, "the same rights", "");
    check(&["diff", &none, &read], 11, "widened", "");
    check(&["diff", &read, &write], 11, "/srv/notes", "");
    check(&["diff", &write, &read], 0, "narrowed", "");
    check(&["diff", "--json", &none, &read], 11, "\"widened\"", "");
    check(&["diff", &read], 2, "", "two manifests");
    check(&["explain", &write], 0, "/srv/notes", "");
    check(&["explain", &write], 0, "held on this host", "");
    check(&["explain", "--json", &none], 0, "\"impossible\"", "");

    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::harness::tool("git"));
        command
            .current_dir(scratch.path())
            .args(["-c", "user.name=it", "-c"]);
        command.arg("user.email=it@localhost").args(arguments);
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "read.toml"]);
    git(&["commit", "-q", "-m", "one"]);
    std::fs::write(scratch.join("read.toml"), grant("write")).unwrap();
    check(&["diff", "--git", "HEAD", &read], 11, "widened", "");
    check(&["diff", "--git", "no-such", &read], 3, "", "no-such");
    check(&["diff", "--git", "--output=x", &read], 3, "", "--output=x");
}

#[test]
fn manifests_are_laid_out_anew_and_faults_explained() {
    let scratch = Scratch::new();
    let text = "brig=1\n# why\n[server]\ncommand=['cat']\nname='x'\n";
    let path = scratch.write("x.toml", text);
    let name = path.display().to_string();
    check(&["fmt", "--check", &name], 1, &name, "");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "it only looks"
    );
    check(&["fmt", &name], 0, "", "");
    let laid_out = std::fs::read_to_string(&path).unwrap();
    assert!(laid_out.contains("# why") && laid_out != text, "{laid_out}");
    check(&["fmt", "--check", &name], 0, "", "");
    check(&["check", &name], 0, "no faults", "");
    check(&["reference"], 0, "### `limits.memory`", "");
    check(&["reference", "files"], 0, "### `files.at`", "");
    check(&["reference", "files.at"], 0, "`reserved-target`", "");
    check(&["reference", "at"], 2, "", "no key `at`");
    let broken = scratch
        .write("broken.toml", "brig = ")
        .display()
        .to_string();
    check(&["fmt", &broken], 3, "", "broken.toml");
    check(&["schema"], 0, "\"$schema\"", "");
    check(&["explain-fault"], 0, "refused-source", "");
    check(&["explain-fault", "refused-source"], 0, "instead:", "");
    check(&["explain-fault", "no-such"], 2, "", "no-such");
}
