//! One server as a client has it: spawned, asked, timed, ended.

use crate::greeting;
use crate::log::escape_whole;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long one answer may take.
const ANSWER_SECONDS_MAX: u64 = 60;
/// The longest line of a server.
const LINE_BYTES_MAX: usize = 64 << 20;
/// How much of what a server says beside the protocol is kept.
const ERRORS_BYTES_MAX: usize = 32 << 10;
/// How long a server has after its input is closed, before it is told by SIGTERM, and then again
/// before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What is measured as a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: String,
    /// Its parameters.
    pub(crate) params: Value,
}

impl Request {
    /// Of no parameters.
    pub(super) fn plain(method: &str) -> Self {
        Self {
            method: method.to_owned(),
            params: json!({}),
        }
    }

    fn line(&self, id: u64) -> Vec<u8> {
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params });
        format!("{message}\n").into_bytes()
    }
}

/// Why a row could not be measured, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What of a message tells whose it is.
#[derive(Deserialize)]
struct Envelope {
    id: Option<Value>,
    method: Option<String>,
    error: Option<Value>,
    result: Option<ToolResult>,
}

/// What of a result tells that the tool failed.
#[derive(Deserialize)]
struct ToolResult {
    #[serde(default, rename = "isError")]
    is_error: Option<bool>,
}

/// A running server.
pub(super) struct Session {
    process: Child,
    to: Option<ChildStdin>,
    from: Lines,
    errors: Option<JoinHandle<Vec<u8>>>,
    requests: u64,
}

/// A session after its handshake, and how long that took since the process was asked for.
pub(super) struct Started {
    pub(super) session: Session,
    pub(super) ms: f64,
}

/// Spawns a command and shakes hands.
pub(super) fn start(command: &mut Command) -> Result<Started, Fault> {
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let hello = hello();
    let begun = Instant::now();
    let mut process = command.spawn()?;
    let streams = (
        process.stdin.take(),
        process.stdout.take(),
        process.stderr.take(),
    );
    let (Some(to), Some(from), Some(errors)) = streams else {
        return Err(Fault("it has no streams".to_owned()));
    };
    let mut session = Session {
        process,
        to: Some(to),
        from: Lines::new(from),
        errors: None,
        requests: 1,
    };
    let written = session.write(&hello);
    session.errors = Some(thread::spawn(move || kept(errors)));
    let answered = written.and_then(|()| session.answer(1));
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    if let Err(fault) = answered {
        return Err(session.failed(&fault));
    }
    session.write(format!("{}\n", greeting::initialized()).as_bytes())?;
    Ok(Started { session, ms })
}

fn hello() -> Vec<u8> {
    let initialize = Request {
        method: "initialize".to_owned(),
        params: greeting::initialize("brig bench", &json!({})),
    };
    initialize.line(1)
}

/// The first words of what a server says; the rest is read and forgotten, so that it never waits.
fn kept(mut errors: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        let room = ERRORS_BYTES_MAX - kept.len();
        kept.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
    }
    kept
}

impl Session {
    /// The process that was spawned.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// One request and its answer, in microseconds.
    pub(super) fn call(&mut self, request: &Request) -> Result<f64, Fault> {
        self.requests += 1;
        let (id, line) = (self.requests, request.line(self.requests));
        let begun = Instant::now();
        self.write(&line)?;
        self.answer(id)?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }

    /// So many requests written without waiting for an answer: how many are answered in a second.
    pub(super) fn pipelined(&mut self, request: &Request, count: u64) -> Result<f64, Fault> {
        let first = self.requests + 1;
        self.requests += count;
        let lines: Vec<u8> = (first..=self.requests)
            .flat_map(|id| request.line(id))
            .collect();
        let mut to = self.to.take().ok_or_else(|| gone("its input is closed"))?;
        let begun = Instant::now();
        let writer = thread::spawn(move || {
            let written = to.write_all(&lines);
            (to, written)
        });
        let mut left: std::collections::BTreeSet<u64> = (first..first + count).collect();
        let read = self.take_all(&mut left);
        let seconds = begun.elapsed().as_secs_f64();
        if read.is_err() {
            // Its writer may wait for a server that does not read.
            self.kill();
        }
        let (to, written) = writer.join().map_err(|_| gone("nobody wrote to it"))?;
        self.to = Some(to);
        read?;
        written?;
        #[expect(clippy::cast_precision_loss, reason = "it is at most some thousands")]
        Ok(count as f64 / seconds)
    }

    fn take_all(&mut self, left: &mut std::collections::BTreeSet<u64>) -> Result<(), Fault> {
        let all = left.len();
        while !left.is_empty() {
            let id = self.any_answer().map_err(|Fault(why)| {
                gone(&format!("{} of {all} were not answered: {why}", left.len()))
            })?;
            if !left.remove(&id) {
                return Err(gone(&format!("it answered {id}, which nobody waits for")));
            }
        }
        Ok(())
    }

