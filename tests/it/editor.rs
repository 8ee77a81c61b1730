//! A manifest in an editor: what Taplo, which editors have for TOML, makes of the installed schema.

use crate::harness::{Scratch, brig, part, repository, tool};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Installs the schema, and gives the line that names it in a manifest.
fn installed(scratch: &Scratch) -> String {
    let mut command = brig();
    command.env("XDG_DATA_HOME", scratch.join("data"));
    let output = command.args(["schema", "--install"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let line = told.lines().find(|line| line.starts_with("#:schema "));
    line.unwrap().to_owned()
}

fn lint(scratch: &Scratch, schema: &str, manifests: &[PathBuf]) -> Output {
    let path = schema.trim_start_matches("#:schema ");
    let mut command = Command::new(tool("node"));
    command.arg(part("node/node_modules/@taplo/cli/dist/cli.js"));
    command.args(["lint", "--schema", &format!("file://{path}")]);
    command.current_dir(scratch.path()).args(manifests);
    command.output().unwrap()
}

fn manifests(folder: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(repository().join(folder)).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        // Taplo reads no byte order mark, whatever the schema says.
        .filter(|path| !path.ends_with("byte-order-mark.toml"))
        .collect()
}

#[test]
fn manifests_without_fault_have_none_in_an_editor() {
    let scratch = Scratch::new();
    let mut good = manifests("policies/testdata/accept");
    good.extend(manifests("policies/testdata/servers"));
    good.extend(["notes", "units"].map(|it| repository().join(format!("examples/{it}/brig.toml"))));
    assert!(good.len() > 60, "{good:?}");
    let output = lint(&scratch, &installed(&scratch), &good);
    assert!(output.status.success(), "{output:?}");
}

/// Each file has one mistake; the last line of it is marked.
#[test]
fn mistakes_are_marked_in_an_editor() {
    let scratch = Scratch::new();
    let schema = installed(&scratch);
    let head = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n";
    let bad: Vec<PathBuf> = [
        "[limits]\nmemory = \"256MB\"",
        "[[files]]\nhost = \"notes\"",
        "[[files]]\nhost = \"~/notes\"\naccess = \"rw\"",
        "[[network]]\nhost = \"example.com\"\nports = [0]",
        "[env]\nLD_PRELOAD = \"x.so\"",
        "[tools]\nallow = [\"a\", \"a\"]",
        "[client]\nsampling = \"yes\"",
    ]
    .iter()
    .enumerate()
    .map(|(count, lines)| scratch.write(format!("{count}.toml"), format!("{head}{lines}\n")))
    .collect();
    let output = lint(&scratch, &schema, &bad);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{told}");
    for path in &bad {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        let place = format!("{}:{lines}:", path.display());
        assert!(told.contains(&place), "{place} is not marked:\n{told}");
    }
}

/// What an editor's user sees at a place of a manifest, both counted from 0.
#[track_caller]
fn seen(manifest: &Path, line: usize, column: usize) -> Value {
    let mut command = Command::new(tool("node"));
    command.arg(repository().join("tests/peers/toml_editor.mjs"));
    command
        .arg(manifest)
        .args([line, column].map(|n| n.to_string()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_editor_completes_and_explains_keys() {
    let scratch = Scratch::new();
    let schema = installed(&scratch);
    let text = format!(
        "{schema}\nbrig = 1\n[server]\nname = \"My Notes\"\ncomponent = \"x.wasm\"\n\n\
         [[files]]\nhost = \"~/x\"\n\n[limits]\nmemory = \"64MiB\"\n"
    );
    let manifest = scratch.write("x.toml", text);
    let entry = seen(&manifest, 8, 0);
    let rest = json!(["access", "at", "exec", "links", "optional"]);
    assert_eq!(entry["completes"], rest, "`host` is there already");
    assert_eq!(entry["marked"][0]["line"], 3);
    let memory = seen(&manifest, 10, 2);
    assert_eq!(memory["about"], "All memory of the server.");
}
