//! `brig call`: a client of one call. It is a client like any other: it starts `brig run` and
//! speaks over its streams, so what it shows is what every client gets.

use super::arguments::Call;
use super::client::{How, Session};
use super::print;
use crate::consent::Start;
use crate::exit::Exit;
use crate::log::escape;
use crate::report::Refused;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;

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
    let start = Start {
        manifest: &call.manifest,
        project: call.project.as_deref(),
        engine: call.engine.engine.as_deref(),
    };
    let mut session = Session::start(start, How::Approved).map_err(|error| broken(&error))?;
    let answer = converse(&mut session, &call.tool, &arguments).map_err(|error| broken(&error))?;
    let ended = session.end().map_err(|error| broken(&error))?;
    match answer {
        Some(answer) => show(call, &answer),
        // `brig run` has told why on standard error.
        None => Ok(ended),
    }
}

/// The answer to the call, or to the handshake where that failed already.
fn converse(session: &mut Session, tool: &str, arguments: &Value) -> io::Result<Option<Value>> {
    match session.initialize("brig call", &json!({}))? {
        Some(hello) if hello.get("error").is_none() => session.request(
            "tools/call",
            &json!({ "name": tool, "arguments": arguments }),
        ),
        other => Ok(other),
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
