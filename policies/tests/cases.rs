//! Manifests as data: each file under `testdata` is checked against what is expected of it.
//!
//! `accept/<case>.toml` resolves to the rights in `accept/<case>.expected`; `refuse/<case>.toml`
//! has the faults in `refuse/<case>.expected`, each with the text that it marks. `UPDATE=1`
//! rewrites what is expected.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use brig_policies::{
    EnvValue, FaultCode, Faults, FileGrant, GuestPath, Places, Policy, Source, ToolPattern, check,
    read, resolve,
};

/// The fewest cases that the grammar's core is held by.
const CASES_MIN: usize = 60;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: vec![
            "/home/me/.local/state/brig".into(),
            "/home/me/.cache/brig".into(),
            "/home/me/.config/brig".into(),
        ],
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    cases.sort();
    cases
}

/// Compares with the `.expected` file, or writes it.
#[track_caller]
fn check_expected(case: &Path, got: &str) {
    let expected = case.with_extension("expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(expected, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(
        got,
        want,
        "{} (UPDATE=1 rewrites what is expected)",
        case.display()
    );
}

fn rights(policy: &Policy) -> String {
    let mut out = String::new();
    writeln!(out, "name {}", policy.name()).unwrap();
    match policy.source() {
        Source::Component(path) => writeln!(out, "component {path}").unwrap(),
        Source::Command { program, args } => {
            writeln!(out, "command {program:?} {args:?}").unwrap();
        }
        Source::Package(package) => writeln!(out, "{package:?}").unwrap(),
    }
    for arg in policy.args() {
        writeln!(out, "arg {arg:?}").unwrap();
    }
    for grant in policy.files() {
        let (access, exec, links) = (grant.access(), grant.exec(), grant.links());
        let (at, host, missing) = (grant.at(), grant.host(), grant.missing());
        writeln!(
            out,
            "files {at} <- {host}: {access:?}, exec {exec:?}, links {links:?}, missing {missing:?}"
        )
        .unwrap();
        for named in grant.named() {
            let (host, below, missing) = (named.host(), named.below(), named.missing());
            writeln!(out, "  named {below} <- {host}, missing {missing:?}").unwrap();
        }
    }
    write_later_rights(policy, &mut out);
    for (name, value) in policy.env() {
        match value {
            EnvValue::Literal(text) => writeln!(out, "env {name} = {text:?}").unwrap(),
            EnvValue::Host(host) => writeln!(out, "env {name} from {host}").unwrap(),
        }
    }
    writeln!(out, "{:#?}", policy.limits()).unwrap();
    for told in policy.not_enforceable() {
        writeln!(out, "not enforceable: {} at {:?}", told.key, told.span).unwrap();
    }
    out
}

/// The rights that no plan can hold yet.
fn write_later_rights(policy: &Policy, out: &mut String) {
    for grant in policy.network() {
        let (host, ports, protocol) = (grant.host(), grant.ports(), grant.protocol().as_str());
        let addresses: Vec<String> = grant.addresses().iter().map(ToString::to_string).collect();
        let ech = grant.ech().as_str();
        writeln!(
            out,
            "network {host} {ports:?} {protocol}, {addresses:?}, ech {ech}"
        )
        .unwrap();
    }
    for grant in policy.state() {
        writeln!(out, "state {}: {} bytes", grant.at(), grant.size_bytes()).unwrap();
    }
    for (name, secret) in policy.secrets() {
        let form = secret.form().as_str();
        writeln!(out, "env {name} from secret {} as {form}", secret.secret()).unwrap();
    }
    if let Some(tools) = policy.tools() {
        match tools.allow() {
            Some(allow) => {
                let names: Vec<&str> = allow.iter().map(ToolPattern::as_str).collect();
                writeln!(out, "tools {names:?}").unwrap();
            }
            None => writeln!(out, "tools: all").unwrap(),
        }
        for rule in tools.rules() {
            let (tool, argument) = (rule.tool(), rule.argument());
            writeln!(out, "rule {tool} {argument} {:?}", rule.condition()).unwrap();
        }
        for limit in tools.limits() {
            let (calls, at_once) = (limit.calls_per_minute(), limit.concurrency());
            let (tool, result) = (limit.tool(), limit.result_bytes());
            writeln!(out, "limit {tool} {calls:?} {at_once:?} {result:?}").unwrap();
        }
    }
    for (what, allowed) in [
        ("resources", policy.resources()),
        ("prompts", policy.prompts()),
    ] {
        let Some(allowed) = allowed else { continue };
        writeln!(out, "{what} {:?}", allowed.allow()).unwrap();
    }
    for right in policy.client().keys() {
        writeln!(out, "client {}", right.as_str()).unwrap();
    }
    for group in policy.syscalls().keys() {
        writeln!(out, "syscalls {}", group.as_str()).unwrap();
    }
}

