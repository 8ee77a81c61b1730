//! Locks as data: what is refused, what is written, and what a server that changed is told of.
//!
//! `testdata/lock/<case>.toml` is a lock with the faults in `<case>.expected`.
//! `testdata/rugpulls/<case>.json` has the tools that were reviewed and those that a server offers
//! later; `<case>.expected` has what a person is told, and what a client gets. `UPDATE=1` rewrites
//! what is expected.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use brig_policies::{
    Digest, Era, Faults, Judgement, LOCK_BYTES_MAX, Lock, LockedArtifact, Tool, Watch,
    manifest_digest, names_project, read_lock,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The fewest cases of each kind.
const CASES_MIN: usize = 12;

fn cases(folder: &str, end: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|is| is == end))
        .collect();
    cases.sort();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    cases
}

#[track_caller]
fn check_expected(case: &Path, got: &str) {
    let expected = case.with_extension("expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(expected, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&expected).unwrap_or_default();
    let case = case.display();
    assert_eq!(got, want, "{case} (UPDATE=1 rewrites what is expected)");
}

fn told(text: &str, faults: &Faults) -> String {
    let mut out = String::new();
    for fault in faults {
        let marked = &text[fault.span.clone()];
        writeln!(out, "{}:{} {}", fault.line, fault.column, fault.code).unwrap();
        writeln!(out, "  marked {marked:?}").unwrap();
        writeln!(out, "  {}", fault.message).unwrap();
        writeln!(out, "  help: {}", fault.help).unwrap();
    }
    out
}

#[test]
fn a_lock_that_says_what_was_not_reviewed_is_refused() {
    for case in cases("lock", "toml") {
        let text = fs::read_to_string(&case).unwrap();
        let got = match read_lock(&text) {
            Ok(lock) => format!("no fault, {} tools\n", lock.tools().len()),
            Err(faults) => told(&text, &faults),
        };
        check_expected(&case, &got);
    }
}

fn manifest() -> Digest {
    manifest_digest("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n").unwrap()
}

fn tools(list: &Value) -> Vec<Tool> {
    let tools = list.as_array().unwrap().iter();
    tools
        .filter_map(|tool| Tool::read(&tool.to_string()).ok())
        .collect()
}

fn lock(list: &Value) -> Lock {
    Lock::new(manifest(), None, [(Era::Legacy, tools(list))])
}

/// What a client gets of one list, and which calls.
fn course(watch: &mut Watch, list: &Value, out: &mut String) {
    let list = list.as_array().unwrap();
    for tool in list {
        let name = tool["name"].as_str().unwrap_or("unnamed");
        match watch.judge(&tool.to_string()) {
            Judgement::Reviewed => writeln!(out, "list {name:?}: passes").unwrap(),
            Judgement::Unreviewed { why, name: _, told } => {
                writeln!(out, "list {name:?}: withheld, {why}").unwrap();
                for line in told {
                    writeln!(out, "  brig: {line}").unwrap();
                }
            }
        }
    }
    let names: BTreeSet<&str> = list
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for name in names {
        match watch.admit(name) {
            Ok(()) => writeln!(out, "call {name:?}: passes").unwrap(),
            Err(why) => writeln!(out, "call {name:?}: refused, {why}").unwrap(),
        }
    }
}

#[test]
fn a_rug_that_is_pulled_is_seen() {
    for case in cases("rugpulls", "json") {
        let told: Value = serde_json::from_str(&fs::read_to_string(&case).unwrap()).unwrap();
        let reviewed = lock(&told["reviewed"]);
        let mut out = String::new();
        let comparison = reviewed.compare(&lock(&told["now"]));
        writeln!(out, "brig lock --check: {}", comparison.is_empty()).unwrap();
        for line in comparison.lines() {
            writeln!(out, "  {line}").unwrap();
        }
        // What is read back is what is held to.
        let reviewed = read_lock(&reviewed.to_text()).unwrap();
        let mut watch = Watch::new(reviewed);
        writeln!(out, "\nthe first list").unwrap();
        course(&mut watch, &told["now"], &mut out);
        writeln!(out, "\nthe same list again").unwrap();
        course(&mut watch, &told["now"], &mut out);
        writeln!(out, "\nthe list as it was reviewed").unwrap();
        course(&mut watch, &told["reviewed"], &mut out);
        check_expected(&case, &out);
    }
}

#[test]
fn a_lock_reads_well() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/written.json");
    let list: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let artifact = LockedArtifact::Component(Digest::of(b"x.wasm"));
    let offers = [
        (Era::Legacy, tools(&list["legacy"])),
        (Era::Modern, tools(&list["modern"])),
    ];
    let lock = Lock::new(manifest(), Some(artifact), offers);
    let text = lock.to_text();
    check_expected(&path, &text);
    assert_eq!(read_lock(&text).unwrap(), lock);
}

