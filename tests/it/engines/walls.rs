//! `brig verify` under every engine, and a second reader that is not ours: util-linux.

use super::under::{STUBBORN, Under};
use crate::harness::tool;
use brig_sandbox::engine::Engine;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[track_caller]
fn check(engine: Engine, walls_min: usize) {
    let under = Under::new(engine);
    let shared = under.scratch.join("shared");
    fs::create_dir(&shared).unwrap();
    let grant = format!(
        "[[files]]\nhost = \"{}\"\nat = \"/shared\"\n",
        shared.display()
    );
    let mut verify = under.brig("verify");
    verify.arg("--json").arg(under.manifest(STUBBORN, &grant));
    let done = verify.output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{engine}: {told}{}",
        String::from_utf8_lossy(&done.stdout)
    );
    let verdict: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(verdict["stands"], json!(true));
    let walls = verdict["verdict"]["walls"].as_array().unwrap();
    assert!(walls.len() >= walls_min, "{engine}: {} walls", walls.len());
}

macro_rules! verified {
    ($($name:ident $engine:ident $least:literal,)*) => {$(
        #[test]
        fn $name() {
            check(Engine::$engine, $least);
        }
    )*};
}

verified! {
    every_wall_stands_under_crun Crun 60,
    every_wall_stands_under_runc Runc 60,
    every_wall_stands_under_runsc Runsc 9,
    every_wall_stands_under_docker Docker 55,
    every_wall_stands_under_podman Podman 55,
}

/// What a program of this host's prints of a process.
fn prints(program: &str, words: &[&str]) -> String {
    let done = Command::new(tool(program)).args(words).output().unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The server's process: the one whose words have the mark, and which is Python and not init.
fn server(mark: &str) -> u32 {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut servers = ids.filter(|id| {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        read("cmdline").contains(mark) && read("comm").starts_with("python")
    });
    servers.next().unwrap_or_else(|| panic!("no server {mark}"))
}

/// What lsns(8) and findmnt(8) read, from outside and without a word of brig's.
#[test]
fn another_reader_agrees() {
    for engine in [
        Engine::Native,
        Engine::Crun,
        Engine::Runc,
        Engine::Docker,
        Engine::Podman,
    ] {
        let under = Under::new(engine);
        let mark = format!("reader-{engine}-{}", std::process::id());
        let client = under.client(&format!("{STUBBORN}# {mark}"), "");
        let process = server(&mark).to_string();
        let own = std::process::id().to_string();
        let kinds = |id: &str| {
            let text = prints(
                "lsns",
                &["--noheadings", "--output", "NS,TYPE", "--task", id],
            );
            let pair = |line: &str| {
                let mut words = line.split_whitespace().map(str::to_owned);
                Some((words.next()?, words.next()?))
            };
            text.lines().filter_map(pair).collect::<Vec<_>>()
        };
        let (theirs, ours) = (kinds(&process), kinds(&own));
        for kind in ["mnt", "pid", "net", "ipc", "uts"] {
            let of = |all: &[(String, String)]| {
                all.iter()
                    .find(|(_, one)| one == kind)
                    .map(|(id, _)| id.clone())
            };
            assert!(
                of(&theirs).is_some() && of(&theirs) != of(&ours),
                "{engine} {kind}: {theirs:?}"
            );
        }
        let root = prints(
            "findmnt",
            &[
                "--task",
                &process,
                "--noheadings",
                "--output",
                "OPTIONS",
                "--mountpoint",
                "/",
            ],
        );
        assert!(
            root.split([',', '\n']).any(|option| option == "ro"),
            "{engine}: {root}"
        );
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{engine}: {errors}");
    }
}

/// Nothing of a value that brig hands to init stands where an engine shows it.
#[test]
fn a_daemon_sees_no_value_and_no_byte() {
    for engine in [Engine::Docker, Engine::Podman] {
        let under = Under::new(engine);
        let secret = "v4lue-of-a-variable";
        let program = format!("import os; os.environ['TOLD']\n{STUBBORN}");
        let client = under.client(&program, &format!("[env]\nTOLD = \"{secret}\"\n"));
        let daemon = under.daemon().unwrap();
        for one in daemon.containers() {
            let id = one["Id"].as_str().unwrap();
            let seen = daemon.ask(&format!("/containers/{id}/json")).unwrap();
            assert!(!seen.contains(secret), "{engine}: {seen}");
        }
        let log = fs::read_to_string(daemon.folder().join("log")).unwrap_or_default();
        assert!(!log.contains(secret), "{engine}: its log");
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{engine}: {errors}");
    }
}

/// Writes a program into a grant that lies in a folder of the image, and becomes it. What it tells
/// is a message, which reaches the client either way.
const RUNS_WHAT_IT_WROTE: &str = "import os,errno,json,sys
told = json.dumps({'jsonrpc': '2.0', 'method': 'ran'})
with open('/usr/n/x', 'w') as out: out.write('#!/usr/bin/python3\\nprint(%r)\\n' % told)
os.chmod('/usr/n/x', 0o755)
try: os.execv('/usr/n/x', ['x'])
except OSError as error: name = errno.errorcode[error.errno]
print(json.dumps({'jsonrpc': '2.0', 'method': 'refused-' + name}), flush=True)
sys.stdin.read()
";

/// An image's own folders can have programs; what is granted in one of them cannot, unless it says
/// so.
#[test]
fn what_is_written_into_a_grant_does_not_run() {
    for engine in Engine::ALL {
        let under = Under::new(engine);
        let shared = under.scratch.join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        for (exec, wanted) in [(true, "ran"), (false, "refused-EACCES")] {
            let grant = format!(
                "[[files]]\nhost = \"{}\"\nat = \"/usr/n\"\naccess = \"write\"\nexec = {exec}\n",
                shared.display()
            );
            let mut command = under.brig("run");
            command.arg(under.manifest(RUNS_WHAT_IT_WROTE, &grant));
            let mut client = crate::harness::Client::start(command);
            client
                .send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }));
            let said = client.receive().to_string();
            assert!(said.contains(wanted), "{engine}, exec {exec}: {said}");
            fs::remove_file(shared.join("x")).unwrap();
        }
    }
}
