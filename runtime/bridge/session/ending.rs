//! How a session starts and ends: the first request's deadline, refused starts, a server that dies,
//! a client that leaves, and each call's own deadline.

use super::super::answer;
use super::super::code::Code;
use super::super::id::Id;
use super::super::notice::{Side, What};
use super::{Action, Ended, Outcome, PROBE, Session, StartRefusal};

/// Where the session stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// The client has asked nothing yet.
    FirstRequest,
    /// The client has asked, and the server has shown no life yet.
    FirstAnswer { deadline_ms: u64 },
    /// Both talk.
    Talking,
    /// The server was not started, and no request has come yet that could be told so.
    Refused { text: String, deadline_ms: u64 },
    /// The server is to end. `next` happens if it has not by then.
    Closing { next: Step, at_ms: u64, why: Why },
    /// Over.
    Finished,
}

/// What is done to a server that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Terminate,
    Kill,
    GiveUp,
}

/// What made the session end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    ClientClosed,
    ServerEnded,
    StartDeadline,
    Drifted,
}

/// What is known of the server's process.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) started: bool,
    input_closed: bool,
    output_closed: bool,
    ended: Option<Ended>,
}

impl Stage {
    pub(super) fn deadline_ms(&self) -> Option<u64> {
        match self {
            Self::FirstRequest | Self::Talking | Self::Finished => None,
            Self::FirstAnswer { deadline_ms } | Self::Refused { deadline_ms, .. } => {
                Some(*deadline_ms)
            }
            Self::Closing { at_ms, .. } => Some(*at_ms),
        }
    }
}

impl Session {
    /// Whether the server can still answer. If not, the client is told at once.
    pub(super) fn may_ask(&mut self, id: &Id, method: &str, out: &mut Vec<Action>) -> bool {
        match &mut self.stage {
            Stage::Refused { text, deadline_ms } => {
                out.push(Action::ToClient(answer::error(
                    id,
                    Code::StartRefused,
                    text,
                )));
                // Clients probe the era with this and take any error for "an older server": the
                // reason that a person sees is the one that the request after it gets.
                if method != PROBE {
                    // Over once the event is: a batch may hold further requests.
                    *deadline_ms = 0;
                }
                false
            }
            Stage::Closing {
                why: Why::ServerEnded | Why::StartDeadline | Why::Drifted,
                ..
            } => {
                let text = self.end_text();
                out.push(Action::ToClient(answer::error(
                    id,
                    Code::ServerEnded,
                    &text,
                )));
                false
            }
            Stage::FirstRequest
            | Stage::FirstAnswer { .. }
            | Stage::Talking
            | Stage::Closing {
                why: Why::ClientClosed,
                ..
            }
            | Stage::Finished => true,
        }
    }

    pub(super) fn first_request(&mut self, now_ms: u64) {
        if matches!(self.stage, Stage::FirstRequest) {
            let deadline_ms = now_ms.saturating_add(self.limits.start_ms);
            self.stage = Stage::FirstAnswer { deadline_ms };
        }
    }

    /// The server has answered a call or told of progress on one, so it has started. A question
    /// does not count: it stops the calls' clock, and a server that asks a client that may not
    /// answer yet would never be overdue.
    pub(super) fn sign_of_life(&mut self) {
        if matches!(self.stage, Stage::FirstAnswer { .. }) {
            self.stage = Stage::Talking;
        }
    }

    /// Writes a line to the server, unless its input is closed or there is no server.
    pub(super) fn tell_server(&mut self, mut line: Vec<u8>, out: &mut Vec<Action>) {
        let gone = self.server.input_closed
            || matches!(self.stage, Stage::Refused { .. } | Stage::Finished);
        if !gone {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            out.push(Action::ToServer(line));
        }
    }

    /// Answers what the server may not ask, unless its input is closed.
    pub(super) fn refuse_server(&mut self, line: Vec<u8>, out: &mut Vec<Action>) {
        if !self.server.input_closed {
            out.push(Action::RefuseServer(line));
        }
    }

