//! What the client says to the server.

use super::super::admission::{DenialForm, Denied};
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
use brig_policies::Withheld;

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
        raw: &str,
        message: Message<'_>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        match message {
            Message::Request { id, method, params } => {
                self.client_asks(now_ms, raw, id, &method, params, out)
            }
            Message::Notification { method, params } => {
                self.client_notifies(now_ms, raw, &method, params, out)
            }
            Message::Answer { id, .. } => self.client_answers(now_ms, &id, out),
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

    fn client_notifies(
        &mut self,
        now_ms: u64,
        raw: &str,
        method: &str,
        params: Option<&str>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        if method == "notifications/cancelled"
            && let Some(id) = message::cancelled(params)
            && let Some(call) = self.calls.cancel(&id)
        {
            self.admission.settle(&mut call.about);
            let token = call.token.take();
            self.forget_token(token.as_ref(), &id);
        }
        if self.admission.is_hint(method) {
            // The client has done nothing wrong: it does not know what was taken from its server.
            return Verdict::Drop;
        }
        match self.admission.client_tells(now_ms, raw, method, params) {
            Ok(None) => Verdict::Pass,
            Ok(Some(changed)) => Verdict::Change(changed),
            Err(why) => {
                self.tell_withheld(Side::Client, why, out);
                Verdict::Drop
            }
        }
    }

    fn client_asks(
        &mut self,
        now_ms: u64,
        raw: &str,
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
        let admitted = match self.admission.client_asks(now_ms, raw, method, params) {
            Ok(admitted) => admitted,
            Err(denied) => return self.deny_call(Side::Client, &id, denied, out),
        };
        self.calls_made += 1;
        let call = Call {
            order: self.calls_made,
            deadline_ms: self.deadline_for(now_ms, method),
            token: message::progress_token(params),
            may_cancel: method != "initialize",
            is_probe: method == PROBE,
            about: admitted.about,
        };
        self.await_call(now_ms, id, call);
        admitted.changed.map_or(Verdict::Pass, Verdict::Change)
    }

    /// Answers a request that the rules do not let pass, or whose answer they do not: `side` wrote
    /// what does not pass.
    pub(super) fn deny_call(
        &mut self,
        side: Side,
        id: &Id,
        denied: Denied,
        out: &mut Vec<Action>,
    ) -> Verdict {
        let line = match (&denied.why, denied.form) {
            (Withheld::Refused(refused), DenialForm::ToolResult { is_modern }) => {
                answer::tool_error(id, refused, is_modern)
            }
            (Withheld::Refused(refused), DenialForm::Error) => {
                answer::refusal(id, Code::NotAllowed, refused)
            }
            (Withheld::Unclear(unclear), _) => {
                let text = format!("the message was not passed on: {unclear}");
                answer::error(id, Code::AmbiguousMessage, &text)
            }
        };
        out.push(Action::ToClient(line));
        self.tell_withheld(side, denied.why, out);
        Verdict::Drop
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
                self.settle_ask(now_ms, ask);
                return Verdict::Pass;
            }
            Answered::Cancelled(_) => return Verdict::Pass,
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
                    self.settle_ask(now_ms, ask);
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