    fn answer(&mut self, id: u64) -> Result<(), Fault> {
        match self.any_answer()? {
            answered if answered == id => Ok(()),
            other => Err(gone(&format!("it answered {other} in place of {id}"))),
        }
    }

    /// The next answer's id; whatever else comes is passed over, and what is asked refused.
    fn any_answer(&mut self) -> Result<u64, Fault> {
        let until = Instant::now() + Duration::from_secs(ANSWER_SECONDS_MAX);
        loop {
            let line = self.from.next(until)?;
            let Ok(envelope) = serde_json::from_slice::<Envelope>(&line) else {
                continue;
            };
            match (envelope.method, envelope.id) {
                (None, Some(id)) => {
                    if let Some(error) = envelope.error {
                        return Err(gone(&format!("it answered with an error: {error}")));
                    }
                    if envelope.result.and_then(|result| result.is_error) == Some(true) {
                        return Err(gone("the tool failed"));
                    }
                    let id = id.as_u64();
                    return id.ok_or_else(|| gone("it answered what nobody asked"));
                }
                (Some(_), Some(asked)) => {
                    let refusal = greeting::refusal(&asked);
                    self.write(format!("{refusal}\n").as_bytes())?;
                }
                (Some(_) | None, None) => {}
            }
        }
    }

    /// Whether its process is gone.
    pub(super) fn has_ended(&mut self) -> bool {
        self.ended_within(Duration::ZERO)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let to = self
            .to
            .as_mut()
            .ok_or_else(|| gone("its input is closed"))?;
        to.write_all(bytes)
            .map_err(|error| gone(&format!("it does not read: {error}")))
    }

    /// Ends it and tells what it said beside the protocol.
    pub(super) fn end(mut self) -> String {
        drop(self.to.take());
        for number in [Some(Signal::TERM), None] {
            if self.ended_within(GRACE) {
                break;
            }
            match number {
                Some(number) => self.signal(number),
                None => self.kill(),
            }
        }
        let _ = self.process.wait();
        // What it left behind in its group keeps its streams open.
        self.kill();
        let errors = self.errors.take().and_then(|thread| thread.join().ok());
        String::from_utf8_lossy(&errors.unwrap_or_default()).into_owned()
    }

    /// The fault, with what the server said of it, where it said something.
    pub(super) fn failed(self, fault: &Fault) -> Fault {
        let said = self.end();
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let said: Vec<&str> = lines.take(8).collect();
        let said = shown(&said.join("; "));
        if said.is_empty() {
            return fault.clone();
        }
        Fault(format!("{}: {said}", fault.0))
    }

    fn ended_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            match self.process.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(2)),
                Ok(None) => return false,
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, number: Signal) {
        let group = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, number);
        }
    }
}

/// Others' words in one line of at most 600 characters, as a terminal may show them.
pub(super) fn shown(words: &str) -> String {
    let words: String = words.replace('\t', " ").chars().take(600).collect();
    escape_whole(words.as_bytes()).chars().take(600).collect()
}

fn gone(why: &str) -> Fault {
    Fault(shown(why))
}

/// A server's output, line by line.
struct Lines {
    from: ChildStdout,
    buffer: Vec<u8>,
    /// How much of the buffer has been given out.
    taken: usize,
    /// Up to where it holds no end of a line.
    seen: usize,
}

impl Lines {
    fn new(from: ChildStdout) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            taken: 0,
            seen: 0,
        }
    }

    fn next(&mut self, until: Instant) -> Result<Vec<u8>, Fault> {
        loop {
            let unseen = self.buffer.get(self.seen..).unwrap_or_default();
            if let Some(length) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = self.seen + length;
                let line = self
                    .buffer
                    .get(self.taken..end)
                    .unwrap_or_default()
                    .to_vec();
                self.taken = end + 1;
                self.seen = self.taken;
                return Ok(line);
            }
            self.seen = self.buffer.len();
            self.fill(until)?;
        }
    }

    fn fill(&mut self, until: Instant) -> Result<(), Fault> {
        self.buffer.drain(..self.taken);
        self.seen -= self.taken;
        self.taken = 0;
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(gone("a line of it is longer than 64 MiB"));
        }
        let left = until.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).map_err(|_| gone("no such time"))?;
        let mut polled = [PollFd::new(&self.from, PollFlags::IN)];
        if poll(&mut polled, Some(&time)).map_err(io::Error::from)? == 0 {
            return Err(gone(&format!("no answer within {ANSWER_SECONDS_MAX} s")));
        }
        let mut piece = [0; 16 << 10];
        match self.from.read(&mut piece)? {
            0 => Err(gone("it ended without an answer")),
            count => {
                self.buffer
                    .extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }
}
