//! What else a client asks and tells, and how lines can be put together.

use super::*;

/// Each with its script.
pub(super) const CASES: &[(&str, &str)] = &[
    (
        "a call without parameters",
        r#"
        c> {"id":1,"method":"tools/call"}
        c! 1 ambiguous-message"#,
    ),
    (
        "a call with parameters by place",
        r#"
        c> {"id":1,"method":"tools/call","params":["delete",{}]}
        c! 1 ambiguous-message"#,
    ),
    (
        "parameters given twice",
        r#"
        c> {"id":1,"method":"tools/call","params":{"name":"list_x"},"params":{"name":"delete"}}
        c! 1 ambiguous-message"#,
    ),
    (
        "parameters in another case",
        r#"
        c> {"id":1,"method":"tools/call","params":{"name":"list_x"},"Params":{"name":"delete"}}
        c! 1 ambiguous-message"#,
    ),
    (
        "a method in another case",
        r#"
        c> {"id":1,"method":"Tools/Call","params":{{m}"name":"delete"}}
        c? 1 tool-not-allowed {era}
        c= {"id":2,"method":"TOOLS/CALL","params":{{m}"name":"list_x"}}"#,
    ),
    (
        "a method with escapes",
        r#"
        c> {"id":1,"method":"tools\/c\u0061ll","params":{{m}"name":"delete"}}
        c? 1 tool-not-allowed {era}
        c= {"id":2,"method":"tools\/c\u0061ll","params":{{m}"name":"list_x"}}"#,
    ),
    (
        "a call that wants no answer",
        r#"
        c> {"method":"tools/call","params":{{m}"name":"delete"}}
        c> {"method":"tools/call","params":{{m}"name":"list_x","name":"delete"}}
        c= {"method":"tools/call","params":{{m}"name":"list_x"}}"#,
    ),
    (
        "a call with no id that is one",
        r#"
        c> {"id":null,"method":"tools/call","params":{"name":"list_x"}}
        c> {"id":[1],"method":"tools/call","params":{"name":"list_x"}}"#,
    ),
    (
        "a call as a task gets an error",
        r#"
        c> {"id":1,"method":"tools/call","params":{"name":"delete","task":{"ttl":1}}}
        c! 1 not-allowed (tool-not-allowed)"#,
    ),
    (
        "ids of every kind",
        r#"
        c> {"id":0,"method":"tools/call","params":{{m}"name":"x"}}
        c? 0 tool-not-allowed {era}
        c> {"id":"","method":"tools/call","params":{{m}"name":"x"}}
        c? "" tool-not-allowed {era}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"x"}}
        c? 1 tool-not-allowed {era}
        c> {"id":"1","method":"tools/call","params":{{m}"name":"x"}}
        c? "1" tool-not-allowed {era}
        c> {"id":1.5,"method":"tools/call","params":{{m}"name":"x"}}
        c? 1.5 tool-not-allowed {era}
        c> {"id":-7,"method":"tools/call","params":{{m}"name":"x"}}
        c? -7 tool-not-allowed {era}
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        c= {"id":"1","method":"tools/call","params":{{m}"name":"list_x"}}
        s= {"id":"1","result":{}}
        s= {"id":1,"result":{}}"#,
    ),
    (
        "an id that a refused call had is free",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"x"}}
        c? 1 tool-not-allowed {era}
        s> {"id":1,"result":{"content":[]}}
        log {"id":1,"result":{"content":[]}}
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s= {"id":1,"result":{"content":[]}}"#,
    ),
    (
        "an id in flight, for a call that would be refused",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"delete"}}
        c! 1 ambiguous-message"#,
    ),
    (
        "a batch, message by message",
        r#"
        c> [{"id":1,"method":"tools/call","params":{"name":"list_x"}}, {"id":2,
        ..."method":"tools/call","params":{"name":"delete"}},{"method":"n"}]
        c? 2 tool-not-allowed legacy
        s< [{"id":1,"method":"tools/call","params":{"name":"list_x"}},{"method":"n"}]"#,
    ),
    (
        "a batch of nothing that passes",
        r#"
        c> [{"id":1,"method":"tools/call","params":{"name":"x"}},{"id":2,"method":"tools/call",
        ..."params":{"name":"y"}}]
        c? 1 tool-not-allowed legacy
        c? 2 tool-not-allowed legacy"#,
    ),
    (
        "a batch in a batch",
        r#"
        c> [[{"id":1,"method":"tools/call","params":{"name":"delete"}}]]"#,
    ),
    (
        "a line in two pieces",
        r#"
        c+ {"id":1,"method":"tools/call","params":{{m}"name":"del
        c> ete"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        "two calls on one line",
        r#"
        c> {"id":1,"method":"tools/call","params":{"name":"list_x"}}{"id":2,"method":"tools/call",
        ..."params":{"name":"delete"}}"#,
    ),
    (
        "a carriage return in a line",
        r#"
        c> {"id":1,"method":"ping"}{cr}{"id":2,"method":"tools/call","params":{"name":"delete"}}"#,
    ),
    (
        "resources by their URI",
        r#"
        c= {"id":1,"method":"resources/read","params":{{m}"uri":"file:///notes/a"}}
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///etc/passwd"}}
        c! 2 not-allowed (resource-not-allowed)
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///notes/../etc/passwd"}}
        c! 2 not-allowed (resource-not-allowed)
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///notes/%2e%2e/etc/passwd"}}
        c! 2 not-allowed (resource-not-allowed)
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///notes/..%2fetc"}}
        c! 2 not-allowed (resource-not-allowed)
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"FILE:///notes/a"}}
        c! 2 not-allowed (resource-not-allowed)"#,
    ),
    (
        "a resource of two names",
        r#"
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///notes/a","uri":"x:y"}}
        c! 2 ambiguous-message
        c> {"id":2,"method":"resources/read","params":{{m}"uri":"file:///notes/a","URI":"x:y"}}
        c! 2 ambiguous-message
        c> {"id":2,"method":"resources/read","params":{{m}"uri":["file:///notes/a"]}}
        c! 2 ambiguous-message
        c> {"id":2,"method":"resources/read"}
        c! 2 ambiguous-message"#,
    ),
    (
        "watching a resource, and what extensions do with one",
        r#"
        c> {"id":1,"method":"resources/subscribe","params":{{m}"uri":"x:y"}}
        c! 1 not-allowed (resource-not-allowed)
        c> {"id":1,"method":"resources/directory/read","params":{{m}"uri":"x:y"}}
        c! 1 not-allowed (resource-not-allowed)
        c> {"method":"Resources/Read","params":{{m}"uri":"x:y"}}
        c= {"id":1,"method":"resources/unsubscribe","params":{{m}"uri":"file:///notes/a"}}
        c= {"id":2,"method":"resources/list","params":{{meta}}}"#,
    ),
    (
        "watching many resources at once",
        r#"
        c> {"id":1,"method":"subscriptions/listen","params":{{m}"notifications":
        ...{"toolsListChanged":true,"resourceSubscriptions":["file:///notes/a","x:y"]}}}
        c! 1 not-allowed (resource-not-allowed)
        c> {"id":1,"method":"subscriptions/listen","params":{{m}"notifications":
        ...{"resourceSubscriptions":[],"ResourceSubscriptions":["x:y"]}}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"subscriptions/listen","params":{{m}"notifications":
        ...{"resourceSubscriptions":["file:///notes/a"]}}}
        c= {"id":2,"method":"subscriptions/listen","params":{{m}"notifications":
        ...{"toolsListChanged":true}}}"#,
    ),
    (
        "prompts by their name",
        r#"
        c= {"id":1,"method":"prompts/get","params":{{m}"name":"review_code"}}
        c> {"id":2,"method":"prompts/get","params":{{m}"name":"Review_code"}}
        c! 2 not-allowed (prompt-not-allowed)
        c> {"id":2,"method":"prompts/get","params":{{m}"name":"review_code","Name":"x"}}
        c! 2 ambiguous-message"#,
    ),
    (
        "completions of what may not be seen",
        r#"
        c> {"id":1,"method":"completion/complete","params":{{m}"ref":{"type":"ref/prompt",
        ..."name":"x"},"argument":{"name":"a","value":""}}}
        c! 1 not-allowed (prompt-not-allowed)
        c> {"id":1,"method":"completion/complete","params":{{m}"ref":{"type":"ref/prompt",
        ..."uri":"x:y"}}}
        c! 1 not-allowed (resource-not-allowed)
        c> {"id":1,"method":"completion/complete","params":{{m}"ref":{"name":"review_a",
        ..."Name":"x"}}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"completion/complete","params":{{m}"ref":{"type":"ref/resource",
        ..."uri":"file:///notes/{path}"}}}"#,
    ),
    (
        "a level for a log that may not be sent",
        r#"
        c> {"id":1,"method":"logging/setLevel","params":{"level":"debug"}}
        c! 1 not-allowed (right-not-granted)
        c> {"id":1,"method":"Logging/SetLevel","params":{"level":"debug"}}
        c! 1 not-allowed (right-not-granted)"#,
    ),
    (
        "roots that a server may not know of",
        r#"
        c> {"method":"notifications/roots/list_changed"}
        c> {"method":"Notifications/roots/list_changed"}"#,
    ),
    (
        "what a client can do, at the handshake",
        r#"
        c> {"id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        ... "capabilities" : { "sampling":{"tools":{}} , "roots":{"listChanged":true},
        ... "elicitation":{"form":{},"url":{}},"x":{"y":1.10},"extensions":{"a/b":{}} },
        ..."clientInfo":{}}}
        s< {"id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        ... "capabilities" : { "elicitation":{"form":{}},"x":{"y":1.10},"extensions":{"a/b":{}} },
        ..."clientInfo":{}}}"#,
    ),
    (
        "what a client can do as a task",
        r#"
        c> {"id":1,"method":"initialize","params":{"capabilities":{"tasks":{"list":{},"requests":
        ...{"sampling":{"createMessage":{}},"elicitation":{"create":{}}}}}}}
        s< {"id":1,"method":"initialize","params":{"capabilities":{"tasks":{"list":{},"requests":
        ...{"elicitation":{"create":{}}}}}}}"#,
    ),
    (
        "pages alone are not left as forms",
        r#"
        c> {"id":1,"method":"initialize","params":{"capabilities":{"elicitation":{"url":{}}}}}
        s< {"id":1,"method":"initialize","params":{"capabilities":{}}}
        c= {"id":2,"method":"initialize","params":{"capabilities":{"elicitation":{}}}}"#,
    ),
    (
        "what a client can do, with each request",
        r#"
        c> {"id":1,"method":"tools/list","params":{"_meta":
        ...{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}, "elicitation":{}},
        ..."io.modelcontextprotocol/logLevel":"debug","traceparent":"00"}}}
        s< {"id":1,"method":"tools/list","params":{"_meta":
        ...{"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"traceparent":"00"}}}
        c> {"method":"vendor/x","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":
        ...{"roots":{}}}}}
        s< {"method":"vendor/x","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":
        ...{}}}}
        c> {"id":2,"method":"tools/call","params":{"name":"list_x","_meta":
        ...{"io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}
        s< {"id":2,"method":"tools/call","params":{"name":"list_x","_meta":
        ...{"io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    ),
    (
        "what a client can do, with escapes",
        r#"
        c> {"id":1,"method":"initialize","params":{"c\u0061pabilities":{"s\u0061mpling":{}}}}
        s< {"id":1,"method":"initialize","params":{"c\u0061pabilities":{}}}
        c> {"id":2,"method":"x","params":{"\u005fmeta":
        ...{"io.modelcontextprotocol\/clientCapabilities":{"sampling":{}}}}}
        s< {"id":2,"method":"x","params":{"\u005fmeta":
        ...{"io.modelcontextprotocol\/clientCapabilities":{}}}}"#,
    ),
    (
        "what a client can do, twice or in another case",
        r#"
        c> {"id":1,"method":"initialize","params":{"capabilities":{},"capabilities":{"sampling":
        ...{}}}}
        c! 1 ambiguous-message
        c> {"id":1,"method":"initialize","params":{"Capabilities":{"sampling":{}}}}
        c! 1 ambiguous-message
        c> {"id":1,"method":"initialize","params":{"capabilities":{"Sampling":{}}}}
        c! 1 ambiguous-message
        c> {"id":1,"method":"x","params":{"_meta":{},"_meta":
        ...{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}}
        c! 1 ambiguous-message
        c> {"id":1,"method":"x","params":{"_META":{"io.modelcontextprotocol/clientCapabilities":
        ...{"sampling":{}}}}}
        c! 1 ambiguous-message
        c> {"id":1,"method":"x","params":{"_meta":{"io.ModelContextProtocol/clientCapabilities":
        ...{"sampling":{}}}}}
        c! 1 ambiguous-message
        c> {"method":"x","params":{"_meta":{"a":1,"a":2}}}"#,
    ),
    (
        "what no rule reads",
        r#"
        c= {"id":1,"method":"vendor/x","params":{"doubled":1,"doubled":2,"n":1.10}}
        c= {"id":2,"method":"tools/list","params":[1,1e400]}
        c= {"method":"notifications/progress","params":{"progressToken":1,"ProgressToken":2}}"#,
    ),
];

#[test]
fn a_client_asks_what_the_rules_let_pass() {
    for (what, script) in CASES {
        check_case(RULES, what, script);
    }
}

#[test]
fn capabilities_stay_where_the_server_has_the_right() {
    let all = r#"{"sampling":{},"roots":{},"elicitation":{"form":{},"url":{}},
        ..."tasks":{"requests":{"sampling":{}}}}"#;
    let meta = r#""_meta":{"io.modelcontextprotocol/logLevel":"debug"}"#;
    let line = |capabilities: &str| {
        let params = format!(r#"{{"capabilities":{capabilities},{meta}}}"#);
        format!(r#"{{"id":1,"method":"initialize","params":{params}}}"#)
    };
    check_case(OPEN, "everything granted", &format!("c= {}", line(all)));
    let left = line(r#"{"elicitation":{"url":{}},"tasks":{"requests":{}}}"#);
    let granted = "[client]\nelicitation-url = true\nlogging = true\n";
    let script = format!("c> {}\ns< {left}", line(all));
    check_case(granted, "pages and logs", &script);
}

#[test]
fn where_nothing_is_narrowed_calls_pass_in_any_spelling() {
    let call = r#"{"id":1,"method":"tools/call","params":{"name":"a","name":"b","Name":"c"}}"#;
    check_case(OPEN, "everything granted", &format!("c= {call}"));
}
