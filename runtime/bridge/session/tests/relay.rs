//! What passes, passes byte for byte.

use super::check;

#[test]
fn a_legacy_handshake() {
    check(
        r#"
        c> {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"x":1}}
        s< {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"x":1}}
        s> {"result":{"capabilities":{}},"jsonrpc":"2.0","id":0}
        c< {"result":{"capabilities":{}},"jsonrpc":"2.0","id":0}
        c> {"jsonrpc":"2.0","method":"notifications/initialized"}
        s< {"jsonrpc":"2.0","method":"notifications/initialized"}
        s> {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}
        c< {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}
        "#,
    );
}

#[test]
fn a_modern_probe_and_an_unknown_method() {
    check(
        r#"
        c> {"jsonrpc":"2.0","id":"p","method":"server/discover","params":{"_meta":{"a/b":"2026"}}}
        s< {"jsonrpc":"2.0","id":"p","method":"server/discover","params":{"_meta":{"a/b":"2026"}}}
        s> {"jsonrpc":"2.0","id":"p","error":{"code":-32601,"message":"none"}}
        c< {"jsonrpc":"2.0","id":"p","error":{"code":-32601,"message":"none"}}
        c> {"jsonrpc":"2.0","id":1,"method":"v/x","v":{"x":[1.10,9007199254740993,1e400]}}
        s< {"jsonrpc":"2.0","id":1,"method":"v/x","v":{"x":[1.10,9007199254740993,1e400]}}
        "#,
    );
}

#[test]
fn spelling_is_kept() {
    check(
        r#"
        c> { "id" :1, "method":"\u0061/b" , "x":"{2028}\/" ,"jsonrpc":"2.0" }
        s< { "id" :1, "method":"\u0061/b" , "x":"{2028}\/" ,"jsonrpc":"2.0" }
        s>  {"id": 1 ,"result":{"a":1,"a":2,"é":"\ud800"}}
        c<  {"id": 1 ,"result":{"a":1,"a":2,"é":"\ud800"}}
        "#,
    );
}

#[test]
fn a_carriage_return_stays_and_a_byte_order_mark_goes() {
    check(
        r#"
        c> {bom}{"id":1,"method":"a"}{cr}
        s< {"id":1,"method":"a"}{cr}
        s> {bom}{"id":1,"result":{}}{cr}
        c< {"id":1,"result":{}}{cr}
        s> {bom}{"method":"n"}
        note the server wrote a line that is no JSON-RPC message
        log {bom}{"method":"n"}
        "#,
    );
}

#[test]
fn blank_lines_are_nothing() {
    check(
        "
        c> {cr}
        s> {cr}
        s> {tab}  {tab}{cr}
        ",
    );
}

#[test]
fn ids_of_every_kind_find_their_call() {
    check(
        r#"
        c> {"id":"1","method":"a"}
        s< {"id":"1","method":"a"}
        c> {"id":1,"method":"b"}
        s< {"id":1,"method":"b"}
        c> {"id":123456789012345678901234567890,"method":"c"}
        s< {"id":123456789012345678901234567890,"method":"c"}
        s> {"id":123456789012345678901234567890,"result":{}}
        c< {"id":123456789012345678901234567890,"result":{}}
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        s> {"id":"\u0031","result":{}}
        c< {"id":"\u0031","result":{}}
        "#,
    );
}

#[test]
fn the_server_asks_and_the_client_answers() {
    check(
        r#"
        s> {"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}
        c< {"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}
        c> {"jsonrpc":"2.0","id":0,"result":{"action":"decline"}}
        s< {"jsonrpc":"2.0","id":0,"result":{"action":"decline"}}
        s> {"id":1,"method":"vendor/ask"}
        c< {"id":1,"method":"vendor/ask"}
        c> {"id":1,"error":{"code":-32601,"message":"no"}}
        s< {"id":1,"error":{"code":-32601,"message":"no"}}
        "#,
    );
}

#[test]
fn the_two_directions_have_ids_of_their_own() {
    check(
        r#"
        c> {"id":1,"method":"tools/call"}
        s< {"id":1,"method":"tools/call"}
        s> {"id":1,"method":"sampling/createMessage"}
        c< {"id":1,"method":"sampling/createMessage"}
        c> {"id":1,"result":{"role":"assistant"}}
        s< {"id":1,"result":{"role":"assistant"}}
        s> {"id":1,"result":{"content":[]}}
        c< {"id":1,"result":{"content":[]}}
        "#,
    );
}

#[test]
fn an_error_that_names_no_request_passes() {
    check(
        r#"
        s> {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}
        c< {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}
        s> {"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"}}
        c< {"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"}}
        c> {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}
        s< {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}
        "#,
    );
}

#[test]
fn a_batch_passes_whole_and_each_of_its_calls_is_known() {
    check(
        r#"
        c> [{"id":1,"method":"a"}, {"method":"n"},{"id":2,"method":"b"}]
        s< [{"id":1,"method":"a"}, {"method":"n"},{"id":2,"method":"b"}]
        s> [{"id":2,"result":{}} ,{"id":1,"result":{}}]
        c< [{"id":2,"result":{}} ,{"id":1,"result":{}}]
        s> {"id":1,"result":{}}
        note the server answered a request that was never made
        log {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn a_batch_passes_without_what_may_not() {
    check(
        r#"
        c> [{"id":1,"method":"a"},{"id":1,"method":"b"},{"id":2,"method":"c","Method":"d"}]
        c! 1 ambiguous-message
        c! 2 ambiguous-message
        note the client wrote a message with an ambiguous `method`
        s< [{"id":1,"method":"a"}]
        s> [{"id":1,"result":{}},{"id":9,"result":{}}]
        note the server answered a request that was never made
        log [{"id":1,"result":{}},{"id":9,"result":{}}]
        c< [{"id":1,"result":{}}]
        "#,
    );
}

#[test]
fn what_the_client_says_before_the_start_is_for_the_server() {
    check(
        r#"
        c> {"id":0,"method":"initialize"}
        s< {"id":0,"method":"initialize"}
        ! started
        s> {"id":0,"result":{}}
        c< {"id":0,"result":{}}
        "#,
    );
}

#[test]
fn lines_may_come_in_pieces() {
    check(
        r#"
        c+ {"id":1,"me
        c+ thod":
        c> "a"}
        s< {"id":1,"method":"a"}
        "#,
    );
}
