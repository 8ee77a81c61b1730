//! A search for the values of secrets, while a server has them and afterwards, in all that others
//! could read: files, logs, command lines, variables, what an engine tells, and core dumps.

use super::{BOTH, Home, KEY, TELLS, arrived};
use crate::engines::daemons::Daemon;
use crate::engines::under::Under;
use crate::harness::{Client, family, is_alive, patience};
use brig_sandbox::engine::Engine;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A line of the key, which nothing else on this host has.
const LINE: &str = "MIIEvQIBADANBgkqhkiG9w";

/// A token that nothing else on this host has.
fn token(what: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("tok-{what}-{:x}", now.as_nanos())
}

fn has(bytes: &[u8], needles: &[&str]) -> bool {
    needles.iter().any(|needle| {
        let needle = needle.as_bytes();
        bytes.windows(needle.len()).any(|part| part == needle)
    })
}

/// Files below a folder that have one of these, on the same file system and others alike.
pub(super) fn in_files(folder: &Path, needles: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else {
            continue;
        };
        if kind.is_dir() {
            in_files(&path, needles, found);
        } else if kind.is_file() && !kind.is_fifo() {
            let mut bytes = Vec::new();
            // What was there may be gone.
            let read = File::open(&path).map(|file| file.take(64 << 20).read_to_end(&mut bytes));
            if read.is_ok() && has(&bytes, needles) {
                found.push(path);
            }
        }
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.collect()
}

/// Processes whose file of this name has one of these.
fn in_processes(file: &str, needles: &[&str]) -> BTreeSet<u32> {
    let all = processes().into_iter();
    all.filter(|id| {
        let bytes = fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        has(&bytes, needles)
    })
    .collect()
}

/// Whether a process's memory has one of these. Only what it can write: the rest are files.
fn in_memory(process: u32, needles: &[&str]) -> bool {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    let Ok(mut memory) = File::open(format!("/proc/{process}/mem")) else {
        return false;
    };
    for line in maps.lines() {
        let Some((range, rest)) = line.split_once(' ') else {
            continue;
        };
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        let read = memory
            .seek(SeekFrom::Start(start))
            .and_then(|_| memory.read_exact(&mut bytes));
        if read.is_ok() && has(&bytes, needles) {
            return true;
        }
    }
    false
}

fn by_comm(all: &[u32], name: &str) -> Option<u32> {
    let comm = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    all.iter().copied().find(|id| comm(id).trim() == name)
}

/// Everything that others could read, while the server runs.
#[track_caller]
fn nowhere_else(what: &str, needles: &[&str], folders: &[&Path], servers: &BTreeSet<u32>) {
    assert_eq!(
        in_processes("cmdline", needles),
        BTreeSet::new(),
        "{what}: a command line"
    );
    let known = in_processes("environ", needles);
    assert!(
        known.is_subset(servers),
        "{what}: variables of {known:?}, not of {servers:?}"
    );
    let mut found = Vec::new();
    for folder in folders {
        in_files(folder, needles, &mut found);
    }
    assert_eq!(found, Vec::<PathBuf>::new(), "{what}");
}

/// What the engine's own client tells of its containers.
#[track_caller]
fn the_engine_tells_nothing(daemon: &Daemon, needles: &[&str]) {
    let mut list = daemon.client();
    let listed = list.args(["ps", "--quiet"]).output().unwrap().stdout;
    for id in String::from_utf8(listed).unwrap().split_whitespace() {
        let told = daemon.client().args(["inspect", id]).output().unwrap();
        assert!(!has(&told.stdout, needles), "inspecting tells");
        let logs = daemon.client().args(["logs", id]).output().unwrap();
        assert!(
            !has(&[logs.stdout, logs.stderr].concat(), needles),
            "a log tells"
        );
    }
}

#[track_caller]
fn those_between_forget(all: &[u32], under: &Under, needles: &[&str]) {
    let (engine, warden) = (under.engine, all.first().copied().unwrap());
    assert!(!in_memory(warden, needles), "{engine}: the warden's memory");
    match by_comm(all, "init") {
        Some(init) => assert!(!in_memory(init, needles), "{engine}: init's memory"),
        None => assert!(
            under.daemon().is_some() || engine == Engine::Runsc,
            "{engine}: no init"
        ),
    }
}

