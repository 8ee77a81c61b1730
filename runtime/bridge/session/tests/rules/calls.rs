//! Calls of tools: names and arguments, spelled in every way.

use super::*;

const NOT_ALLOWED: &str = "tool-not-allowed";
const NOT_SO: &str = "argument-not-allowed";
const MISSING: &str = "argument-missing";
const AMBIGUOUS: &str = "ambiguous-message";

/// A name as raw JSON, and what refuses a call of it without arguments that rules ask for.
pub(super) const NAMES: &[(&str, &str)] = &[
    (r#""list_notes""#, ""),
    (r#""list_""#, ""),
    (r#""l\u0069st_x""#, ""),
    (r#""fs\/read.text""#, ""),
    (r#""delete""#, NOT_ALLOWED),
    (r#""d\u0065lete""#, NOT_ALLOWED),
    (r#""""#, NOT_ALLOWED),
    (r#""LIST_notes""#, NOT_ALLOWED),
    (r#""List_notes""#, NOT_ALLOWED),
    (r#"" list_notes""#, NOT_ALLOWED),
    (r#""\u0000list_notes""#, NOT_ALLOWED),
    (r#""xlist_notes""#, NOT_ALLOWED),
    (r#""fs/read_text""#, NOT_ALLOWED),
    (r#""fs\\read.text""#, NOT_ALLOWED),
    (r#""*""#, NOT_ALLOWED),
    (r#""l\u0456st_notes""#, NOT_ALLOWED),
    (r#""lіst_notes""#, NOT_ALLOWED),
    (r#""list\u200b_notes""#, NOT_ALLOWED),
    (r#""ﬁs/read.text""#, NOT_ALLOWED),
    (r#""put\n""#, NOT_ALLOWED),
    (r#""list_\ud800""#, AMBIGUOUS),
    ("1", AMBIGUOUS),
    ("null", AMBIGUOUS),
    (r#"["list_notes"]"#, AMBIGUOUS),
    (r#"{"name":"list_notes"}"#, AMBIGUOUS),
    (r#""delete","name":"list_notes""#, AMBIGUOUS),
    (r#""list_notes","name":"delete""#, AMBIGUOUS),
    (r#""list_notes","Name":"delete""#, AMBIGUOUS),
    (r#""list_notes","n\u0061me":"delete""#, AMBIGUOUS),
    (r#""list_notes","NAME":"list_notes""#, AMBIGUOUS),
    (r#""list_notes","x":1,"X":2"#, AMBIGUOUS),
    (r#""list_notes","argument\u017f":{}"#, AMBIGUOUS),
    (r#""list_notes","Arguments":{}"#, AMBIGUOUS),
    (r#""list_notes","_Meta":{}"#, AMBIGUOUS),
    (r#""list_notes","\ud800":1"#, AMBIGUOUS),
];

/// Arguments of a tool whose `/path` lies within `/notes`.
pub(super) const ARGUMENTS: &[(&str, &str)] = &[
    (r#"{"path":"/notes/a"}"#, ""),
    (r#"{ "x" : [1.10, 1e400] , "path" : "/notes" }"#, ""),
    (r#"{"path":"//notes/./a//"}"#, ""),
    (r#"{"p\u0061th":"\/notes\/a"}"#, ""),
    (r#"{"path":["/notes/a","/notes/b"]}"#, ""),
    (r#"{"path":"/notes/..."}"#, ""),
    (r#"{"path":"/etc/passwd"}"#, NOT_SO),
    (r#"{"path":"/notes/../etc/passwd"}"#, NOT_SO),
    (r#"{"path":"/notes/a/.."}"#, NOT_SO),
    (r#"{"path":"/notes/\u002e\u002e/etc"}"#, NOT_SO),
    (r#"{"path":"/notesx"}"#, NOT_SO),
    (r#"{"path":"/Notes/a"}"#, NOT_SO),
    (r#"{"path":"notes/a"}"#, NOT_SO),
    (r#"{"path":"./notes/a"}"#, NOT_SO),
    (r#"{"path":"~/notes"}"#, NOT_SO),
    (r#"{"path":"file:///notes/a"}"#, NOT_SO),
    (r#"{"path":"/notes/a\u0000/../../etc"}"#, NOT_SO),
    (r#"{"path":"/notes/a\u0000"}"#, NOT_SO),
    (r#"{"path":""}"#, NOT_SO),
    (r#"{"path":["/notes/a","/etc"]}"#, NOT_SO),
    (r#"{"path":[]}"#, NOT_SO),
    (r#"{"path":[["/notes/a"]]}"#, NOT_SO),
    (r#"{"path":{"path":"/notes"}}"#, NOT_SO),
    (r#"{"path":null}"#, NOT_SO),
    (r#"{"path":"/notes/\ud800"}"#, NOT_SO),
    ("{}", MISSING),
    ("null", MISSING),
    (r#""/notes""#, MISSING),
    (r#"["/notes"]"#, MISSING),
    (r#"{"Path":"/notes"}"#, MISSING),
    (r#"{"p\u0430th":"/notes"}"#, MISSING),
    (r#"{"/path":"/notes"}"#, MISSING),
    (r#"{"path":"/notes","path":"/etc"}"#, AMBIGUOUS),
    (r#"{"path":"/etc","path":"/notes"}"#, AMBIGUOUS),
    (r#"{"path":"/notes","PATH":"/etc"}"#, AMBIGUOUS),
    (r#"{"path":"/notes","p\u0061th":"/etc"}"#, AMBIGUOUS),
    (r#"{"path":"/notes","x":{"y":[{"z":1,"Z":2}]}}"#, AMBIGUOUS),
    (r#"{"path":"/notes","\udfff":1}"#, AMBIGUOUS),
    (
        r#"{"path":"/notes"},"arguments":{"path":"/etc"}"#,
        AMBIGUOUS,
    ),
    (
        r#"{"path":"/notes"},"ARGUMENTS":{"path":"/etc"}"#,
        AMBIGUOUS,
    ),
];

/// Arguments of a tool whose `/n` is at most 10 and whose `/dry` is true.
const NUMBERS: &[(&str, &str)] = &[
    ("10,\"dry\":true", ""),
    ("1e1,\"dry\":true", ""),
    ("10.000,\"dry\":true", ""),
    ("-1e400,\"dry\":true", ""),
    ("10.0000000000000000000001,\"dry\":true", NOT_SO),
    ("11,\"dry\":true", NOT_SO),
    ("18446744073709551626,\"dry\":true", NOT_SO),
    ("1e99999999999999999999,\"dry\":true", NOT_SO),
    ("\"10\",\"dry\":true", NOT_SO),
    ("[10],\"dry\":true", NOT_SO),
    ("true,\"dry\":true", NOT_SO),
    ("10,\"dry\":false", NOT_SO),
    ("10,\"dry\":[true]", NOT_SO),
    ("10,\"dry\":1", NOT_SO),
    ("10,\"dry\":\"true\"", NOT_SO),
    ("10", MISSING),
];

#[test]
fn a_tool_is_called_by_a_name_that_is_allowed() {
    for (name, refused) in NAMES {
        check_call(name, "{}", refused);
    }
}

#[test]
fn an_argument_is_what_its_rule_says() {
    for (arguments, refused) in ARGUMENTS {
        check_call("\"get_note\"", arguments, refused);
    }
    for (arguments, refused) in NUMBERS {
        check_call("\"put\"", &format!("{{\"n\":{arguments}}}"), refused);
    }
}

#[test]
fn what_no_rule_reads_may_be_spelled_in_any_way() {
    // No rule is about this tool's arguments.
    check_call("\"list_x\"", r#"{"a":1,"a":2,"A":3,"\ud800":4}"#, "");
}

#[test]
fn bounds_of_depth_and_keys_are_held_where_a_rule_reads() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let of = |x: &str| format!(r#"{{"path":"/notes","x":{x}}}"#);
    check_call("\"get_a\"", &of(&deep(127)), "");
    check_call("\"get_a\"", &of(&deep(128)), AMBIGUOUS);
    check_call("\"list_a\"", &of(&deep(128)), "");
    let key = |length: usize| of(&format!(r#"{{"{}":1}}"#, "k".repeat(length)));
    check_call("\"get_a\"", &key(1024), "");
    check_call("\"get_a\"", &key(1025), AMBIGUOUS);
}

#[test]
fn a_refusal_says_what_a_model_can_act_on() {
    let mut session = Session::new(LIMITS, rules(RULES));
    let mut actions = Vec::new();
    let line =
        r#"{"id":"\u0061","method":"tools/call","params":{"name":"rm `x`\n","arguments":{}}}"#;
    let frame = Frame::Line(line.as_bytes().to_vec());
    session.on(0, Event::FromClient(frame), &mut actions);
    let Some(Action::ToClient(answer)) = actions.first() else {
        panic!("{actions:?}")
    };
    let want = concat!(
        r#"{"jsonrpc":"2.0","id":"\u0061","result":{"content":[{"type":"text","text":"#,
        r#""refused by the rules of this server (tool-not-allowed): the tool "#,
        r#"\"rm\\u{20}\\u{60}x\\u{60}\\u{a}\" may not be called here"}],"isError":true,"#,
        r#""_meta":{"brig":{"refusal":"tool-not-allowed"}}}}"#,
        "\n"
    );
    assert_eq!(String::from_utf8_lossy(answer), want);
    let Some(Action::Notice(notice)) = actions.get(1) else {
        panic!("{actions:?}")
    };
    assert_eq!(
        notice.to_string(),
        "refused (tool-not-allowed): the tool \"rm\\u{20}\\u{60}x\\u{60}\\u{a}\" may not be \
         called here; `tools.allow` would let it pass"
    );
    assert!(notice.span().is_some());
}
