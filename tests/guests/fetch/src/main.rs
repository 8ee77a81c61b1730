//! An MCP server that asks web servers, through whatever network it is given: WASI's own requests
//! as a guest, and a connection of its own as a program.

#[cfg(unix)]
#[path = "door/native.rs"]
mod door;
#[cfg(target_family = "wasm")]
#[path = "door/wasi.rs"]
mod door;

use std::process::ExitCode;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Server, Tool};

/// How much of an answer's body is given back.
const BODY_BYTES_MAX: usize = 4096;

/// What is asked.
struct Asked<'a> {
    method: &'a str,
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    field: Option<(&'a str, &'a str)>,
    body: &'a str,
    /// How long an answer may take to begin.
    patience_ms: Option<u64>,
}

/// What is answered.
struct Told {
    status: u16,
    body: Vec<u8>,
}

/// What a server was told that no URL is.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("`{0}` is no URL of http or https")]
    Url(String),
    #[error("`{0}` is no field: it has no colon")]
    Field(String),
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "fetch",
        description: "Asks a web server, and gives its status and its body back",
        arguments: &[
            Argument::required("url", Kind::Text, "What is asked for"),
            Argument::optional("method", Kind::Text, "The method, GET where none is given"),
            Argument::optional(
                "field",
                Kind::Text,
                "One field of the head, as `name: value`",
            ),
            Argument::optional("body", Kind::Text, "The body"),
            Argument::optional(
                "patience_ms",
                Kind::Integer,
                "How long to wait for an answer",
            ),
        ],
        call: |call| Ok(Answer::Text(shown(&door::ask(&asked(call)?)?))),
    },
    Tool {
        name: "fetch_at_once",
        description: "Asks as often at the same time, and tells how many were answered",
        arguments: &[
            Argument::required("url", Kind::Text, "What is asked for"),
            Argument::required("count", Kind::Integer, "How often"),
        ],
        call: fetch_at_once,
    },
];

fn main() -> ExitCode {
    stdio_server::run(&Server {
        name: "fetch",
        version: env!("CARGO_PKG_VERSION"),
        tools: &[TOOLS],
    })
}

fn fetch_at_once(call: &mut Call<'_, '_>) -> Outcome {
    let count = usize::try_from(call.integer("count")?)?;
    let asked = asked(call)?;
    Ok(Answer::Text(door::ask_at_once(&asked, count)?))
}

fn asked<'a>(call: &'a Call<'_, '_>) -> Result<Asked<'a>, Box<dyn std::error::Error>> {
    let url = call.text("url")?;
    let (scheme, rest) = url
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .ok_or_else(|| Unasked::Url(url.into()))?;
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let field = match call.text_if_given("field")? {
        Some(field) => {
            let (name, value) = field
                .split_once(':')
                .ok_or_else(|| Unasked::Field(field.into()))?;
            Some((name, value.trim()))
        }
        None => None,
    };
    Ok(Asked {
        method: call.text_if_given("method")?.unwrap_or("GET"),
        scheme,
        authority,
        path,
        field,
        body: call.text_if_given("body")?.unwrap_or_default(),
        patience_ms: call.integer_if_given("patience_ms")?,
    })
}

fn shown(told: &Told) -> String {
    let body = told.body.get(..BODY_BYTES_MAX).unwrap_or(&told.body);
    format!("{} {}", told.status, String::from_utf8_lossy(body))
}
