//! The house rules that a program can check, and the documents that repeat what code says.
//!
//! Each rule gives the list of what breaks it, and [`check`] wants that list empty.

use crate::harness::{Scratch, brig, repository};
use brig::bridge::code::Code;
use brig::exit::Exit;
use brig_sandbox::mechanism::TABLE;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::process::Command;

#[track_caller]
fn check(rule: &str, breaches: impl IntoIterator<Item = String>) {
    let breaches: Vec<String> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

/// What stands on one side alone.
fn differences<T: Debug + Ord>(one: &[T], other: &[T]) -> Vec<String> {
    let (left, right): (BTreeSet<_>, BTreeSet<_>) = (one.iter().collect(), other.iter().collect());
    let mut told: Vec<String> = left
        .symmetric_difference(&right)
        .map(|value| format!("{value:?}"))
        .collect();
    if one.len() != other.len() {
        told.push(format!("{} and {} of them", one.len(), other.len()));
    }
    told
}

/// A file that git knows.
struct Tracked {
    path: String,
    bytes: Vec<u8>,
}

impl Tracked {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Its lines without comments, each with its number.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text().lines().zip(1..);
        lines.filter_map(|(line, at)| {
            let comment = line.trim_start().starts_with("//");
            let code = line.split_once(" // ").map_or(line, |(code, _)| code);
            (!comment).then_some((at, code))
        })
    }

    /// The places of code in which one of these words stands.
    fn places_of<'w>(&'w self, words: &'w [&str]) -> impl Iterator<Item = String> + 'w {
        self.code().flat_map(move |(at, line)| {
            let found = words.iter().filter(move |word| line.contains(**word));
            found.map(move |word| format!("{}:{at}: {word}", self.path))
        })
    }

    fn lies_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

fn tracked(ends: &str) -> Vec<Tracked> {
    let git = ["-c", "safe.directory=*", "ls-files", "-z"];
    let output = Command::new("git")
        .args(git)
        .current_dir(repository())
        .output();
    let listed = output.expect("MISSING PART: git").stdout;
    let paths = String::from_utf8(listed).unwrap();
    assert!(!paths.is_empty(), "MISSING PART: a git repository");
    let paths = paths.split_terminator('\0');
    // What is removed but not committed yet has no content.
    paths
        .filter(|path| path.ends_with(ends))
        .filter_map(|path| {
            let bytes = fs::read(repository().join(path)).ok()?;
            let path = path.to_owned();
            Some(Tracked { path, bytes })
        })
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

const BRIGS_CRATES: &[&str] = &["policies/", "sandbox/", "images/", "runtime/"];

/// What cargo knows of the workspace.
fn metadata() -> Value {
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(repository())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn arrows_between_crates_point_one_way() {
    let metadata = metadata();
    let mut arrows = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let from = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if from.starts_with("brig") && dependency["path"].is_string() || to.starts_with("brig")
            {
                arrows.push(format!("{from} -> {to}"));
            }
        }
    }
    let wanted = [
        // For tests alone, as is the next: `hooks_for_tests_are_in_no_release` holds that.
        "brig -> brig",
        "brig -> hostile",
        "brig -> brig-images",
        "brig -> brig-policies",
        "brig -> brig-sandbox",
        "brig-images -> brig-policies",
        "brig-sandbox -> brig-policies",
        // Measures them, and is no part of brig.
        "parts -> brig-images",
        "parts -> brig-policies",
        "parts -> brig-sandbox",
    ];
    check(
        "policies <- sandbox <- runtime, policies <- images <- runtime, and nothing else",
        differences(&arrows, &wanted.map(str::to_owned)),
    );
}

#[test]
fn hooks_for_tests_are_in_no_release() {
    let refusal = "#[cfg(all(feature = \"test-hooks\", not(debug_assertions)))]\ncompile_error!";
    assert!(read("runtime/lib.rs").contains(refusal));
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let brig = packages.iter().find(|package| package["name"] == "brig");
    let brig = brig.unwrap();
    let features = brig["features"].as_object().unwrap();
    assert!(!features.contains_key("default"), "{features:?}");
    let hooked = brig["dependencies"].as_array().unwrap().iter();
    let hooked = hooked.filter(|dependency| {
        let hostile = dependency["name"] == "hostile" && dependency["optional"] != true;
        let hooks = dependency["features"].to_string().contains("test-hooks");
        hostile || hooks && dependency["kind"] != "dev"
    });
    check(
        "only tests turn the hooks on",
        hooked.map(|dependency| dependency["name"].to_string()),
    );
    let sources = tracked(".rs");
    let brigs = sources.iter().filter(|file| file.lies_in(BRIGS_CRATES));
    let open = brigs.flat_map(|file| {
        let lines: Vec<(usize, &str)> = file.code().collect();
        let pairs = lines.windows(2).filter(|pair| {
            pair[1].1.contains("BRIG_TEST_") && !pair[0].1.contains("feature = \"test-hooks\"")
        });
        let told: Vec<String> = pairs.map(|p| format!("{}:{}", file.path, p[1].0)).collect();
        told
    });
    check("a variable of a hook is behind the feature", open);
}

#[test]
fn policies_has_no_standard_library() {
    let lib = read("policies/src/lib.rs");
    assert!(lib.lines().any(|line| line == "#![no_std]"));
    let sources = tracked(".rs");
    let policies = sources
        .iter()
        .filter(|file| file.lies_in(&["policies/src"]));
    check(
        "policies cannot do input or output",
        policies.flat_map(|file| file.places_of(&["std::", "extern crate std"])),
    );
}

#[test]
fn sandbox_has_no_effects() {
    let effects = [
        "std::env",
        "std::fs",
        "std::io",
        "std::net",
        "std::os",
        "std::process",
        "std::thread",
        "std::time",
        "Instant",
        "SystemTime",
        "rustix",
    ];
    let sources = tracked(".rs");
    let sandbox = || sources.iter().filter(|file| file.lies_in(&["sandbox/src"]));
    check(
        "what the host offers is passed in",
        sandbox().flat_map(|file| file.places_of(&effects)),
    );
    // Constants are upper case; `$` is the macro that names them.
    let calls = |line: &str| {
        let mut uses = line.split("libc::").skip(1);
        uses.any(|used| used.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let calling = sandbox().flat_map(|file| {
        let lines = file.code().filter(|(_, line)| calls(line));
        lines.map(|(at, line)| format!("{}:{at}: {line}", file.path))
    });
    check("libc is there for its constants", calling);
}

/// Unsafe code may stand here, at most so often.
const UNSAFE: &[(&str, usize)] = &[
    ("runtime/launch/syscall.rs", usize::MAX),
    ("runtime/component/mapping.rs", usize::MAX),
    ("runtime/trace/syscall.rs", usize::MAX),
    ("runtime/init/sys.rs", usize::MAX),
    ("runtime/init/sys/channel.rs", usize::MAX),
    ("runtime/init/sys/memory.rs", usize::MAX),
    ("runtime/init/sys/net.rs", usize::MAX),
    ("runtime/init/sys/paths.rs", usize::MAX),
    ("runtime/init/sys/walls.rs", usize::MAX),
    ("runtime/init/main.rs", 2),
];

#[test]
fn unsafe_code_stands_in_named_places() {
    let sources = tracked(".rs");
    let brigs = sources.iter().filter(|file| file.lies_in(BRIGS_CRATES));
    let breaches = brigs.flat_map(|file| {
        let allowed = UNSAFE.iter().find(|(path, _)| *path == file.path);
        let allowed = allowed.map_or(0, |(_, count)| *count);
        let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
        let found: Vec<String> = file.places_of(&words).collect();
        found.into_iter().skip(allowed)
    });
    check("unsafe code stands where ARCHITECTURE.md says", breaches);
}

const LINES_MAX: usize = 400;
const COLUMNS_MAX: usize = 100;

/// The rows of a table of attacks stand in one line each, to be read side by side.
fn is_row(line: &str) -> bool {
    line.starts_with("yes | ") || line.starts_with("no  | ")
}

#[test]
fn files_and_lines_are_short() {
    let sources = tracked(".rs");
    let is_test = |file: &Tracked| {
        file.path.contains("/tests/")
            || file.path.ends_with("/tests.rs")
            || file.lies_in(&["tests/"])
    };
    let lengths = sources
        .iter()
        .filter(|file| !is_test(file))
        .filter_map(|file| {
            let before_tests = file.text().split("\n#[cfg(test)]\nmod tests {").next()?;
            let lines = before_tests.lines().count();
            (lines > LINES_MAX).then(|| format!("{}: {lines} of {LINES_MAX}", file.path))
        });
    check("a file has at most 400 lines beside its tests", lengths);
    let lines = sources.iter().flat_map(|file| {
        let lines = file.text().lines().zip(1..);
        let long = lines.filter(|(line, _)| line.chars().count() > COLUMNS_MAX && !is_row(line));
        long.map(|(_, at)| format!("{}:{at}", file.path))
    });
    check("a line has at most 100 characters", lines);
}

/// Names that say nothing of what they name.
const EMPTY_NAMES: &[&str] = &[
    "manager", "helper", "helpers", "util", "utils", "common", "info", "data", "context",
    "handler", "service", "impl",
];

#[test]
fn names_say_what_they_name() {
    let sources = tracked(".rs");
    let files = sources.iter().filter(|file| {
        let stem = file
            .path
            .rsplit('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs");
        stem == "mod"
            || EMPTY_NAMES
                .iter()
                .any(|empty| words_of(stem).contains(*empty))
    });
    check(
        "no mod.rs, no empty file name",
        files.map(|file| file.path.clone()),
    );
    let defined = sources.iter().flat_map(|file| {
        // What a trait asks an implementation for has the name that the trait gave it.
        let own = |line: &&str| !line.starts_with(' ') || !line.trim_start().starts_with("type ");
        let code = file.code().filter(move |(_, line)| own(line));
        code.filter_map(|(at, line)| {
            let mut words = line.split_whitespace().skip_while(|word| {
                !["struct", "enum", "trait", "type", "union", "mod"].contains(word)
            });
            let name = words.nth(1)?;
            let name = name
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()?;
            let empty = EMPTY_NAMES
                .iter()
                .any(|empty| words_of(name).contains(*empty));
            empty.then(|| format!("{}:{at}: {name}", file.path))
        })
    });
    check("no empty name of a type or module", defined);
}

/// The words of a name in any case.
fn words_of(name: &str) -> BTreeSet<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            words.push(String::new());
        }
        let word = words.last_mut().unwrap();
        word.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
    }
    words.into_iter().collect()
}

#[test]
fn nothing_is_left_for_later_or_told_of_a_machine() {
    // In pieces, so that this file does not hold them itself.
    let later = [["TO", "DO"], ["FIX", "ME"], ["X", "XX:"]].map(|word| word.concat());
    let hosts = [
        ["crates", ".io"],
        ["npmjs", ".org"],
        ["pypi", ".org"],
        ["pythonhosted", ".org"],
        ["proxy.golang", ".org"],
        ["deb.debian", ".org"],
    ];
    let machine = [
        ["/wo", "rk/"],
        [".cargo/", "registry/src/"],
        [".rustup/", "toolchains/"],
    ];
    let mut told: Vec<String> = hosts
        .into_iter()
        .chain(machine)
        .map(|m| m.concat())
        .collect();
    // A repository at a path of one name would be found in words that mean something else.
    let here = format!("{}/", repository().display());
    told.extend((here.matches('/').count() > 2).then_some(here));
    let files = tracked("");
    let breaches = files.iter().flat_map(|file| {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        // Both are written by programs, which name where a version comes from.
        let lock = file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json");
        let found = later.iter().chain(told.iter().filter(move |_| !lock));
        let found = found.filter(move |word| text.contains(word.as_str()));
        found.map(|word| format!("{}: {word}", file.path))
    });
    check(
        "no note for later, no host of a registry, no path of a machine",
        breaches,
    );
}

/// The variants of an enum, by its source.
fn variants(path: &str, name: &str) -> Vec<String> {
    let source = read(path);
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim);
    let lines = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    lines
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}