#[test]
fn variants_stay_beside_each_other() {
    let one = json!([{ "name": "get", "description": "one" }, { "name": "put" }]);
    let other = json!([{ "name": "get", "description": "other" }]);
    let both = lock(&one).beside(&lock(&other));
    assert_eq!(both.variants("get").len(), 2);
    assert_eq!(both.variants("put").len(), 1);
    assert!(both.variants("ge").is_empty() && both.variants("gett").is_empty());
    let mut watch = Watch::new(both.clone());
    for list in [&one, &other] {
        for tool in list.as_array().unwrap() {
            assert_eq!(watch.judge(&tool.to_string()), Judgement::Reviewed);
        }
    }
    // One variant that does not show is no difference; a tool that does not is.
    assert!(both.compare(&lock(&one)).is_empty());
    assert!(!both.compare(&lock(&other)).is_empty());
    assert_eq!(both.clone().beside(&both), both);
}

#[test]
fn a_flood_of_tools_is_told_of_once() {
    let mut watch = Watch::new(lock(&json!([])));
    let mut lines = 0;
    for count in 0..10_000 {
        let tool = json!({ "name": format!("tool-{count}"), "description": "x" });
        match watch.judge(&tool.to_string()) {
            Judgement::Unreviewed { told, .. } => lines += told.len(),
            Judgement::Reviewed => unreachable!("it was not reviewed"),
        }
    }
    // A name, a place and a line each, and the one that says that there are more.
    assert_eq!(lines, 32 * 3 + 1);
}

/// A start reads the lock before the server runs.
#[test]
fn a_lock_of_a_hundred_tools_is_read_at_once() {
    let property = |count: usize| {
        let about = "What it is for, in a sentence or two, as servers of many tools have them.";
        (
            format!("argument_{count}"),
            json!({ "type": "string", "description": about }),
        )
    };
    let properties: serde_json::Map<String, Value> = (0..20).map(property).collect();
    let entry = |count: usize| {
        json!({
            "name": format!("tool_{count}"), "description": "Does it.\n".repeat(10),
            "inputSchema": { "type": "object", "properties": properties.clone() },
        })
    };
    let text = lock(&(0..100).map(entry).collect()).to_text();
    assert!(text.len() > 300_000);
    let read = |_| {
        let start = Instant::now();
        assert_eq!(read_lock(&text).unwrap().tools().len(), 100);
        start.elapsed()
    };
    let took = (0..5).map(read).min().unwrap();
    // Without optimisation the reader is about ten times slower; the promise is for a release.
    let most = Duration::from_millis(if cfg!(debug_assertions) { 600 } else { 60 });
    assert!(took < most, "{took:?}");
}

#[test]
fn a_lock_is_bounded() {
    let long = format!("#{}\n", "x".repeat(LOCK_BYTES_MAX));
    let faults = read_lock(&long).unwrap_err();
    assert_eq!(faults.to_string().split(": ").nth(1), Some("too-long"));
}

#[track_caller]
fn check_manifest(one: &str, other: &str, is_same: bool) {
    let (first, second) = (
        manifest_digest(one).unwrap(),
        manifest_digest(other).unwrap(),
    );
    assert_eq!(first == second, is_same, "{one}\n{other}");
}

