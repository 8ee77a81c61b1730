//! What the tests share: folders, manifests, clients by hand, parts, durations.

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for one thing before it fails. Generous: a loaded machine is no fault.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The same for a whole start, a compilation with it, and an end: as many times longer as
/// `BRIG_SLOW` says, which `scripts/vm` sets where the processor is emulated.
pub(crate) fn patience() -> Duration {
    let times = std::env::var("BRIG_SLOW").map_or(1, |times| times.parse().unwrap());
    PATIENCE * times
}

/// The one table of durations: what a test does in CI, and what it does in the soak
/// (`BRIG_SOAK=1`).
pub(crate) mod durations {
    /// Rounds of killing one process at a random moment. Where the processor is emulated,
    /// `scripts/vm` asks for fewer.
    pub(crate) fn kill_rounds() -> u32 {
        let asked = std::env::var("BRIG_KILL_ROUNDS").ok();
        asked.map_or_else(|| pick((50, 1000)), |asked| asked.parse().unwrap())
    }

    /// The same under one engine, whose starts take longer.
    pub(crate) fn engine_kill_rounds() -> u32 {
        let asked = std::env::var("BRIG_KILL_ROUNDS").ok();
        asked.map_or_else(|| pick((40, 1000)), |asked| asked.parse().unwrap())
    }

    /// Bytes of the longest line that a guest writes.
    pub(crate) const GIANT_LINE_BYTES: (u64, u64) = (1 << 30, 1 << 32);

    /// Seconds of silence that a stream of egress lives through.
    pub(crate) const SILENCE_SECONDS: (u64, u64) = (31, 600);

    /// Seconds that each fuzz target runs.
    #[expect(dead_code, reason = "scripts/fuzz reads it from here")]
    pub(crate) const FUZZ_SECONDS: (u32, u32) = (8, 600);

    /// The value for this run.
    pub(crate) fn pick<T>((ci, soak): (T, T)) -> T {
        if std::env::var_os("BRIG_SOAK").is_some() {
            soak
        } else {
            ci
        }
    }
}

/// The brig under test, on a host that does not ask: most tests are not about consent, and nobody
/// would answer.
pub(crate) fn brig() -> Command {
    let mut command = brig_that_asks();
    command
        .env("XDG_CONFIG_HOME", unasked())
        .env("XDG_STATE_HOME", state());
    command
}

/// The brig under test as it comes. `tests/it/consent.rs` is about what it asks.
pub(crate) fn brig_that_asks() -> Command {
    Command::new(env!("CARGO_BIN_EXE_brig"))
}

/// The settings of a host that does not ask.
pub(crate) const UNASKED: &str = "brig = 1\nconsent = \"none\"\n";

/// A folder for settings, with those of a host that does not ask.
pub(crate) fn unasked() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unasked");
        fs::create_dir_all(folder.join("brig")).unwrap();
        fs::write(folder.join("brig/config.toml"), UNASKED).unwrap();
        folder
    });
    &FOLDER
}

/// A folder for the state of all tests that are not about it: none of them writes into that of
/// whoever runs them.
pub(crate) fn state() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
    &FOLDER
}

/// With a cache of compiled code that the tests share and nobody else uses.
pub(crate) fn cached(mut command: Command) -> Command {
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A native program of this workspace: a guest's bare twin. `scripts/test` builds it.
pub(crate) fn native(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_brig")).with_file_name(name);
    assert!(
        program.exists(),
        "MISSING PART: {name} (cargo build --workspace)"
    );
    program
}

/// Something that `scripts/parts` installs, by its path below `target/parts`.
pub(crate) fn part(path: &str) -> PathBuf {
    let folder = std::env::var_os("BRIG_PARTS").map(PathBuf::from);
    let part = folder
        .unwrap_or_else(|| repository().join("target/parts"))
        .join(path);
    assert!(
        part.exists(),
        "MISSING PART: {path} (scripts/parts installs it)"
    );
    part
}

/// A program of this host that `scripts/parts` installs.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|p| p.exists());
    found.unwrap_or_else(|| panic!("MISSING PART: {name} (scripts/parts installs it)"))
}

/// Other processes that run and whose words have this among them.
pub(crate) fn with_words(mark: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let words = |id: &u32| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    ids.filter(|id| *id != std::process::id())
        .filter(|id| String::from_utf8_lossy(&words(id)).contains(mark) && is_alive(*id))
        .collect()
}

/// The processes below one, children before grandchildren (proc_pid_task_children(5)).
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let tasks = fs::read_dir(format!("/proc/{process}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .map(|id| id.parse::<u32>().unwrap()),
            );
        }
        next += 1;
    }
    found.split_off(1)
}

