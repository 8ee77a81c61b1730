//! What the client says to the server.

use super::super::answer;
use super::super::code::Code;
use super::super::frame::Frame;
use super::super::id::Id;
use super::super::ledger::Answered;
use super::super::message::{self, Fault, Message};
use super::super::notice::{Side, What};
use super::super::outline::{Outline, Shape};
use super::ending::Stage;
use super::{Action, Call, PROBE, Session, Verdict};

impl Session {
    pub(super) fn client_wrote(&mut self, now_ms: u64, frame: Frame, out: &mut Vec<Action>) {
        match frame {
            Frame::Line(line) => {
                if let Some(line) = self.sift(Side::Client, now_ms, line, out) {
                    self.tell_server(line, out);
                }
            }
            Frame::TooLong(outline) => self.client_too_long(now_ms, outline, out),
            Frame::TooLongEnd { outline, bytes } => {
                self.notice(Side::Client, What::TooLong { bytes }, out);
                if let Some(outline) = outline {
                    self.client_too_long(now_ms, outline, out);
                }
            }
        }
    }

    pub(super) fn judge_client(
        &mut self,
        now_ms: u64,
        message: Message<'_>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        match message {
            Message::Request { id, method, params } => {
                self.client_asks(now_ms, id, &method, params, out)
            }
            Message::Notification { method, params } => {
                if method == "notifications/cancelled"
                    && let Some(id) = message::cancelled(params)
                    && let Some(call) = self.calls.cancel(&id)
                {
                    self.forget_token(&call, &id);
                }
                Verdict::Pass
            }
            Message::Answer { id } => self.client_answers(now_ms, &id, out),
            Message::ErrorForNone => Verdict::Pass,
            Message::Refused { id, asks, fault } => {
                if let Some(id) = id.filter(|_| asks) {
                    let code = match fault {
                        Fault::TooDeep => Code::MessageTooLarge,
                        Fault::Ambiguous(_) | Fault::NotMessage => Code::AmbiguousMessage,
                    };
                    refuse_call(
                        &id,
                        code,
                        &format!("the request was not sent: {fault}"),
                        out,
                    );
                }
                self.fault(Side::Client, fault, out)
            }
        }
    }

    fn client_asks(
        &mut self,
        now_ms: u64,
        id: Id,
        method: &str,
        params: Option<&str>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        if !self.may_ask(&id, method, out) {
            return Verdict::Drop;
        }
        if self.calls.is_open(&id) {
            let text = "the request was not sent: another with this id is still in flight";
            return refuse_call(&id, Code::AmbiguousMessage, text, out);
        }
        if self.calls.len() >= self.limits.in_flight_max {
            self.notice(Side::Client, What::TooMany, out);
            let text = "the request was not sent: too many are in flight";
            return refuse_call(&id, Code::TooManyCalls, text, out);
        }
        self.calls_made += 1;
        let call = Call {
            order: self.calls_made,
            deadline_ms: self.deadline_for(now_ms, method),
            token: message::progress_token(params),
            may_cancel: method != "initialize",
            is_probe: method == PROBE,
        };
        self.await_call(now_ms, id, call);
        Verdict::Pass
    }

    /// Requests that wait by their nature have no deadline: the client, who made them, may cancel
    /// them.
    fn deadline_for(&self, now_ms: u64, method: &str) -> Option<u64> {
        match method {
            "subscriptions/listen" | "tasks/result" => None,
            _ => {
                let time_ms = match self.stage {
                    // Whatever is asked while the server still starts waits for that too.
                    Stage::FirstRequest | Stage::FirstAnswer { .. } => {
                        self.limits.call_ms.max(self.limits.start_ms)
                    }
                    Stage::Talking
                    | Stage::Refused { .. }
                    | Stage::Closing { .. }
                    | Stage::Finished => self.limits.call_ms,
                };
                Some(self.clock.read_ms(now_ms).saturating_add(time_ms))
            }
        }
    }

    fn await_call(&mut self, now_ms: u64, id: Id, call: Call) {
        if let Some(deadline_ms) = call.deadline_ms {
            self.earliest_ms = self.earliest_ms.min(deadline_ms);
            self.first_request(now_ms);
        }
        if let Some(token) = &call.token {
            self.tokens.insert(token.clone(), id.clone());
        }
        self.calls.ask(id, call);
    }

    fn client_answers(&mut self, now_ms: u64, id: &Id, out: &mut Vec<Action>) -> Verdict {
        let what = match self.asks.answer(id) {
            Answered::Open(ask) => {
                self.settle_ask(now_ms, &ask);
                return Verdict::Pass;
            }
            Answered::Cancelled => return Verdict::Pass,
            Answered::Late => What::Late,
            Answered::Unasked => What::Unasked,
        };
        self.notice(Side::Client, what, out);
        Verdict::Drop
    }

    fn client_too_long(&mut self, now_ms: u64, outline: Outline, out: &mut Vec<Action>) {
        let max = self.limits.message_bytes_max;
        match outline.shape {
            Shape::Request(id) => {
                if self.may_ask(&id, "", out) {
                    let text = format!("the request was not sent: it is longer than {max} bytes");
                    refuse_call(&id, Code::MessageTooLarge, &text, out);
                }
            }
            Shape::Answer(id) => {
                // The server would wait for ever, and calls with it.
                if let Some(ask) = self.asks.overtake(&id) {
                    self.settle_ask(now_ms, &ask);
                    let text = format!("the answer was longer than {max} bytes");
                    self.tell_server(answer::error(&id, Code::AnswerTooLarge, &text), out);
                }
            }
            Shape::Notification | Shape::Unclear | Shape::Noise => {}
        }
    }
}

fn refuse_call(id: &Id, code: Code, text: &str, out: &mut Vec<Action>) -> Verdict {
    out.push(Action::ToClient(answer::error(id, code, text)));
    Verdict::Drop
}