/// The rows of the first table below a heading, cell by cell, without the head.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let rows = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn every_denial_has_one_row() {
    let rows: Vec<String> = TABLE
        .iter()
        .map(|row| format!("{:?}", row.denial))
        .collect();
    let denials = variants("sandbox/src/mechanism.rs", "Denial");
    check("each denial has one row", differences(&denials, &rows));
    let empty = TABLE.iter().filter(|row| row.alternatives.is_empty());
    check(
        "each row has a mechanism",
        empty.map(|row| row.denial.name().to_owned()),
    );
}

#[test]
fn the_mechanism_table_is_the_one_of_the_code() {
    let code: Vec<(String, String)> = TABLE
        .iter()
        .map(|row| {
            let name = |mechanism| serde_json::to_value(mechanism).unwrap();
            let by = row.alternatives.iter().map(name);
            let by: Vec<String> = by
                .map(|name| format!("`{}`", name.as_str().unwrap()))
                .collect();
            (format!("`{}`", row.denial.name()), by.join(", "))
        })
        .collect();
    let told: Vec<(String, String)> = table("ARCHITECTURE.md", "The mechanism table")
        .into_iter()
        .map(|row| (row[0].clone(), row[2].clone()))
        .collect();
    check(
        "ARCHITECTURE.md has the code's table",
        differences(&told, &code),
    );
}

