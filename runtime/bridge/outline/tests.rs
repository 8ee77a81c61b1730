#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn outline(pieces: &[&[u8]]) -> Shape {
    let mut reader = OutlineReader::default();
    for piece in pieces {
        reader.add(piece);
    }
    reader.outline().shape
}

#[track_caller]
fn check(line: &str, want: &Shape) {
    for at in 0..=line.len() {
        let (left, right) = line.as_bytes().split_at(at);
        assert_eq!(outline(&[left, right]), *want, "split at {at}");
    }
}

fn id(raw: &str) -> Id {
    Id::read(raw).unwrap()
}

#[test]
fn the_id_is_found_wherever_it_stands() {
    check(
        r#"{"jsonrpc":"2.0","id":1,"result":{"#,
        &Shape::Answer(id("1")),
    );
    check(
        r#"{"result":[{"id":2},[]],"jsonrpc":"2.0","id":1}"#,
        &Shape::Answer(id("1")),
    );
    check(
        r#" { "error" : {} , "id" : "a" } "#,
        &Shape::Answer(id(r#""a""#)),
    );
    check(
        "\u{feff}{\"id\":-1.5e3,\"result\":null}\r",
        &Shape::Answer(id("-1.5e3")),
    );
    check(
        r#"{"id":1,"method":"a","params":"#,
        &Shape::Request(id("1")),
    );
    check(
        r#"{"params":{"id":"x"},"method":"a","id":"b"}"#,
        &Shape::Request(id(r#""b""#)),
    );
    check(r#"{"\u0069d":1,"\u0072esult":0}"#, &Shape::Answer(id("1")));
}

#[test]
fn a_line_that_names_two_calls_is_the_first_wherever_it_is_cut() {
    check(
        r#"{"id":1,"result":0,"id":2,"method":"a"}"#,
        &Shape::Answer(id("1")),
    );
    check(
        r#"{"method":"a","id":1,"id":2,"result":0}"#,
        &Shape::Request(id("1")),
    );
    check(r#"{"id":1,"id":2,"error":0}"#, &Shape::Answer(id("2")));
}

#[test]
fn strings_end_where_json_ends_them() {
    check(
        r#"{"result":"\",\"id\":2,\"","id":1}"#,
        &Shape::Answer(id("1")),
    );
    check(r#"{"result":"\\","id":1}"#, &Shape::Answer(id("1")));
    check(r#"{"result":"\\\\\"}","id":1}"#, &Shape::Answer(id("1")));
    check(
        r#"{"result":["}","{","\"]"],"id":"\"}\\"}"#,
        &Shape::Answer(id(r#""\"}\\""#)),
    );
    check(
        r#"{"result":{"id\"":2,"\\":3},"id":1}"#,
        &Shape::Answer(id("1")),
    );
}

#[test]
fn what_names_no_call_tells_none() {
    check(r#"{"method":"n","params":{"id":1}}"#, &Shape::Notification);
    check(r#"{"result":{"id":1}}"#, &Shape::Unclear);
    check(r#"{"id":1,"params":{}}"#, &Shape::Unclear);
    check(r#"{"id":null,"result":{}}"#, &Shape::Unclear);
    check(r#"{"id":{"id":1},"result":{}}"#, &Shape::Unclear);
    check(r#"{"id":1 2,"result":{}}"#, &Shape::Answer(id("12")));
    check(r#"{"id":[1],"result":{}}"#, &Shape::Unclear);
    check(r#"{"id":12x,"result":{}}"#, &Shape::Unclear);
    check(r#"[{"id":1,"result":{}}]"#, &Shape::Unclear);
    check(r#"id: 1, "result": 2"#, &Shape::Noise);
    check("", &Shape::Noise);
}

#[test]
fn an_id_that_is_too_long_is_none() {
    let fits = "1".repeat(ID_BYTES_MAX);
    check(
        &format!(r#"{{"id":{fits},"result":0}}"#),
        &Shape::Answer(id(&fits)),
    );
    check(&format!(r#"{{"id":{fits}1,"result":0}}"#), &Shape::Unclear);
    check(&format!(r#"{{"id":"{fits}","result":0}}"#), &Shape::Unclear);
}

#[test]
fn only_the_start_is_kept_for_the_log() {
    let mut reader = OutlineReader::default();
    for _ in 0..10 {
        reader.add(&[b'x'; 300]);
    }
    assert_eq!(reader.outline().head, [b'x'; HEAD_BYTES_MAX]);
}

/// JSON of every kind, with much that must be told apart from the envelope's own keys.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[\"\\\\{}:,id]{0,6}",
        Just("id".to_owned()),
        Just("result".to_owned())
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        text.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec((text.clone(), inner), 0..4)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_answer_is_told_as_serde_json_would(
        result in json(), id in "[\"\\\\a-z]{0,5}", first in any::<bool>(), at in 0_usize..200,
    ) {
        let id = serde_json::Value::from(id).to_string();
        let line = if first {
            format!(r#"{{"id":{id},"result":{result}}}"#)
        } else {
            format!(r#"{{"result":{result},"id":{id}}}"#)
        };
        let (left, right) = line.as_bytes().split_at(at.min(line.len()));
        prop_assert_eq!(outline(&[left, right]), Shape::Answer(Id::read(&id).unwrap()));
    }
}
