#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

/// What a line is, in short.
fn told(line: &[u8]) -> String {
    match read(line) {
        Err(fault) => format!("{fault:?}"),
        Ok(Reading::One(_, message)) => tell(&message),
        Ok(Reading::Batch(batch)) => {
            let told: Vec<String> = batch.iter().map(|(_, message)| tell(message)).collect();
            format!("[{}]", told.join(", "))
        }
    }
}

fn tell(message: &Message<'_>) -> String {
    let id = |id: &Option<Id>| id.as_ref().map_or("-".to_owned(), |id| id.raw().to_owned());
    match message {
        Message::Request { id, method, params } => {
            format!("request {} {method} {}", id.raw(), params.unwrap_or("-"))
        }
        Message::Notification { method, params } => {
            format!("notification {method} {}", params.unwrap_or("-"))
        }
        Message::Answer { id, .. } => format!("answer {}", id.raw()),
        Message::ErrorForNone => "error".to_owned(),
        Message::Refused {
            id: of,
            asks,
            fault,
        } => {
            format!("refused {} {asks} {fault:?}", id(of))
        }
    }
}

#[track_caller]
fn check(line: &str, want: &str) {
    assert_eq!(told(line.as_bytes()), want, "{line:.200}");
}

#[test]
fn the_envelope_tells_what_a_message_is() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#, "request 1 a -");
    check(
        r#"{"id":"x","method":"\u0061\/","params":{ "b" :1.10}}"#,
        r#"request "x" a/ { "b" :1.10}"#,
    );
    check(r#"{"method":"n","params":[1]}"#, "notification n [1]");
    check(r#"{"id":-0.5E+2,"result":null}"#, "answer -0.5E+2");
    check(r#"{"id":1,"error":{},"vendor":{"id":2}}"#, "answer 1");
    check(r#"{"id":null,"error":{}}"#, "error");
    check(r#"{"error":{}}"#, "error");
    check("\t {\"method\":\"n\"} \r", "notification n -");
}

#[test]
fn what_is_no_message_is_told_so() {
    for line in [
        "",
        " ",
        "x",
        "1",
        "null",
        "true",
        "\"{}\"",
        "{",
        "}",
        "{}x",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "[]",
        "[1]",
        "[{\"method\":\"a\"},1]",
        "[[]]",
        "[{\"method\":\"a\"}",
        "[{\"method\":\"a\"}]]",
        "{\"method\":\"a\u{0}\"}",
        "{\"method\":\"a\"}\u{0}",
        "{\"method\":\"a\tb\"}",
        "{\"a\":01}",
        "{\"a\":\"\\q\"}",
        "{\"a\":nan}",
        "{\"a\":1 \"b\":2}",
        "// {}",
        "{'a':1}",
    ] {
        check(line, "NotMessage");
    }
    for line in [
        &b"\xff"[..],
        b"{\"method\":\"\xff\"}",
        b"{\"method\":\"\xed\xa0\x80\"}",
        b"\xfe\xff\0{",
    ] {
        assert_eq!(told(line), "NotMessage", "{line:?}");
    }
}

#[test]
fn an_object_that_is_no_message_is_told_so() {
    check("{}", "refused - false NotMessage");
    check(
        r#"{"level":"info","msg":"x"}"#,
        "refused - false NotMessage",
    );
    check(r#"{"id":1}"#, "refused 1 false NotMessage");
    check(r#"{"result":{}}"#, "refused - false NotMessage");
}

#[test]
fn keys_given_twice_are_refused_by_name() {
    check(
        r#"{"id":1,"id":1,"method":"a"}"#,
        "refused - true Ambiguous(Id)",
    );
    check(
        r#"{"id":1,"method":"a","method":"a"}"#,
        "refused 1 true Ambiguous(Method)",
    );
    check(
        r#"{"id":1,"method":"a","params":{},"params":{}}"#,
        "refused 1 true Ambiguous(Params)",
    );
    check(
        r#"{"id":1,"result":0,"result":0}"#,
        "refused 1 false Ambiguous(Result)",
    );
    check(
        r#"{"id":1,"error":0,"error":0}"#,
        "refused 1 false Ambiguous(Error)",
    );
    check(
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"result":0}"#,
        "refused 1 false Ambiguous(Jsonrpc)",
    );
    check(
        r#"{"id":1,"m\u0065thod":"a","method":"b"}"#,
        "refused 1 true Ambiguous(Method)",
    );
    check(r#"{"x":1,"x":2,"method":"n"}"#, "notification n -");
    check(
        r#"{"method":"a","method":"b","id":1,"id":2}"#,
        "refused - true Ambiguous(Id)",
    );
}

#[test]
fn keys_in_other_case_are_refused_by_name() {
    check(r#"{"Id":1,"method":"a"}"#, "refused - true Ambiguous(Id)");
    check(
        r#"{"id":1,"METHOD":"a"}"#,
        "refused 1 false Ambiguous(Method)",
    );
    check(
        r#"{"id":1,"method":"a","Params":{}}"#,
        "refused 1 true Ambiguous(Params)",
    );
    check(
        r#"{"id":1,"reſult":{}}"#,
        "refused 1 false Ambiguous(Result)",
    );
    check(
        r#"{"id":1,"result":{},"Error":{}}"#,
        "refused 1 false Ambiguous(Error)",
    );
    check(
        r#"{"JsonRpc":"2.0","method":"n"}"#,
        "refused - true Ambiguous(Jsonrpc)",
    );
    check(
        r#"{"method":"n","ids":1,"i":1,"methods":1,"param":1}"#,
        "notification n -",
    );
}

#[test]
fn messages_that_are_two_at_once_are_refused() {
    check(
        r#"{"id":1,"method":"a","result":{}}"#,
        "refused 1 true Ambiguous(Result)",
    );
    check(
        r#"{"id":1,"method":"a","error":{}}"#,
        "refused 1 true Ambiguous(Error)",
    );
    check(
        r#"{"id":1,"result":{},"error":{}}"#,
        "refused 1 false Ambiguous(Error)",
    );
    check(
        r#"{"method":"a","result":{}}"#,
        "refused - true Ambiguous(Result)",
    );
    check(
        r#"{"id":null,"method":"a"}"#,
        "refused - true Ambiguous(Id)",
    );
    check(
        r#"{"id":null,"result":{}}"#,
        "refused - false Ambiguous(Id)",
    );
    check(r#"{"id":[],"result":{}}"#, "refused - false Ambiguous(Id)");
    check(
        r#"{"id":1,"method":null}"#,
        "refused 1 true Ambiguous(Method)",
    );
    check(
        r#"{"id":1,"method":"\ud800"}"#,
        "refused 1 true Ambiguous(Method)",
    );
}

#[test]
fn a_batch_is_read_message_by_message() {
    check(
        r#"[{"id":1,"method":"a"} , {"method":"n"}]"#,
        "[request 1 a -, notification n -]",
    );
    check(
        r#"[{"id":1,"id":2,"method":"a"}]"#,
        "[refused - true Ambiguous(Id)]",
    );
    check("[{}]", "[refused - false NotMessage]");
    let full = |length| format!("[{}]", vec!["{\"method\":\"n\"}"; length].join(","));
    assert!(told(full(BATCH_LENGTH_MAX).as_bytes()).starts_with("[notification"));
    check(&full(BATCH_LENGTH_MAX + 1), "NotMessage");
}

#[test]
fn depth_is_bounded_and_never_overflows_the_stack() {
    let nested = |depth: usize| {
        format!(
            r#"{{"id":1,"result":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    check(&nested(DEPTH_MAX - 1), "answer 1");
    check(&nested(DEPTH_MAX), "refused 1 false TooDeep");
    check(&nested(1_000_000), "refused 1 false TooDeep");
    check(
        &format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)),
        "NotMessage",
    );
    check(&"[".repeat(1_000_000), "NotMessage");
    check(&"{\"a\":".repeat(1_000_000), "NotMessage");
    let objects = format!(
        r#"{{"id":1,"method":"a","params":{}1{}}}"#,
        "{\"a\":".repeat(600),
        "}".repeat(600)
    );
    check(&objects, "refused 1 true TooDeep");
    let deepest = nested(DEPTH_MAX - 1).replacen('[', "[[],", 1);
    check(&deepest, "answer 1");
    let wide = format!(r#"{{"id":1,"result":[{}[]]}}"#, "[],{},".repeat(10_000));
    check(&wide, "answer 1");
    let quoted = format!(r#"{{"id":1,"result":"\"{}"}}"#, "[{\\\"".repeat(10_000));
    check(&quoted, "answer 1");
}

#[test]
fn numbers_may_be_larger_than_any_machine_word() {
    let long = "9".repeat(1000);
    check(
        &format!(r#"{{"id":{long},"result":1e999999}}"#),
        &format!("answer {long}"),
    );
    check(
        &format!(r#"{{"id":9{long}{long},"method":"a"}}"#),
        "refused - true Ambiguous(Id)",
    );
}

#[test]
fn fields_of_parameters_are_found_where_they_belong() {
    let token = |params| progress_token(Some(params)).map(|id| id.raw().to_owned());
    assert_eq!(
        token(r#"{"_meta":{"progressToken":"t"}}"#).unwrap(),
        r#""t""#
    );
    assert_eq!(
        token(r#"{"a":{},"_meta":{"x":[],"progressToken":1.0}}"#).unwrap(),
        "1.0"
    );
    assert_eq!(token(r#"{"progressToken":1}"#), None);
    assert_eq!(token(r#"{"_meta":[{"progressToken":1}]}"#), None);
    assert_eq!(token(r#"[{"progressToken":1}]"#), None);
    assert_eq!(
        token(r#"{"_meta":{"progressToken":1,"progressToken":2}}"#),
        None
    );
    assert_eq!(token(r#"{"_meta":{"progressToken":null}}"#), None);
    assert_eq!(
        progressed(Some(r#"{"progressToken":7}"#)).unwrap().raw(),
        "7"
    );
    assert_eq!(progressed(Some("[7]")), None);
    assert_eq!(progressed(None), None);
    assert_eq!(
        cancelled(Some(r#"{"requestId":"a"}"#)).unwrap().raw(),
        r#""a""#
    );
    assert_eq!(cancelled(Some("7")), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = told(&line);
    }

    #[test]
    fn what_is_read_is_json_and_what_is_json_is_read(
        line in "[\\[\\]{}:,\"\\\\0-9a-e \\-idmethod\u{17f}]{0,40}",
    ) {
        let is_object = serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok()
            && line.trim_ascii_start().starts_with('{');
        if line.trim_ascii_start().starts_with('{') {
            prop_assert_eq!(read(line.as_bytes()).is_ok(), is_object);
        }
    }
}
