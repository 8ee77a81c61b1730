//! Whatever ends brig ends its servers, under every engine.

use super::under::{STUBBORN, Under};
use crate::harness::{
    Client, Scratch, durations, family, is_alive, part, patience, tool, with_words,
};
use brig_sandbox::engine::Engine;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const OTHERS: [Engine; 5] = [
    Engine::Crun,
    Engine::Runc,
    Engine::Runsc,
    Engine::Docker,
    Engine::Podman,
];

/// brig's own family, and the container's processes where a daemon has them. What gVisor runs is
/// seen as gVisor.
fn all(brig: u32, mark: &str) -> Vec<u32> {
    let mut all = family(brig);
    all.extend(with_words(mark));
    all
}

/// Whether brig's warden is among these, and the server itself, by its words or in gVisor.
fn is_seen(engine: Engine, all: &[u32], mark: &str) -> bool {
    all.len() > 1 && (engine == Engine::Runsc || !with_words(mark).is_empty())
}

fn gone(all: &[u32], mark: &str) -> bool {
    with_words(mark).is_empty() && !all.iter().any(|process| is_alive(*process))
}

#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + patience();
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn kill(process: u32) {
    let id = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let _ = kill_process(id, Signal::KILL);
}

/// A mark that no other process has in its words.
fn mark(what: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_nanos();
    format!("mark-{what}-{now}")
}

/// The attack: by hand the server runs on when its launcher is killed.
#[test]
fn by_hand_a_stubborn_server_outlives_its_launcher() {
    let under = Under::new(Engine::Docker);
    let daemon = under.daemon().unwrap();
    let image = daemon.load("python");
    let mark = mark("docker");
    let program = format!("{STUBBORN}# {mark}");
    let mut command = daemon.client();
    command.args(["run", "-i", "--rm", "--network=none", "--name", &mark]);
    command.args([
        "--entrypoint=/usr/bin/python3",
        &image,
        "-c",
        &program,
        &mark,
    ]);
    let mut client = Client::start(command);
    client.initialize();
    kill(client.process.id());
    client.close();
    thread::sleep(Duration::from_secs(4));
    let runs_on = with_words(&mark);
    let mut remove = daemon.client();
    remove.args(["rm", "-f", &mark]).stdout(Stdio::null());
    assert!(remove.status().unwrap().success());
    assert!(!runs_on.is_empty(), "docker ended it by itself");
}

/// The same for a runtime by hand, with the bundle that brig exports.
#[test]
fn by_hand_a_stubborn_server_outlives_its_runtime() {
    let under = Under::new(Engine::Runc);
    let mark = mark("runc");
    let manifest = under.manifest(&format!("{STUBBORN}# {mark}"), "");
    let bundle = under.scratch.join("bundle");
    let mut export = crate::harness::brig();
    export.args(["export", "oci"]).arg(manifest).arg(&bundle);
    export.env("XDG_DATA_HOME", under.data());
    assert!(export.output().unwrap().status.success());
    let root = under.scratch.join("state");
    let mut command = Command::new(tool("runc"));
    command
        .arg("--root")
        .arg(&root)
        .arg("run")
        .arg("--bundle")
        .arg(&bundle)
        .arg(&mark);
    let mut client = Client::start(command);
    client.initialize();
    kill(client.process.id());
    client.close();
    thread::sleep(Duration::from_secs(4));
    let runs_on = with_words(&mark).iter().any(|id| {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        name.starts_with("python")
    });
    let mut delete = Command::new(tool("runc"));
    delete
        .arg("--root")
        .arg(&root)
        .args(["delete", "--force", &mark]);
    assert!(delete.status().unwrap().success());
    assert!(runs_on, "runc ended it by itself");
}

fn ends_with_its_client(engine: Engine) {
    let under = Under::new(engine);
    let mark = mark("closed");
    let client = under.client(&format!("{STUBBORN}# {mark}"), "");
    let all = all(client.process.id(), &mark);
    assert!(is_seen(engine, &all, &mark), "{engine}: {all:?}");
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{engine}: {errors}");
    soon("its processes are gone", || gone(&all, &mark));
    soon("its container is gone", || under.containers().is_empty());
}

fn ends_with_a_killed_brig(engine: Engine) {
    let under = Under::new(engine);
    let mark = mark("killed");
    let client = under.client(&format!("{STUBBORN}# {mark}"), "");
    let all = all(client.process.id(), &mark);
    assert!(is_seen(engine, &all, &mark), "{engine}: {all:?}");
    kill(client.process.id());
    soon("its processes are gone", || gone(&all, &mark));
    soon("its container is gone", || under.containers().is_empty());
}

macro_rules! endings {
    ($($closed:ident $killed:ident $engine:ident,)*) => {$(
        #[test]
        fn $closed() {
            ends_with_its_client(Engine::$engine);
        }

        #[test]
        fn $killed() {
            ends_with_a_killed_brig(Engine::$engine);
        }
    )*};
}

