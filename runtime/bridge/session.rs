//! The course of one connection, as events in and actions out.
//!
//! What a peer says is forwarded as it stands or not at all, or with something taken out of it that
//! the rules do not let pass. The session adds only answers that somebody waits for and the
//! cancelling of calls whose time ran out; it never asks anything of anyone. The first request
//! decides an MCP connection's era, so one of brig's own would break the client's.
//!
//! *No clock, no socket, no task*: the same events give the same actions.

use std::borrow::Cow;
use std::collections::HashMap;

use brig_policies::{Rules, Watch, Withheld};

use super::admission::{About, Admission, Review};
use super::frame::Frame;
use super::id::Id;
use super::ledger::Ledger;
use super::message::{self, Fault, Message, Reading};
use super::notice::{Notice, Side, Tally, What};
use clock::CallClock;
use ending::Stage;

mod clock;
mod ending;
mod from_client;
mod from_server;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

/// How many requests may be in flight in each direction unless the caller says otherwise. Clients
/// are seen to write 5,000 at once; each costs about 200 bytes here, at most
/// [`super::id::ID_BYTES_MAX`] more.
pub const IN_FLIGHT_MAX: usize = 16_384;

/// The request by which clients find out a server's era.
const PROBE: &str = "server/discover";

/// What a session may cost its peers in memory and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// How long a message may be. The [`super::frame::Framer`]s hold to it; here it is only told.
    pub message_bytes_max: usize,
    /// How many requests of one direction may wait for an answer. Unbounded, a peer that asks
    /// without reading answers grows this process.
    pub in_flight_max: usize,
    /// How long the server may take from the client's first request until it answers a request or
    /// tells of progress on one, and how long a refused start waits for a request to answer.
    pub start_ms: u64,
    /// How long each call may take. Progress on it starts its time anew, and time stands still
    /// while the client is being asked something.
    pub call_ms: u64,
    /// How long the server has after its input is closed, and again after SIGTERM and after
    /// SIGKILL.
    pub grace_ms: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The client wrote.
    FromClient(Frame),
    /// The client's output has ended; its last frame came before.
    ClientClosed,
    /// The server wrote to its standard output.
    FromServer(Frame),
    /// The server's standard output has ended; its last frame came before.
    ServerOutputClosed,
    /// The server runs.
    ServerStarted,
    /// The server runs no longer. What it wrote before may still have to be read.
    ServerEnded(Ended),
    /// The server will not be started.
    StartRefused(StartRefusal),
    /// The time that [`Session::next_deadline_ms`] named has come.
    DeadlinePassed,
}

/// How the server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Words that read after "the server": "exited with code 1", "was ended: it used too much
    /// memory".
    pub reason: String,
    /// The exit code, where it has one.
    pub code: Option<i32>,
}

/// Why the server was not started. Both texts reach the client's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRefusal {
    /// What stood in the way.
    pub message: String,
    /// What the user can do, a command included. Empty if nothing.
    pub help: String,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write these bytes, whole lines, to the server's standard input. They may come before
    /// [`Event::ServerStarted`], and wait then. What a server says brings at most as many of these
    /// as there are calls of the client, and one for each message that is too long.
    ToServer(Vec<u8>),
    /// Write these bytes, a whole line, to the server's standard input, unless much waits there
    /// already: they answer what the server asked and may not ask. One that asks without end and
    /// reads nothing would otherwise fill memory with refusals.
    RefuseServer(Vec<u8>),
    /// Write these bytes, whole lines, to the client. What the client says can bring these too, so
    /// it is to be read only while it reads.
    ToClient(Vec<u8>),
    /// Put what the server wrote beside the protocol into the log. It is raw and hostile.
    Divert(Vec<u8>),
    /// Close the server's standard input, once all before is written. This, [`Self::Terminate`] and
    /// [`Self::Kill`] may come while the server is still being started, and then end the start.
    CloseServerInput,
    /// Ask the server to end (SIGTERM).
    Terminate,
    /// End the server (SIGKILL, and all that it started).
    Kill,
    /// Count this for the user, and tell it where [`Notice::is_told`] says so.
    Notice(Notice),
    /// Tell the user how the server's tools are not as they were reviewed, in one line of a few.
    /// It holds no character that could not be seen.
    Tell(String),
    /// The session is over; nothing follows.
    Finish(Outcome),
}