/// Whether a process runs. One that has ended and waits for its parent does not.
pub(crate) fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// A folder of one test, gone afterwards.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder that everyone may enter.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("brig-it-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self {
            path: fs::canonicalize(path).unwrap(),
        }
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// Writes a file in it, with the folders above.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes the settings of a host that does not ask into a home in this folder.
    pub(crate) fn ask_nobody(&self, home: &str) {
        self.write(format!("{home}/.config/brig/config.toml"), UNASKED);
    }

    /// The brig under test once more, in this folder. Never written by this process: a thread that
    /// starts a program meanwhile would hold it open for writing, and no one could run it.
    pub(crate) fn install_brig(&self) -> PathBuf {
        self.install(Path::new(brig().get_program()), "brig")
    }

    /// Any program, under a name in this folder.
    pub(crate) fn install(&self, installed: &Path, name: &str) -> PathBuf {
        let program = self.join(name);
        if fs::hard_link(installed, &program).is_err() {
            let status = Command::new("cp")
                .arg(installed)
                .arg(&program)
                .status()
                .unwrap();
            assert!(status.success());
        }
        program
    }

    /// A manifest for one of the committed guests (`echo`, `hostile`), with more sections.
    pub(crate) fn manifest(&self, guest: &str, more: &str) -> PathBuf {
        let component = repository().join(format!("tests/guests/{guest}/{guest}.wasm"));
        let text = format!(
            "brig = 1\n[server]\nname = \"{guest}\"\ncomponent = \"{}\"\n{more}",
            component.display()
        );
        self.write(format!("{guest}.toml"), text)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Every right over a client, for what is about other things than rights.
pub(crate) const ASKS_ANYTHING: &str = "[client]\nsampling = true\nelicitation = true\n\
    elicitation-url = true\nroots = true\nlogging = true\n";

/// A client by hand: it writes and reads lines.
pub(crate) struct Client {
    pub(crate) process: Child,
    to: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    errors: Option<thread::JoinHandle<Vec<u8>>>,
}

impl Client {
    /// `brig run` on a manifest.
    pub(crate) fn run(manifest: impl AsRef<OsStr>) -> Self {
        let mut command = brig();
        command.arg("run").arg(manifest);
        Self::start(command)
    }

    /// Any server.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let to = process.stdin.take();
        let mut from = BufReader::new(process.stdout.take().unwrap());
        let mut errors = process.stderr.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                match from.read_until(b'\n', &mut line) {
                    Ok(1..) if sender.send(line).is_ok() => {}
                    Ok(_) | Err(_) => return,
                }
            }
        });
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            text
        });
        Self {
            process,
            to,
            lines,
            errors: Some(errors),
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.to
            .as_mut()
            .expect("its input is closed")
            .write_all(bytes)
            .unwrap();
    }

    /// Writes bytes to a server that may have ended already.
    pub(crate) fn write_if_open(&mut self, bytes: &[u8]) {
        if let Some(to) = &mut self.to {
            let _ = to.write_all(bytes);
        }
    }

    /// Writes bytes, and returns when the other side has read them: what is written next comes to
    /// it by another read.
    pub(crate) fn write_apart(&mut self, bytes: &[u8]) {
        self.write(bytes);
        let pipe = self.to.as_ref().expect("its input is closed");
        let until = Instant::now() + PATIENCE;
        while rustix::io::ioctl_fionread(pipe).unwrap() > 0 {
            assert!(Instant::now() < until, "nobody reads");
            thread::yield_now();
        }
    }

    /// Writes one message.
    pub(crate) fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// The next line, with its end; none where the server closed its output.
    pub(crate) fn line(&mut self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(patience()) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {:?}", patience()),
        }
    }

    /// The next line within a time, if one comes.
    pub(crate) fn line_within(&mut self, time: Duration) -> Option<Vec<u8>> {
        self.lines.recv_timeout(time).ok()
    }

    /// The next message.
    pub(crate) fn receive(&mut self) -> Value {
        let Some(line) = self.line() else {
            self.close();
            let errors = self.errors.take().map(|errors| errors.join().unwrap());
            let errors = String::from_utf8_lossy(&errors.unwrap_or_default()).into_owned();
            panic!("the server closed its output: {errors}")
        };
        serde_json::from_slice(&line)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&line)))
    }

    /// Sends a request and takes the answer with its id, past anything else.
    pub(crate) fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.answer(id)
    }

    /// The answer with this id, past anything else.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.receive();
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// The handshake of the legacy era, under id 0.
    pub(crate) fn initialize(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "it", "version": "0" },
        });
        let answer = self.ask(0, "initialize", &params);
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        answer
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, id: u64, tool: &str, arguments: &Value) -> Value {
        self.ask(
            id,
            "tools/call",
            &json!({ "name": tool, "arguments": arguments }),
        )
    }

    /// Closes the server's input.
    pub(crate) fn close(&mut self) {
        self.to = None;
    }

    /// Waits for the process's end: its exit code, and what it wrote to standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.close();
        let until = Instant::now() + patience();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "the process does not end");
            thread::sleep(Duration::from_millis(2));
        };
        let errors = self.errors.take().unwrap().join().unwrap();
        (status.code(), String::from_utf8_lossy(&errors).into_owned())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
