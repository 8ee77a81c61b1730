//! What the server says to the client. The server is hostile: nothing that it writes may answer a
//! call that was not made, answer one twice, or reach the client unless it is a message.

use super::super::answer;
use super::super::code::Code;
use super::super::frame::Frame;
use super::super::id::Id;
use super::super::ledger::Answered;
use super::super::message::{self, Fault, Key, Message};
use super::super::notice::{Side, What};
use super::super::outline::{Outline, Shape};
use super::ending::Why;
use super::{Action, Ask, Session, Verdict};
use brig_policies::Withheld;

impl Session {
    pub(super) fn server_wrote(&mut self, now_ms: u64, frame: Frame, out: &mut Vec<Action>) {
        // Its word may overtake the warden's.
        self.server.started = true;
        match frame {
            Frame::Line(line) => {
                if let Some(mut line) = self.sift(Side::Server, now_ms, line, out) {
                    line.push(b'\n');
                    out.push(Action::ToClient(line));
                }
            }
            Frame::TooLong(outline) => self.server_too_long(outline, out),
            Frame::TooLongEnd { outline, bytes } => {
                self.notice(Side::Server, What::TooLong { bytes }, out);
                if let Some(outline) = outline {
                    self.server_too_long(outline, out);
                }
            }
        }
    }