#[test]
fn the_tables_of_codes_are_those_of_the_code() {
    let exits = Exit::ALL.map(|(exit, meaning)| vec![(exit as u8).to_string(), meaning.to_owned()]);
    let told = table("README.md", "Exit codes");
    check("README.md has the exit codes", differences(&told, &exits));
    let codes = [
        Code::StartRefused,
        Code::ServerEnded,
        Code::CallDeadline,
        Code::AnswerTooLarge,
        Code::MessageTooLarge,
        Code::TooManyCalls,
        Code::AmbiguousMessage,
        Code::StartDeadline,
        Code::NotAllowed,
        Code::NotGranted,
        Code::ToolsDrifted,
    ];
    let named = codes.map(|code| format!("{code:?}"));
    let all = variants("runtime/bridge/code.rs", "Code");
    check("this test knows each code", differences(&all, &named));
    let codes = codes.map(|code| vec![code.number().to_string(), code.name().to_owned()]);
    let told: Vec<Vec<String>> = table("README.md", "Errors that brig itself answers")
        .into_iter()
        .map(|row| row[..2].to_vec())
        .collect();
    check("README.md has the error codes", differences(&told, &codes));
    let free = codes.iter().filter_map(|code| {
        let number: i32 = code[0].parse().unwrap();
        (-32768..=-32000)
            .contains(&number)
            .then(|| number.to_string())
    });
    check("JSON-RPC reserves -32768 to -32000", free);
}

#[test]
fn every_manifest_that_is_shown_has_no_fault() {
    let readme = read("README.md");
    let (_, shown) = readme.split_once("```toml\nbrig = 1\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let scratch = Scratch::new();
    let shown = scratch.write("brig.toml", format!("brig = 1\n{shown}"));
    let examples = tracked("/brig.toml");
    assert!(!examples.is_empty());
    let paths = examples.iter().map(|file| repository().join(&file.path));
    let faults = paths.chain([shown]).filter_map(|path| {
        let mut command = brig();
        command.env("HOME", "/home/me").arg("check").arg(&path);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then(|| format!("{}: {told}", path.display()))
    });
    check("a manifest that is shown can be used", faults);
}
