//! Deadlines, cancelling, progress, questions, and how many may be in flight.

use super::check;

/// A session whose server has shown life, so that only calls have deadlines.
const TALKING: &str = r#"
    c> {"id":0,"method":"initialize"}
    s< {"id":0,"method":"initialize"}
    s> {"id":0,"result":{}}
    c< {"id":0,"result":{}}
"#;

#[track_caller]
fn check_talking(script: &str) {
    check(&(TALKING.to_owned() + script));
}

#[test]
fn a_call_that_takes_too_long_is_answered_and_cancelled() {
    check_talking(
        r#"
        ? 6000
        c> {"id":1,"method":"tools/call"}
        s< {"id":1,"method":"tools/call"}
        ? 6000
        ! at 5999
        ! at 6000
        c! 1 call-deadline
        s~ 1
        note a request of the client was not answered in time
        ? never
        "#,
    );
}

#[test]
fn the_answer_to_an_overdue_call_is_dropped_and_the_session_lives() {
    check_talking(
        r#"
        c> {"id":"x","method":"tools/call"}
        s< {"id":"x","method":"tools/call"}
        ! at 6000
        c! "x" call-deadline
        s~ "x"
        note a request of the client was not answered in time
        s> {"id":"x","result":{"secret":1}}
        note the server answered a request after its time was up
        s> {"id":"x","result":{"secret":1}}
        note the server answered a request that was never made
        log {"id":"x","result":{"secret":1}}
        c> {"id":2,"method":"ping"}
        s< {"id":2,"method":"ping"}
        s> {"id":2,"result":{}}
        c< {"id":2,"result":{}}
        "#,
    );
}

#[test]
fn the_id_of_an_overdue_call_may_be_used_again() {
    check_talking(
        r#"
        c> {"id":1,"method":"ping"}
        s< {"id":1,"method":"ping"}
        ! at 6000
        c! 1 call-deadline
        s~ 1
        note a request of the client was not answered in time
        c> {"id":1,"method":"ping"}
        s< {"id":1,"method":"ping"}
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn an_answer_that_is_read_at_the_deadline_counts() {
    check_talking(
        r#"
        c> {"id":1,"method":"ping"}
        s< {"id":1,"method":"ping"}
        ! later 7000
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        ! at 7001
        "#,
    );
}

#[test]
fn any_event_sees_to_the_deadlines_that_have_come() {
    check_talking(
        r#"
        c> {"id":1,"method":"ping"}
        s< {"id":1,"method":"ping"}
        ! later 7000
        s> {"method":"notifications/message"}
        c< {"method":"notifications/message"}
        c! 1 call-deadline
        s~ 1
        note a request of the client was not answered in time
        "#,
    );
}

#[test]
fn overdue_calls_are_answered_in_the_order_in_which_they_were_made() {
    check_talking(
        r#"
        c> {"id":"b","method":"initialize"}
        s< {"id":"b","method":"initialize"}
        c> {"id":"a","method":"initialize"}
        s< {"id":"a","method":"initialize"}
        ! later 100
        c> {"id":"c","method":"initialize"}
        s< {"id":"c","method":"initialize"}
        ! at 6050
        c! "b" call-deadline
        note a request of the client was not answered in time
        c! "a" call-deadline
        ? 6100
        ! at 6100
        c! "c" call-deadline
        "#,
    );
}

#[test]
fn progress_on_a_call_starts_its_time_anew() {
    check_talking(
        r#"
        c> {"id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
        s< {"id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}
        ! at 5000
        s> {"method":"notifications/progress","params":{"progressToken":"\u0074","progress":1}}
        c< {"method":"notifications/progress","params":{"progressToken":"\u0074","progress":1}}
        ! at 10999
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn progress_on_something_else_does_not() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize","params":{"_meta":{"progressToken":1}}}
        s< {"id":1,"method":"initialize","params":{"_meta":{"progressToken":1}}}
        c> {"id":2,"method":"initialize","params":{"arguments":{"progressToken":"1"}}}
        s< {"id":2,"method":"initialize","params":{"arguments":{"progressToken":"1"}}}
        ! at 5000
        s> {"method":"notifications/progress","params":{"progressToken":"1"}}
        c< {"method":"notifications/progress","params":{"progressToken":"1"}}
        s> {"method":"notifications/progress","params":[1]}
        c< {"method":"notifications/progress","params":[1]}
        s> {"method":"notifications/progress"}
        c< {"method":"notifications/progress"}
        ! at 6000
        c! 1 call-deadline
        note a request of the client was not answered in time
        c! 2 call-deadline
        "#,
    );
}

#[test]
fn time_stands_still_while_the_client_is_being_asked() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! at 5000
        s> {"id":7,"method":"elicitation/create"}
        c< {"id":7,"method":"elicitation/create"}
        s> {"id":8,"method":"sampling/createMessage"}
        c< {"id":8,"method":"sampling/createMessage"}
        ? never
        ! at 100000
        c> {"id":7,"result":{}}
        s< {"id":7,"result":{}}
        ? never
        ! at 200000
        c> {"id":8,"error":{}}
        s< {"id":8,"error":{}}
        ? 201000
        ! at 200999
        ! at 201000
        c! 1 call-deadline
        note a request of the client was not answered in time
        "#,
    );
}

#[test]
fn a_question_that_the_server_takes_back_stops_no_clock() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        s> {"id":7,"method":"roots/list"}
        c< {"id":7,"method":"roots/list"}
        ! at 1000
        s> {"method":"notifications/cancelled","params":{"requestId":7}}
        c< {"method":"notifications/cancelled","params":{"requestId":7}}
        ? 7000
        c> {"id":7,"result":{}}
        s< {"id":7,"result":{}}
        c> {"id":7,"result":{}}
        note the client answered a request that was never made
        "#,
    );
}