    pub(super) fn client_closed(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.client_closed = true;
        match self.stage {
            Stage::FirstRequest | Stage::FirstAnswer { .. } | Stage::Talking => {
                self.close(now_ms, Why::ClientClosed, out);
            }
            Stage::Refused { .. } => self.finish(Outcome::StartRefused, out),
            Stage::Closing { .. } | Stage::Finished => {}
        }
    }

    pub(super) fn output_closed(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.server.started = true;
        self.server.output_closed = true;
        if self.server.ended.is_some() {
            return self.conclude(out);
        }
        match self.stage {
            Stage::FirstRequest | Stage::FirstAnswer { .. } | Stage::Talking => {
                self.close(now_ms, Why::ServerEnded, out);
            }
            Stage::Refused { .. } | Stage::Closing { .. } | Stage::Finished => {}
        }
    }

    pub(super) fn server_ended(&mut self, now_ms: u64, ended: Ended, out: &mut Vec<Action>) {
        self.server.ended = Some(ended);
        self.server.input_closed = true;
        if self.server.output_closed {
            return self.conclude(out);
        }
        // What it wrote last is still in the pipe; something that outlived it may hold the pipe
        // open.
        let why = match self.stage {
            Stage::Closing { why, .. } => why,
            Stage::FirstRequest
            | Stage::FirstAnswer { .. }
            | Stage::Talking
            | Stage::Refused { .. }
            | Stage::Finished => Why::ServerEnded,
        };
        let at_ms = now_ms.saturating_add(self.limits.grace_ms);
        self.stage = Stage::Closing {
            next: Step::GiveUp,
            at_ms,
            why,
        };
    }

    pub(super) fn start_refused(
        &mut self,
        now_ms: u64,
        refusal: &StartRefusal,
        out: &mut Vec<Action>,
    ) {
        let mut text = format!("the server was not started: {}", refusal.message);
        if !refusal.help.is_empty() {
            text.push('\n');
            text.push_str(&refusal.help);
        }
        let told = self.calls.iter().any(|(_, call)| !call.is_probe);
        self.answer_all(Code::StartRefused, &text, out);
        if told || self.client_closed {
            return self.finish(Outcome::StartRefused, out);
        }
        let deadline_ms = now_ms.saturating_add(self.limits.start_ms);
        self.stage = Stage::Refused { text, deadline_ms };
    }

    /// Sees to every deadline that has come.
    pub(super) fn pass_time(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if self.earliest_ms <= self.clock.read_ms(now_ms) {
            self.expire_calls(now_ms, out);
        }
        if self.stage.deadline_ms().is_none_or(|at_ms| now_ms < at_ms) {
            return;
        }
        match self.stage {
            Stage::FirstRequest | Stage::Talking | Stage::Finished => {}
            Stage::FirstAnswer { .. } => self.start_overdue(now_ms, out),
            Stage::Refused { .. } => self.finish(Outcome::StartRefused, out),
            Stage::Closing { next, why, .. } => self.take_step(now_ms, next, why, out),
        }
    }

    fn start_overdue(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if self
            .calls
            .iter()
            .all(|(_, call)| call.deadline_ms.is_none())
        {
            // What was asked first is cancelled or overtaken: nothing is overdue until it asks
            // again.
            self.stage = Stage::FirstRequest;
            return;
        }
        let what = if self.server.started {
            "answer"
        } else {
            "start"
        };
        let text = format!(
            "the server did not {what} within {} ms",
            self.limits.start_ms
        );
        self.answer_all(Code::StartDeadline, &text, out);
        self.end_now(now_ms, Why::StartDeadline, out);
    }

    /// Ends the server without waiting for it.
    pub(super) fn end_now(&mut self, now_ms: u64, why: Why, out: &mut Vec<Action>) {
        self.server.input_closed = true;
        out.push(Action::Kill);
        let at_ms = now_ms.saturating_add(self.limits.grace_ms);
        self.stage = Stage::Closing {
            next: Step::GiveUp,
            at_ms,
            why,
        };
    }

    /// A client that writes all it has and closes may be done before the server runs: its time to
    /// answer begins when it does.
    pub(super) fn server_started(&mut self, now_ms: u64) {
        self.server.started = true;
        if let Stage::Closing {
            next: Step::Terminate,
            at_ms,
            ..
        } = &mut self.stage
        {
            *at_ms = now_ms.saturating_add(self.limits.grace_ms);
        }
    }

