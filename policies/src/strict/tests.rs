#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloc::format;
use alloc::string::ToString;

use super::*;

#[track_caller]
fn check(text: &str, want: &Result<(), Unclear>) {
    assert_eq!(Value::new(text).clear(), *want, "{text:.60}");
}

fn twice(key: &str) -> Result<(), Unclear> {
    Err(Unclear::Twice(key.into()))
}

#[test]
fn objects_are_clear_to_their_full_depth() {
    check("{}", &Ok(()));
    check(
        r#" {"a": 1, "b": [{"a": {"a": null}}, "a", -1e5]} "#,
        &Ok(()),
    );
    check(r#"{"a":1,"a":1}"#, &twice("a"));
    check(r#"{"a":1,"A":1}"#, &twice("a"));
    check(r#"{"a":1,"\u0041":1}"#, &twice("a"));
    check(r#"{"x":[0,{"y":{"kEy":1,"\u212aey":2}}]}"#, &twice("key"));
    check(r#"[[{"":1,"":2}]]"#, &twice(""));
    check(r#"[{"a":1},{"a":2}]"#, &Ok(()));
    check(r#"{"a b":1,"A b":1}"#, &twice("a\\u{20}b"));
    check(r#"{"\ud800":1}"#, &Err(Unclear::HalfKey));
    check(r#"{"a":"\ud800"}"#, &Ok(()));
    check(r#""{\"a\":1,\"a\":2}""#, &Ok(()));
    check(r#"{"}":"{","]":"\\\"","[":"\\"}"#, &Ok(()));
}

#[test]
fn bounds_are_held() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    check(&deep(DEPTH_MAX), &Ok(()));
    check(&deep(DEPTH_MAX + 1), &Err(Unclear::Deep));
    let nested = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    check(&nested(DEPTH_MAX), &Ok(()));
    check(&nested(DEPTH_MAX + 1), &Err(Unclear::Deep));
    let key = |length: usize| format!("{{\"{}\":1}}", "k".repeat(length));
    check(&key(KEY_BYTES_MAX), &Ok(()));
    check(&key(KEY_BYTES_MAX + 1), &Err(Unclear::LongKey));
    // The bound is for all objects together.
    let many = |count: usize| {
        let objects = (0..count).map(|number| format!("{{\"{number}\":0}}"));
        format!("[{}]", objects.collect::<Vec<_>>().join(","))
    };
    check(&many(KEYS_MAX), &Ok(()));
    check(&many(KEYS_MAX + 1), &Err(Unclear::ManyKeys));
}

#[test]
fn what_is_no_json_is_told_and_never_passed_over() {
    for broken in [
        "{",
        "[",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{1:2}",
        "\"",
        "\"\\\"",
        "",
        "}",
        "{\"a\":1",
        "[,]",
        "{\"a\" 1}",
        "[1",
        ":",
    ] {
        assert!(Value::new(broken).clear().is_err(), "{broken}");
    }
}

#[track_caller]
fn check_object(text: &str, reserved: &[&'static str], want: Result<&str, Unclear>) {
    let object = Object::read(Value::new(text), "params", reserved);
    let keys = object.map(|object| {
        let keys: Vec<&str> = object.members().map(|(key, _)| key).collect();
        keys.join(" ")
    });
    assert_eq!(keys, want.map(ToString::to_string), "{text}");
}

#[test]
fn an_object_is_read_without_its_values() {
    check_object(r#"{ "a" : {"b":1,"b":2} , "c":[ ] }"#, &[], Ok("a c"));
    check_object("{}", &["name"], Ok(""));
    check_object(r#"{"name":1}"#, &["name"], Ok("name"));
    let variant = Unclear::Variant("Name".into(), "name");
    check_object(r#"{"Name":1}"#, &["name"], Err(variant));
    let twice = Unclear::Twice("name".into());
    check_object(r#"{"name":1,"Name":1}"#, &["name"], Err(twice));
    check_object("[]", &[], Err(Unclear::Form("params")));
    check_object("null", &[], Err(Unclear::Form("params")));
}

#[test]
fn values_keep_their_text() {
    let text = r#"{"big":123456789012345678901234567890, "s":"\u0061" ,"l":[ 1 ,{}],"n":null}"#;
    let object = Object::read(Value::new(text), "params", &[]).unwrap();
    let raw = |key: &str| object.get(key).unwrap().raw();
    assert_eq!(raw("big"), "123456789012345678901234567890");
    assert_eq!(raw("s"), r#""\u0061""#);
    assert_eq!(object.get("s").unwrap().text().unwrap(), "a");
    assert_eq!(raw("l"), "[ 1 ,{}]");
    let elements = object.get("l").unwrap().elements().unwrap();
    assert_eq!(elements, [Value("1"), Value("{}")]);
    assert_eq!(object.get("L"), None);
    let spelled: Vec<&str> = object.spelled().map(|(_, whole)| whole).collect();
    assert_eq!(spelled[1], r#""s":"\u0061""#);
}

#[test]
fn a_list_has_a_bound_where_it_is_gone_through() {
    let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
    let count = |text: &str| Value::new(text).elements().map(|them| them.len());
    assert_eq!(count(&list(ELEMENTS_MAX)), Some(ELEMENTS_MAX));
    assert_eq!(count(&list(ELEMENTS_MAX + 1)), None);
    check(&list(ELEMENTS_MAX + 1), &Ok(()));
}

#[track_caller]
fn check_step(text: &str, name: &str, want: Option<&str>) {
    assert_eq!(
        Parts::of(Value::new(text)).get(name).map(Value::raw),
        want,
        "{name}"
    );
}

#[test]
fn a_pointer_steps_into_objects_and_arrays() {
    check_step(r#"{"a":{"b":1}}"#, "a", Some(r#"{"b":1}"#));
    check_step(r#"{"\u0061":1}"#, "a", Some("1"));
    check_step(r#"{"a":1}"#, "A", None);
    check_step(r#"{"0":1}"#, "0", Some("1"));
    check_step("[5,6]", "1", Some("6"));
    for none in ["2", "01", "-", "+1", "", "a", "18446744073709551616"] {
        check_step("[5,6]", none, None);
    }
    check_step("\"text\"", "0", None);
}

#[test]
fn a_key_is_seen_in_every_case() {
    let check = |text: &str, want| assert_eq!(mentions(Value::new(text), "_meta"), want, "{text}");
    check(r#"{"a":1,"_meta":{}}"#, true);
    check(r#"{"_META":1}"#, true);
    check(r#"{"\u005fmeta":1}"#, true);
    check(r#"{"a":{"_meta":1}}"#, false);
    check(r#"["_meta"]"#, false);
    check("{}", false);
    // Whatever cannot be read to its end may hold it.
    check(r#"{"\ud800":1,"a":2}"#, true);
}
