//! `brig inspect`: what a file is and what the server in it offers.

use crate::harness::{Scratch, brig, cached, repository};
use serde_json::{Value, json};
use std::path::Path;

fn inspect(artifact: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = cached(brig());
    let output = command
        .arg("inspect")
        .arg(artifact)
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn names(list: &Value) -> Vec<&str> {
    let names = list.as_array().unwrap().iter();
    names.map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[test]
fn a_component_tells_what_it_is_and_offers_in_both_eras() {
    let artifact = repository().join("examples/notes/notes.wasm");
    let (code, out, errors) = inspect(&artifact, &["--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let bytes = std::fs::metadata(&artifact).unwrap().len();
    assert_eq!(found["bytes"], json!(bytes));
    assert_eq!(found["form"], json!("component"));
    assert_eq!(found["refusal"], Value::Null);
    assert!(
        found["exports"][0]
            .as_str()
            .unwrap()
            .starts_with("wasi:cli/run@0.2")
    );
    for era in ["legacy", "modern"] {
        let offer = &found["server"][era];
        assert_eq!(offer["info"]["name"], json!("notes"), "{era}");
        assert!(names(&offer["tools"]).contains(&"read_note"), "{era}");
    }
    assert_eq!(found["server"]["modern"]["versions"], json!(["2026-07-28"]));

    let (code, out, _) = inspect(&artifact, &[]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("tool       read_note  Reads one note"),
        "{out}"
    );
    let (code, out, _) = inspect(&artifact, &["--no-run", "--json"]);
    assert_eq!(code, Some(0));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["server"], Value::Null);
}

#[test]
fn the_inspected_server_has_no_right() {
    let scratch = Scratch::new();
    let secret = scratch.write("secret", "s3cret");
    // It reads a file by its absolute path as soon as it starts, and says so by its end.
    let wat = format!(
        r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "{}")
  (func (export "_start")
    (call $exit (i32.add (i32.const 40) (call $open (i32.const 3) (i32.const 0) (i32.const 64)
      (i32.const {}) (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8))))))"#,
        secret.display(),
        secret.display().to_string().len(),
    );
    let artifact = scratch.write("reader.wasm", wat::parse_str(wat).unwrap());
    let (code, out, errors) = inspect(&artifact, &[]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        out.contains("core module") && out.contains("nothing without a grant"),
        "{out}"
    );
    // 63 is EPERM in WASI preview 1: its one folder is /tmp, and no path leads out of it.
    assert!(out.contains("status 103"), "{out}{errors}");
}

#[test]
fn what_cannot_run_is_told_with_the_reason() {
    let scratch = Scratch::new();
    let check = |name: &str, bytes: &[u8], words: &str| {
        let artifact = scratch.write(name, bytes);
        let (code, out, errors) = inspect(&artifact, &[]);
        assert_eq!(code, Some(5), "{out}{errors}");
        assert!((out + &errors).contains(words), "{name}");
    };
    check("script", b"#!/bin/sh\n", "a script, not WebAssembly");
    check("empty.wasm", b"", "it is empty");
    let module = wat::parse_str(r#"(module (import "env" "f" (func)))"#).unwrap();
    check("module.wasm", &module, "imports `env`");
    let component = wat::parse_str("(component)").unwrap();
    check("component.wasm", &component, "exports nothing to start");
    check("cut.wasm", &component[..7], "version");
}

#[test]
fn a_new_manifest_has_no_faults_and_is_never_written_over() {
    let scratch = Scratch::new();
    let notes = repository().join("examples/notes/notes.wasm");
    std::fs::copy(notes, scratch.join("My Notes.wasm")).unwrap();
    scratch.write("srv/server.js", "");
    let check = |arguments: &[&str], lines: &[&str]| {
        let out = scratch.join("brig.toml");
        let mut command = cached(brig());
        command
            .current_dir(scratch.path())
            .arg("new")
            .args(arguments);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(said.contains("brig plan"), "{said}");
        let text = std::fs::read_to_string(&out).unwrap();
        for line in lines {
            let line = line.replace("<scratch>", scratch.path().to_str().unwrap());
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        let mut command = cached(brig());
        let checked = command.arg("check").arg(&out).output().unwrap();
        assert_eq!(checked.status.code(), Some(0), "{checked:?}\n{text}");
        // Once more: it is kept as it is.
        let mut command = cached(brig());
        command
            .current_dir(scratch.path())
            .arg("new")
            .args(arguments);
        let again = command.output().unwrap();
        assert_eq!(again.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&again.stderr).contains("kept as it is"));
        assert_eq!(std::fs::read_to_string(&out).unwrap(), text);
        std::fs::remove_file(out).unwrap();
    };
    let component = "component = \"{config}/My Notes.wasm\"";
    check(&["My Notes.wasm"], &["name = \"my-notes\"", component]);
    let command = "command = [\"node\", \"<scratch>/srv/server.js\", \"--stdio\"]";
    let host = "host = \"<scratch>/srv\"";
    check(
        &["--", "node", "srv/server.js", "--stdio"],
        &["name = \"server\"", command, host, "access = \"read\""],
    );
    let mut command = cached(brig());
    command.current_dir(scratch.path());
    let printed = command
        .args(["new", "--out", "-", "My Notes.wasm"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&printed.stdout).contains(component));
    assert!(!scratch.join("brig.toml").exists());
}
