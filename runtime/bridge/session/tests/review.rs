//! Tools that are held to a lock: what a client gets of a list, which calls pass, and what is told.

use super::*;
use brig_policies::{Digest, Era, Lock, Tool, Watch};

/// Two tools, one of them in two variants.
fn lock() -> Lock {
    let tools = [
        r#"{"name":"get","description":"Reads one.","inputSchema":{"type":"object"}}"#,
        r#"{"name":"get","description":"Reads one, in short."}"#,
        r#"{"name":"list"}"#,
    ];
    let tools = tools.map(|tool| Tool::read(tool).unwrap());
    Lock::new(Digest::of(b""), None, [(Era::Legacy, tools.to_vec())])
}

#[track_caller]
fn check_held(body: &str, is_strict: bool, script: &str) {
    let mut player = Player::new(rules(body));
    player.session = Session::new(LIMITS, rules(body)).held_to(Watch::new(lock()), is_strict);
    let want = lines(script);
    for line in &want {
        player.play(line);
    }
    assert_eq!(player.told.join("\n"), want.join("\n"));
}

/// A line that starts with `...` goes on with the one before it.
fn lines(script: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        match (line.strip_prefix("..."), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            (Some(_), None) | (None, _) => lines.push(line.to_owned()),
        }
    }
    lines
}

#[test]
fn what_was_reviewed_passes_byte_for_byte() {
    check_held(
        OPEN,
        true,
        r#"
        c> {"id":1,"method":"tools/list"}
        s< {"id":1,"method":"tools/list"}
        s> { "id":1, "result":{"tools":[ {"_meta":{"at":1e400},"inputSchema":{ "type":"object"},
        ..."description":"Reads\u0020one.","name":"get"} ,{"name":"list"}],"nextCursor":"2"} }
        c< { "id":1, "result":{"tools":[ {"_meta":{"at":1e400},"inputSchema":{ "type":"object"},
        ..."description":"Reads\u0020one.","name":"get"} ,{"name":"list"}],"nextCursor":"2"} }
        c> {"id":2,"method":"tools/call","params":{"name":"get","arguments":{}}}
        s< {"id":2,"method":"tools/call","params":{"name":"get","arguments":{}}}
        s> {"id":2,"result":{"content":[]}}
        c< {"id":2,"result":{"content":[]}}"#,
    );
}