#[test]
fn a_question_that_no_person_answers_stops_no_clock() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        s> {"id":7,"method":"ping"}
        c< {"id":7,"method":"ping"}
        s> {"id":8,"method":"vendor/wait"}
        c< {"id":8,"method":"vendor/wait"}
        ! at 6000
        c! 1 call-deadline
        note a request of the client was not answered in time
        "#,
    );
}

#[test]
fn requests_that_wait_by_their_nature_have_no_deadline() {
    check(
        r#"
        c> {"id":1,"method":"subscriptions/listen"}
        s< {"id":1,"method":"subscriptions/listen"}
        c> {"id":2,"method":"tasks/result"}
        s< {"id":2,"method":"tasks/result"}
        ? never
        ! at 1000000
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn a_call_that_the_client_cancels_gets_no_answer_of_brigs() {
    check_talking(
        r#"
        c> {"id":1,"method":"tools/call"}
        s< {"id":1,"method":"tools/call"}
        c> {"method":"notifications/cancelled","params":{"requestId":1,"reason":"changed my mind"}}
        s< {"method":"notifications/cancelled","params":{"requestId":1,"reason":"changed my mind"}}
        ! at 50000
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        s> {"id":1,"result":{}}
        note the server answered a request that was never made
        log {"id":1,"result":{}}
        "#,
    );
}

#[test]
fn cancelling_what_is_not_in_flight_passes() {
    check_talking(
        r#"
        c> {"method":"notifications/cancelled","params":{"requestId":99}}
        s< {"method":"notifications/cancelled","params":{"requestId":99}}
        c> {"method":"notifications/cancelled"}
        s< {"method":"notifications/cancelled"}
        c> {"method":"notifications/cancelled","params":{"requestId":null}}
        s< {"method":"notifications/cancelled","params":{"requestId":null}}
        "#,
    );
}

#[test]
fn more_calls_than_may_be_in_flight_are_refused_one_by_one() {
    check_talking(
        r#"
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        c> {"id":2,"method":"a"}
        s< {"id":2,"method":"a"}
        c> {"id":3,"method":"a"}
        s< {"id":3,"method":"a"}
        c> {"id":4,"method":"a"}
        note the client has too many requests in flight
        c! 4 too-many-calls
        c> {"method":"n"}
        s< {"method":"n"}
        s> {"id":2,"result":{}}
        c< {"id":2,"result":{}}
        c> {"id":4,"method":"a"}
        s< {"id":4,"method":"a"}
        "#,
    );
}

#[test]
fn an_id_that_is_in_flight_is_not_asked_again() {
    check_talking(
        r#"
        c> {"id":"a","method":"a"}
        s< {"id":"a","method":"a"}
        c> {"id":"\u0061","method":"b"}
        c! "a" ambiguous-message
        s> {"id":"a","result":{}}
        c< {"id":"a","result":{}}
        "#,
    );
}

#[test]
fn the_servers_questions_are_bounded_too() {
    check_talking(
        r#"
        s> {"id":1,"method":"ping"}
        c< {"id":1,"method":"ping"}
        s> {"id":1,"method":"ping"}
        note the server wrote a message with an ambiguous `id`
        s> {"id":2,"method":"ping"}
        c< {"id":2,"method":"ping"}
        s> {"id":3,"method":"ping"}
        c< {"id":3,"method":"ping"}
        s> {"id":4,"method":"ping"}
        note the server has too many requests in flight
        "#,
    );
}

#[test]
fn a_token_belongs_to_the_call_that_took_it_last() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize","params":{"_meta":{"progressToken":"t"}}}
        s< {"id":1,"method":"initialize","params":{"_meta":{"progressToken":"t"}}}
        c> {"id":2,"method":"initialize","params":{"_meta":{"progressToken":"t"}}}
        s< {"id":2,"method":"initialize","params":{"_meta":{"progressToken":"t"}}}
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        ! at 5000
        s> {"method":"notifications/progress","params":{"progressToken":"t"}}
        c< {"method":"notifications/progress","params":{"progressToken":"t"}}
        ! at 6000
        ? 11000
        "#,
    );
}

