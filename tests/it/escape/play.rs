//! Plays one attack, bare or in a column, and says what came of it.

use super::attack::{Attack, Program, Twin};
use super::column::{Column, Runner};
use super::ground::{Ground, SECRET, Shared, Side};
use super::session::Session;
use crate::harness::{Client, PATIENCE, native, repository, tool};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a bare run may take that is expected not to end.
pub(super) const BARE_PATIENCE: Duration = Duration::from_secs(2);
/// What is found then.
const ENDLESS: &str = "still runs";

/// What came of an attack.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) succeeded: bool,
    pub(super) words: String,
}

impl Found {
    pub(super) fn success(words: impl Into<String>) -> Self {
        let words = words.into();
        Self {
            succeeded: true,
            words,
        }
    }

    pub(super) fn failure(words: impl Into<String>) -> Self {
        let words = words.into();
        Self {
            succeeded: false,
            words,
        }
    }

    /// A server's end in the words of whoever saw it.
    pub(super) fn end(words: &str) -> Self {
        let status = words.rsplit_once("status ").map(|(_, status)| status);
        match status.and_then(|status| status.parse::<usize>().ok()) {
            Some(0) => Self::success(words),
            Some(status) => {
                let name = ERRNO.split(' ').nth(status).unwrap_or("unknown");
                Self::failure(format!("{words} ({name})"))
            }
            None => Self::failure(words),
        }
    }
}

/// Error numbers of WASI preview 1, which programs end with, from 0 on.
const ERRNO: &str = "success 2big acces addrinuse addrnotavail afnosupport again already badf \
    badmsg busy canceled child connaborted connrefused connreset deadlk destaddrreq dom dquot \
    exist fault fbig hostunreach idrm ilseq inprogress intr inval io isconn isdir loop mfile \
    mlink msgsize multihop nametoolong netdown netreset netunreach nfile nobufs nodev noent \
    noexec nolck nolink nomem nomsg noprotoopt nospc nosys notconn notdir notempty \
    notrecoverable notsock notsup notty nxio overflow ownerdead perm pipe proto \
    protonosupport prototype range rofs spipe srch stale timedout txtbsy xdev notcapable";

/// The attack without walls.
pub(super) fn bare(attack: &Attack, shared: &Shared) -> Found {
    let ground = Ground::new(shared, 0);
    match attack.bare.by {
        Twin::Native => {
            let mut command = with_descriptors(&ground, &Command::new(native("hostile")));
            command.env("HOSTILE_SECRET", SECRET);
            Session::new(attack, &ground, Client::start(command), Side::Bare).play()
        }
        Twin::Python => {
            let mut command = Command::new(tool("python3"));
            command.arg(attack.file("attack.py"));
            alone(attack, command.current_dir(ground.scratch.path()))
        }
        Twin::Embedding => {
            let mut command = Command::new(native("bare-embedding"));
            let root = format!("{}::/", ground.scratch.path().display());
            command.arg(component(attack, &ground, Side::Bare));
            alone(attack, command.args(["--dir", &root]))
        }
        Twin::Compiler => {
            let mut command = Command::new(native("bare-embedding"));
            command.arg("compile");
            command.arg(component(attack, &ground, Side::Bare));
            alone(attack, command.arg(ground.scratch.join("code")))
        }
    }
}

/// A program that has nothing to say but its status.
fn alone(attack: &Attack, command: &mut Command) -> Found {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    let endless = attack.bare.shows == ENDLESS;
    let patience = if endless { BARE_PATIENCE } else { PATIENCE };
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(status) = process.try_wait().unwrap() {
            let mut told = String::new();
            let errors = process.stderr.as_mut().unwrap();
            std::io::Read::read_to_string(errors, &mut told).unwrap();
            let status = status
                .code()
                .map_or(status.to_string(), |code| code.to_string());
            let found = Found::end(&format!("it exited with status {status}"));
            let words = format!(
                "{}{}{told}",
                found.words,
                if told.is_empty() { "" } else { ": " }
            );
            return Found { words, ..found };
        }
        thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    Found::success(format!("it {ENDLESS} after {patience:?}"))
}

