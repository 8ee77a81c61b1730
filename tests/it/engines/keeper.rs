//! The process that an engine of the tests runs below (`keeper.py`), from the tests' side.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use crate::harness::tool;

/// The distribution's own: another in PATH may lie in somebody's home.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Keeps one engine. Where it is dropped, and where the test process ends, the engine ends with
/// everything that it started, and its folder is gone.
pub(crate) struct Keeper {
    process: Child,
    /// None once the engine is to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    engine: u32,
    log: PathBuf,
}

impl Keeper {
    /// For an engine that these words start, and that keeps in this folder whatever it has. The
    /// folder has an `etc`, and control groups of these names are the engine's.
    pub(crate) fn new(words: &[String], folder: &Path, groups: &str) -> Self {
        let mut command = Command::new(tool("unshare"));
        command
            .args(["--mount", "--propagation", "slave", PYTHON, "-c"])
            .args([include_str!("keeper.py"), folder.to_str().unwrap(), groups])
            .args(words);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", folder.join("home"))
            .env("XDG_RUNTIME_DIR", folder.join("run"))
            .env("CONTAINERS_CONF", folder.join("containers.conf"));
        let log = folder.join("keeper.log");
        // Who interrupts the tests from a terminal does not interrupt it, which has to end first
        // what it keeps.
        command
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        Self {
            orders: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
            engine: 0,
            log,
        }
    }

    /// `start`, `stop` by SIGTERM, or `crash` by SIGKILL. It is done when this returns.
    #[track_caller]
    pub(crate) fn order(&mut self, order: &str) {
        // Where the keeper has failed, there is no answer.
        let _ = writeln!(self.orders.as_ref().unwrap(), "{order}");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        self.engine = answer.trim().parse().unwrap_or_else(|_| {
            let told = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("the keeper of an engine failed at {order}: {told}")
        });
    }

    /// The engine's process, as this host counts.
    pub(crate) fn engine(&self) -> u32 {
        self.engine
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        let ended = self.process.wait().unwrap();
        assert!(
            thread::panicking() || ended.success(),
            "an engine's keeper failed: {ended}"
        );
    }
}