#[test]
fn what_was_not_is_withheld_and_told_once() {
    check_held(
        OPEN,
        false,
        r#"
        c> {"id":1,"method":"tools/list"}
        s< {"id":1,"method":"tools/list"}
        s> {"id":1,"result":{"tools":[{"name":"list"},{"name":"send","title":"Send"},
        ...{"name":"get","description":"Reads all.","inputSchema":{"type":"object"}}],
        ..."cacheScope":"public"}}
        tell the tool `send` is new
        tell   title
        tell     + Send
        tell the tool `get` changed
        tell   description
        tell     - Reads one.
        tell     + Reads all.
        c< {"id":1,"result":{"tools":[{"name":"list"}],"cacheScope":"private"}}
        c> {"id":2,"method":"tools/call","params":{"name":"send"}}
        c? 2 tool-not-reviewed legacy
        note refused (tool-not-reviewed): the tool "send" cannot be called: it was not reviewed;
        ... `brig lock` would let it pass
        c> {"id":3,"method":"tools/call","params":{"name":"get","_meta":
        ...{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
        c? 3 tool-changed complete
        note refused (tool-changed): the tool "get" cannot be called: it changed since it was
        ... reviewed; `brig lock` would let it pass
        c> {"id":4,"method":"tools/call","params":{"name":"list"}}
        s< {"id":4,"method":"tools/call","params":{"name":"list"}}
        s> {"id":4,"result":{}}
        c< {"id":4,"result":{}}
        c> {"id":5,"method":"tools/list"}
        s< {"id":5,"method":"tools/list"}
        s> {"id":5,"result":{"tools":[{"name":"send","title":"Send"}]}}
        c< {"id":5,"result":{"tools":[]}}
        c> {"id":6,"method":"tools/list"}
        s< {"id":6,"method":"tools/list"}
        s> {"id":6,"result":{"tools":[{"name":"get","description":"Reads one, in short."}]}}
        c< {"id":6,"result":{"tools":[{"name":"get","description":"Reads one, in short."}]}}
        c> {"id":7,"method":"tools/call","params":{"name":"get"}}
        s< {"id":7,"method":"tools/call","params":{"name":"get"}}"#,
    );
}

#[test]
fn a_strict_session_ends() {
    check_held(
        OPEN,
        true,
        r#"
        c> {"id":1,"method":"tools/list"}
        s< {"id":1,"method":"tools/list"}
        c> {"id":2,"method":"ping"}
        s< {"id":2,"method":"ping"}
        s> {"id":1,"result":{"tools":[{"name":"send"}]}}
        tell the tool `send` is new
        c! 1 tools-drifted
        c! 2 tools-drifted
        do kill
        c> {"id":3,"method":"tools/list"}
        c! 3 server-ended
        ! output-closed
        ! ended was killed
        end drifted: was killed"#,
    );
}

/// The rules come first: what they keep from the client is nothing that anybody is told of.
#[test]
fn rules_and_lock_both_hold() {
    check_held(
        "[tools]\nallow = [\"list\", \"other\"]\n[[tools.rule]]\ntool = \"list\"\n\
         argument = \"/n\"\nmax = 3\n",
        true,
        r#"
        c> {"id":1,"method":"tools/list"}
        s< {"id":1,"method":"tools/list"}
        s> {"id":1,"result":{"tools":[{"name":"list"},{"name":"send"},{"name":"get"}]}}
        c< {"id":1,"result":{"tools":[{"name":"list"}]}}
        c> {"id":2,"method":"tools/call","params":{"name":"other","arguments":{}}}
        c? 2 tool-not-reviewed legacy
        note refused (tool-not-reviewed): the tool "other" cannot be called: it was not reviewed;
        ... `brig lock` would let it pass
        c> {"id":3,"method":"tools/call","params":{"name":"list","arguments":{"n":4}}}
        c? 3 argument-not-allowed legacy
        note refused (argument-not-allowed): the argument `/n` has to be a number of at most 3 in a
        ... call of the tool "list"; `tools.rule` would let it pass
        c> {"id":4,"method":"tools/call","params":{"name":"list","arguments":{"n":3}}}
        s< {"id":4,"method":"tools/call","params":{"name":"list","arguments":{"n":3}}}"#,
    );
}

#[test]
fn what_reads_in_two_ways_is_neither_seen_nor_called() {
    check_held(
        OPEN,
        false,
        r#"
        c> {"id":1,"method":"tools/list"}
        s< {"id":1,"method":"tools/list"}
        s> {"id":1,"result":{"tools":[{"name":"list"},{"name":"list","Description":"x"},
        ...{"name":"get","description":"Reads one.","description":"Reads all."}]}}
        tell a tool `list` cannot be reviewed: it has "Description", which some clients read as
        ... another name
        c< {"id":1,"result":{"tools":[{"name":"list"}]}}
        c> {"id":2,"method":"tools/call","params":{"name":"list"}}
        c? 2 tool-changed legacy
        note refused (tool-changed): the tool "list" cannot be called: it changed since it was
        ... reviewed; `brig lock` would let it pass
        c> {"id":3,"method":"tools/call","params":{"name":"get","name":"list"}}
        c! 3 ambiguous-message
        note the client wrote a message that rules cannot read for sure: the key "name" stands in
        ... one object twice, or in two cases"#,
    );
}

/// What a server says otherwise is not looked into.
#[test]
fn a_message_without_tools_is_not_read() {
    let mut player = Player::new(rules(OPEN));
    player.session = Session::new(LIMITS, rules(OPEN)).held_to(Watch::new(lock()), false);
    for line in [
        r#"c> {"id":1,"method":"resources/list"}"#,
        r#"s> {"id":1,"result":{"resources":[{"uri":"a"}]}}"#,
        r#"s> {"method":"notifications/tools/list_changed"}"#,
        r#"c> {"id":2,"method":"ping"}"#,
        r#"s> {"id":2,"result":{}}"#,
    ] {
        player.play(line);
    }
    assert_eq!(player.session.messages_read(), 0);
    player.play(r#"c> {"id":3,"method":"tools/list"}"#);
    player.play(r#"s> {"id":3,"result":{"tools":[]}}"#);
    assert_eq!(player.session.messages_read(), 1);
}
