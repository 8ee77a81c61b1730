//! brig as a client of its own `brig run`: what it sees is what every client sees.

use crate::consent::Start;
use crate::exit::Exit;
use crate::greeting;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a client says that it can be asked, as both eras write it.
pub(super) type Capabilities = Value;

/// How a server is started.
#[derive(Clone, Copy)]
pub(super) enum How<'d> {
    /// As it was approved.
    Approved,
    /// As whoever starts it knows that it is.
    Digest(&'d str),
    /// The same, and without its lock: it is what is to be looked at.
    Unlocked(&'d str),
}

/// What of a message tells what it is.
#[derive(Deserialize)]
struct Envelope {
    id: Option<Value>,
    method: Option<String>,
}

/// One server and the connection with it.
pub(super) struct Session {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    requests: u32,
}

impl Session {
    /// Starts the server of a manifest. What it says beside the protocol goes to standard error.
    pub(super) fn start(start: Start<'_>, how: How<'_>) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg("run").arg(start.manifest);
        match how {
            How::Approved => {}
            How::Digest(digest) => {
                command.args(["--digest", digest]);
            }
            How::Unlocked(digest) => {
                command.args(["--without-lock", "--digest", digest]);
            }
        }
        if let Some(project) = start.project {
            command.arg("--project").arg(project);
        }
        if let Some(engine) = start.engine {
            command.args(["--engine", engine]);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let from = from.ok_or_else(|| io::Error::other("no pipe from the server"))?;
        Ok(Self {
            process,
            to,
            from: BufReader::new(from),
            requests: 0,
        })
    }

    /// The handshake of the legacy era: its answer, or nothing where the server is gone.
    pub(super) fn initialize(
        &mut self,
        as_whom: &str,
        capabilities: &Capabilities,
    ) -> io::Result<Option<Value>> {
        let params = greeting::initialize(as_whom, capabilities);
        let Some(hello) = self.request("initialize", &params)? else {
            return Ok(None);
        };
        if hello.get("error").is_none() {
            self.send(&greeting::initialized())?;
        }
        Ok(Some(hello))
    }

    /// A request of the modern era, which has no handshake.
    pub(super) fn modern(
        &mut self,
        method: &str,
        params: Value,
        capabilities: &Capabilities,
    ) -> io::Result<Option<Value>> {
        let answer = self.raw_modern(method, params, capabilities)?;
        Ok(answer.and_then(|line| serde_json::from_str(&line).ok()))
    }

    /// The same; the answer as it came.
    pub(super) fn raw_modern(
        &mut self,
        method: &str,
        mut params: Value,
        capabilities: &Capabilities,
    ) -> io::Result<Option<String>> {
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), greeting::modern("brig", capabilities));
        }
        self.raw(method, &params)
    }

    /// Sends a request and waits for its answer; nothing where the server is gone.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> io::Result<Option<Value>> {
        let answer = self.raw(method, params)?;
        Ok(answer.and_then(|line| serde_json::from_str(&line).ok()))
    }

    /// The same; the answer as it came.
    pub(super) fn raw(&mut self, method: &str, params: &Value) -> io::Result<Option<String>> {
        self.requests += 1;
        let id = self.requests;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        if self.send(&request).is_err() {
            return Ok(None);
        }
        let mut line = String::new();
        loop {
            line.clear();
            if self.from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let Ok(envelope) = serde_json::from_str::<Envelope>(&line) else {
                continue;
            };
            match (envelope.method, envelope.id) {
                (None, Some(answered)) if answered == json!(id) => return Ok(Some(line)),
                (Some(_), Some(asked)) => {
                    let _ = self.send(&greeting::refusal(&asked));
                }
                (Some(_) | None, _) => {}
            }
        }
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        let to = self
            .to
            .as_mut()
            .ok_or_else(|| io::Error::other("the server's input is closed"))?;
        writeln!(to, "{message}")
    }

    /// Ends the session: brig's own exit code.
    pub(super) fn end(mut self) -> io::Result<Exit> {
        drop(self.to.take());
        let code = self.process.wait()?.code();
        let known = Exit::ALL
            .iter()
            .find(|(exit, _)| Some(i32::from(*exit as u8)) == code);
        Ok(known.map_or(Exit::Failure, |(exit, _)| *exit))
    }
}
