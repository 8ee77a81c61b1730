//! The engines that tests start: they answer, run a container, and leave nothing.
//!
//! Nothing of brig is in these tests. They hold what the others rest on.

pub(crate) mod daemons;
mod endings;
mod faults;
mod keeper;
mod proxy;
pub(crate) mod under;
mod walls;

use crate::harness::{Scratch, is_alive, patience, with_words};
use crate::layout::{layout, program};
use daemons::{Daemon, Engine, says};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// What a container of an image prints, started by the engine's own client.
#[track_caller]
fn printed(daemon: &Daemon, options: &[&str], words: &[&str]) -> String {
    let mut command = daemon.client();
    command.args(["run", "--rm", "--network=none"]);
    says(command.args(options).args(words))
}

/// Waits for something that an engine does after it has answered.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + patience();
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn each_engine_runs_a_container_to_its_end() {
    for engine in Engine::ALL {
        let daemon = engine.shared();
        assert_eq!(daemon.ask("/_ping").as_deref(), Some("OK"), "{engine:?}");
        let socket = fs::metadata(daemon.socket()).unwrap();
        assert_eq!(socket.uid(), engine.user(), "{engine:?}");
        load_small(daemon);
        let code = "echo $((6 * 7)); while read -r name more; do echo $name; done </proc/net/dev";
        let found = printed(daemon, &[], &[SMALL, "sh", "-c", code]);
        assert_eq!(found, "42\nInter-|\nface\nlo:\n", "{engine:?}");
    }
}

/// gVisor's kernel calls itself by this version. The image is one that `scripts/parts` makes.
#[test]
fn docker_runs_a_container_in_gvisor() {
    let docker = Engine::Docker.shared();
    let image = docker.load("python");
    let code = "import os; print(os.uname().release)";
    let words = [&image, "python3", "-c", code];
    // Without an input of its own it would get the host's /dev/null, which gVisor gives to nobody.
    let options = ["--interactive", "--runtime=runsc"];
    assert_eq!(printed(docker, &options, &words), "4.4.0\n");
}

/// Control groups of this name, in every hierarchy.
fn groups(name: &str) -> Vec<String> {
    fn look(folder: &Path, name: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.ends_with(name) {
                found.push(path.display().to_string());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                look(&path, name, found);
            }
        }
    }
    let mut found = Vec::new();
    look(Path::new("/sys/fs/cgroup"), name, &mut found);
    found
}

/// Starts a container that SIGTERM does not end, and that has this among its words.
#[track_caller]
fn start_stubborn(daemon: &Daemon, mark: &str) {
    let mut command = daemon.client();
    command.args(["run", "--detach", "--stop-timeout=1", "--network=none"]);
    let code = "trap '' TERM; while :; do sleep 1; done";
    says(command.args([SMALL, "sh", "-c", code, mark]));
    soon("the container runs", || !with_words(mark).is_empty());
}

const SMALL: &str = "localhost/small:1";

/// A shell and what it needs. The images of `scripts/parts` are large to be loaded for one test.
#[track_caller]
fn load_small(daemon: &Daemon) {
    let scratch = Scratch::new();
    let root = scratch.join("root");
    for (from, at) in [("/bin/dash", "/bin/sh"), ("/bin/sleep", "/bin/sleep")] {
        program(Path::new(from), &root, at);
    }
    let layout = layout(&root, &json!({}), &scratch.join("layout"));
    daemon.load_layout(&layout, "it", SMALL);
}

#[track_caller]
fn leaves_nothing(engine: Engine) {
    let daemon = Daemon::start(engine);
    let folder = daemon.folder().to_owned();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let inside = format!("{}/", folder.display());
    let [first, second] = ["first", "second"].map(|word| format!("{name}-{word}"));

    load_small(&daemon);
    start_stubborn(&daemon, &first);
    let process = daemon.process();
    daemon.stop();
    assert!(daemon.ask("/_ping").is_none() && !is_alive(process));
    assert_eq!(
        with_words(&first).is_empty(),
        engine == Engine::Docker,
        "{engine:?}"
    );
    daemon.start_again();
    assert_eq!(daemon.containers().len(), 1, "{engine:?}");

    start_stubborn(&daemon, &second);
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", daemon.process())).unwrap();
    assert!(mounts.contains(&inside), "{engine:?} mounts what it runs");
    daemon.crash();
    assert!(daemon.ask("/_ping").is_none());
    assert!(!with_words(&second).is_empty(), "{engine:?}");
    assert_eq!(groups(name).is_empty(), engine != Engine::Docker);

    drop(daemon);
    for mark in [&first, &second, &inside] {
        assert_eq!(with_words(mark), Vec::<u32>::new(), "{engine:?}");
    }
    assert_eq!(groups(name), Vec::<String>::new(), "{engine:?}");
    assert!(!folder.exists(), "{engine:?}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&inside), "{engine:?}: {mounts}");
}

#[test]
fn dockerd_leaves_nothing() {
    leaves_nothing(Engine::Docker);
}

#[test]
fn podman_leaves_nothing() {
    leaves_nothing(Engine::Podman);
}

#[test]
fn podman_of_a_user_leaves_nothing() {
    leaves_nothing(Engine::PodmanOfUser);
}
