//! The official conformance suite finds of a server under brig what it finds of that server bare.
//! `scripts/conformance` is how: it runs both, compares, and shows what it found.

use crate::harness::{Scratch, part, repository};
use std::process::{Command, Stdio};

/// The script's exit code, and all that it said.
fn suite(words: &[&str]) -> (Option<i32>, String) {
    let (modules, scratch) = (part("conformance/node_modules"), Scratch::new());
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(repository().join("scripts/conformance"))
        .args(["--brig", env!("CARGO_BIN_EXE_brig"), "--parts"])
        .arg(modules.ancestors().nth(2).unwrap())
        .args(words)
        // What a run that differs leaves to be read.
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_suite_finds_under_brig_what_it_finds_bare() {
    let (status, said) = suite(&[]);
    assert_eq!(status, Some(0), "{said}");
    for run in ["0.1 legacy", "0.2 legacy", "0.2 modern"] {
        assert!(said.contains(run), "{run}: {said}");
    }
}

/// The comparison sees a difference where there is one.
#[test]
fn the_suite_finds_a_right_that_is_left_out() {
    let scenario = ["--only", "0.1 legacy", "--scenario", "tools-call-sampling"];
    let (status, said) = suite(&[&scenario[..], &["--without", "sampling"]].concat());
    assert_eq!(status, Some(1), "{said}");
    let found: Vec<_> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DIFFERENT "))
        .collect();
    let wanted = [
        "tools-call-sampling FAILURE: 0 bare, 1 under brig",
        "tools-call-sampling SUCCESS: 1 bare, 0 under brig",
    ];
    assert_eq!(found, wanted, "{said}");
}