/// The file of the attack's program, as one side needs it.
fn component(attack: &Attack, ground: &Ground, side: Side) -> PathBuf {
    let path = ground.scratch.join("attack.wasm");
    match attack.program {
        None => ground.program("hostile.wasm"),
        Some(Program::Generated) => {
            let mut command = Command::new(tool("python3"));
            command.arg(attack.file("generate.py")).arg(&path);
            assert!(command.status().unwrap().success(), "{}", attack.name);
            path
        }
        Some(Program::Text) => {
            let prelude = repository().join("tests/escape/prelude.wat");
            let text = fs::read_to_string(attack.file("attack.wat")).unwrap();
            let text = text.replace(";; prelude", &fs::read_to_string(prelude).unwrap());
            let text = ground.fill_in(&text, side, true);
            let bytes = wat::parse_str(&text).unwrap_or_else(|e| panic!("{}: {e}", attack.name));
            fs::write(&path, bytes).unwrap();
            path
        }
    }
}

/// With descriptors open, as a careless caller leaves them: 9 and 109 on the secret, 108 on a file
/// to be written to.
fn with_descriptors(ground: &Ground, command: &Command) -> Command {
    let mut wrapped = Command::new(tool("bash"));
    let open = "exec 9<\"$0/secret\" 109<\"$0/secret\" 108>>\"$0/told\"; exec \"$@\"";
    wrapped.args(["-c", open]).arg(ground.scratch.path());
    wrapped.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        wrapped.env(name, value.unwrap_or_default());
    }
    wrapped.current_dir(ground.scratch.path());
    wrapped
}

/// `brig` with a word before the manifest.
fn brig(attack: &Attack, ground: &Ground, column: Column, words: &[&str]) -> Command {
    let source = match column.runner {
        Runner::Component | Runner::Captured => {
            let component = component(attack, ground, column.side());
            format!("component = \"{}\"", component.display())
        }
        Runner::Native => format!("command = [\"{}\"]", ground.program("hostile").display()),
        Runner::Image => format!("image = \"oci:{}:it\"", ground.image().display()),
    };
    let manifest = ground.manifest(attack, &source, column);
    let mut command = column.brig(ground);
    command.args(words);
    column.under(&mut command);
    command.arg(manifest);
    let mut command = with_descriptors(ground, &command);
    command
        .env("HOME", ground.scratch.join("home"))
        .env("XDG_CACHE_HOME", ground.cache())
        .env("XDG_DATA_HOME", ground.cache())
        .env("XDG_STATE_HOME", ground.cache())
        .env("HOSTILE_SECRET", SECRET)
        .env("LANG", "C.UTF-8")
        .env("TZ", "Europe/Berlin");
    command
}

/// The names of what stays open in a column, or why nothing starts there.
pub(super) fn residuals(
    attack: &Attack,
    shared: &Shared,
    column: Column,
) -> Result<Vec<String>, String> {
    let ground = Ground::new(shared, column.user);
    let output = brig(attack, &ground, column, &["plan", "--json"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => {}
        Some(4) => return Err(told),
        other => panic!("{}: {other:?} {told}", column.name),
    }
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let residuals = plan["plan"]["residuals"].as_array().unwrap();
    let name = |residual: &Value| residual["name"].as_str().unwrap().to_owned();
    Ok(residuals.iter().map(name).collect())
}

/// The attack in a column. What it reached outside, if anything, makes it a success.
pub(super) fn celled(attack: &Attack, shared: &Shared, column: Column) -> Found {
    let ground = Ground::new(shared, column.user);
    let command = brig(attack, &ground, column, &["run"]);
    let before = ground.outside();
    let mut found = Session::new(attack, &ground, Client::start(command), column.side()).play();
    let after = ground.outside();
    if before != after {
        let changed: Vec<_> = before
            .symmetric_difference(&after)
            .map(|(path, _)| path)
            .collect();
        found = Found::success(format!("CHANGED {changed:?}; {}", found.words));
    }
    if ground.was_reached() {
        found = Found::success(format!("REACHED a listener; {}", found.words));
    }
    if ground.victim_is_dead() {
        found = Found::success(format!("KILLED a process; {}", found.words));
    }
    found
}
