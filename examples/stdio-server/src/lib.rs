//! The MCP stdio loop that the example servers and the test guests share.
//!
//! A server is a table of [`Tool`]s; [`run`] speaks the protocol for it on standard input and
//! output, in the era that the first request chose. The same source builds for the host and for
//! `wasm32-wasip2`, so a guest and its bare twin differ in nothing but what holds them.
//!
//! Nothing here runs two requests at once: a call that sleeps delays the next one.

mod connection;
mod message;
mod session;
#[cfg(target_family = "wasm")]
mod start;
mod tool;

use std::io;
use std::io::{BufRead, Write};
use std::process::ExitCode;

pub use connection::Connection;
pub use message::{Failure, Request};
pub use tool::{Answer, Argument, Call, InvalidArgument, Kind, Outcome, Tool};

use message::{Line, Message};
use session::Session;

/// A server: how it calls itself, and what it can do.
#[derive(Debug)]
pub struct Server {
    /// The name in `serverInfo`.
    pub name: &'static str,
    /// The version in `serverInfo`.
    pub version: &'static str,
    /// The tools, in the order in which `tools/list` names them.
    pub tools: &'static [&'static [Tool]],
}

/// Serves standard input and output until the client closes its end.
pub fn run(server: &Server) -> ExitCode {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    match serve(server, &mut input, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Serves one client, until its end of `input`.
///
/// A line that is no JSON object is passed over, as the SDK servers do: an answer to what was
/// not a request could only confuse the client.
pub fn serve(server: &Server, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
    let mut connection = Connection::new(input, output);
    let mut session = Session::new(server);
    while let Some(line) = connection.receive()? {
        connection.release()?;
        let line = Line::read(&line);
        if let Some(Message::Request(request)) = line.as_ref().and_then(Line::message) {
            session.answer(&request, &mut connection)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
