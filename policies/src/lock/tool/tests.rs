#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloc::string::ToString as _;

use super::*;

const NOTE: &str = r#"{"name":"get","description":"Reads one.","inputSchema":{"type":"object",
    "properties":{"id":{"type":["string","null"],"maxLength":8}},"required":["id","at"]}}"#;

#[track_caller]
fn check_same(text: &str) {
    let (one, other) = (Tool::read(NOTE).unwrap(), Tool::read(text).unwrap());
    assert_eq!(one, other);
    assert_eq!(one.digest(), other.digest());
    assert!(one.differences(&other).is_empty());
}

#[test]
fn order_and_harmless_parts_do_not_count() {
    check_same(NOTE);
    check_same(
        r#"{"inputSchema":{"required":["at","id"],"properties":{"id":{"maxLength":8.0,
            "type":["null","string"]}},"type":"object"},
            "description":"Reads\u0020one.","name":"get"}"#,
    );
    check_same(&NOTE.replace(
        "\"name\"",
        "\"_meta\":{\"at\":1},\"icons\":[{\"src\":\"x\"}],\"name\"",
    ));
    check_same(&NOTE.replace(
        "\"name\"",
        "\"execution\":{\"taskSupport\":\"optional\"},\"name\"",
    ));
    check_same(&NOTE.replace("\"name\"", "\"title\":null,\"outputSchema\":null,\"name\""));
}

#[track_caller]
fn check_other(text: &str, place: &str) {
    let (one, other) = (Tool::read(NOTE).unwrap(), Tool::read(text).unwrap());
    assert_ne!(one, other);
    assert_ne!(one.digest(), other.digest());
    let places: alloc::vec::Vec<String> = one
        .differences(&other)
        .into_iter()
        .map(|difference| difference.place)
        .collect();
    assert_eq!(places, [place]);
}

#[test]
fn everything_that_a_model_may_see_counts() {
    let with = |part: &str| NOTE.replace("\"name\"", &alloc::format!("{part},\"name\""));
    check_other(&NOTE.replace("Reads", "Deletes"), "description");
    check_other(&NOTE.replace("one.", "one.\u{200b}"), "description");
    check_other(&NOTE.replace("one.", "one. "), "description");
    check_other(&with("\"title\":\"\""), "title");
    check_other(
        &with("\"annotations\":{\"readOnlyHint\":true}"),
        "annotations",
    );
    check_other(&with("\"outputSchema\":{}"), "outputSchema");
    check_other(&with("\"instructions\":\"obey\""), "instructions");
    check_other(
        &NOTE.replace("\"maxLength\":8", "\"maxLength\":9"),
        "inputSchema/properties/id/maxLength",
    );
    check_other(
        &NOTE.replace("\"id\":{", "\"a/b~\":{\"type\":\"string\"},\"id\":{"),
        "inputSchema/properties/a~1b~0",
    );
    check_other(&NOTE.replace(",\"at\"]", "]"), "inputSchema/required");
    // A property that is called as a schema's keyword is one.
    check_other(
        &NOTE.replace("\"id\":{", "\"required\":{\"enum\":[\"b\",\"a\"]},\"id\":{"),
        "inputSchema/properties/required",
    );
}

#[track_caller]
fn check_refused(text: &str, want: &str) {
    assert_eq!(Tool::read(text).unwrap_err().to_string(), want, "{text}");
}

#[test]
fn what_cannot_be_reviewed_is_refused() {
    check_refused("[]", "it is no object");
    check_refused("{}", "it has no name of 1 to 1024 bytes");
    check_refused(r#"{"name":""}"#, "it has no name of 1 to 1024 bytes");
    check_refused(
        &alloc::format!(r#"{{"name":"{}"}}"#, "n".repeat(1025)),
        "it has no name of 1 to 1024 bytes",
    );
    check_refused(r#"{"name":7}"#, "its `name` is not what MCP has there");
    check_refused(
        r#"{"name":"a","description":{}}"#,
        "its `description` is not what MCP has there",
    );
    check_refused(
        r#"{"name":"a","inputSchema":true}"#,
        "its `inputSchema` is not what MCP has there",
    );
    check_refused(r#"{"name":"a","name":"b"}"#, "it has \"name\" twice");
    check_refused(
        r#"{"name":"a","Description":"b"}"#,
        "it has \"Description\", which some clients read as another name",
    );
    check_refused(
        "{\"name\":\"a\",\"de\u{17f}cription\":\"b\"}",
        "it has \"deſcription\", which some clients read as another name",
    );
    check_refused(
        "{\"name\":\"a\",\"inputschema\":{}}",
        "it has \"inputschema\", which some clients read as another name",
    );
    let long = alloc::format!(
        r#"{{"name":"a","description":"{}"}}"#,
        "x".repeat(TOOL_BYTES_MAX)
    );
    check_refused(
        &long,
        &alloc::format!("it has {} bytes, more than 1048576", long.len()),
    );
}
