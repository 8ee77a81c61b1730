//! What a server answers, asks and tells.

use super::*;

/// Each with its script.
pub(super) const CASES: &[(&str, &str)] = &[
    (
        "a list without what may not be seen",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> { "id":1,"result" : {"x":1.10, "tools":[ {"name":"list_b","vendor":{"y":[1e400]}} ,
        ... {"name":"delete"},{"name":"list_a"} ] ,"nextCursor":"c"} }
        c< { "id":1,"result" : {"x":1.10, "tools":[ {"name":"list_b","vendor":{"y":[1e400]}} ,
        ... {"name":"list_a"} ] ,"nextCursor":"c"} }"#,
    ),
    (
        "a list of which all may be seen",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s= {"id":1,"result":{"tools":[{"name":"list_b"},{"name":"get_a"}],"cacheScope":"public",
        ..."ttlMs":5}}"#,
    ),
    (
        "every page, and a page that becomes empty",
        r#"
        c= {"id":1,"method":"tools/list","params":{{m}"cursor":"a"}}
        s> {"id":1,"result":{"tools":[{"name":"x"},{"name":"y"}],"nextCursor":"b"}}
        c< {"id":1,"result":{"tools":[],"nextCursor":"b"}}
        c= {"id":2,"method":"tools/list","params":{{m}"cursor":"b"}}
        s> {"id":2,"result":{"tools":[{"name":"x"},{"name":"put"}]}}
        c< {"id":2,"result":{"tools":[{"name":"put"}]}}
        c= {"id":3,"method":"tools/list","params":{{m}"cursor":"c"}}
        s= {"id":3,"result":{"tools":[]}}"#,
    ),
    (
        "two lists in flight, answered the other way round",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        c= {"id":"1","method":"prompts/list","params":{{meta}}}
        s> {"id":"1","result":{"prompts":[{"name":"list_a"},{"name":"review_a"}]}}
        c< {"id":"1","result":{"prompts":[{"name":"review_a"}]}}
        s> {"id":1,"result":{"tools":[{"name":"list_a"},{"name":"review_a"}]}}
        c< {"id":1,"result":{"tools":[{"name":"list_a"}]}}"#,
    ),
    (
        "caches keep what was narrowed to themselves",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"cacheScope": "public" ,"ttlMs":5,"tools":[{"name":"x"}]}}
        c< {"id":1,"result":{"cacheScope": "private" ,"ttlMs":5,"tools":[]}}
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"cacheScope":"private","tools":[{"name":"x"}]}}
        c< {"id":1,"result":{"cacheScope":"private","tools":[]}}
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"x"}],"ttlMs":5}}
        c< {"id":1,"result":{"tools":[],"cacheScope":"private","ttlMs":5}}"#,
    ),
    (
        "an element of two names, or of none",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"list_a","name":"x"},{"name":"list_b","Name":"x"},
        ...{"NAME":"list_c"},{"name":["list_d"]},{"title":"x"},"list_e",null,{"name":"list_f",
        ..."\ud800":1},{"name":"l\u0069st_g"}]}}
        c< {"id":1,"result":{"tools":[{"name":"l\u0069st_g"}]}}"#,
    ),
    (
        "a list that is given twice or is none",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[],"tools":[{"name":"x"}]}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[],"Tools":[{"name":"x"}]}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tool\u017f":[{"name":"x"}]}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":{"0":{"name":"x"}}}}
        c! 1 ambiguous-message"#,
    ),
    (
        "resources, their templates and prompts",
        r#"
        c= {"id":1,"method":"resources/list","params":{{meta}}}
        s> {"id":1,"result":{"resources":[{"uri":"file:///notes/a","name":"a"},
        ...{"uri":"file:///etc","name":"b"},{"name":"c"}]}}
        c< {"id":1,"result":{"resources":[{"uri":"file:///notes/a","name":"a"}]}}
        c= {"id":1,"method":"resources/templates/list","params":{{meta}}}
        s> {"id":1,"result":{"resourceTemplates":[{"uriTemplate":"file:///notes/{p}"},
        ...{"uriTemplate":"file:///{p}"}]}}
        c< {"id":1,"result":{"resourceTemplates":[{"uriTemplate":"file:///notes/{p}"}]}}
        c= {"id":1,"method":"Prompts/List","params":{{meta}}}
        s> {"id":1,"result":{"prompts":[{"name":"x"},{"name":"review_x"}]}}
        c< {"id":1,"result":{"prompts":[{"name":"review_x"}]}}"#,
    ),
    (
        "an answer to an id that was never asked, late, or twice",
        r#"
        s> {"id":1,"result":{"tools":[{"name":"x"}]}}
        log {"id":1,"result":{"tools":[{"name":"x"}]}}
        c= {"id":1,"method":"ping"}
        s= {"id":1,"result":{}}
        s> {"id":1,"result":{"tools":[{"name":"x"}]}}
        log {"id":1,"result":{"tools":[{"name":"x"}]}}
        s> {"id":1.0,"result":{}}
        log {"id":1.0,"result":{}}"#,
    ),
    (
        "an answer after its request was cancelled",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        c= {"method":"notifications/cancelled","params":{"requestId":1}}
        s> {"id":1,"result":{"tools":[{"name":"x"}]}}
        c< {"id":1,"result":{"tools":[]}}
        c= {"id":2,"method":"tools/call","params":{{m}"name":"list_x"}}
        c= {"method":"notifications/cancelled","params":{"requestId":2}}
        s> {"id":2,"result":{"inputRequests":{"a":{"method":"roots/list"}}}}"#,
    ),
    (
        "an answer after its time",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        c= {"id":2,"method":"ping"}
        s= {"id":2,"result":{}}
        ! at 6000
        c! 1 call-deadline
        s~ 1
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"roots/list"}}}}"#,
    ),
    (
        "a server asks for what it may not have",
        r#"
        s> {"id":1,"method":"sampling/createMessage","params":{"messages":[]}}
        s! 1 not-granted (right-not-granted)
        s> {"id":"2","method":"roots/list"}
        s! "2" not-granted (right-not-granted)
        s> {"id":1,"method":"sampling\/cre\u0061teMessage","params":{}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"Sampling/CreateMessage","params":{}}
        s! 1 not-granted (right-not-granted)
        s> {"method":"sampling/createMessage","params":{}}
        c> {"id":1,"result":{"role":"assistant"}}"#,
    ),
    (
        "a server asks for what it may have",
        r#"
        s= {"id":1,"method":"elicitation/create","params":{"message":"x", "mode":"form"}}
        c= {"id":1,"result":{"action":"accept"}}
        s= {"id":2,"method":"ping"}
        s= {"id":3,"method":"vendor/ask","params":{"a":1,"a":2}}"#,
    ),
    (
        "a page in place of a form",
        r#"
        s> {"id":1,"method":"elicitation/create","params":{"mode":"url","url":"https://x.example"}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"elicitation/create","params":{"mode":"form","mode":"url"}}
        s! 1 ambiguous-message
        s> {"id":1,"method":"elicitation/create","params":{"mode":"form","MODE":"url"}}
        s! 1 ambiguous-message
        s> {"id":1,"method":"elicitation/create","params":{"m\u006fde":"url"}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"elicitation/create","params":{"mode":"URL"}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"elicitation/create","params":["url"]}
        s! 1 ambiguous-message
        s> {"method":"notifications/elicitation/complete","params":{"elicitationId":"x"}}"#,
    ),
    (
        "a log that it may not send",
        r#"
        s> {"method":"notifications/message","params":{"level":"info","data":"x"}}
        s> {"method":"Notifications/Message","params":{"level":"info","data":"x"}}
        s> {"method":"notifications\/mess\u0061ge","params":{}}
        s= {"method":"notifications/progress","params":{"progressToken":1,"progress":1}}
        s= {"method":"notifications/tools/list_changed"}
        s= {"method":"vendor/said","params":{"a":1,"a":2}}"#,
    ),
    (
        "an error that sends a user to a page",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"error":{"code":-32042,"message":"x","data":{"elicitations":[{"mode":"url",
        ..."url":"https://x.example"}]}}}
        c? 1 right-not-granted {era}
        c= {"id":1,"method":"prompts/get","params":{{m}"name":"review_a"}}
        s> {"id":1,"error":{"message":"x","code":-3.2042e4}}
        c! 1 not-allowed (right-not-granted)
        c= {"id":1,"method":"ping"}
        s> {"id":1,"error":{"code":1,"Code":-32042}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"ping"}
        s= {"id":1,"error":{"code":-32601,"message":"none","data":{"a":1,"a":2}}}"#,
    ),
    (
        "a result that asks for what it may not have",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"resultType":"input_required","inputRequests":{"a":
        ...{"method":"sampling/createMessage","params":{}}},"requestState":"s"}}
        c? 1 right-not-granted {era}
        c= {"id":1,"method":"prompts/get","params":{{m}"name":"review_a"}}
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"elicitation/create","params":
        ...{"message":"x"}},"b":{"method":"roots/list"}}}}
        c! 1 not-allowed (right-not-granted)
        c= {"id":1,"method":"tasks/get","params":{{m}"taskId":"t"}}
        s> {"id":1,"result":{"status":"input_required","inputRequests":{"a":
        ...{"method":"elicitation/create","params":{"mode":"url"}}}}}
        c! 1 not-allowed (right-not-granted)
        s> {"method":"notifications/tasks","params":{"status":"input_required","inputRequests":
        ...{"a":{"method":"roots/list"}}}}"#,
    ),
    (
        "a result that asks for what it may have",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s= {"id":1,"result":{"resultType":"input_required", "inputRequests":{"a":
        ...{"method":"elicitation/create","params":{"message":"x"}}},"requestState":"s"}}
        c= {"id":2,"method":"tools/call","params":{{m}"name":"list_x","inputResponses":{"a":
        ...{"action":"accept"}},"requestState":"s"}}
        s= {"id":2,"result":{"content":[],"vendor":{"inputRequests":{"a":
        ...{"method":"roots/list"}}}}}"#,
    ),
    (
        "a result that asks in another spelling",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"InputRequests":{"a":{"method":"roots/list"}}}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"inputRequests":{},"input\u0052equests":{"a":{"method":"roots/list"}}}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"x","method":"roots/list"}}}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"r\u006fots/list"}}}}
        c? 1 right-not-granted {era}"#,
    ),
    (
        "a batch of a server, message by message",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        c= {"id":2,"method":"ping"}
        s> [ {"id":1,"result":{"tools":[{"name":"x"},{"name":"put"}]}},{"id":7,
        ..."method":"roots/list"}, {"id":2,"result":{}},{"method":"notifications/message"}]
        s! 7 not-granted (right-not-granted)
        c< [{"id":1,"result":{"tools":[{"name":"put"}]}},{"id":2,"result":{}}]"#,
    ),
    (
        "a server's own words about its log",
        r#"
        c= {"id":1,"method":"initialize","params":{"capabilities":{}}}
        s> {"id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"logging":{},
        ... "tools":{}},"serverInfo":{"x":1.10}}}
        c< {"id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},
        ..."serverInfo":{"x":1.10}}}
        c= {"id":2,"method":"server/discover","params":{{meta}}}
        s> {"id":2,"result":{"capabilities":{"logging":{}},"ttlMs":1,"cacheScope":"public"}}
        c< {"id":2,"result":{"capabilities":{},"ttlMs":1,"cacheScope":"private"}}
        c= {"id":2,"method":"server/discover","params":{{meta}}}
        s> {"id":2,"result":{"capabilities":{"logging":{},"Logging":{}}}}
        c! 2 ambiguous-message"#,
    ),
    (
        "results that no rule is about",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s= {"id":1,"result":{"content":[{"type":"text","text":"x"}],"a":1,"a":2,
        ..."tools":[{"name":"x"}]}}
        c= {"id":2,"method":"vendor/x"}
        s= {"id":2,"result":[1.10,"inputRequests"]}"#,
    ),
];

