//! Ways to get something past the rules, as one table, played in both eras.
//!
//! What must not pass has the word `evil` in it, however it is spelled. After each row an honest
//! call is made and answered: what brig keeps out must not cost a session more than itself.

use super::*;

/// What a row tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Keys,
    Batches,
    Ids,
    Escapes,
    LookAlikes,
    Nesting,
    Frames,
    Forgeries,
    Unasked,
    Late,
    Cancelled,
    Pages,
    Rights,
}

impl By {
    const ALL: [Self; 13] = [
        Self::Keys,
        Self::Batches,
        Self::Ids,
        Self::Escapes,
        Self::LookAlikes,
        Self::Nesting,
        Self::Frames,
        Self::Forgeries,
        Self::Unasked,
        Self::Late,
        Self::Cancelled,
        Self::Pages,
        Self::Rights,
    ];
}

/// What it tries, how, and what becomes of it.
type Row = (By, &'static str, &'static str);

const TABLE: &[Row] = &[
    (
        By::Keys,
        "a name twice, the allowed one last",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"evil","name":"list_x"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a name twice, the allowed one first",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list_x","name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a name in another case",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list_x","nAme":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a name in another case alone",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"Name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a method twice",
        r#"
        c> {"id":1,"method":"ping","method":"tools/call","params":{{m}"name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a method in another case",
        r#"
        c> {"id":1,"method":"ping","METHOD":"tools/call","params":{{m}"name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "parameters twice",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list_x"},"params":{{m}"name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "an argument twice",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"get_x","arguments":
        ...{"path":"/notes","path":"/evil"}}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "an argument in two cases, deep within",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"get_x","arguments":
        ...{"path":"/notes","a":[{"b":{"c":1,"C":"evil"}}]}}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "arguments in another case",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"get_x","arguments":{"path":"/notes"},
        ..."ARGUMENTS":{"path":"/evil"}}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Keys,
        "a result in two cases",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[]},"Result":{"tools":[{"name":"evil"}]}}
        c! 1 ambiguous-message
        log {"id":1,"result":{"tools":[]},"Result":{"tools":[{"name":"evil"}]}}"#,
    ),
    (
        By::Keys,
        "a result and an error",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"error":{"code":1,"message":"x"},"result":{"tools":[{"name":"evil"}]}}
        c! 1 ambiguous-message
        log {"id":1,"error":{"code":1,"message":"x"},"result":{"tools":[{"name":"evil"}]}}"#,
    ),
    (
        By::Keys,
        "an answer that is a request too",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"evil"},"result":{}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Batches,
        "one call among others",
        r#"
        c> [{"id":1,"method":"ping"},{"id":2,"method":"tools/call","params":{{m}"name":"evil"}}]
        c? 2 tool-not-allowed {era}
        s< [{"id":1,"method":"ping"}]
        s> [{"id":1,"result":{}}]
        c< [{"id":1,"result":{}}]"#,
    ),
    (
        By::Batches,
        "one id twice in a batch",
        r#"
        c> [{"id":1,"method":"tools/call","params":{{m}"name":"list_x"}},{"id":1,
        ..."method":"tools/call","params":{{m}"name":"evil"}}]
        c! 1 ambiguous-message
        s< [{"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}]
        s= {"id":1,"result":{}}"#,
    ),
    (
        By::Batches,
        "a batch in a batch",
        r#"
        c> [[{"id":1,"method":"tools/call","params":{{m}"name":"evil"}}]]"#,
    ),
    (
        By::Batches,
        "what is no message beside what is one",
        r#"
        c> [1,{"id":1,"method":"tools/call","params":{{m}"name":"evil"}}]"#,
    ),
    (
        By::Batches,
        "an empty batch",
        r"
        c> []
        s> []
        log []",
    ),
    (
        By::Batches,
        "an answer in a batch to a question of its own",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> [{"id":1,"result":{"tools":[{"name":"evil"},{"name":"put"}]}},{"id":8,
        ..."method":"roots/list","params":{"evil":1}}]
        s! 8 not-granted (right-not-granted)
        c< [{"id":1,"result":{"tools":[{"name":"put"}]}}]"#,
    ),
    (
        By::Batches,
        "two answers to one call",
        r#"
        c= {"id":1,"method":"ping"}
        s> [{"id":1,"result":{}},{"id":1,"result":{"evil":1}}]
        log [{"id":1,"result":{}},{"id":1,"result":{"evil":1}}]
        c< [{"id":1,"result":{}}]"#,
    ),
    (
        By::Ids,
        "0, nothing and less",
        r#"
        c> {"id":0,"method":"tools/call","params":{{m}"name":"evil"}}
        c? 0 tool-not-allowed {era}
        c> {"id":"","method":"tools/call","params":{{m}"name":"evil"}}
        c? "" tool-not-allowed {era}
        c> {"id":-1,"method":"tools/call","params":{{m}"name":"evil"}}
        c? -1 tool-not-allowed {era}"#,
    ),
    (
        By::Ids,
        "0 and nothing are two calls",
        r#"
        c= {"id":0,"method":"tools/list","params":{{meta}}}
        c= {"id":"","method":"ping"}
        s= {"id":"","result":{"tools":[{"name":"not a list"}]}}
        s> {"id":0,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":0,"result":{"tools":[]}}"#,
    ),
    (
        By::Ids,
        "a number and its digits are two calls",
        r#"
        c= {"id":1,"method":"ping"}
        c= {"id":"1","method":"tools/list","params":{{meta}}}
        s> {"id":"1","result":{"tools":[{"name":"evil"}]}}
        c< {"id":"1","result":{"tools":[]}}
        s= {"id":1,"result":{}}"#,
    ),
    (
        By::Ids,
        "beyond 64 bits, told apart by the last digit",
        r#"
        c= {"id":36893488147419103232,"method":"tools/list","params":{{meta}}}
        c= {"id":36893488147419103233,"method":"ping"}
        s> {"id":36893488147419103232,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":36893488147419103232,"result":{"tools":[]}}
        s= {"id":36893488147419103233,"result":{}}"#,
    ),
    (
        By::Ids,
        "a fraction is not its whole number",
        r#"
        c= {"id":1.5,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"evil":1}}
        log {"id":1,"result":{"evil":1}}
        s> {"id":1.5,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":1.5,"result":{"tools":[]}}"#,
    ),
    (
        By::Ids,
        "one number in two spellings",
        r#"
        c= {"id":10,"method":"tools/list","params":{{meta}}}
        s> {"id":1e1,"result":{"tools":[{"name":"evil"}]}}
        log {"id":1e1,"result":{"tools":[{"name":"evil"}]}}
        s= {"id":10,"result":{"tools":[]}}"#,
    ),
    (
        By::Ids,
        "one text in two spellings",
        r#"
        c= {"id":"a","method":"tools/list","params":{{meta}}}
        s> {"id":"\u0061","result":{"tools":[{"name":"evil"}]}}
        c< {"id":"\u0061","result":{"tools":[]}}"#,
    ),
    (
        By::Ids,
        "an id of no kind",
        r#"
        c> {"id":null,"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":[1],"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":{"a":1},"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":true,"method":"tools/call","params":{{m}"name":"evil"}}"#,
    ),
    (
        By::Ids,
        "an id twice",
        r#"
        c> {"id":1,"id":2,"method":"tools/call","params":{{m}"name":"evil"}}"#,
    ),
    (
        By::Ids,
        "no id at all",
        r#"
        c> {"method":"tools/call","params":{{m}"name":"evil"}}"#,
    ),
    (
        By::Ids,
        "an id in flight, for another call",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"evil"}}
        c! 1 ambiguous-message
        s= {"id":1,"result":{}}"#,
    ),
    (
        By::Escapes,
        "a name with escapes",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"\u0065v\u0069l"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::Escapes,
        "a key with escapes",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list_x","n\u0061me":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Escapes,
        "a method with escapes",
        r#"
        c> {"id":1,"method":"\u0074ools\/call","params":{{m}"name":"evil"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::Escapes,
        "a key of the envelope with escapes",
        r#"
        c> {"id":1,"method":"ping","m\u0065thod":"tools/call","params":{{m}"name":"evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Escapes,
        "half a character",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list_\udc00evil"}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Escapes,
        "a path with escapes",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"get_x","arguments":
        ...{"path":"\/notes\/\u002e.\/evil"}}}
        c? 1 argument-not-allowed {era}"#,
    ),
    (
        By::Escapes,
        "an escape of none",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"\x65vil"}}"#,
    ),
    (
        By::Escapes,
        "a tool of a list with escapes",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"to\u006fls":[{"n\u0061me":"\u0065vil"},{"name":"p\u0075t"}]}}
        c< {"id":1,"result":{"to\u006fls":[{"name":"p\u0075t"}]}}"#,
    ),
    (
        By::LookAlikes,
        "letters of other alphabets",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"lіst_evil"}}
        c? 1 tool-not-allowed {era}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"ｌist_evil"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::LookAlikes,
        "letters that fold to others",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"liſt_evil"}}
        c? 1 tool-not-allowed {era}
        c> {"id":1,"method":"toolſ/call","params":{{m}"name":"evil"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::LookAlikes,
        "what cannot be seen",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"list\u200b_evil"}}
        c? 1 tool-not-allowed {era}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"\u202elist_evil"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::LookAlikes,
        "blanks and ends",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":" put evil"}}
        c? 1 tool-not-allowed {era}
        c> {"id":1,"method":"tools/call","params":{{m}"name":"put\u0000evil"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::LookAlikes,
        "a key that folds to another",
        r#"
        c> {"id":1,"method":"initialize","params":{"capabilitieſ":{"sampling":{"evil":1}}}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Nesting,
        "deeper than a message may be",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"evil","arguments":{deep}}}
        c! 1 message-too-large"#,
    ),
    (
        By::Nesting,
        "a call within what is passed on",
        r#"
        c= {"id":1,"method":"vendor/x","params":{"method":"tools/call","params":{"name":"a"}}}
        s= {"id":1,"result":{}}"#,
    ),
    (
        By::Nesting,
        "tools within tools",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"put"},[{"name":"evil"}],
        ...{"tools":[{"name":"evil"}]}]}}
        c< {"id":1,"result":{"tools":[{"name":"put"}]}}"#,
    ),
    (
        By::Nesting,
        "an argument within a list within a list",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"get_x","arguments":
        ...{"path":["/notes",["/evil"]]}}}
        c? 1 argument-not-allowed {era}"#,
    ),
    (
        By::Nesting,
        "a question within a question",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"elicitation/create","params":{}},
        ..."b":{"method":"sampling/createMessage","params":{"evil":1}}}}}
        c? 1 right-not-granted {era}"#,
    ),
    (
        By::Frames,
        "a call in pieces, cut within an escape",
        r#"
        c+ {"id":1,"method":"tools/call","params":{{m}"name":"\u00
        c+ 65v
        c> il"}}
        c? 1 tool-not-allowed {era}"#,
    ),
    (
        By::Frames,
        "two lines in one piece",
        r#"
        c> {"id":1,"method":"ping"}{nl}{"id":2,"method":"tools/call","params":{{m}"name":"evil"}}
        s< {"id":1,"method":"ping"}
        c? 2 tool-not-allowed {era}
        s= {"id":1,"result":{}}"#,
    ),
    (
        By::Frames,
        "two messages on one line",
        r#"
        c> {"id":1,"method":"ping"}{"id":2,"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":1,"method":"ping"} {"id":2,"method":"tools/call","params":{{m}"name":"evil"}}"#,
    ),
    (
        By::Frames,
        "ends of lines that are none",
        r#"
        c> {"id":1,"method":"ping"}{cr}{"id":2,"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":1,"method":"ping"}{2028}{"id":2,"method":"tools/call","params":{{m}"name":"evil"}}
        c> {"id":1,"method":"ping"}{nul}{"id":2,"method":"tools/call",
        ..."params":{{m}"name":"evil"}}"#,
    ),
    (
        By::Frames,
        "a line that is too long, with a call at its end",
        r#"
        c> {"x":"{pad}","id":1,"method":"tools/call","params":{{m}"name":"evil"}}
        c! 1 message-too-large"#,
    ),
    (
        By::Frames,
        "an answer in pieces, joined with a second one",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s+ {"id":1,"result":{"tools":[{"name":"e
        s> vil"}]}}{nl}{"id":1,"result":{"evil":1}}
        c< {"id":1,"result":{"tools":[]}}
        log {"id":1,"result":{"evil":1}}"#,
    ),
    (
        By::Forgeries,
        "a server that cancels what it was not asked",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s= {"method":"notifications/cancelled","params":{"requestId":1}}
        s> {"id":1,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":1,"result":{"tools":[]}}"#,
    ),
    (
        By::Forgeries,
        "a log by another spelling",
        r#"
        s> {"method":"notifications/message","params":{"data":"evil"}}
        s> {"method":"Notifications/Message","params":{"data":"evil"}}
        s> {"method":"notifications\/mess\u0061ge","params":{"data":"evil"}}"#,
    ),
    (
        By::Forgeries,
        "a log that wants an answer",
        r#"
        s> {"id":1,"method":"notifications/message","params":{"data":"evil"}}
        s! 1 not-granted (right-not-granted)"#,
    ),
    (
        By::Forgeries,
        "a page that is done, without the right to one",
        r#"
        s> {"method":"notifications/elicitation/complete","params":{"elicitationId":"evil"}}"#,
    ),
    (
        By::Forgeries,
        "a task that asks",
        r#"
        s> {"method":"notifications/tasks","params":{"inputRequests":{"a":
        ...{"method":"roots/list","params":{"evil":1}}}}}"#,
    ),
    (
        By::Forgeries,
        "a client's word for roots that a server may not know of",
        r#"
        c> {"method":"notifications/roots/list_changed","params":{"evil":1}}"#,
    ),
    (
        By::Forgeries,
        "a request in the dress of the protocol's own errors",
        r#"
        s= {"id":null,"error":{"code":-32700,"message":"Parse error"}}
        s> {"id":null,"result":{"evil":1}}
        log {"id":null,"result":{"evil":1}}"#,
    ),
    (
        By::Unasked,
        "an answer to an id that was never asked",
        r#"
        s> {"id":1,"result":{"tools":[{"name":"evil"}]}}
        log {"id":1,"result":{"tools":[{"name":"evil"}]}}
        s> {"id":"hello2","error":{"code":-32042,"message":"evil"}}
        log {"id":"hello2","error":{"code":-32042,"message":"evil"}}"#,
    ),
    (
        By::Unasked,
        "an answer to a call that was refused",
        r#"
        c> {"id":1,"method":"tools/call","params":{{m}"name":"evil"}}
        c? 1 tool-not-allowed {era}
        s> {"id":1,"result":{"content":"evil"}}
        log {"id":1,"result":{"content":"evil"}}"#,
    ),
    (
        By::Unasked,
        "an answer to a server that asked nothing",
        r#"
        c> {"id":1,"result":{"roots":["evil"]}}
        c> {"id":"asked","error":{"code":1,"message":"evil"}}"#,
    ),
    (
        By::Unasked,
        "an answer to a question that was refused",
        r#"
        s> {"id":1,"method":"roots/list","params":{"evil":1}}
        s! 1 not-granted (right-not-granted)
        c> {"id":1,"result":{"roots":["evil"]}}"#,
    ),
    (
        By::Unasked,
        "a second answer",
        r#"
        c= {"id":1,"method":"ping"}
        s= {"id":1,"result":{}}
        s> {"id":1,"result":{"evil":1}}
        log {"id":1,"result":{"evil":1}}"#,
    ),
    (
        By::Late,
        "an answer after its time",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        ! at 6000
        c! 1 call-deadline
        s~ 1
        s> {"id":1,"result":{"content":["evil"]}}"#,
    ),
    (
        By::Late,
        "an answer after its time, to a new call of the same id",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        ! at 6000
        c! 1 call-deadline
        s~ 1
        s> {"id":1,"result":{"content":["evil"]}}
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":1,"result":{"tools":[]}}"#,
    ),
    (
        By::Late,
        "a question after the call that it is about",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        ! at 6000
        c! 1 call-deadline
        s~ 1
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"roots/list","params":{"evil":1}}}}}
        s> {"id":2,"method":"roots/list","params":{"evil":1}}
        s! 2 not-granted (right-not-granted)"#,
    ),
    (
        By::Cancelled,
        "a list after it was cancelled",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        c= {"method":"notifications/cancelled","params":{"requestId":1}}
        s> {"id":1,"result":{"tools":[{"name":"evil"},{"name":"put"}]}}
        c< {"id":1,"result":{"tools":[{"name":"put"}]}}"#,
    ),
    (
        By::Cancelled,
        "a question in an answer after it was cancelled",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        c= {"method":"notifications/cancelled","params":{"requestId":1}}
        s> {"id":1,"result":{"inputRequests":{"a":{"method":"roots/list","params":{"evil":1}}}}}"#,
    ),
    (
        By::Cancelled,
        "a second answer after it was cancelled",
        r#"
        c= {"id":1,"method":"ping"}
        c= {"method":"notifications/cancelled","params":{"requestId":1}}
        s= {"id":1,"result":{}}
        s> {"id":1,"result":{"evil":1}}
        log {"id":1,"result":{"evil":1}}"#,
    ),
    (
        By::Pages,
        "every page, with its cursor",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"put"},{"name":"evil"}],"nextCursor":"2"}}
        c< {"id":1,"result":{"tools":[{"name":"put"}],"nextCursor":"2"}}
        c= {"id":1,"method":"tools/list","params":{{m}"cursor":"2"}}
        s> {"id":1,"result":{"tools":[{"name":"evil"},{"name":"get_x"}]}}
        c< {"id":1,"result":{"tools":[{"name":"get_x"}]}}"#,
    ),
    (
        By::Pages,
        "a page that becomes empty keeps its cursor",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"nextCursor":"2","tools":[{"name":"evil"}]}}
        c< {"id":1,"result":{"nextCursor":"2","tools":[]}}
        c= {"id":1,"method":"prompts/list","params":{{meta}}}
        s> {"id":1,"result":{"prompts":[{"name":"evil"}],"nextCursor":"3"}}
        c< {"id":1,"result":{"prompts":[],"nextCursor":"3"}}"#,
    ),
    (
        By::Pages,
        "a page that is empty stays so",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s= {"id":1,"result":{ "tools" : [ ] ,"nextCursor":"2"}}"#,
    ),
    (
        By::Pages,
        "a list that comes in place of another",
        r#"
        c= {"id":1,"method":"prompts/list","params":{{meta}}}
        s> {"id":1,"result":{"prompts":[{"name":"review_x"},{"name":"evil"}]}}
        c< {"id":1,"result":{"prompts":[{"name":"review_x"}]}}
        c= {"id":1,"method":"Tools\/List","params":{{meta}}}
        s> {"id":1,"result":{"tools":[{"name":"evil"}]}}
        c< {"id":1,"result":{"tools":[]}}"#,
    ),
    (
        By::Pages,
        "two lists in one",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[],"tools":[{"name":"evil"}]}}
        c! 1 ambiguous-message
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":[],"TOOLS":[{"name":"evil"}]}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Pages,
        "a list that is none",
        r#"
        c= {"id":1,"method":"tools/list","params":{{meta}}}
        s> {"id":1,"result":{"tools":{"name":"evil"}}}
        c! 1 ambiguous-message"#,
    ),
    (
        By::Rights,
        "each question without its right",
        r#"
        s> {"id":1,"method":"sampling/createMessage","params":{"evil":1}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"Roots/List","params":{"evil":1}}
        s! 1 not-granted (right-not-granted)
        s> {"id":1,"method":"elicitation/create","params":{"mode":"url","url":"evil:"}}
        s! 1 not-granted (right-not-granted)"#,
    ),
    (
        By::Rights,
        "a page in the dress of a form",
        r#"
        s> {"id":1,"method":"elicitation/create","params":{"mode":"form","Mode":"url","u":"evil"}}
        s! 1 ambiguous-message
        s> {"id":1,"method":"elicitation/create","params":{"url":"evil:"}}
        s! 1 not-granted (right-not-granted)"#,
    ),
    (
        By::Rights,
        "an error that sends to a page",
        r#"
        c= {"id":1,"method":"tools/call","params":{{m}"name":"list_x"}}
        s> {"id":1,"error":{"code":-32042.0,"message":"evil"}}
        c? 1 right-not-granted {era}"#,
    ),
    (
        By::Rights,
        "capabilities that are not the server's to see",
        r#"
        c> {"id":1,"method":"initialize","params":{"capabilities":{"s\u0061mpling":{"evil":1},
        ..."x":{}}}}
        s< {"id":1,"method":"initialize","params":{"capabilities":{"x":{}}}}
        s= {"id":1,"result":{"capabilities":{}}}"#,
    ),
    (
        By::Rights,
        "capabilities with a request",
        r#"
        c> {"id":1,"method":"ping","params":{"_meta":
        ...{"io.modelcontextprotocol\/clientCapabilities":{"roots":{"evil":1}},"x":1}}}
        s< {"id":1,"method":"ping","params":{"_meta":
        ...{"io.modelcontextprotocol\/clientCapabilities":{},"x":1}}}
        s= {"id":1,"result":{}}"#,
    ),
];

