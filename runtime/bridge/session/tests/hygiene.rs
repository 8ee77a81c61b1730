//! What is no message, or more than one to two readers, or too large.

use super::check;

#[test]
fn what_the_server_prints_beside_the_protocol_goes_to_the_log() {
    check(
        r#"
        s> Server running on stdio
        note the server wrote a line that is no JSON-RPC message
        log Server running on stdio
        s> [INFO] listening
        log [INFO] listening
        s> {"level":30,"msg":"pino"}
        log {"level":30,"msg":"pino"}
        s> {"id":1,"msg":"with an id"}
        log {"id":1,"msg":"with an id"}
        s> {"jsonrpc":"2.0"}
        log {"jsonrpc":"2.0"}
        s> {"jsonrpc":"2.0","method":"a"
        log {"jsonrpc":"2.0","method":"a"
        s> {"method":"a"}{"method":"b"}
        log {"method":"a"}{"method":"b"}
        s> {"method":"a{nul}"}
        log {"method":"a{nul}"}
        s> {nul}
        log {nul}
        s> 42
        note the server wrote a line that is no JSON-RPC message (10 so far)
        log 42
        s> "text"
        log "text"
        s> null
        log null
        s> []
        log []
        s> [1,{"method":"a"}]
        log [1,{"method":"a"}]
        s> [[{"method":"a"}]]
        log [[{"method":"a"}]]
        s> {'method':'a'}
        log {'method':'a'}
        s> {"method":"\x"}
        log {"method":"\x"}
        "#,
    );
}

#[test]
fn what_the_client_writes_beside_the_protocol_is_dropped() {
    check(
        r#"
        c> hello
        note the client wrote a line that is no JSON-RPC message
        c> {"method":"a"}}
        c> []
        c> 1
        c> {"id":1}
        c> {"id":1,"params":{}}
        "#,
    );
}

#[test]
fn an_ambiguous_request_is_refused_by_name() {
    check(
        r#"
        c> {"id":1,"method":"a","method":"b"}
        c! 1 ambiguous-message
        note the client wrote a message with an ambiguous `method`
        c> {"id":2,"method":"a","params":{},"PARAMS":{}}
        c! 2 ambiguous-message
        c> {"id":3,"method":"a","re\u0073ult":{}}
        c! 3 ambiguous-message
        c> {"id":4,"method":"a","error":{}}
        c! 4 ambiguous-message
        c> {"id":5,"method":7}
        c! 5 ambiguous-message
        c> {"id":6,"method":"a","JSONRPC":"2.0"}
        c! 6 ambiguous-message
        c> {"id":7,"method":"a","jſonrpc":"2.0"}
        c! 7 ambiguous-message
        "#,
    );
}

#[test]
fn a_request_whose_id_is_ambiguous_cannot_be_answered() {
    check(
        r#"
        c> {"id":1,"method":"a","id":2}
        note the client wrote a message with an ambiguous `id`
        c> {"id":1,"method":"a","ID":2}
        c> {"id":null,"method":"a"}
        c> {"id":true,"method":"a"}
        c> {"id":{},"method":"a"}
        c> {"id":[1],"method":"a"}
        "#,
    );
}

#[test]
fn an_ambiguous_message_of_the_server_goes_to_the_log() {
    check(
        r#"
        s> {"method":"a","Method":"b"}
        note the server wrote a message with an ambiguous `method`
        log {"method":"a","Method":"b"}
        s> {"id":1,"method":"a","method":"b"}
        log {"id":1,"method":"a","method":"b"}
        "#,
    );
}

#[test]
fn an_ambiguous_answer_becomes_an_error_for_its_call() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        s> {"id":1,"result":{},"Result":{"evil":1}}
        c! 1 ambiguous-message
        note the server wrote a message with an ambiguous `result`
        log {"id":1,"result":{},"Result":{"evil":1}}
        c> {"id":2,"method":"a"}
        s< {"id":2,"method":"a"}
        s> {"id":2,"result":{},"error":{}}
        c! 2 ambiguous-message
        log {"id":2,"result":{},"error":{}}
        s> {"id":99,"result":{},"error":{}}
        log {"id":99,"result":{},"error":{}}
        "#,
    );
}

