//! `brig call`: a client of one call. It is a client like any other: it starts `brig run` and
//! speaks over its streams, so what it shows is what every client gets.

use super::arguments::Call;
use super::print;
use crate::exit::Exit;
use crate::log::escape;
use crate::report::Refused;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The newest dated version of the protocol with a handshake, which both eras' servers speak.
const PROTOCOL_VERSION: &str = "2025-11-25";

/// Makes the call and prints its answer.
pub(super) fn call(call: &Call) -> Result<Exit, Refused> {
    let arguments: Value = serde_json::from_str(&call.arguments)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| {
            let message = "the tool's arguments are no JSON object";
            Refused::one(
                Exit::Usage,
                "arguments-invalid",
                message,
                "write them as '{\"key\": 1}'",
            )
        })?;
    let mut session = Session::start(call).map_err(|error| broken(&error))?;
    let answer = session
        .converse(&call.tool, &arguments)
        .map_err(|error| broken(&error))?;
    let ended = session.end().map_err(|error| broken(&error))?;
    match answer {
        Some(answer) => show(call, &answer),
        // `brig run` has told why on standard error.
        None => Ok(ended),
    }
}

struct Session {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Session {
    fn start(call: &Call) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg("run").arg(&call.manifest);
        if let Some(project) = &call.project {
            command.arg("--project").arg(project);
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
        })
    }

    /// The answer to the call, or to the handshake where that failed already.
    fn converse(&mut self, tool: &str, arguments: &Value) -> io::Result<Option<Value>> {
        let client = json!({ "name": "brig call", "version": env!("CARGO_PKG_VERSION") });
        let params = json!({
            "protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": client,
        });
        let Some(hello) = self.request(1, "initialize", &params)? else {
            return Ok(None);
        };
        if hello.get("error").is_some() {
            return Ok(Some(hello));
        }
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        self.request(
            2,
            "tools/call",
            &json!({ "name": tool, "arguments": arguments }),
        )
    }

    fn request(&mut self, id: u32, method: &str, params: &Value) -> io::Result<Option<Value>> {
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
            let Ok(message) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if message.get("method").is_none() && message.get("id") == Some(&json!(id)) {
                return Ok(Some(message));
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

    fn end(mut self) -> io::Result<Exit> {
        drop(self.to.take());
        let code = self.process.wait()?.code();
        let known = Exit::ALL
            .iter()
            .find(|(exit, _)| Some(i32::from(*exit as u8)) == code);
        Ok(known.map_or(Exit::Failure, |(exit, _)| *exit))
    }
}

fn show(call: &Call, answer: &Value) -> Result<Exit, Refused> {
    if let Some(error) = answer.get("error") {
        if call.json {
            print(&format!("{answer:#}\n"))?;
            return Ok(Exit::ToolError);
        }
        let message = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("no reason given");
        let message = format!("the server refused: {}", escape(message.as_bytes()));
        return Err(Refused::one(Exit::ToolError, "tool-error", message, ""));
    }
    let result = answer.get("result").cloned().unwrap_or_default();
    if call.json {
        print(&format!("{result:#}\n"))?;
    } else {
        print(&text(&result))?;
    }
    let failed = result
        .get("isError")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    Ok(if failed {
        Exit::ToolError
    } else {
        Exit::Success
    })
}

/// The result's text, line by line, safe for a terminal; other kinds of content by name.
fn text(result: &Value) -> String {
    let mut shown = String::new();
    let content = result.get("content").and_then(Value::as_array);
    for part in content.into_iter().flatten() {
        if let Some(text) = part.get("text").and_then(Value::as_str) {
            for line in text.lines() {
                // Writing to a String cannot fail.
                let _ = writeln!(shown, "{}", escape(line.as_bytes()));
            }
        } else {
            let kind = part
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("unknown");
            let _ = writeln!(shown, "[{}]", escape(kind.as_bytes()));
        }
    }
    shown
}

fn broken(error: &io::Error) -> Refused {
    Refused::one(
        Exit::Failure,
        "call-failed",
        format!("cannot speak to the server: {error}"),
        "",
    )
}