fn under(engine: Engine) {
    let under = Under::new(engine);
    let home = Home::new("");
    let token = token(engine.name());
    home.set("token", token.as_bytes());
    home.set("key", KEY);
    let needles = [token.as_str(), LINE];
    let mut command = home.at_home(under.brig("run"));
    // The store of images is the tests' own, and the secrets are named by the settings.
    home.scratch.write(
        "config/brig/config.toml",
        format!(
            "{}[[secrets]]\nfile = \"{}\"\n",
            crate::harness::UNASKED,
            home.scratch.join("data/brig/secrets.age").display()
        ),
    );
    command.arg(under.manifest(TELLS, BOTH));
    let mut client = Client::start(command);
    let told = client.initialize()["result"].clone();
    arrived(&told, &token);
    let all = family(client.process.id());
    let servers = in_processes("environ", &[token.as_str()]);
    // What runs in gVisor is nobody's process.
    assert_eq!(
        servers.len(),
        usize::from(engine != Engine::Runsc),
        "{engine}: {servers:?}"
    );
    for server in &servers {
        let words = fs::read_to_string(format!("/proc/{server}/cmdline")).unwrap();
        assert!(words.starts_with("/usr/bin/python3\0"), "{engine}: {words}");
    }
    let mut folders = vec![
        home.scratch.path(),
        under.scratch.path(),
        Path::new("/run"),
        Path::new("/var/log"),
    ];
    if let Some(daemon) = under.daemon() {
        folders.push(daemon.folder());
        the_engine_tells_nothing(daemon, &needles);
    }
    nowhere_else(engine.name(), &needles, &folders, &servers);
    // Those who only passed them on have them no more.
    those_between_forget(&all, &under, &needles);
    let (code, errors) = client.end();
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{engine}");
    nowhere_else(engine.name(), &needles, &folders, &BTreeSet::new());
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_native() {
    under(Engine::Native);
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_crun() {
    under(Engine::Crun);
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_runc() {
    under(Engine::Runc);
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_runsc() {
    under(Engine::Runsc);
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_docker() {
    under(Engine::Docker);
}

#[test]
fn nothing_of_a_secret_is_elsewhere_under_podman() {
    under(Engine::Podman);
}

/// The attack bare, so that each search is known to find what is there.
#[test]
fn by_hand_a_secret_is_found() {
    let scratch = crate::harness::Scratch::new();
    let token = token("bare");
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", TELLS, &token]).env("TOKEN", &token);
    let mut client = Client::start(command);
    client.ask(0, "initialize", &serde_json::json!({}));
    let process = client.process.id();
    let needles = [token.as_str()];
    assert!(in_processes("cmdline", &needles).contains(&process));
    assert!(in_processes("environ", &needles).contains(&process));
    assert!(in_memory(process, &needles));
    scratch.write("deep/below/file", format!("x{token}y"));
    let mut found = Vec::new();
    in_files(scratch.path(), &needles, &mut found);
    assert_eq!(found, [scratch.join("deep/below/file")]);
    client.end();
}

fn dies(process: u32) {
    let id = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(id, Signal::ABORT).unwrap();
    let until = Instant::now() + patience();
    while is_alive(process) {
        assert!(Instant::now() < until, "it lives");
        thread::sleep(Duration::from_millis(5));
    }
}

/// With core dumps on, as on a developer's machine.
fn with_cores(folder: &Path, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(folder);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn cores(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let named = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("core")
    };
    entries.map(|entry| entry.path()).filter(named).collect()
}

/// Where this host keeps core dumps in the folder of the process (core(5)), one of a bare server
/// has its secret; of brig, its warden, init and server there is none.
#[test]
fn no_core_dump_has_a_secret() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let home = Home::new("");
    let token = token("core");
    home.set("token", token.as_bytes());
    home.set("key", KEY);
    let folder = home.scratch.join("cores");
    fs::create_dir(&folder).unwrap();
    if pattern.trim() == "core" {
        let mut bare = Command::new("/usr/bin/python3");
        bare.args(["-c", TELLS]).env("TOKEN", &token);
        let mut client = Client::start(with_cores(&folder, &bare));
        client.ask(0, "initialize", &serde_json::json!({}));
        dies(client.process.id());
        drop(client);
        let found = cores(&folder);
        assert_eq!(found.len(), 1, "bare");
        assert!(has(&fs::read(&found[0]).unwrap(), &[&token]), "bare");
        fs::remove_file(&found[0]).unwrap();
    }
    let manifest = home.manifest(TELLS, BOTH);
    let victims: [fn(&Client) -> u32; 4] = [
        |client| client.process.id(),
        |client| family(client.process.id())[0],
        |client| by_comm(&family(client.process.id()), "init").unwrap(),
        |client| *family(client.process.id()).last().unwrap(),
    ];
    for victim in victims {
        let run = home.brig(&["run", manifest.to_str().unwrap()]);
        let mut client = Client::start(with_cores(&folder, &run));
        arrived(&client.initialize()["result"], &token);
        let all = family(client.process.id());
        let process = victim(&client);
        let id = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        kill_process(id, Signal::ABORT).unwrap();
        let until = Instant::now() + patience();
        // init is the first of its namespace, whom no signal of its own kind ends but SIGKILL.
        while all.iter().any(|one| is_alive(*one)) && by_comm(&all, "init") != Some(process) {
            assert!(Instant::now() < until, "the family of {process} lives");
            thread::sleep(Duration::from_millis(5));
        }
        drop(client);
        assert_eq!(cores(&folder), Vec::<PathBuf>::new(), "{process}");
    }
    let mut found = Vec::new();
    in_files(home.scratch.path(), &[&token, LINE], &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());
}
