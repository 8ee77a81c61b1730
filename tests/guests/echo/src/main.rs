//! An MCP server that gives back what it gets, byte by byte and as fast as it can.
//!
//! Any request but the few of the protocol is answered with its own `params`, and any notification
//! but the few of the protocol is sent back as the line that it was. Nothing is parsed beyond the
//! envelope, so digits, key order, blanks and doubled keys come back as they were sent.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io;
use std::io::{BufRead, Write};
use std::process::ExitCode;
// The shared crate also brings a guest its entry point.
use stdio_server as _;

const MODERN_KEY: &str = "io.modelcontextprotocol/protocolVersion";

const SERVER: &str = r#"{"name":"echo","version":"1"}"#;

const TOOLS: &str = concat!(
    r#""tools":[{"name":"echo","description":"Gives back its params","#,
    r#""inputSchema":{"type":"object"}}],"ttlMs":0,"cacheScope":"private""#
);

const DISCOVERED: &str = concat!(
    r#""supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"#,
    r#""ttlMs":0,"cacheScope":"private""#
);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Handshake<'a> {
    #[serde(borrow, rename = "protocolVersion")]
    version: Option<&'a RawValue>,
}

fn main() -> ExitCode {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
    let (mut line, mut reply) = (Vec::new(), Vec::new());
    while input.read_until(b'\n', &mut line)? > 0 {
        reply.clear();
        answer(&line, &mut reply)?;
        if !reply.is_empty() {
            output.write_all(&reply)?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

fn answer(line: &[u8], reply: &mut Vec<u8>) -> io::Result<()> {
    let Ok(Envelope {
        id,
        method: Some(method),
        params,
    }) = serde_json::from_slice(line)
    else {
        return Ok(());
    };
    let params = params.map_or("null", RawValue::get);
    match id {
        Some(id) => result(id.get(), &method, params, reply),
        None if matches!(
            &*method,
            "notifications/initialized" | "notifications/cancelled"
        ) =>
        {
            Ok(())
        }
        None => reply.write_all(line),
    }
}

fn result(id: &str, method: &str, params: &str, reply: &mut Vec<u8>) -> io::Result<()> {
    write!(reply, "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{")?;
    match method {
        "initialize" => initialized(params, reply)?,
        "server/discover" => write!(reply, "{DISCOVERED}")?,
        "tools/list" => write!(reply, "{TOOLS}")?,
        "ping" => {}
        "tools/call" => write!(reply, "\"content\":[],\"params\":{params}")?,
        _ => write!(reply, "\"params\":{params}")?,
    }
    if params.contains(MODERN_KEY) {
        // Only an empty result has nothing to be parted from.
        let comma = if reply.ends_with(b"{") { "" } else { "," };
        write!(reply, "{comma}\"resultType\":\"complete\",\"_meta\":")?;
        write!(reply, "{{\"io.modelcontextprotocol/serverInfo\":{SERVER}}}")?;
    }
    reply.write_all(b"}}\n")
}

fn initialized(params: &str, reply: &mut Vec<u8>) -> io::Result<()> {
    let asked = serde_json::from_str::<Handshake<'_>>(params).ok();
    let version = asked
        .and_then(|asked| asked.version)
        .map_or("\"2025-11-25\"", RawValue::get);
    write!(
        reply,
        "\"protocolVersion\":{version},\"capabilities\":{{\"tools\":{{}}}},"
    )?;
    write!(reply, "\"serverInfo\":{SERVER}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(sent: &str, wanted: &str) {
        let mut output = Vec::new();
        serve(&mut sent.as_bytes(), &mut output).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), wanted);
    }

    #[test]
    fn params_come_back_byte_by_byte() {
        let huge = "12345678901234567890123";
        let odd = "{\"f\":1.10,\"b\":1e2, \"a\":1,\"a\":2,\"s\":\"\u{2028}\\u00e9\"}";
        for id in ["1", "\"1\"", huge] {
            for params in [odd, huge, "null", "[ ]"] {
                check(
                    &format!("{{\"id\":{id},\"method\":\"vendor/own\",\"params\":{params}}}\n"),
                    &format!(
                        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"params\":{params}}}}}\n"
                    ),
                );
            }
        }
    }

    #[test]
    fn foreign_notifications_come_back_and_those_of_the_protocol_do_not() {
        let foreign = "{\"method\":\"vendor/own\", \"x\":1.0}\r\n";
        check(foreign, foreign);
        check("{\"method\":\"notifications/initialized\"}\n", "");
        check(
            "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n",
            "",
        );
        check("{\"id\":1,\"result\":{}}\nnot json\n", "");
    }

    #[test]
    fn results_are_valid_json_in_both_eras() {
        let legacy = r#"{"protocolVersion":"2025-06-18"}"#;
        let modern = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
        let methods = "initialize server/discover tools/list tools/call ping vendor/own";
        for method in methods.split(' ') {
            for params in [legacy, modern] {
                let mut reply = Vec::new();
                result("7", method, params, &mut reply).unwrap();
                let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
                let complete = reply["result"]["resultType"] == "complete";
                assert_eq!(complete, params == modern, "{reply}");
            }
        }
    }
}