#[test]
fn a_server_says_what_the_rules_let_pass() {
    for (what, script) in CASES {
        check_case(RULES, what, script);
    }
}

#[test]
fn each_right_that_is_missing_is_refused_by_itself() {
    let asks = [
        ("sampling", "sampling/createMessage", "{}"),
        ("elicitation", "elicitation/create", "{}"),
        ("elicitation-url", "elicitation/create", r#"{"mode":"url"}"#),
        ("roots", "roots/list", "{}"),
    ];
    for (missing, _, _) in asks {
        let granted = OPEN.replace(&format!("\n{missing} = true"), "");
        for (right, method, params) in asks {
            let line = format!(r#"{{"id":1,"method":"{method}","params":{params}}}"#);
            let script = if right == missing {
                format!("s> {line}\ns! 1 not-granted (right-not-granted)")
            } else {
                format!("s= {line}")
            };
            check_case(&granted, &format!("{method} without {missing}"), &script);
            let call = r#"{"id":1,"method":"tools/call","params":{{m}"name":"a"}}"#;
            let asked = format!(r#"{{"a":{{"method":"{method}","params":{params}}}}}"#);
            let result = format!(r#"{{"id":1,"result":{{"inputRequests":{asked}}}}}"#);
            let script = if right == missing {
                format!("c= {call}\ns> {result}\nc? 1 right-not-granted {{era}}")
            } else {
                format!("c= {call}\ns= {result}")
            };
            check_case(&granted, &format!("{method} without {missing}"), &script);
        }
    }
}

#[test]
fn a_flood_of_questions_that_are_refused_is_told_of_sparsely() {
    let mut player = Player::new(rules(""));
    for _ in 0..50 {
        player.play(r#"s> {"id":1,"method":"roots/list"}"#);
    }
    let count = |start: &str| {
        player
            .told
            .iter()
            .filter(|it| it.starts_with(start))
            .count()
    };
    assert_eq!((count("s! 1 not-granted"), count("note ")), (50, 2));
}
