//! Starts that fail, servers that die or hang, clients that leave.

use super::check;

#[test]
fn a_server_that_answers_nothing_is_ended() {
    check(
        r#"
        ? never
        ! started
        ! later 1000
        c> {"id":0,"method":"initialize"}
        s< {"id":0,"method":"initialize"}
        c> {"id":1,"method":"ping"}
        s< {"id":1,"method":"ping"}
        ? 4000
        ! at 3999
        ! at 4000
        c! 0 start-deadline
        c! 1 start-deadline
        do kill
        ? 4200
        c> {"id":2,"method":"ping"}
        c! 2 server-ended
        s> {"id":0,"result":{}}
        note the server answered a request after its time was up
        ! ended was killed
        ! output-closed
        end start-deadline: was killed
        "#,
    );
}

#[test]
fn what_the_server_says_unasked_is_no_sign_of_life() {
    check(
        r#"
        c> {"id":0,"method":"initialize"}
        s< {"id":0,"method":"initialize"}
        s> {"method":"notifications/message"}
        c< {"method":"notifications/message"}
        s> {"method":"notifications/progress","params":{"progressToken":0}}
        c< {"method":"notifications/progress","params":{"progressToken":0}}
        s> {"id":9,"result":{}}
        note the server answered a request that was never made
        log {"id":9,"result":{}}
        ! at 3000
        c! 0 start-deadline
        do kill
        "#,
    );
}

#[test]
fn progress_is_a_sign_of_life() {
    check(
        r#"
        c> {"id":0,"method":"a","params":{"_meta":{"progressToken":0}}}
        s< {"id":0,"method":"a","params":{"_meta":{"progressToken":0}}}
        s> {"method":"notifications/progress","params":{"progressToken":0}}
        c< {"method":"notifications/progress","params":{"progressToken":0}}
        ! at 3000
        ? 6000
        "#,
    );
}

#[test]
fn a_question_is_none_and_does_not_hold_up_the_start() {
    check(
        r#"
        s> {"id":0,"method":"roots/list"}
        c< {"id":0,"method":"roots/list"}
        c> {"id":0,"method":"a"}
        s< {"id":0,"method":"a"}
        s> {"id":1,"method":"roots/list"}
        c< {"id":1,"method":"roots/list"}
        ! at 3000
        c! 0 start-deadline
        do kill
        "#,
    );
}

#[test]
fn a_first_request_that_is_cancelled_is_not_overdue() {
    check(
        r#"
        c> {"id":0,"method":"a"}
        s< {"id":0,"method":"a"}
        c> {"method":"notifications/cancelled","params":{"requestId":0}}
        s< {"method":"notifications/cancelled","params":{"requestId":0}}
        ! at 3000
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        ! at 5999
        ! at 6000
        c! 1 start-deadline
        do kill
        "#,
    );
}

#[test]
fn a_server_that_dies_leaves_no_call_without_an_answer() {
    check(
        r#"
        c> {"id":"b","method":"initialize"}
        s< {"id":"b","method":"initialize"}
        c> {"id":"a","method":"ping"}
        s< {"id":"a","method":"ping"}
        ! ended exited with code 1
        s> {"id":"a","result":{}}
        c< {"id":"a","result":{}}
        ! output-closed
        c! "b" server-ended
        end server-ended: exited with code 1
        "#,
    );
}

#[test]
fn the_end_of_the_output_may_come_first() {
    check(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! output-closed
        do close-input
        ! ended exited with code 0
        c! 1 server-ended
        end server-ended: exited with code 0
        "#,
    );
}

#[test]
fn something_that_outlives_the_server_cannot_hold_the_session() {
    check(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! ended exited with code 0
        c> {"id":2,"method":"ping"}
        c! 2 server-ended
        ? 200
        ! at 200
        c! 1 server-ended
        end server-ended: exited with code 0
        "#,
    );
}

#[test]
fn a_server_that_closes_its_output_and_stays_is_ended() {
    check(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! output-closed
        do close-input
        c> {"id":2,"method":"ping"}
        c! 2 server-ended
        ! at 200
        c! 1 server-ended
        do terminate
        ! at 400
        do kill
        ! ended was killed
        end server-ended: was killed
        "#,
    );
}