fn marked(text: &str, faults: &Faults) -> String {
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
fn accepted_manifests_give_the_expected_rights() {
    for case in cases("accept") {
        let text = fs::read_to_string(&case).unwrap();
        let policy = match check(&text, &places()) {
            Ok(policy) => policy,
            Err(faults) => panic!("{}:\n{faults}", case.display()),
        };
        check_expected(&case, &rights(&policy));
        let two_steps = resolve(&read(&text).unwrap(), &places()).unwrap();
        assert_eq!(policy, two_steps, "{}", case.display());
    }
}

#[test]
fn refused_manifests_have_the_expected_faults() {
    for case in cases("refuse") {
        let text = fs::read_to_string(&case).unwrap();
        let Err(faults) = check(&text, &places()) else {
            panic!("{} was accepted", case.display());
        };
        check_expected(&case, &marked(&text, &faults));
    }
}

#[test]
fn every_kind_of_fault_has_a_case() {
    let mut missing: Vec<&FaultCode> = FaultCode::ALL.iter().collect();
    let mut count = cases("accept").len();
    for case in cases("refuse") {
        count += 1;
        let text = fs::read_to_string(&case).unwrap();
        let faults = check(&text, &places()).unwrap_err();
        missing.retain(|code| faults.iter().all(|fault| fault.code != **code));
    }
    // It needs settings: `tests/settings.rs`.
    missing.retain(|code| **code != FaultCode::BeyondCeiling);
    // It is about locks: `tests/lock.rs`.
    missing.retain(|code| **code != FaultCode::InvalidRecord);
    // It depends on the places and not on the text: `a_placeholder_for_nothing_is_a_fault`.
    missing.retain(|code| **code != FaultCode::EmptyPlaceholder);
    assert!(missing.is_empty(), "no case has {missing:?}");
    assert!(count >= CASES_MIN, "only {count} cases");
}

#[test]
fn a_placeholder_for_nothing_is_a_fault() {
    let text = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"~/x.wasm\"\n\
        [[files]]\nhost = \"{project}/x\"\nat = \"/x\"\n";
    let nowhere = Places {
        home: None,
        project: None,
        ..places()
    };
    let faults = check(text, &nowhere).unwrap_err();
    let codes: Vec<FaultCode> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        [FaultCode::EmptyPlaceholder, FaultCode::EmptyPlaceholder]
    );
}

#[test]
fn limits_of_the_text() {
    let long = "#".repeat((256 << 10) + 1);
    let faults = read(&long).unwrap_err();
    assert_eq!(faults.to_string().split(": ").nth(1), Some("too-long"));

    let wide = "x".repeat(121 * 1024);
    let text = format!(
        "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\nargs = [\"{wide}\"]\n\
         [env]\nA = \"{wide}\"\n"
    );
    let faults = read(&text).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [5, 7]);
}

#[test]
fn faults_are_shown_and_serialised() {
    let text = "brig = 1\n[server]\nname = \"ü\"\ncomponent = \"x.wasm\"\n";
    let faults = read(text).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "3:8: invalid-name: `ü` is not a server name: it has 'ü'; help: use 1 to 64 of a-z, 0-9, \
         `-`, `_` and `.`, starting with a letter or a digit"
    );
    let json = serde_json::to_value(&faults).unwrap();
    assert_eq!(json[0]["code"], "invalid-name");
    assert_eq!(
        json[0]["span"],
        serde_json::json!({ "start": 25, "end": 29 })
    );
    assert_eq!(json[0]["line"], 3);
    assert_eq!(json[0]["column"], 8);
}

#[test]
fn equal_rights_are_equal_wherever_they_stand() {
    let head = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n";
    let first = "[[files]]\nhost = \"~/a\"\nat = \"/a\"\n";
    let second = "[[files]]\nhost = \"~/b\"\nat = \"/b\"\n";
    let one = check(&format!("{head}{first}{second}"), &places()).unwrap();
    let other = check(&format!("{head}# moved\n{second}{first}"), &places()).unwrap();
    assert_eq!(one, other);
    let order: Vec<&GuestPath> = one.files().iter().map(FileGrant::at).collect();
    assert_eq!(order, [&"/a".parse().unwrap(), &"/b".parse().unwrap()]);
}

#[test]
fn a_manifest_of_200_grants_is_checked_at_once() {
    let mut text = String::from("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n");
    for count in 0..200 {
        write!(
            text,
            "\n# What the server reads, {count}.\n[[files]]\nhost = \"{{project}}/part-{count}\"\n\
             at = \"/data/part-{count}\"\naccess = \"write\"\noptional = true\n"
        )
        .unwrap();
    }
    let faulty = text.replace("access = \"write\"", "acces = \"rw\"");
    let took = |text: &str| {
        (0..10)
            .map(|_| {
                let start = std::time::Instant::now();
                let outcome = check(text, &places());
                let took = start.elapsed();
                (
                    took,
                    outcome.map_or_else(|faults| faults.iter().count(), |p| p.files().len()),
                )
            })
            .min()
            .unwrap()
    };
    // Without optimisation the reader is about ten times slower; the promise is for a release.
    let most = std::time::Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 10 });
    for text in [&text, &faulty] {
        let (took, entries) = took(text);
        assert_eq!(entries, 200);
        assert!(took < most, "{took:?}");
    }
}
