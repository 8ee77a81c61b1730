#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use std::time::Instant;

const ENVELOPE: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);

const TOOLS: &[Tool] = &[
    Tool {
        name: "double",
        description: "Doubles a whole number",
        arguments: &[Argument::required("n", Kind::Integer, "the number")],
        call: |call| Ok(Answer::Text((call.integer("n")? * 2).to_string())),
    },
    Tool {
        name: "later",
        description: "Holds another answer back",
        arguments: &[],
        call: |call| {
            call.connection
                .hold(Instant::now(), "99", &serde_json::json!({}));
            Ok(Answer::Text("soon".into()))
        },
    },
    Tool {
        name: "ask",
        description: "Asks the client for its roots",
        arguments: &[],
        call: |call| {
            let answer = call.connection.ask("\"q\"", "roots/list", "{}")?;
            Ok(Answer::Text(String::from_utf8(answer.unwrap_or_default())?))
        },
    },
];

const SERVER: Server = Server {
    name: "test",
    version: "1",
    tools: &[TOOLS],
};

/// What the server writes when it reads `sent`, must hold each of `wanted`, one a line.
#[track_caller]
fn check(sent: &str, wanted: &[&str]) {
    let mut output = Vec::new();
    serve(&SERVER, &mut sent.as_bytes(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), wanted.len(), "{output}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.contains(wanted), "{line} holds no {wanted}");
    }
}

fn initialize(version: &str) -> String {
    let params = format!(r#"{{"protocolVersion":"{version}","capabilities":{{}}}}"#);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{params}}}\n")
}

fn modern(method: &str) -> String {
    let params = format!("{{{ENVELOPE}}}");
    format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"{method}\",\"params\":{params}}}\n")
}

#[test]
fn a_dated_version_is_spoken_and_another_gets_the_newest() {
    check(
        &initialize("2024-11-05"),
        &[r#""protocolVersion":"2024-11-05""#],
    );
    check(
        &initialize("2025-11-25"),
        &[r#""protocolVersion":"2025-11-25""#],
    );
    check(
        &initialize("1999-01-01"),
        &[r#""protocolVersion":"2025-11-25""#],
    );
}

#[test]
fn the_first_request_decides_the_era() {
    let then_modern = initialize("2025-11-25") + &modern("tools/list");
    check(&then_modern, &["\"result\"", r#""code":-32600"#]);
    let then_legacy = modern("server/discover") + &initialize("2025-11-25");
    check(
        &then_legacy,
        &["\"supportedVersions\":[\"2026-07-28\"]", r#""code":-32022"#],
    );
    let then_bare = modern("server/discover") + "{\"id\":1,\"method\":\"tools/list\"}\n";
    check(&then_bare, &["\"result\"", r#""code":-32602"#]);
    check(
        &modern("server/discover").replace("2026-07-28", "2031-01-01"),
        &[r#""code":-32022"#],
    );
}

#[test]
fn a_modern_result_says_that_it_is_complete_and_a_legacy_one_does_not() {
    check(&modern("tools/list"), &[r#""resultType":"complete""#]);
    let bare = "{\"id\":1,\"method\":\"tools/list\"}\n";
    check(bare, &[r#"{"jsonrpc":"2.0","id":1,"result":{"tools":"#]);
}

#[test]
fn methods_belong_to_their_era() {
    check("{\"id\":1,\"method\":\"ping\"}\n", &[r#""result":{}"#]);
    check(&modern("ping"), &[r#""code":-32601"#]);
    check(
        "{\"id\":1,\"method\":\"server/discover\"}\n",
        &[r#""code":-32601"#],
    );
    check(
        "{\"id\":1,\"method\":\"vendor\\u002fown\"}\n",
        &["unknown method: vendor/own"],
    );
}

#[test]
fn ids_come_back_digit_by_digit() {
    for id in [
        "12345678901234567890123",
        "\"1\"",
        "-1",
        "1.50",
        "\"\\u00e9\\\"\"",
    ] {
        let ping = format!("{{\"id\":{id},\"method\":\"ping\"}}\n");
        check(&ping, &[&format!("\"id\":{id},")]);
    }
}

#[test]
fn what_is_no_request_gets_no_answer() {
    check(
        "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n",
        &[],
    );
    check("{\"id\":1,\"result\":{}}\n", &[]);
    check("[{\"id\":1,\"method\":\"ping\"}]\n", &[]);
    check("[\"1\",\"ping\",null]\n", &[]);
    check("not json\n\n{\"half\":\n{}\n", &[]);
}

#[test]
fn calls_answer_with_text_or_a_failure_that_the_model_sees() {
    let head = "{\"id\":1,\"method\":\"tools/call\",\"params\":";
    let call = |params: &str| format!("{head}{params}}}\n");
    check(
        &call(r#"{"name":"double","arguments":{"n":21}}"#),
        &[r#""text":"42""#],
    );
    check(
        &call(r#"{"name":"double","arguments":{"n":-1}}"#),
        &[r#""isError":true"#],
    );
    check(
        &call(r#"{"name":"double"}"#),
        &["the argument `n` is missing"],
    );
    check(&call(r#"{"name":"treble"}"#), &[r#""code":-32602"#]);
}

#[test]
fn a_held_answer_waits_for_another_message() {
    let later = "{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"later\"}}\n";
    check(later, &["soon"]);
    let ping = "{\"id\":2,\"method\":\"ping\"}\n";
    check(&[later, ping].concat(), &["soon", "\"id\":99", "\"id\":2"]);
}

#[test]
fn a_tool_may_ask_the_client_and_other_requests_wait_for_it() {
    let ask = "{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"ask\"}}\n";
    let ping = "{\"id\":2,\"method\":\"ping\"}\n";
    let answer = "{\"id\":\"q\",\"result\":{\"roots\":[]}}\n";
    let other = "{\"id\":\"p\",\"result\":{}}\n";
    check(
        &[ask, ping, other, answer].concat(),
        &[
            r#"{"jsonrpc":"2.0","id":"q","method":"roots/list","params":{}}"#,
            "roots",
            "\"id\":2",
        ],
    );
}