/// How a session came to its end. Where `ended` is none, the server outlived even [`Action::Kill`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client closed the connection.
    ClientClosed {
        /// How the server ended then.
        ended: Option<Ended>,
    },
    /// The server ended, or closed its output, while the client was still there.
    ServerEnded {
        /// How it ended.
        ended: Option<Ended>,
    },
    /// The server did not answer its first request in time.
    StartDeadline {
        /// How it ended then.
        ended: Option<Ended>,
    },
    /// A tool was not as it was reviewed, and the session is strict about that.
    Drifted {
        /// How the server ended then.
        ended: Option<Ended>,
    },
    /// The start was refused.
    StartRefused,
}

/// A client's request that waits for the server.
#[derive(Debug)]
struct Call {
    /// Counts up with each call, so that what is told of many is told in order.
    order: u64,
    /// On the call clock; none for requests that wait by their nature.
    deadline_ms: Option<u64>,
    token: Option<Id>,
    /// MCP forbids cancelling `initialize`.
    may_cancel: bool,
    is_probe: bool,
    about: About,
}

/// A server's request that waits for the client.
#[derive(Clone, Copy, Debug)]
struct Ask {
    /// Whether a person may have to answer, so that calls wait with it.
    stops_clock: bool,
}

/// One client's connection to one server.
#[derive(Debug)]
pub struct Session {
    limits: SessionLimits,
    calls: Ledger<Call>,
    asks: Ledger<Ask>,
    tokens: HashMap<Id, Id>,
    clock: CallClock,
    /// No call's deadline is before this time on the call clock; `u64::MAX` if none has a deadline.
    earliest_ms: u64,
    calls_made: u64,
    stage: Stage,
    server: ending::Server,
    client_closed: bool,
    tally: Tally,
    admission: Admission,
}

/// What is to become of a message.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// This passes in its place.
    Change(String),
    Drop,
    /// Dropped, and shown in the log.
    Divert,
}

impl Verdict {
    /// A batch no longer passes as it is.
    fn lower(&mut self) {
        if *self == Self::Pass {
            *self = Self::Drop;
        }
    }
}

impl Session {
    /// A session before its first event, under the rules of its server's policy.
    pub fn new(limits: SessionLimits, rules: Rules) -> Self {
        Self {
            limits,
            calls: Ledger::new(),
            asks: Ledger::new(),
            tokens: HashMap::new(),
            clock: CallClock::default(),
            earliest_ms: u64::MAX,
            calls_made: 0,
            stage: Stage::FirstRequest,
            server: ending::Server::default(),
            client_closed: false,
            tally: Tally::default(),
            admission: Admission::new(rules),
        }
    }

    /// The same, with the server's tools held to what was reviewed of them. A session that is
    /// strict ends once one is not.
    #[must_use]
    pub fn held_to(mut self, watch: Watch, is_strict: bool) -> Self {
        self.admission.hold(Review::new(watch, is_strict));
        self
    }

    /// Takes one event and adds what is to be done about it to `out`.
    ///
    /// `now_ms` is any clock that never goes back. Deadlines that have come are seen to with every
    /// event, after the event itself, so that an answer that was read in time counts.
    pub fn on(&mut self, now_ms: u64, event: Event, out: &mut Vec<Action>) {
        if self.is_finished() {
            return;
        }
        match event {
            Event::FromClient(frame) => self.client_wrote(now_ms, frame, out),
            Event::ClientClosed => self.client_closed(now_ms, out),
            Event::FromServer(frame) => self.server_wrote(now_ms, frame, out),
            Event::ServerOutputClosed => self.output_closed(now_ms, out),
            Event::ServerStarted => self.server_started(now_ms),
            Event::ServerEnded(ended) => self.server_ended(now_ms, ended, out),
            Event::StartRefused(refusal) => self.start_refused(now_ms, &refusal, out),
            Event::DeadlinePassed => {}
        }
        self.pass_time(now_ms, out);
    }