    fn close(&mut self, now_ms: u64, why: Why, out: &mut Vec<Action>) {
        if !self.server.input_closed {
            self.server.input_closed = true;
            out.push(Action::CloseServerInput);
        }
        let wait_ms = if self.server.started {
            self.limits.grace_ms
        } else {
            self.limits.grace_ms.max(self.limits.start_ms)
        };
        let at_ms = now_ms.saturating_add(wait_ms);
        self.stage = Stage::Closing {
            next: Step::Terminate,
            at_ms,
            why,
        };
    }

    fn take_step(&mut self, now_ms: u64, step: Step, why: Why, out: &mut Vec<Action>) {
        let next = match step {
            Step::Terminate => {
                if self.server.output_closed {
                    let text = self.end_text();
                    self.answer_all(Code::ServerEnded, &text, out);
                }
                out.push(Action::Terminate);
                Step::Kill
            }
            Step::Kill => {
                out.push(Action::Kill);
                Step::GiveUp
            }
            Step::GiveUp => return self.conclude(out),
        };
        let at_ms = now_ms.saturating_add(self.limits.grace_ms);
        self.stage = Stage::Closing { next, at_ms, why };
    }

    fn expire_calls(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let clock_ms = self.clock.read_ms(now_ms);
        let mut due = Vec::new();
        self.earliest_ms = u64::MAX;
        for (id, call) in self.calls.iter() {
            match call.deadline_ms {
                Some(deadline_ms) if deadline_ms <= clock_ms => {
                    due.push((call.order, id.clone(), call.may_cancel));
                }
                Some(deadline_ms) => self.earliest_ms = self.earliest_ms.min(deadline_ms),
                None => {}
            }
        }
        due.sort_unstable_by_key(|(order, _, _)| *order);
        let text = format!(
            "the server did not answer within {} ms",
            self.limits.call_ms
        );
        for (_, id, may_cancel) in due {
            self.overtake(&id, Code::CallDeadline, &text, out);
            if may_cancel {
                self.tell_server(answer::cancelled(&id, &text), out);
            }
            self.notice(Side::Client, What::Overdue, out);
        }
    }

    fn conclude(&mut self, out: &mut Vec<Action>) {
        let text = self.end_text();
        self.answer_all(Code::ServerEnded, &text, out);
        let ended = self.server.ended.take();
        let outcome = match self.stage {
            Stage::Closing {
                why: Why::ClientClosed,
                ..
            } => Outcome::ClientClosed { ended },
            Stage::Closing {
                why: Why::StartDeadline,
                ..
            } => Outcome::StartDeadline { ended },
            Stage::Closing {
                why: Why::Drifted, ..
            } => Outcome::Drifted { ended },
            Stage::Closing {
                why: Why::ServerEnded,
                ..
            }
            | Stage::FirstRequest
            | Stage::FirstAnswer { .. }
            | Stage::Talking
            | Stage::Refused { .. }
            | Stage::Finished => Outcome::ServerEnded { ended },
        };
        self.finish(outcome, out);
    }

    fn end_text(&self) -> String {
        match &self.server.ended {
            Some(ended) => format!("the server {}", ended.reason),
            None if self.server.output_closed => "the server closed its output".to_owned(),
            None => "the server is being ended".to_owned(),
        }
    }

    /// Answers every open call in the order in which they were made.
    pub(super) fn answer_all(&mut self, code: Code, text: &str, out: &mut Vec<Action>) {
        let mut open: Vec<(u64, Id)> = self
            .calls
            .iter()
            .map(|(id, call)| (call.order, id.clone()))
            .collect();
        open.sort_unstable_by_key(|(order, _)| *order);
        for (_, id) in open {
            self.overtake(&id, code, text, out);
        }
    }

    fn finish(&mut self, outcome: Outcome, out: &mut Vec<Action>) {
        self.stage = Stage::Finished;
        out.push(Action::Finish(outcome));
    }
}
