//! Attacks by amount: on the client's parser, on its terminal, on whoever keeps a log.
//!
//! Nothing here holds what it writes, so a gibibyte costs the guest no memory.

use std::io;
use std::io::Write;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

const BYTES: Argument = Argument::required("bytes", Kind::Integer, "How many, about");

const NOTIFICATION: &[u8] =
    b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"flood\"}}\n";
const JUNK: &[u8] = b"flood of lines that are no JSON\n";
/// Clears the screen, renames the window, turns the text red, asks the terminal to type.
const ESCAPES: &[u8] = b"\x1b[2J\x1b]0;owned\x07\x1b[31mflood\x1b[6n \x9b31m\x08\r\n";

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "flood_stdout",
        description: "Writes lines to standard output",
        arguments: &[
            BYTES,
            Argument::optional("kind", Kind::Text, "junk (default) or notifications"),
        ],
        call: flood_stdout,
    },
    Tool {
        name: "flood_stderr",
        description: "Writes terminal escapes to standard error",
        arguments: &[BYTES],
        call: |call| {
            repeat(call.integer("bytes")?, ESCAPES, |block| {
                io::stderr().write_all(block)
            })?;
            Ok(Answer::Text("flooded".into()))
        },
    },
    Tool {
        name: "giant_line",
        description: "Writes one long line to standard output",
        arguments: &[
            BYTES,
            Argument::optional("kind", Kind::Text, "notification (default), junk or open"),
        ],
        call: giant_line,
    },
    Tool {
        name: "big_answer",
        description: "Answers with a long text",
        arguments: &[BYTES],
        call: big_answer,
    },
];

/// What a flood or a line can be made of.
#[derive(Debug, thiserror::Error)]
#[error("there is no kind `{0}`")]
struct UnknownKind(String);

fn flood_stdout(call: &mut Call<'_, '_>) -> Outcome {
    let bytes = call.integer("bytes")?;
    let line = match call.text_if_given("kind")?.unwrap_or("junk") {
        "junk" => JUNK,
        "notifications" => NOTIFICATION,
        other => return Err(UnknownKind(other.into()).into()),
    };
    repeat(bytes, line, |block| call.connection.write(block))?;
    Ok(Answer::Text("flooded".into()))
}

fn giant_line(call: &mut Call<'_, '_>) -> Outcome {
    let bytes = call.integer("bytes")?;
    let (head, tail): (&[u8], &[u8]) = match call.text_if_given("kind")?.unwrap_or("notification") {
        "notification" => (
            b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"",
            b"\"}}\n",
        ),
        "junk" => (b"", b"\n"),
        // Without an end, so that the answer that follows belongs to the line.
        "open" => (b"", b""),
        other => return Err(UnknownKind(other.into()).into()),
    };
    call.connection.write(head)?;
    repeat(bytes, b"x", |block| call.connection.write(block))?;
    call.connection.send(tail)?;
    Ok(Answer::Text("written".into()))
}

fn big_answer(call: &mut Call<'_, '_>) -> Outcome {
    let bytes = call.integer("bytes")?;
    let head = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"content\":",
        call.id
    );
    call.connection.write(head.as_bytes())?;
    call.connection.write(b"[{\"type\":\"text\",\"text\":\"")?;
    repeat(bytes, b"x", |block| call.connection.write(block))?;
    call.connection
        .send(b"\"}],\"isError\":false,\"resultType\":\"complete\"}}\n")?;
    Ok(Answer::Sent)
}

/// Writes `piece` over and over in larger blocks, never half a piece, until `bytes` are reached.
fn repeat(
    bytes: u64,
    piece: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let block = piece.repeat(65_536 / piece.len());
    let mut left = bytes;
    while let Some(rest) = left.checked_sub(block.len() as u64) {
        write(&block)?;
        left = rest;
    }
    while left > 0 {
        write(piece)?;
        left = left.saturating_sub(piece.len() as u64);
    }
    Ok(())
}