    /// When to send [`Event::DeadlinePassed`] if nothing else happens before. It may come up to one
    /// call's time too early, never too late; asking is cheap, so ask after every event.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let timed = self.earliest_ms != u64::MAX && !self.is_finished();
        let call = if timed {
            self.clock.wall_ms(self.earliest_ms)
        } else {
            None
        };
        match (call, self.stage.deadline_ms()) {
            (Some(call), Some(stage)) => Some(call.min(stage)),
            (call, stage) => call.or(stage),
        }
    }

    /// How many messages a rule has looked into beyond their envelope.
    #[cfg(test)]
    fn messages_read(&self) -> u64 {
        self.admission.messages_read()
    }

    fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }

    /// Judges each message of a line, and gives the line that may pass: as it is, with something
    /// taken out of it, or a batch without those of its messages that may not.
    fn sift(
        &mut self,
        side: Side,
        now_ms: u64,
        line: Vec<u8>,
        out: &mut Vec<Action>,
    ) -> Option<Vec<u8>> {
        let (passed, verdict) = match message::read(&line) {
            Err(fault) => (None, self.fault(side, fault, out)),
            Ok(Reading::One(raw, message)) => (None, self.judge(side, now_ms, raw, message, out)),
            Ok(Reading::Batch(batch)) => self.judge_batch(side, now_ms, batch, out),
        };
        let sifted = match verdict {
            Verdict::Pass => return Some(line),
            Verdict::Change(changed) => Some(changed),
            Verdict::Divert if side == Side::Server => {
                out.push(Action::Divert(line));
                passed
            }
            Verdict::Divert | Verdict::Drop => passed,
        };
        sifted.map(String::into_bytes)
    }

    fn judge_batch(
        &mut self,
        side: Side,
        now_ms: u64,
        batch: Vec<(&str, Message<'_>)>,
        out: &mut Vec<Action>,
    ) -> (Option<String>, Verdict) {
        let (mut passed, mut whole) = (Vec::new(), Verdict::Pass);
        for (raw, message) in batch {
            let verdict = self.judge(side, now_ms, raw, message, out);
            match verdict {
                Verdict::Pass => passed.push(Cow::Borrowed(raw)),
                Verdict::Change(changed) => {
                    passed.push(Cow::Owned(changed));
                    whole.lower();
                }
                Verdict::Drop => whole.lower(),
                Verdict::Divert => whole = Verdict::Divert,
            }
        }
        let rest = (!passed.is_empty()).then(|| format!("[{}]", passed.join(",")));
        (rest, whole)
    }

    fn judge(
        &mut self,
        side: Side,
        now_ms: u64,
        raw: &str,
        message: Message<'_>,
        out: &mut Vec<Action>,
    ) -> Verdict {
        match side {
            Side::Client => self.judge_client(now_ms, raw, message, out),
            Side::Server => self.judge_server(now_ms, raw, message, out),
        }
    }

    fn fault(&mut self, side: Side, fault: Fault, out: &mut Vec<Action>) -> Verdict {
        let what = match fault {
            Fault::NotMessage => What::NotMessage,
            Fault::Ambiguous(key) => What::Ambiguous(key),
            Fault::TooDeep => What::TooDeep,
        };
        self.notice(side, what, out);
        Verdict::Divert
    }

    /// Tells that the rules kept something from passing.
    fn tell_withheld(&mut self, side: Side, why: Withheld, out: &mut Vec<Action>) {
        let what = match why {
            Withheld::Refused(refused) => What::Refused(refused),
            Withheld::Unclear(unclear) => What::Unclear(unclear),
        };
        self.notice(side, what, out);
    }

    fn notice(&mut self, side: Side, what: What, out: &mut Vec<Action>) {
        out.push(Action::Notice(self.tally.count(side, what)));
    }
}