    pub(super) fn judge_server(
        &mut self,
        now_ms: u64,
        raw: &str,
        message: Message<'_>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        match message {
            Message::Request { id, method, params } => {
                self.server_asks(now_ms, id, &method, params, out)
            }
            Message::Notification { method, params } => {
                self.server_notifies(now_ms, &method, params);
                match self.admission.server_says(&method, params) {
                    Ok(_) => Verdict::Pass,
                    Err(why) => {
                        self.tell_withheld(Side::Server, why, out);
                        Verdict::Drop
                    }
                }
            }
            Message::Answer { id, result, error } => {
                self.server_answers(now_ms, &id, raw, (result, error), out)
            }
            Message::ErrorForNone => Verdict::Pass,
            Message::Refused { id, asks, fault } => {
                if let Some(id) = id.filter(|_| !asks) {
                    let code = match fault {
                        Fault::TooDeep => Code::AnswerTooLarge,
                        Fault::Ambiguous(_) => Code::AmbiguousMessage,
                        // Not an answer: a log line that happens to have an `id`.
                        Fault::NotMessage => return self.fault(Side::Server, fault, out),
                    };
                    self.sign_of_life();
                    self.overtake(
                        &id,
                        code,
                        &format!("the server's answer was refused: {fault}"),
                        out,
                    );
                }
                self.fault(Side::Server, fault, out)
            }
        }
    }

    fn server_answers(
        &mut self,
        now_ms: u64,
        id: &Id,
        raw: &str,
        (result, error): (Option<&str>, Option<&str>),
        out: &mut Vec<Action>,
    ) -> Verdict {
        let (mut call, is_awaited) = match self.calls.answer(id) {
            Answered::Open(call) => {
                self.forget_token(call.token.as_ref(), id);
                self.sign_of_life();
                (call, true)
            }
            // Its client may read it though it has stopped waiting, so it passes under the same
            // rules; but it gets no answer that it does not wait for.
            Answered::Cancelled(call) => (call, false),
            Answered::Late => {
                self.notice(Side::Server, What::Late, out);
                return Verdict::Drop;
            }
            Answered::Unasked => {
                self.notice(Side::Server, What::Unasked, out);
                return Verdict::Divert;
            }
        };
        self.admission.settle(&mut call.about);
        let judged = self
            .admission
            .server_answers(&call.about, raw, result, error);
        out.extend(self.admission.take_told().into_iter().map(Action::Tell));
        for refused in self.admission.take_withheld() {
            self.notice(Side::Server, What::Withheld(refused), out);
        }
        if self.admission.breaks_off() {
            return self.break_off(now_ms, id, is_awaited, out);
        }
        match judged {
            Ok(None) => Verdict::Pass,
            Ok(Some(changed)) => Verdict::Change(changed),
            Err(denied) if is_awaited => self.deny_call(Side::Server, id, denied, out),
            Err(denied) => {
                self.tell_withheld(Side::Server, denied.why, out);
                Verdict::Drop
            }
        }
    }

    /// Ends a session whose server offers what nobody reviewed. The client is told with every
    /// call that it still waits for.
    fn break_off(
        &mut self,
        now_ms: u64,
        id: &Id,
        is_awaited: bool,
        out: &mut Vec<Action>,
    ) -> Verdict {
        let text = "the session ends: the server's tools are not as they were reviewed";
        if is_awaited {
            out.push(Action::ToClient(answer::error(
                id,
                Code::ToolsDrifted,
                text,
            )));
        }
        self.answer_all(Code::ToolsDrifted, text, out);
        self.end_now(now_ms, Why::Drifted, out);
        Verdict::Drop
    }

    fn server_asks(
        &mut self,
        now_ms: u64,
        id: Id,
        method: &str,
        params: Option<&str>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        // These get no answer. Whatever brig writes to the server has to wait until the server
        // reads, and a server that asks without end and reads nothing would fill memory with
        // refusals.
        let refused = if self.asks.is_open(&id) {
            Some(What::Ambiguous(Key::Id))
        } else if self.asks.len() >= self.limits.in_flight_max {
            Some(What::TooMany)
        } else {
            None
        };
        if let Some(what) = refused {
            self.notice(Side::Server, what, out);
            return Verdict::Drop;
        }
        if let Err(why) = self.admission.server_says(method, params) {
            let line = match &why {
                Withheld::Refused(refused) => answer::refusal(&id, Code::NotGranted, refused),
                Withheld::Unclear(unclear) => {
                    let text = format!("the request was not passed on: {unclear}");
                    answer::error(&id, Code::AmbiguousMessage, &text)
                }
            };
            self.refuse_server(line, out);
            self.tell_withheld(Side::Server, why, out);
            return Verdict::Drop;
        }
        // A person may have to answer these. Any other request is answered by a program at once,
        // and must not buy a server more time than a call has.
        let stops_clock = matches!(
            method,
            "sampling/createMessage" | "elicitation/create" | "roots/list"
        );
        if stops_clock {
            self.clock.hold(now_ms);
        }
        self.asks.ask(id, Ask { stops_clock });
        Verdict::Pass
    }

    fn server_notifies(&mut self, now_ms: u64, method: &str, params: Option<&str>) {
        match method {
            "notifications/progress" => {
                let deadline_ms = self
                    .clock
                    .read_ms(now_ms)
                    .saturating_add(self.limits.call_ms);
                let call = message::progressed(params)
                    .and_then(|token| self.tokens.get(&token))
                    .and_then(|id| self.calls.get_mut(id));
                if let Some(call) = call {
                    call.deadline_ms = call.deadline_ms.map(|_| deadline_ms);
                    self.sign_of_life();
                }
            }
            "notifications/cancelled" => {
                let ask = message::cancelled(params).and_then(|id| self.asks.cancel(&id).copied());
                if let Some(ask) = ask {
                    self.settle_ask(now_ms, ask);
                }
            }
            _ => {}
        }
    }

    fn server_too_long(&mut self, outline: Outline, out: &mut Vec<Action>) {
        let text = format!(
            "the server's answer was longer than {} bytes",
            self.limits.message_bytes_max
        );
        match outline.shape {
            Shape::Answer(id) => {
                self.sign_of_life();
                self.overtake(&id, Code::AnswerTooLarge, &text, out);
            }
            Shape::Request(id) => {
                let text = format!(
                    "the request was longer than {} bytes",
                    self.limits.message_bytes_max
                );
                self.tell_server(answer::error(&id, Code::MessageTooLarge, &text), out);
            }
            Shape::Unclear => {
                // A batch, or broken. With one call in flight it can hardly be anything but its
                // answer.
                if let Some(id) = self.calls.only().cloned() {
                    self.overtake(&id, Code::AnswerTooLarge, &text, out);
                }
            }
            Shape::Notification => {}
            Shape::Noise => out.push(Action::Divert(outline.head)),
        }
    }

    /// Answers a call in the server's place, if it is open. What the server says to it later is
    /// late.
    pub(super) fn overtake(&mut self, id: &Id, code: Code, text: &str, out: &mut Vec<Action>) {
        let Some(mut call) = self.calls.overtake(id) else {
            return;
        };
        self.admission.settle(&mut call.about);
        self.forget_token(call.token.as_ref(), id);
        out.push(Action::ToClient(answer::error(id, code, text)));
    }

    pub(super) fn forget_token(&mut self, token: Option<&Id>, id: &Id) {
        if let Some(token) = token
            && self.tokens.get(token) == Some(id)
        {
            self.tokens.remove(token);
        }
    }

    pub(super) fn settle_ask(&mut self, now_ms: u64, ask: Ask) {
        if ask.stops_clock {
            self.clock.release(now_ms);
        }
    }
}
