//! The committed guests are what their sources make, and tell nothing about where they were made.

use crate::harness::{repository, tool};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Each committed guest, by its path, and the hash that `examples/GUESTS.lock` has for it.
fn locked() -> Vec<(String, String)> {
    let lock = fs::read_to_string(repository().join("examples/GUESTS.lock")).unwrap();
    let (_, hashes) = lock.split_once("[sha256]\n").unwrap();
    let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
    let pair = |line: &str| {
        line.split_once('=')
            .map(|(path, hash)| (unquoted(path), unquoted(hash)))
    };
    hashes.lines().filter_map(pair).collect()
}

#[test]
fn the_lock_names_every_committed_guest_by_its_hash() {
    let mut committed = Vec::new();
    for folder in ["examples", "tests/guests"] {
        for guest in fs::read_dir(repository().join(folder)).unwrap() {
            let guest = guest.unwrap();
            let name = guest.file_name().into_string().unwrap();
            if guest.path().join(&name).with_extension("wasm").exists() {
                committed.push(format!("{folder}/{name}/{name}.wasm"));
            }
        }
    }
    committed.sort();
    let mut named = locked();
    named.sort();
    assert_eq!(
        named.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        committed.iter().collect::<Vec<_>>()
    );
    for (path, hash) in named {
        let mut sum = Command::new(tool("sha256sum"));
        let output = sum.arg(repository().join(&path)).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            found.split_whitespace().next(),
            Some(hash.as_str()),
            "{path}"
        );
    }
}

/// Where the path of a source may begin: `scripts/guests` gives each place one of these names, and
/// leaves what cargo itself names from the workspace.
const PLACES: [&str; 5] = [
    "/rust/library/",
    "/crates/",
    "/guests/",
    "examples/",
    "tests/guests/",
];

#[track_caller]
fn check(path: &str) {
    let bytes = fs::read(repository().join(path)).unwrap();
    let text: String = bytes
        .iter()
        .map(|byte| if byte.is_ascii() { *byte as char } else { '\0' })
        .collect();
    for home in [
        repository().to_str().unwrap(),
        "/home/",
        "/usr/",
        "/.cargo/",
        "/.rustup/",
    ] {
        assert!(!text.contains(home), "{path} holds {home}");
    }
    let mut sources = 0;
    for (end, _) in text.match_indices(".rs") {
        let in_path = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
        let start = text[..end].rfind(|c| !in_path(c)).map_or(0, |at| at + 1);
        let source = &text[start..end];
        // What comes before may be another text, since nothing parts them, but no folder.
        let begins = |place: &&str| {
            source
                .find(place)
                .is_some_and(|at| !source[..at].contains('/'))
        };
        assert!(PLACES.iter().any(begins), "{path} holds {source}.rs");
        sources += 1;
    }
    assert!(
        sources > 0,
        "{path} names no source, so this test sees nothing"
    );
}

#[test]
fn no_guest_holds_a_path_of_the_machine_that_built_it() {
    for (path, _) in locked() {
        check(&path);
    }
}

/// Another compiler makes other bytes, and which one a distribution has today is no fault of ours:
/// then the hashes above must do. A part that is not there is a fault.
#[test]
fn the_guests_are_what_their_sources_make() {
    let script: &Path = &repository().join("scripts/guests");
    let output = Command::new(script).arg("--check").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => assert!(told.contains("every guest is the same"), "{told}"),
        Some(3) if told.contains("this toolchain (<) is not the one") => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), &output.stderr);
        }
        Some(3) => panic!("MISSING PART: {told}"),
        code => panic!("{code:?}: {told}"),
    }
}
