//! Limits of tools, what no rule reads, and what holds for every list.

use proptest::prelude::*;

use super::*;

const LIMITED: &str = r#"
[tools]
[[tools.limit]]
tool = "get_*"
calls-per-minute = 2
[[tools.limit]]
tool = "slow"
concurrency = 1
result = "1KiB"
[client]
sampling = true
elicitation = true
elicitation-url = true
roots = true
logging = true
"#;

#[test]
fn calls_are_counted_and_given_back() {
    let call = |id: u32, name: &str| {
        format!(r#"{{"id":{id},"method":"tools/call","params":{{{{m}}"name":"{name}"}}}}"#)
    };
    let answer = |id: u32| format!(r#"{{"id":{id},"result":{{"content":[]}}}}"#);
    let script = [
        format!("c= {}", call(1, "get_a")),
        format!("s= {}", answer(1)),
        format!("c= {}", call(1, "get_b")),
        format!("s= {}", answer(1)),
        format!("c> {}\nc? 1 rate-limited {{era}}", call(1, "get_a")),
        // It counts for no more than its own tools.
        format!("c= {}", call(1, "slow")),
        format!("c> {}\nc? 2 too-many-at-once {{era}}", call(2, "slow")),
        format!("s= {}", answer(1)),
        format!("c= {}", call(2, "slow")),
        r#"c= {"method":"notifications/cancelled","params":{"requestId":2}}"#.to_owned(),
        format!("c= {}", call(3, "slow")),
        "! at 6000\nc! 3 call-deadline\ns~ 3".to_owned(),
        format!("c= {}", call(4, "slow")),
        format!("s= {}", answer(4)),
        "! later 60000".to_owned(),
        format!("c= {}", call(5, "get_c")),
    ];
    let lines: Vec<&str> = script.iter().map(String::as_str).collect();
    let shown = lines.join("\n");
    check_case(LIMITED, "limits", &shown);
}

#[test]
fn an_answer_may_be_so_large() {
    let call = r#"c= {"id":1,"method":"tools/call","params":{{m}"name":"slow"}}"#;
    let answer = |bytes: usize| {
        let text = "x".repeat(bytes - r#"{"t":""}"#.len());
        format!(r#"{{"id":1,"result":{{"t":"{text}"}}}}"#)
    };
    check_case(LIMITED, "enough", &format!("{call}\ns= {}", answer(1024)));
    let refused = format!("{call}\ns> {}\nc? 1 result-too-large {{era}}", answer(1025));
    check_case(LIMITED, "too large", &refused);
}

/// What comes out of a session for a line, and whether it is the very memory that went in.
fn pass(session: &mut Session, side: Side, line: &str) -> (String, bool) {
    let mut bytes = line.as_bytes().to_vec();
    // Room for the line end: growing would move it.
    bytes.reserve(1);
    let at = bytes.as_ptr();
    let frame = Frame::Line(bytes);
    let event = match side {
        Side::Client => Event::FromClient(frame),
        Side::Server => Event::FromServer(frame),
    };
    let mut actions = Vec::new();
    session.on(0, event, &mut actions);
    match actions.as_slice() {
        [Action::ToClient(bytes) | Action::ToServer(bytes)] => {
            let same = bytes.as_ptr() == at;
            (String::from_utf8_lossy(bytes).trim_end().to_owned(), same)
        }
        other => panic!("{other:?}"),
    }
}

/// Lines of both sides, in order.
type Lines = [(Side, &'static str)];

/// Whatever is said where everything is granted and nothing narrowed.
const OPEN_LINES: &Lines = &[
    (
        Side::Client,
        r#"{"id":1,"method":"initialize","params":{"capabilities":{"roots":{}}}}"#,
    ),
    (
        Side::Server,
        r#"{"id":1,"result":{"capabilities":{"logging":{}}}}"#,
    ),
    (
        Side::Client,
        r#"{"id":2,"method":"tools/list","params":{"_meta":{}}}"#,
    ),
    (
        Side::Server,
        r#"{"id":2,"result":{"tools":[{"name":"a"}]}}"#,
    ),
    (
        Side::Client,
        r#"{"id":3,"method":"tools/call","params":{"name":"a","arguments":{}}}"#,
    ),
    (
        Side::Server,
        r#"{"id":3,"result":{"inputRequests":{"a":{"method":"roots/list"}}}}"#,
    ),
    (
        Side::Client,
        r#"{"id":4,"method":"resources/read","params":{"uri":"a"}}"#,
    ),
    (Side::Server, r#"{"id":4,"error":{"code":-32042}}"#),
    (
        Side::Server,
        r#"{"id":1,"method":"elicitation/create","params":{"mode":"url"}}"#,
    ),
    (Side::Client, r#"{"id":1,"result":{"action":"accept"}}"#),
    (
        Side::Server,
        r#"{"method":"notifications/message","params":{}}"#,
    ),
    (
        Side::Client,
        r#"{"method":"notifications/roots/list_changed"}"#,
    ),
];

/// What rules read and let pass, and what they do not read.
const READ: &Lines = &[
    (
        Side::Client,
        r#"{"id":1,"method":"tools/list","params":{}}"#,
    ),
    (
        Side::Server,
        r#"{"id":1,"result":{"tools":[{"name":"put"}]}}"#,
    ),
    (
        Side::Client,
        r#"{"id":2,"method":"tools/call","params":{"name":"list_a"}}"#,
    ),
    (Side::Server, r#"{"id":2,"result":{"content":[]}}"#),
    (
        Side::Server,
        r#"{"id":1,"method":"elicitation/create","params":{}}"#,
    ),
];
const UNREAD: &Lines = &[
    (Side::Client, r#"{"id":3,"method":"ping"}"#),
    (Side::Server, r#"{"id":3,"result":[{"inputRequests":1}]}"#),
    (Side::Client, r#"{"id":1,"result":{"action":"accept"}}"#),
    (
        Side::Server,
        r#"{"method":"notifications/tools/list_changed"}"#,
    ),
];

#[test]
fn what_no_rule_reads_is_neither_copied_nor_looked_into() {
    let mut session = Session::new(LIMITS, rules(OPEN));
    for (side, line) in OPEN_LINES {
        assert_eq!(pass(&mut session, *side, line), ((*line).to_owned(), true));
        assert_eq!(session.messages_read(), 0, "{line}");
    }
    // What is looked into and passes as it is is not copied either.
    let mut session = Session::new(LIMITS, rules(RULES));
    for (lines, is_read) in [(READ, true), (UNREAD, false)] {
        for (side, line) in lines {
            let before = session.messages_read();
            assert_eq!(pass(&mut session, *side, line), ((*line).to_owned(), true));
            assert_eq!(session.messages_read() > before, is_read, "{line}");
        }
    }
}

fn element() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("list_a"),
        Just("get_b"),
        Just("put"),
        Just("x"),
        Just("List_a"),
        Just(""),
    ];
    let space = prop_oneof![Just(""), Just(" "), Just("\t ")];
    let form = prop_oneof![
        Just(r#"{"name":"NAME"}"#),
        Just(r#"{ "x":[1.10,{"name":"y"}], "name" : "NAME" }"#),
        Just(r#"{"name":"NAME","name":"NAME"}"#),
        Just(r#"{"Name":"NAME"}"#),
        Just(r#""NAME""#),
        Just("null"),
    ];
    (name, form, space.clone(), space).prop_map(|(name, form, before, after)| {
        format!("{before}{}{after}", form.replace("NAME", name))
    })
}

/// What a list becomes under the rules.
fn narrowed(list: &str) -> String {
    let mut session = Session::new(BIG, rules(RULES));
    let _ = pass(
        &mut session,
        Side::Client,
        r#"{"id":1,"method":"tools/list"}"#,
    );
    pass(&mut session, Side::Server, list).0
}

const BIG: SessionLimits = SessionLimits {
    message_bytes_max: 1 << 20,
    ..LIMITS
};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })]

    #[test]
    fn narrowing_a_list_twice_is_narrowing_it_once(
        elements in proptest::collection::vec(element(), 0..12),
        scope in prop_oneof![Just(""), Just(r#","cacheScope":"public""#), Just(r#","ttlMs":1"#)],
    ) {
        let tools = elements.join(",");
        let result = format!(r#"{{"tools":[{tools}],"nextCursor":"c"{scope}}}"#);
        let list = format!(r#"{{"id":1,"result":{result}}}"#);
        let once = narrowed(&list);
        prop_assert_eq!(&narrowed(&once), &once);
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&list).unwrap(), serde_json::from_str(&once).unwrap());
        let (before, after) = (&before["result"], &after["result"]);
        prop_assert_eq!(&after["nextCursor"], "c");
        // What is left is what was there, in its order, and nothing that may not be seen.
        let mut all = before["tools"].as_array().unwrap().iter();
        for tool in after["tools"].as_array().unwrap() {
            prop_assert!(all.any(|other| other == tool));
            let name = tool["name"].as_str().unwrap();
            prop_assert!(["list_a", "get_b", "put"].contains(&name), "{}", name);
        }
    }
}