#[test]
fn forged_answers_go_to_the_log() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        s> {"id":"1","result":{}}
        note the server answered a request that was never made
        log {"id":"1","result":{}}
        s> {"id":1.0,"result":{}}
        log {"id":1.0,"result":{}}
        s> {"id":1,"result":{"first":true}}
        c< {"id":1,"result":{"first":true}}
        s> {"id":1,"result":{"second":true}}
        log {"id":1,"result":{"second":true}}
        "#,
    );
}

#[test]
fn the_client_cannot_answer_what_it_was_not_asked() {
    check(
        r#"
        c> {"id":1,"result":{}}
        note the client answered a request that was never made
        "#,
    );
}

#[test]
fn deep_nesting_is_refused() {
    check(
        r#"
        c> {"id":1,"method":"a","params":{deep}}
        c! 1 message-too-large
        note the client wrote a message that nests too deep
        c> {"id":2,"method":"a"}
        s< {"id":2,"method":"a"}
        s> {"id":2,"result":{deep}}
        c! 2 answer-too-large
        note the server wrote a message that nests too deep
        log {"id":2,"result":{deep}}
        s> {"method":"a","params":{deep}}
        log {"method":"a","params":{deep}}
        s> {"method":"a","params":"{deep}"}
        c< {"method":"a","params":"{deep}"}
        "#,
    );
}

#[test]
fn an_answer_that_is_too_long_becomes_an_error_for_its_call() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        c> {"id":2,"method":"a"}
        s< {"id":2,"method":"a"}
        s+ {"id":1,"result":"{pad}
        c! 1 answer-too-large
        s+ {pad}
        s> "}
        note the server wrote a message of 4020 bytes, which is too long
        s> {"id":2,"result":{}}
        c< {"id":2,"result":{}}
        "#,
    );
}

#[test]
fn the_id_may_come_after_what_is_too_long() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        c> {"id":"q\"}","method":"a"}
        s< {"id":"q\"}","method":"a"}
        s> {"result":{"id":1,"text":"{pad}\",\"id\":1,"},"jsonrpc":"2.0","id":"q\"}"}
        note the server wrote a message of 2069 bytes, which is too long
        c! "q\"}" answer-too-large
        "#,
    );
}

#[test]
fn a_long_batch_with_one_call_in_flight_is_taken_for_its_answer() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        s> [{"id":1,"result":"{pad}"}]
        note the server wrote a message of 2022 bytes, which is too long
        c! 1 answer-too-large
        "#,
    );
}

#[test]
fn a_long_batch_with_more_calls_in_flight_answers_none() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        c> {"id":2,"method":"a"}
        s< {"id":2,"method":"a"}
        s> [{"id":1,"result":"{pad}"}]
        note the server wrote a message of 2022 bytes, which is too long
        "#,
    );
}

#[test]
fn a_long_notification_answers_nothing() {
    check(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        s> {"method":"notifications/message","params":{"id":1,"text":"{pad}"}}
        note the server wrote a message of 2062 bytes, which is too long
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn a_long_question_of_the_server_is_refused_to_it() {
    check(
        r#"
        s> {"id":1,"method":"elicitation/create","params":"{pad}"}
        note the server wrote a message of 2050 bytes, which is too long
        s! 1 message-too-large
        "#,
    );
}

#[test]
fn a_request_that_is_too_long_is_answered_and_not_sent() {
    check(
        r#"
        c> {"method":"a","params":"{pad}","id":"z"}
        note the client wrote a message of 2035 bytes, which is too long
        c! "z" message-too-large
        c> {"method":"a","params":"{pad}"}
        c> {pad}{pad}
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        "#,
    );
}

#[test]
fn a_long_answer_of_the_client_does_not_leave_the_server_waiting() {
    check(
        r#"
        s> {"id":1,"method":"sampling/createMessage"}
        c< {"id":1,"method":"sampling/createMessage"}
        c> {"id":1,"result":"{pad}"}
        note the client wrote a message of 2020 bytes, which is too long
        s! 1 answer-too-large
        c> {"id":1,"result":{}}
        note the client answered a request after its time was up
        "#,
    );
}