#[test]
fn what_a_manifest_says_has_one_digest() {
    let text = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n[limits]\ncpus = 1.0\n";
    check_manifest(text, &format!("# a remark\n{text}\n\n"), true);
    check_manifest(text, &text.replace("\"x.wasm\"", "'x.wasm' # here"), true);
    let moved =
        "brig = 1\nlimits = { cpus = 1.0 }\n[server]\ncomponent = \"x.wasm\"\nname = \"x\"\n";
    check_manifest(text, moved, true);
    check_manifest(text, &text.replace("x.wasm", "y.wasm"), false);
    check_manifest(text, &text.replace("1.0", "2.0"), false);
    check_manifest(text, &format!("{text}memory = \"1GiB\"\n"), false);
    assert!(manifest_digest("brig = \n").is_err());
}

#[test]
fn a_manifest_that_speaks_of_a_project_is_known() {
    let with = |line: &str| format!("brig = 1\n[[files]]\n{line}\n[limits]\ncpus = 1.0\n");
    assert!(names_project(&with("host = \"{project}/data\"")));
    assert!(names_project(&with("x = [{ y = ['{project}'] }]")));
    assert!(!names_project(&with("host = \"~/{project}\"")));
    assert!(!names_project(&with("host = \"~\" # {project}")));
}

/// A tool of any text.
fn tool() -> impl Strategy<Value = Value> {
    let schema = prop_oneof![
        Just(json!({})),
        any::<(String, i64, f64)>().prop_map(|(text, whole, number)| json!({
            "type": ["object", "null"], "required": ["b", "a"],
            "properties": { text: { "maximum": whole, "multipleOf": number } },
        })),
    ];
    let text = || {
        prop_oneof![
            "[a\"'\\\\ \\n\\t\u{202e}\u{e0041}🙂]{0,12}",
            any::<String>()
        ]
    };
    let parts = (
        text(),
        text(),
        prop::option::of(text()),
        schema,
        any::<bool>(),
    );
    parts.prop_map(|(name, description, title, schema, flag)| {
        json!({
            "name": format!("n{name}"), "description": description, "title": title,
            "inputSchema": schema, "annotations": { "readOnlyHint": flag }, "more": title,
        })
    })
}

/// The same with the names of each object the other way around.
fn turned(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members =
                members.map(|(name, value)| format!("{}: {}", json!(name), turned(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" ,\n"))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(turned).collect();
            format!("[ {} ]", elements.join(" , "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        legacy in prop::collection::vec(tool(), 0..4),
        modern in prop::collection::vec(tool(), 0..4),
    ) {
        let offers = [
            (Era::Legacy, tools(&json!(legacy))),
            (Era::Modern, tools(&json!(modern))),
        ];
        let lock = Lock::new(manifest(), None, offers);
        let text = lock.to_text();
        let read = read_lock(&text);
        prop_assert!(read.is_ok(), "{text}\n{}", read.unwrap_err());
        let read = read.unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.to_text(), text.clone());
        prop_assert!(lock.compare(&read).is_empty());
        let hides = |letter: &char| matches!(letter, '\u{202e}' | '\u{e0041}' | '\u{1b}' | '\r');
        prop_assert!(!text.contains(|letter: char| hides(&letter)), "{text}");
    }

    #[test]
    fn order_never_cries_wolf(tool in tool()) {
        let mut watch = Watch::new(lock(&json!([tool.clone()])));
        prop_assert_eq!(watch.judge(&turned(&tool)), Judgement::Reviewed);
    }

    #[test]
    fn any_other_text_is_seen(one in tool(), other in tool()) {
        let mut watch = Watch::new(lock(&json!([one.clone()])));
        let judged = watch.judge(&other.to_string());
        let (one, other) = (tools(&json!([one])), tools(&json!([other])));
        prop_assert_eq!(judged == Judgement::Reviewed, one == other);
        let told = one[0].differences(&other[0]);
        prop_assert_eq!(told.is_empty(), one == other);
    }

    /// The more was reviewed, the more passes.
    #[test]
    fn a_variant_more_withholds_nothing(
        one in prop::collection::vec(tool(), 0..4),
        other in prop::collection::vec(tool(), 0..4),
    ) {
        let wide = lock(&json!(one)).beside(&lock(&json!(other)));
        let (mut narrow, mut wide) = (Watch::new(lock(&json!(one))), Watch::new(wide));
        for tool in one.iter().chain(&other) {
            let text = tool.to_string();
            if narrow.judge(&text) == Judgement::Reviewed {
                prop_assert_eq!(wide.judge(&text), Judgement::Reviewed);
            }
        }
    }
}
