use crate::message::{Failure, Line, Message};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::io::{BufRead, Write};
use std::time::Instant;

/// The two pipes to the client.
///
/// Tools get it whole, and the test guests abuse it: nothing here checks what they send.
pub struct Connection<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
    waiting: VecDeque<Vec<u8>>,
    held: Vec<(Instant, Vec<u8>)>,
}

impl<'a> Connection<'a> {
    /// A connection over the given ends.
    pub fn new(input: &'a mut dyn BufRead, output: &'a mut dyn Write) -> Self {
        Self {
            input,
            output,
            waiting: VecDeque::new(),
            held: Vec::new(),
        }
    }

    /// The next line of the client, `None` at its end.
    pub fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.waiting.pop_front() {
            return Ok(Some(line));
        }
        self.read_line()
    }

    /// Writes bytes as they are and flushes them.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.output.flush()
    }

    /// Writes bytes as they are, to be flushed by whoever comes next.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)
    }

    /// Answers the request of this id with a result.
    pub fn succeed(&mut self, id: &str, result: &Value) -> io::Result<()> {
        self.send(success(id, result).as_bytes())
    }

    /// Answers the request of this id with an error.
    pub fn fail(&mut self, id: &str, failure: &Failure) -> io::Result<()> {
        let mut error = json!({ "code": failure.code, "message": failure.message });
        if let Some(data) = &failure.data {
            error["data"] = data.clone();
        }
        self.send(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}\n").as_bytes())
    }

    /// Keeps an answer back until the first message of the client that comes at `due` or later;
    /// it then goes out before that message is served.
    pub fn hold(&mut self, due: Instant, id: &str, result: &Value) {
        self.held.push((due, success(id, result).into_bytes()));
    }

    /// Sends a request to the client and waits for the answer, which is returned as it came;
    /// `None` when the client hangs up instead. What else arrives is served afterwards.
    pub fn ask(&mut self, id: &str, method: &str, params: &str) -> io::Result<Option<Vec<u8>>> {
        let method = Value::from(method);
        let request = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{method},\"params\":{params}}}\n"
        );
        self.send(request.as_bytes())?;
        while let Some(line) = self.read_line()? {
            if is_answer(&line, id) {
                return Ok(Some(line));
            }
            self.waiting.push_back(line);
        }
        Ok(None)
    }

    pub(crate) fn release(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some(at) = self.held.iter().position(|(due, _)| *due <= now) {
            let (_, answer) = self.held.remove(at);
            self.send(&answer)?;
        }
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.input.read_until(b'\n', &mut line)?;
        Ok((read > 0).then_some(line))
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("waiting", &self.waiting.len())
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

fn success(id: &str, result: &Value) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n")
}

fn is_answer(line: &[u8], asked: &str) -> bool {
    let line = Line::read(line);
    let message = line.as_ref().and_then(Line::message);
    matches!(message, Some(Message::Answer { id }) if id == asked)
}
