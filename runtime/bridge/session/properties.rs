//! What holds for every session, whatever both sides do.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::frame::Framer;
use super::*;

const LIMITS: SessionLimits = SessionLimits {
    message_bytes_max: 120,
    in_flight_max: 4,
    start_ms: 300,
    call_ms: 500,
    grace_ms: 50,
};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The client writes these bytes.
    Client(Vec<u8>),
    /// The server writes these bytes.
    Server(Vec<u8>),
    /// Time passes, and the session is told when it asked to be.
    Wait(u64),
    /// The process or a pipe changes.
    Change(u8),
}

/// Plays steps and keeps what must hold at each.
struct Stage {
    session: Session,
    framers: [Framer; 2],
    now_ms: u64,
    actions: Vec<Action>,
    input_closed: bool,
    finished: bool,
}

impl Stage {
    fn new() -> Self {
        let framer = || Framer::new(LIMITS.message_bytes_max);
        Self {
            session: Session::new(LIMITS, tests::rules(tests::OPEN)),
            framers: [framer(), framer()],
            now_ms: 0,
            actions: Vec::new(),
            input_closed: false,
            finished: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Client(bytes) => self.write(0, bytes, Event::FromClient),
            Step::Server(bytes) => self.write(1, bytes, Event::FromServer),
            Step::Wait(ms) => self.wait(*ms),
            Step::Change(0) => self.on(Event::ServerStarted),
            Step::Change(1) => self.on(Event::ClientClosed),
            Step::Change(2) => self.on(Event::ServerOutputClosed),
            Step::Change(3) => self.on(Event::ServerEnded(ended())),
            Step::Change(_) => self.on(Event::StartRefused(StartRefusal {
                message: "no".to_owned(),
                help: String::new(),
            })),
        }
    }

    fn write(&mut self, side: usize, mut bytes: &[u8], event: fn(Frame) -> Event) {
        while let Some(frame) = self.framers[side].take(&mut bytes) {
            self.on(event(frame));
        }
    }

    fn wait(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(next_ms) = self.session.next_deadline_ms().filter(|ms| *ms <= until_ms) {
            self.now_ms = self.now_ms.max(next_ms);
            self.on(Event::DeadlinePassed);
            let next = self.session.next_deadline_ms();
            assert!(next.is_none_or(|ms| ms > self.now_ms), "time goes on");
        }
        self.now_ms = until_ms;
    }

    fn on(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.session.on(self.now_ms, event, &mut actions);
        for action in &actions {
            assert!(!self.finished, "{action:?} after the end");
            self.hold(action);
        }
        self.actions.extend(actions);
    }

    fn hold(&mut self, action: &Action) {
        match action {
            Action::ToServer(line) | Action::RefuseServer(line) => {
                assert!(!self.input_closed, "nothing is written into a closed pipe");
                assert_line(line);
            }
            Action::ToClient(line) => assert_line(line),
            Action::CloseServerInput | Action::Kill => self.input_closed = true,
            Action::Finish(_) => self.finished = true,
            Action::Divert(_) | Action::Terminate | Action::Notice(_) | Action::Tell(_) => {}
        }
    }

    /// How often each id was answered to the client.
    fn answers(&self) -> HashMap<String, usize> {
        let mut answers = HashMap::new();
        for action in &self.actions {
            if let Action::ToClient(line) = action
                && let Ok(Reading::One(_, Message::Answer { id, .. })) = message::read(line)
            {
                *answers.entry(id.raw().to_owned()).or_default() += 1;
            }
        }
        answers
    }
}

fn ended() -> Ended {
    Ended {
        reason: "exited".to_owned(),
        code: Some(0),
    }
}

#[track_caller]
fn assert_line(line: &[u8]) {
    let text = line.strip_suffix(b"\n");
    assert!(
        text.is_some_and(|text| !text.contains(&b'\n')),
        "{:?}",
        String::from_utf8_lossy(line)
    );
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![(0_u8..6).prop_map(|id| id.to_string()), "\"[a-c]\""]
}

/// A line of either side that is a message, all with ids from the same few.
fn line(side: Side) -> impl Strategy<Value = Vec<u8>> {
    let ask = |method: &'static str| {
        id().prop_map(move |id| {
            format!(
                r#"{{"id":{id},"method":"{method}","params":{{"_meta":{{"progressToken":{id}}}}}}}"#
            )
        })
    };
    let answer = id().prop_map(|id| format!(r#"{{"id":{id},"result":{{}}}}"#));
    let long = (id(), any::<bool>()).prop_map(move |(id, first)| {
        let pad = "x".repeat(LIMITS.message_bytes_max);
        let what = if side == Side::Client {
            "method"
        } else {
            "result"
        };
        if first {
            format!(r#"{{"id":{id},"{what}":"{pad}"}}"#)
        } else {
            format!(r#"{{"{what}":"{pad}","id":{id}}}"#)
        }
    });
    let says = prop_oneof![Just("progress"), Just("message")].prop_flat_map(|what| {
        id().prop_map(move |id| {
            format!(r#"{{"method":"notifications/{what}","params":{{"progressToken":{id}}}}}"#)
        })
    });
    let twice = id().prop_map(move |id| {
        let what = if side == Side::Client {
            "method"
        } else {
            "result"
        };
        format!(r#"{{"id":{id},"{what}":"a","{what}":"b"}}"#)
    });
    let often = prop_oneof![ask("a"), answer];
    let seldom = prop_oneof![ask("roots/list"), long, says, twice];
    prop_oneof![3 => often, 1 => seldom].prop_map(|line| (line + "\n").into_bytes())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => line(Side::Client).prop_map(Step::Client),
        8 => line(Side::Server).prop_map(Step::Server),
        3 => (0_u64..400).prop_map(Step::Wait),
    ]
}

/// How often each id was asked for by the client, however the request was written.
fn requests(steps: &[Step]) -> HashMap<String, usize> {
    let mut requests = HashMap::new();
    for step in steps {
        if let Step::Client(line) = step
            && let Ok(text) = std::str::from_utf8(line)
            && text.contains(r#""method":"#)
            && let Some((_, rest)) = text.split_once(r#""id":"#)
            && let Some(id) = rest.split([',', '}']).next()
        {
            *requests.entry(id.trim().to_owned()).or_default() += 1;
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_request_is_answered_once_by_the_time_the_server_has_ended(
        steps in proptest::collection::vec(step(), 0..60), output_first in any::<bool>(),
    ) {
        let mut stage = Stage::new();
        for step in &steps {
            stage.take(step);
        }
        let ending = if output_first { [2, 3] } else { [3, 2] };
        for change in ending {
            stage.take(&Step::Change(change));
        }
        // A start that ran out of time may have ended the session; then requests come to no one.
        let over = stage.actions.iter().any(|action| matches!(action, Action::Finish(outcome)
            if matches!(outcome, Outcome::StartDeadline { ended: None })));
        prop_assert!(stage.finished);
        if !over {
            prop_assert_eq!(stage.answers(), requests(&steps));
        }
    }

    #[test]
    fn no_bytes_and_no_order_of_events_break_a_session(
        steps in proptest::collection::vec(prop_oneof![
            4 => step(),
            2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Client),
            2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Server),
            1 => (0_u8..5).prop_map(Step::Change),
        ], 0..60),
    ) {
        let mut stage = Stage::new();
        for step in &steps {
            stage.take(step);
        }
        stage.take(&Step::Change(1));
        stage.wait(4 * LIMITS.grace_ms + LIMITS.start_ms);
        prop_assert!(stage.finished, "a client that has left ends the session");
    }
}
