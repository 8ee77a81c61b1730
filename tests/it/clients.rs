//! The official SDKs as clients: a server under brig gives them the transcript that it gives bare.

use crate::harness::{ASKS_ANYTHING, Scratch, native, part, repository, state, tool, unasked};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// One SDK's client: the program that runs it, and its script below `tests/peers`.
pub(crate) struct Sdk {
    program: PathBuf,
    script: &'static str,
}

impl Sdk {
    pub(crate) fn python(environment: &str) -> Self {
        let program = part(environment).join("bin/python");
        Self {
            program,
            script: "python_client.py",
        }
    }

    pub(crate) fn node(script: &'static str) -> Self {
        part("node/node_modules");
        Self {
            program: tool("node"),
            script,
        }
    }

    /// What the client saw of one whole session with a server.
    pub(crate) fn transcript(&self, era: &str, server: &[OsString]) -> Value {
        let words: Vec<_> = server.iter().map(|word| word.to_str().unwrap()).collect();
        let notes = repository().join("examples/notes");
        let output = Command::new(&self.program)
            .arg(repository().join("tests/peers").join(self.script))
            .args([json!(words).to_string().as_str(), era])
            // For the bare twin of the notes; a cell has neither variable.
            .env("NOTES_DIR", notes.join("sample"))
            .env("NOTES_DRAFTS", notes.join("drafts"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {era} {words:?}: {errors}",
            self.script
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Where the committed guests are, and each one's manifest.
const GUESTS: [(&str, &str); 4] = [
    ("notes", "examples/notes"),
    ("units", "examples/units"),
    ("echo", "tests/guests/echo"),
    ("hostile", "tests/guests/hostile"),
];

fn under_brig(scratch: &Scratch, guest: &str, folder: &str) -> [OsString; 6] {
    let own = repository().join(folder).join("brig.toml");
    run(if own.exists() {
        own
    } else {
        scratch.manifest(guest, ASKS_ANYTHING)
    })
}

/// The words that run a manifest. An SDK passes few of its own variables on to a server.
pub(crate) fn run(manifest: PathBuf) -> [OsString; 6] {
    let mut settings = OsString::from("XDG_CONFIG_HOME=");
    settings.push(unasked());
    let mut kept = OsString::from("XDG_STATE_HOME=");
    kept.push(state());
    [
        tool("env").into(),
        settings,
        kept,
        env!("CARGO_BIN_EXE_brig").into(),
        "run".into(),
        manifest.into(),
    ]
}

/// Every guest, under brig and bare, at the same time: most of a session is waiting.
#[track_caller]
fn check(sdk: &Sdk, era: &str) {
    let scratch = &Scratch::new();
    thread::scope(|scope| {
        let pair = |(guest, folder): (&'static str, &'static str)| {
            let walled =
                scope.spawn(move || sdk.transcript(era, &under_brig(scratch, guest, folder)));
            let bare = scope.spawn(move || sdk.transcript(era, &[native(guest).into()]));
            (guest, walled, bare)
        };
        for (guest, walled, bare) in GUESTS.map(pair) {
            let (walled, bare) = (walled.join().unwrap(), bare.join().unwrap());
            whole(&bare);
            let bare = without_native_tools(bare);
            assert_eq!(walled, bare, "{guest} under {} {era}", sdk.script);
        }
    });
}

/// The hostile guest's bare twin has tools that no WebAssembly can have.
fn without_native_tools(mut transcript: Value) -> Value {
    const NATIVE: [&str; 4] = ["syscalls", "sweep", "old_door", "threads"];
    for step in transcript["steps"].as_array_mut().unwrap() {
        if let Some(tools) = step
            .pointer_mut("/result/tools")
            .and_then(Value::as_array_mut)
        {
            tools.retain(|tool| !NATIVE.contains(&tool["name"].as_str().unwrap()));
        }
    }
    transcript
}

/// A transcript that is cut short, or made of errors, would be equal too.
#[track_caller]
pub(crate) fn whole(transcript: &Value) {
    let steps = transcript["steps"].as_array().unwrap();
    let first = steps.first().unwrap()["step"].as_str().unwrap();
    assert!(
        ["initialize", "connect", "greeting"].contains(&first),
        "{transcript}"
    );
    let of = |name: &str| {
        let found = steps
            .iter()
            .filter(|step| step["step"].as_str().unwrap().starts_with(name));
        found.collect::<Vec<_>>()
    };
    for name in ["tools/list", "tools/call", "unknown", "after"] {
        assert!(!of(name).is_empty(), "{transcript} lacks {name}");
    }
    for step in of("tools/").into_iter().chain(of("after")) {
        assert!(step.get("error").is_none(), "{step}");
    }
    assert_eq!(
        transcript["ends"].as_array().unwrap().len(),
        1,
        "{transcript}"
    );
}

#[test]
fn python_sdk_1() {
    check(&Sdk::python("python-1"), "legacy");
}

#[test]
fn python_sdk_2_legacy() {
    check(&Sdk::python("python-2"), "legacy");
}

#[test]
fn python_sdk_2_modern() {
    check(&Sdk::python("python-2"), "modern");
}

#[test]
fn typescript_sdk_1() {
    check(&Sdk::node("ts_client_v1.mjs"), "legacy");
}

#[test]
fn typescript_sdk_2_legacy() {
    check(&Sdk::node("ts_client_v2.mjs"), "legacy");
}

#[test]
fn typescript_sdk_2_modern() {
    check(&Sdk::node("ts_client_v2.mjs"), "modern");
}

/// The other bare form: the same bytes of WebAssembly in a plain wasmtime.
#[test]
fn a_guest_in_a_plain_wasmtime_gives_the_same() {
    let (sdk, scratch) = (Sdk::node("ts_client_v2.mjs"), Scratch::new());
    for (guest, folder) in GUESTS {
        let (wasm, code) = (repository().join(folder).join(guest), scratch.join(guest));
        let wasm = wasm.with_extension("wasm");
        let mut compile = Command::new(native("bare-embedding"));
        assert!(
            compile
                .arg("compile")
                .args([&wasm, &code])
                .status()
                .unwrap()
                .success()
        );
        let plain = [
            native("bare-embedding").into(),
            code.into(),
            "--dir".into(),
            sample(),
        ];
        let plain = sdk.transcript("modern", &plain);
        let walled = sdk.transcript("modern", &under_brig(&scratch, guest, folder));
        whole(&plain);
        assert_eq!(walled, plain, "{guest}");
    }
}

fn sample() -> OsString {
    let sample: &Path = &repository().join("examples/notes/sample");
    let mut grant = sample.as_os_str().to_owned();
    grant.push("::/notes");
    grant
}