#[test]
fn a_client_that_leaves_lets_the_server_end_by_itself() {
    check(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! client-closed
        do close-input
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        s> {"id":1,"method":"ping"}
        c< {"id":1,"method":"ping"}
        ! output-closed
        ! ended exited with code 0
        end client-closed: exited with code 0
        "#,
    );
}

#[test]
fn a_server_that_ignores_the_end_of_its_input_is_terminated_and_killed() {
    check(
        "
        ! started
        ! client-closed
        do close-input
        ? 200
        ! at 199
        ! at 200
        do terminate
        ? 400
        ! at 400
        do kill
        ? 600
        ! ended was killed
        ! output-closed
        end client-closed: was killed
        ",
    );
}

#[test]
fn a_client_that_leaves_early_leaves_the_server_the_time_to_start() {
    check(
        r#"
        c> {"id":1,"method":"initialize"}
        s< {"id":1,"method":"initialize"}
        ! client-closed
        do close-input
        ? 3000
        ! at 1000
        ! started
        ? 1200
        s> {"id":1,"result":{}}
        c< {"id":1,"result":{}}
        ! output-closed
        ! ended exited with code 0
        end client-closed: exited with code 0
        "#,
    );
}

#[test]
fn a_server_that_outlives_even_that_is_given_up() {
    check(
        "
        ! started
        ! client-closed
        do close-input
        ! at 200
        do terminate
        ! at 400
        do kill
        ! at 600
        end client-closed
        ! ended was killed
        ! output-closed
        ? never
        ",
    );
}

#[test]
fn an_overdue_call_is_not_cancelled_through_a_closed_input() {
    check(
        r#"
        c> {"id":0,"method":"a"}
        s< {"id":0,"method":"a"}
        s> {"id":0,"result":{}}
        c< {"id":0,"result":{}}
        c> {"id":1,"method":"a"}
        s< {"id":1,"method":"a"}
        ! later 5900
        ! client-closed
        do close-input
        ? 6000
        ! at 6000
        c! 1 call-deadline
        note a request of the client was not answered in time
        ? 6100
        "#,
    );
}

#[test]
fn a_refused_start_answers_what_is_in_flight() {
    check(
        r#"
        c> {"id":0,"method":"initialize"}
        s< {"id":0,"method":"initialize"}
        c> {"method":"n"}
        s< {"method":"n"}
        ! refused nothing holds the network shut
        c! 0 start-refused
        end start-refused
        "#,
    );
}

#[test]
fn a_refused_start_waits_for_the_first_request() {
    check(
        r#"
        ! refused no approval
        ? 3000
        c> {"method":"n"}
        c> no message
        note the client wrote a line that is no JSON-RPC message
        c> {"id":"first","method":"initialize"}
        c! "first" start-refused
        end start-refused
        c> {"id":2,"method":"initialize"}
        "#,
    );
}

#[test]
fn a_refused_start_waits_no_longer_than_a_start() {
    check(
        "
        ! later 500
        ! refused no approval
        ! at 3499
        ! at 3500
        end start-refused
        ",
    );
}

#[test]
fn a_refused_start_does_not_wait_for_a_client_that_has_left() {
    check("! refused no approval\n ! client-closed\n end start-refused");
    check("! client-closed\n do close-input\n ! refused no approval\n end start-refused");
}

#[test]
fn a_probe_of_the_era_does_not_use_up_the_reason() {
    check(
        r#"
        c> {"id":0,"method":"server/discover"}
        s< {"id":0,"method":"server/discover"}
        ! refused no approval
        c! 0 start-refused
        c> {"id":1,"method":"server/discover"}
        c! 1 start-refused
        c> {"id":2,"method":"initialize"}
        c! 2 start-refused
        end start-refused
        "#,
    );
}

#[test]
fn a_refused_start_answers_even_a_request_that_is_too_long() {
    check(
        r#"
        ! refused no approval
        c> {"id":0,"method":"initialize","params":"{pad}"}
        note the client wrote a message of 2042 bytes, which is too long
        c! 0 start-refused
        end start-refused
        "#,
    );
}