endings! {
    crun_ends_a_stubborn_server_with_its_client crun_ends_it_when_brig_is_killed Crun,
    runc_ends_a_stubborn_server_with_its_client runc_ends_it_when_brig_is_killed Runc,
    runsc_ends_a_stubborn_server_with_its_client runsc_ends_it_when_brig_is_killed Runsc,
    docker_ends_a_stubborn_server_with_its_client docker_ends_it_when_brig_is_killed Docker,
    podman_ends_a_stubborn_server_with_its_client podman_ends_it_when_brig_is_killed Podman,
}

/// Starts of brig, each killed at another moment from its first instruction to well after its
/// server's first answer; half-way through, the daemon is restarted. Then one more start, which
/// sweeps.
fn killed_at_any_moment(engine: Engine) {
    let under = Under::alone(engine);
    let mark = mark("rounds");
    let manifest = under.manifest(&format!("{STUBBORN}# {mark}"), "");
    let rounds = durations::engine_kill_rounds();
    let mut started = Vec::new();
    for round in 0..rounds {
        let mut command = under.brig("run");
        command.arg(&manifest).stdin(Stdio::piped());
        let mut process = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over a start and a little more, by a step that meets no rhythm.
        let step = u64::from(round) * 997 % 1500;
        if round == rounds / 2
            && let Some(daemon) = under.daemon()
        {
            thread::sleep(Duration::from_millis(step / 2));
            daemon.stop();
            daemon.start_again();
        }
        thread::sleep(Duration::from_millis(step));
        started.extend(family(process.id()));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    soon("nothing runs before the sweep", || gone(&started, &mark));
    let (code, errors) = under.client(&format!("{STUBBORN}# {mark}"), "").end();
    assert_eq!(code, Some(0), "{engine}: {errors}");
    soon("no process is left", || with_words(&mark).is_empty());
    soon("no container is left", || under.containers().is_empty());
    left_behind(&under);
}

/// Mounts, control groups and files of wardens that are gone.
#[track_caller]
fn left_behind(under: &Under) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = under.scratch.path().display().to_string();
    assert!(!mounts.contains(&ours), "{}: {mounts}", under.engine);
    let gone = |owner: &str| {
        let process = owner
            .split('-')
            .nth(1)
            .and_then(|id| id.parse::<u32>().ok());
        process.is_none_or(|process| !is_alive(process))
    };
    let folders = fs::read_dir("/run/brig").into_iter().flatten().flatten();
    let stale: Vec<_> = folders
        .filter(|entry| entry.file_name().to_str().is_some_and(gone))
        .map(|entry| entry.path())
        .collect();
    // Only a daemon's start has such folders, and sweeps them.
    if under.daemon().is_some() {
        assert_eq!(stale, Vec::<std::path::PathBuf>::new());
    }
    let groups = Command::new(tool("find"))
        .args([
            "/sys/fs/cgroup",
            "-maxdepth",
            "3",
            "-type",
            "d",
            "-name",
            "brig-[0-9]*",
        ])
        .output()
        .unwrap();
    let groups = String::from_utf8(groups.stdout).unwrap();
    let dead = groups.lines().filter(|group| {
        let process = group
            .rsplit('-')
            .next()
            .and_then(|id| id.parse::<u32>().ok());
        process.is_some_and(|process| !is_alive(process))
    });
    // Another test's warden may have ended between the two looks.
    let dead: Vec<&str> = dead.collect();
    thread::sleep(Duration::from_millis(500));
    let still: Vec<&&str> = dead
        .iter()
        .filter(|group| fs::metadata(group).is_ok())
        .collect();
    assert!(still.is_empty(), "{}: {still:?}", under.engine);
}

macro_rules! rounds {
    ($($name:ident $engine:ident,)*) => {$(
        #[test]
        fn $name() {
            killed_at_any_moment(Engine::$engine);
        }
    )*};
}

rounds! {
    crun_leaves_nothing_whenever_brig_is_killed Crun,
    runc_leaves_nothing_whenever_brig_is_killed Runc,
    runsc_leaves_nothing_whenever_brig_is_killed Runsc,
    docker_leaves_nothing_whenever_brig_is_killed Docker,
    podman_leaves_nothing_whenever_brig_is_killed Podman,
}

#[test]
fn every_other_engine_is_tried() {
    let mut all: Vec<Engine> = Engine::ALL
        .into_iter()
        .filter(|e| *e != Engine::Native)
        .collect();
    all.sort_unstable();
    let mut tried = OTHERS.to_vec();
    tried.sort_unstable();
    assert_eq!(tried, all);
    // The parts that the tests above rest on, told at once where they are missing.
    part("images/python");
    drop(Scratch::new());
}
