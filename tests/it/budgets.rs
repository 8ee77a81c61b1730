//! What `benches/budgets.py` says of stored samples: whether a promise is kept is judged as it
//! should be, and no bench is run for it.

use crate::harness::{Scratch, repository};
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const PYTHON: &str = "/usr/bin/python3";
const PROMISES: &str = "tests/it/budgets/promises.toml";
const SAMPLES: &str = "tests/it/budgets/samples.json";

fn judged<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Output {
    let mut command = Command::new(PYTHON);
    command.arg("-B").arg("benches/budgets.py").args(words);
    let output = command.current_dir(repository()).output();
    output.expect("MISSING PART: python3 (scripts/parts installs it)")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What is said of the stored samples, of the promises with this in their name.
#[track_caller]
fn check(only: &str, code: i32, verdicts: &[&str]) {
    let output = judged(["--budgets", PROMISES, "--from", SAMPLES, "--only", only]);
    let told = text(&output.stdout);
    let found: Vec<&str> = told
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(found, verdicts, "{told}");
    assert_eq!(output.status.code(), Some(code), "{told}");
}

/// A file or an option is wrong, and these words say how.
#[track_caller]
fn check_faulty(words: &[&OsStr], told: &str) {
    let output = judged(words);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(told), "{errors:?} lacks {told:?}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(output.stdout.is_empty());
}

#[test]
fn each_promise_gets_its_line() {
    let output = judged(["--budgets", PROMISES, "--from", SAMPLES]);
    let told = text(&output.stdout);
    let path = repository().join("tests/it/budgets/expected.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(told, want, "UPDATE=1 rewrites {}", path.display());
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn only_what_is_surely_kept_is_a_success() {
    check("difference-kept", 0, &["kept"]);
    check("difference-at-the-bound", 0, &["kept"]);
    check("added-kept", 0, &["kept"]);
    check("difference-missed", 1, &["MISSED"]);
    check("ratio-not-below", 1, &["MISSED"]);
    check("ratio-not-above", 1, &["MISSED"]);
    check("spread", 1, &["UNSURE", "UNSURE"]);
    check("nothing-to-compare", 1, &["NOT MEASURED"]);
    check("one-round", 1, &["NOT MEASURED"]);
    check("bench-that", 1, &["NOT MEASURED", "NOT MEASURED"]);
    check("no-such-measure", 1, &["kept", "NOT MEASURED"]);
}

#[test]
fn findings_as_json_are_those_of_the_lines() {
    let output = judged(["--json", "--budgets", PROMISES, "--from", SAMPLES]);
    assert_eq!(output.status.code(), Some(1));
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let lines = text(&judged(["--budgets", PROMISES, "--from", SAMPLES]).stdout);
    assert_eq!(findings.len(), lines.lines().count());
    for (finding, line) in findings.iter().zip(lines.lines()) {
        let (verdict, name) = (&finding["verdict"], finding["promise"].as_str().unwrap());
        assert!(line.starts_with(verdict.as_str().unwrap()), "{line}");
        assert!(line.contains(name), "{line}");
        let is_measured = *verdict != "NOT MEASURED";
        assert_eq!(finding["value"].is_number(), is_measured, "{finding}");
        assert_eq!(finding["why"].is_null(), is_measured, "{finding}");
    }
}

/// A copy of one of the stored files, in which one thing is another.
fn broken(scratch: &Scratch, path: &str, what: &str, by: &str) -> PathBuf {
    let text = fs::read_to_string(repository().join(path)).unwrap();
    assert!(text.contains(what), "{what}");
    scratch.write("broken", text.replacen(what, by, 1))
}

#[test]
fn promises_that_are_wrong_are_told_of() {
    let scratch = Scratch::new();
    for (what, by, told) in [
        (
            "unit = ",
            "units = ",
            "promise median-of-rounds: `unit` is missing",
        ),
        (
            "unit = ",
            "below = 1.0\nunit = ",
            "it takes one of at-most, at-least",
        ),
        ("at-most = 5.0", "at-most = 5", "as a number with a point"),
        ("\"median\"", "\"mean\"", "`value` is none of median"),
        (
            "bench = \"one\"",
            "bench = \"four\"",
            "no bench is called four",
        ),
        ("of = ", "colour = \"red\"\nof = ", "`colour` is unknown"),
        (
            "value = \"median\"",
            "value = \"ratio\"",
            "`beside` is missing",
        ),
        (
            "\"difference-kept\"",
            "\"median-of-rounds\"",
            "it stands there twice",
        ),
        (
            "form = \"series\"",
            "form = \"table\"",
            "bench one: its form is unknown",
        ),
    ] {
        let path = broken(&scratch, PROMISES, what, by);
        check_faulty(
            &[
                "--budgets".as_ref(),
                path.as_ref(),
                "--from".as_ref(),
                SAMPLES.as_ref(),
            ],
            told,
        );
    }
    let only = ["--only", "nothing", "--from", SAMPLES].map(OsStr::new);
    check_faulty(&only, "no promise has 'nothing' in its name");
}

#[test]
fn samples_that_are_wrong_are_told_of() {
    let scratch = Scratch::new();
    for (what, by, told) in [
        (
            "\"brig-budgets\": 1",
            "\"brig-budgets\": 2",
            "\"brig-budgets\": 1",
        ),
        (
            "[[10], [10]",
            "[[-10], [10]",
            "start: ten: -10 is no number from 0 on",
        ),
        (
            "[[10], [10]",
            "[[true], [10]",
            "start: ten: True is no number",
        ),
        (
            "[[10], [10]",
            "[[NaN], [10]",
            "start: ten: nan is no number",
        ),
        (
            "[[10], [10]",
            "[10, [10]",
            "start: ten is no list of rounds",
        ),
        (
            "\"failed\": null",
            "\"failed\": 1",
            "one: failed is null or a text",
        ),
        (
            "\"machine\": {},",
            "",
            "it takes brig-budgets, machine and benches",
        ),
    ] {
        let path = broken(&scratch, SAMPLES, what, by);
        check_faulty(
            &[
                "--budgets".as_ref(),
                PROMISES.as_ref(),
                "--from".as_ref(),
                path.as_ref(),
            ],
            told,
        );
    }
}

/// The promises that brig is held to name benches and commands that there are.
#[test]
fn the_budgets_of_brig_are_whole() {
    let scratch = Scratch::new();
    let nothing = "{\"brig-budgets\": 1, \"machine\": {}, \"benches\": {}}";
    let nothing = scratch.write("nothing.json", nothing);
    let output = judged([OsStr::new("--from"), nothing.as_ref()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.lines().count() >= 20, "{told}");
    for line in told.lines() {
        assert!(line.starts_with("NOT MEASURED: "), "{line}");
    }
    let budgets = fs::read_to_string(repository().join("benches/budgets.toml")).unwrap();
    let budgets: toml::Table = budgets.parse().unwrap();
    let mut commands: Vec<&str> = Vec::new();
    for bench in budgets["bench"].as_table().unwrap().values() {
        commands.push(bench["command"].as_str().unwrap());
    }
    for promise in budgets["promise"].as_array().unwrap() {
        commands.push(promise["where"].as_str().unwrap());
    }
    for command in commands {
        let (program, option) = command.split_once(' ').unwrap();
        if program == "cargo" {
            continue;
        }
        let source = fs::read_to_string(repository().join(program));
        let source = source.unwrap_or_else(|_| panic!("{command}: there is no such bench"));
        let is_known = option == "{rounds}" || source.contains(option);
        assert!(is_known, "{command}: the bench does not know {option}");
    }
}