#[test]
fn progress_gives_no_deadline_to_what_has_none() {
    check_talking(
        r#"
        c> {"id":1,"method":"tasks/result","params":{"_meta":{"progressToken":1}}}
        s< {"id":1,"method":"tasks/result","params":{"_meta":{"progressToken":1}}}
        s> {"method":"notifications/progress","params":{"progressToken":1}}
        c< {"method":"notifications/progress","params":{"progressToken":1}}
        c> {"id":2,"method":"ping"}
        s< {"id":2,"method":"ping"}
        ! at 6000
        c! 2 call-deadline
        s~ 2
        note a request of the client was not answered in time
        "#,
    );
}

#[test]
fn a_late_answer_in_a_batch_does_not_hold_up_the_others() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! at 6000
        c! 1 call-deadline
        note a request of the client was not answered in time
        c> [{"id":2,"method":"a"},{"id":3,"method":"a"}]
        s< [{"id":2,"method":"a"},{"id":3,"method":"a"}]
        s> [{"id":2,"result":{"n":1.10}},{"id":1,"result":{}}]
        note the server answered a request after its time was up
        c< [{"id":2,"result":{"n":1.10}}]
        s> [{"id":9,"result":{}},{"id":3,"result":{}},{"id":3,"error":{},"error":{}}]
        note the server answered a request that was never made
        note the server wrote a message with an ambiguous `error`
        log [{"id":9,"result":{}},{"id":3,"result":{}},{"id":3,"error":{},"error":{}}]
        c< [{"id":3,"result":{}}]
        "#,
    );
}

#[test]
fn what_is_forged_is_logged_though_a_late_answer_stands_beside_it() {
    check_talking(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! at 6000
        c! 1 call-deadline
        note a request of the client was not answered in time
        s> [{"id":9,"result":{}},{"id":1,"result":{}}]
        note the server answered a request that was never made
        note the server answered a request after its time was up
        log [{"id":9,"result":{}},{"id":1,"result":{}}]
        "#,
    );
}
