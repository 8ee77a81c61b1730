#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, want: &str) {
    let value = Value::read(text).unwrap();
    assert_eq!(value.compact(), want);
    assert_eq!(Value::read(&value.pretty()).unwrap(), value, "{text}");
}

#[test]
fn equal_values_have_one_text() {
    check(
        " { \"b\" : [ 1 , null ] ,\n\t\"a\" : true }\r\n",
        r#"{"a":true,"b":[1,null]}"#,
    );
    check("[]", "[]");
    check("{}", "{}");
    check(r#""\u0061\/\n\u00e9""#, r#""a/\né""#);
    check(r#""\ud83d\ude42""#, "\"🙂\"");
    check("\"\u{7f}\u{202e}\"", "\"\u{7f}\u{202e}\"");
    check(r#""\u0000\b\f\r\t\"\\'''""#, r#""\u0000\b\f\r\t\"\\'''""#);
}

#[test]
fn one_number_has_one_spelling() {
    for same in ["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.000"] {
        check(same, "1");
    }
    for zero in ["0", "-0", "0.0", "-0e5", "0e-9"] {
        check(zero, "0");
    }
    check("-12.50", "-12.5");
    check("9007199254740993", "9007199254740993");
    check("100", "100");
    check("1e20", "100000000000000000000");
    check("1e21", "1e21");
    check("1234567890123456789012345", "1.234567890123456789012345e24");
    check("0.000001", "0.000001");
    check("0.0000001", "1e-7");
    check("0.00120", "0.0012");
    check("123e-2", "1.23");
    check("5e-324", "5e-324");
}

#[track_caller]
fn check_refused(text: &str, want: &InvalidJson) {
    assert_eq!(Value::read(text).as_ref(), Err(want), "{text}");
}

#[test]
fn what_reads_in_two_ways_is_refused() {
    let twice = |name: &str| InvalidJson::Twice(name.to_owned());
    check_refused(r#"{"a":1,"a":1}"#, &twice("a"));
    check_refused(r#"{"a":1,"\u0061":2}"#, &twice("a"));
    check_refused(r#"{"x":[{"":1,"":2}]}"#, &twice(""));
    check_refused(r#""\ud83d""#, &InvalidJson::HalfCharacter(1));
    check_refused(r#""\ude42\ud83d""#, &InvalidJson::HalfCharacter(1));
    check_refused(r#""a\ud83d\u0041""#, &InvalidJson::HalfCharacter(2));
    let at = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::read(&at(DEPTH_MAX + 1)).is_ok());
    check_refused(&at(DEPTH_MAX + 2), &InvalidJson::TooDeep);
}

#[test]
fn what_is_no_json_is_refused_at_its_place() {
    let broken = [
        ("", 0),
        ("  ", 2),
        ("{", 1),
        ("{\"a\"}", 4),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("01", 2),
        ("1.", 2),
        (".5", 0),
        ("+1", 0),
        ("1e", 2),
        ("1e1234567", 9),
        ("-", 1),
        ("NaN", 0),
        ("nul", 0),
        ("true false", 5),
        ("\"a", 2),
        ("\"\n\"", 1),
        ("\"\\x\"", 2),
        ("\"\\u12g4\"", 3),
        ("\"\\u+123\"", 3),
        ("// a\n1", 0),
        ("\u{feff}1", 0),
    ];
    for (text, at) in broken {
        check_refused(text, &InvalidJson::Syntax(at));
    }
}

/// Any JSON, as a library writes it.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_read_as_a_library_reads_it(value in json()) {
        let read = Value::read(&value.to_string()).unwrap();
        prop_assert_eq!(Value::read(&format!("{value:#}")).unwrap(), read.clone());
        let back: serde_json::Value = serde_json::from_str(&read.compact()).unwrap();
        prop_assert_eq!(&back, &value);
        let back: serde_json::Value = serde_json::from_str(&read.pretty()).unwrap();
        prop_assert_eq!(&back, &value);
    }

    /// A library takes what this takes, and this takes what a library takes but for what it says
    /// that it does not.
    #[test]
    fn a_broken_text_is_broken_for_a_library_too(
        text in "[\\[\\]{},:\"\\\\u0-9eE+. -]{0,12}|\\{\"a\":[0-9.eE-]{1,6}\\}",
    ) {
        let library = serde_json::from_str::<serde_json::Value>(&text);
        match (Value::read(&text), library) {
            (Ok(_) | Err(InvalidJson::Twice(_)), Ok(_)) | (Err(_), Err(_)) => {}
            // No 64 bits hold it.
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range")),
            (Err(error), Ok(_)) => prop_assert!(text.contains(['e', 'E']), "{text}: {error}"),
        }
    }
}