/// A call as honest clients make it, and its answer.
const HONEST: [&str; 2] = [
    r#"c> {"id":"h","method":"tools/call","params":{{m}"name":"list_x","arguments":{"a":1.10}}}"#,
    r#"s> {"id":"h","result":{"content":[ ] }}"#,
];

#[test]
fn nothing_passes_a_rule_by_and_no_honest_session_breaks() {
    for (by, what, script) in TABLE {
        check_case(RULES, &format!("{by:?}: {what}"), script);
        for era in Era::ALL {
            check_row(era, &format!("{by:?}: {what} ({era:?})"), script);
        }
    }
}

#[track_caller]
fn check_row(era: Era, what: &str, script: &str) {
    let mut player = era.begun(RULES);
    for line in joined(script) {
        let line = era.spell(&line);
        match line.split_once("= ") {
            Some((side @ ("c" | "s"), text)) => player.play(&format!("{side}> {text}")),
            Some(_) | None => player.play(&line),
        }
    }
    let passed = |line: &&String| line.starts_with("c< ") || line.starts_with("s< ");
    for line in player.told.iter().filter(passed) {
        let text = line.replace("\\u0065", "e").replace("\\u0069", "i");
        assert!(!text.contains("evil"), "{what}: {line} passed");
    }
    player.told.clear();
    let [asked, answered] = HONEST.map(|line| era.spell(line));
    player.play(&asked);
    player.play(&answered);
    let want = [
        asked.clone(),
        asked.replacen("c>", "s<", 1),
        answered.clone(),
        answered.replacen("s>", "c<", 1),
    ];
    assert_eq!(player.told, want, "{what}: an honest call after it");
}

#[test]
fn there_are_rows_for_each_way() {
    assert!(TABLE.len() >= 60, "{}", TABLE.len());
    for by in By::ALL {
        let rows = TABLE.iter().filter(|(row, _, _)| *row == by).count();
        assert!(rows >= 3, "{by:?}: {rows}");
    }
}
