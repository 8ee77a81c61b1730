//! One session and both its sides, with what must hold after each step.

use brig_policies::{Places, Rules};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::oracle;
use crate::bridge::frame::{Frame, Framer};
use crate::bridge::id::Id;
use crate::bridge::message::{self, Message, Reading};
use crate::bridge::outline::{Outline, Shape};
use crate::bridge::session::{Action, Ended, Event, Session, SessionLimits, StartRefusal};

const LIMITS: SessionLimits = SessionLimits {
    message_bytes_max: 160,
    in_flight_max: 4,
    start_ms: 300,
    call_ms: 500,
    grace_ms: 50,
};

/// How brig's own lines start. A server's line may start so too, and then is passed on as it is.
const OWN_ERROR: &str = r#"{"jsonrpc":"2.0","id":"#;
const OWN_CANCELLATION: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled""#;
const OWN_RESULT: &str = r#""isError":true,"_meta":{"brig":{"refusal":""#;
const OWN_SOURCE: &str = r#","data":{"source":"brig","code":""#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Client,
    Server,
}

/// How often an id was asked, and answered.
#[derive(Debug, Default)]
struct Count {
    asked: usize,
    answered: usize,
}

/// A session under way.
pub(super) struct Course {
    session: Session,
    framers: [Framer; 2],
    now_ms: u64,
    input_closed: bool,
    finished: bool,
    /// The changes that there were.
    changes: HashSet<u8>,
    /// What the client asked, by id, and what the server asked.
    calls: HashMap<Id, Count>,
    asks: HashMap<Id, Count>,
    /// Calls that the client cancelled: their answer need not come.
    cancelled: HashSet<Id>,
    /// Lines for the server that only the server's own could have brought.
    brought: usize,
    too_long: usize,
    /// Whether rules narrow what passes.
    is_narrowed: bool,
    /// The calls that ask for lists of tools.
    lists: HashSet<Id>,
}

/// Everything granted, and nothing narrowed.
const OPEN: &str = "[client]\nsampling = true\nelicitation = true\nelicitation-url = true\n\
    roots = true\nlogging = true\n";

fn rules(body: &str) -> Rules {
    let places = Places {
        home: None,
        project: None,
        manifest_folder: "/srv".to_owned(),
        own_folders: Vec::new(),
        manifest_path: "/srv/brig.toml".to_owned(),
    };
    let text = format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}");
    match brig_policies::check(&text, &places) {
        Ok(policy) => Rules::new(&policy),
        Err(faults) => panic!("{faults}"),
    }
}

impl Course {
    pub(super) fn new(is_narrowed: bool) -> Self {
        // Reading a manifest takes longer than most courses.
        static READ: OnceLock<[Rules; 2]> = OnceLock::new();
        let [open, narrow] = READ.get_or_init(|| [rules(OPEN), rules(oracle::RULES)]);
        let rules = if is_narrowed { narrow } else { open };
        let framer = || Framer::new(LIMITS.message_bytes_max);
        Self {
            session: Session::new(LIMITS, rules.clone()),
            is_narrowed,
            lists: HashSet::new(),
            framers: [framer(), framer()],
            now_ms: 0,
            input_closed: false,
            finished: false,
            changes: HashSet::new(),
            calls: HashMap::new(),
            asks: HashMap::new(),
            cancelled: HashSet::new(),
            brought: 0,
            too_long: 0,
        }
    }

    pub(super) fn client_writes(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.framers[0].take(&mut bytes) {
            self.client_said(frame);
        }
    }

    pub(super) fn server_writes(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.framers[1].take(&mut bytes) {
            self.server_said(frame);
        }
    }

    /// `+` the server runs, `c` the client leaves, `o` the server's output ends, `e` the server
    /// ends, `r` the start is refused. Each may come at any time and more than once.
    pub(super) fn change(&mut self, what: u8) {
        match what {
            b'+' => drop(self.on(Event::ServerStarted)),
            b'c' => {
                if let Some(frame) = self.framers[0].finish() {
                    self.client_said(frame);
                }
                self.on(Event::ClientClosed);
            }
            b'o' => {
                if let Some(frame) = self.framers[1].finish() {
                    self.server_said(frame);
                }
                self.on(Event::ServerOutputClosed);
            }
            b'e' => drop(self.on(Event::ServerEnded(Ended {
                reason: "exited".to_owned(),
                code: Some(0),
            }))),
            b'r' => drop(self.on(Event::StartRefused(StartRefusal {
                message: "no".to_owned(),
                help: String::new(),
            }))),
            _ => return,
        }
        self.changes.insert(what);
        let had = |change: u8| self.changes.contains(&change);
        let over = had(b'e') && had(b'o') && !had(b'r');
        assert!(
            self.finished || !over,
            "the server is gone, and all is read"
        );
    }

    pub(super) fn wait(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(next_ms) = self.session.next_deadline_ms().filter(|ms| *ms <= until_ms) {
            self.now_ms = self.now_ms.max(next_ms);
            self.on(Event::DeadlinePassed);
            let next = self.session.next_deadline_ms();
            assert!(next.is_none_or(|ms| ms > self.now_ms), "time stands still");
        }
        self.now_ms = until_ms;
    }

    /// A client that leaves ends the session, and by then nobody waits for an answer.
    pub(super) fn end(mut self) {
        self.change(b'c');
        self.wait(4 * LIMITS.grace_ms + LIMITS.start_ms);
        assert!(self.finished, "a client that has left ends the session");
        assert_eq!(self.session.next_deadline_ms(), None);
        for (id, count) in &self.calls {
            let settled = self.cancelled.contains(id) || count.asked == count.answered;
            assert!(settled, "{count:?} of {id:?}");
        }
    }

    fn client_said(&mut self, frame: Frame) {
        if !self.finished {
            count_requests(&frame, &mut self.calls);
            self.note_cancellations(&frame);
        }
        let line = line_of(&frame);
        let actions = self.on(Event::FromClient(frame));
        for action in &actions {
            if let Action::ToServer(told) = action {
                self.assert_passed_on(line.as_deref(), told, Writer::Client);
                if self.is_narrowed {
                    oracle::assert_calls_what_it_may(told);
                }
                self.note_lists(told);
            }
        }
    }

    fn note_lists(&mut self, told: &[u8]) {
        each_message(told, |message| {
            if let Message::Request { id, method, .. } = message {
                if method.eq_ignore_ascii_case("tools/list") {
                    self.lists.insert(id);
                } else {
                    self.lists.remove(&id);
                }
            }
        });
    }

    fn assert_may_be_told(&self, told: &[u8]) {
        oracle::assert_asks_what_it_may(told);
        let mut lists = false;
        each_message(told, |message| {
            lists |= matches!(message, Message::Answer { id, .. } if self.lists.contains(&id));
        });
        // A batch may hold an answer to another call that looks like a list.
        if lists && !told.starts_with(b"[") {
            oracle::assert_shows_what_it_may(told);
        }
    }

    fn server_said(&mut self, frame: Frame) {
        count_requests(&frame, &mut self.asks);
        self.too_long += usize::from(line_of(&frame).is_none());
        let line = line_of(&frame);
        let actions = self.on(Event::FromServer(frame));
        for action in &actions {
            match action {
                Action::ToClient(told) => {
                    self.assert_passed_on(line.as_deref(), told, Writer::Server);
                    if self.is_narrowed {
                        self.assert_may_be_told(told);
                    }
                }
                Action::RefuseServer(told) => {
                    assert!(self.is_narrowed, "what is granted is refused");
                    assert!(is_own(told), "the server is told what it said");
                }
                Action::ToServer(told) => {
                    assert!(is_own(told), "the server is told what it said");
                    self.brought += 1;
                }
                Action::Divert(_)
                | Action::CloseServerInput
                | Action::Terminate
                | Action::Kill
                | Action::Notice(_)
                | Action::Tell(_)
                | Action::Finish(_) => {}
            }
        }
        let calls: usize = self.calls.values().map(|count| count.asked).sum();
        assert!(self.brought <= calls + self.too_long);
    }

    /// What goes out is what came in, byte for byte; or a batch of some of its messages; or brig's
    /// own; or under rules what is left of it.
    #[track_caller]
    fn assert_passed_on(&self, line: Option<&[u8]>, told: &[u8], writer: Writer) {
        let text = told.strip_suffix(b"\n").unwrap_or_default();
        let is_left = |line: &[u8]| self.is_narrowed && oracle::is_rest(text, line);
        let passed = line.is_some_and(|line| text == line || is_part(text, line) || is_left(line));
        assert!(
            passed || is_own(told),
            "{writer:?} wrote {:?}, and this went out: {}",
            line.map(String::from_utf8_lossy),
            String::from_utf8_lossy(told)
        );
    }

    fn note_cancellations(&mut self, frame: &Frame) {
        let Some(line) = line_of(frame) else { return };
        each_message(&line, |message| {
            if let Message::Notification { method, params } = message
                && method == "notifications/cancelled"
                && let Some(id) = message::cancelled(params)
            {
                self.cancelled.insert(id);
            }
        });
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.session.on(self.now_ms, event, &mut actions);
        for action in &actions {
            assert!(!self.finished, "{action:?} after the end");
            match action {
                Action::ToServer(line) | Action::RefuseServer(line) => {
                    assert!(!self.input_closed, "it is written into a closed pipe");
                    count_answers(line, &mut self.asks);
                }
                Action::ToClient(line) => count_answers(line, &mut self.calls),
                Action::CloseServerInput | Action::Kill => self.input_closed = true,
                Action::Finish(_) => self.finished = true,
                Action::Divert(_) | Action::Terminate | Action::Notice(_) | Action::Tell(_) => {}
            }
        }
        actions
    }
}

fn line_of(frame: &Frame) -> Option<Vec<u8>> {
    match frame {
        Frame::Line(line) => Some(line.clone()),
        Frame::TooLong(_) | Frame::TooLongEnd { .. } => None,
    }
}

fn each_message(line: &[u8], mut see: impl FnMut(Message<'_>)) {
    match message::read(line) {
        Ok(Reading::One(_, message)) => see(message),
        Ok(Reading::Batch(batch)) => batch.into_iter().for_each(|(_, message)| see(message)),
        Err(_) => {}
    }
}

/// Counts whatever brig can tell to be a request, and so owes an answer.
fn count_requests(frame: &Frame, counts: &mut HashMap<Id, Count>) {
    let mut ask = |id: &Id| counts.entry(id.clone()).or_default().asked += 1;
    match frame {
        Frame::Line(line) => each_message(line, |message| match message {
            Message::Request { id, .. }
            | Message::Refused {
                id: Some(id),
                asks: true,
                ..
            } => ask(&id),
            Message::Notification { .. }
            | Message::Answer { .. }
            | Message::ErrorForNone
            | Message::Refused { .. } => {}
        }),
        Frame::TooLong(outline)
        | Frame::TooLongEnd {
            outline: Some(outline),
            ..
        } => count_outline(outline, &mut ask),
        Frame::TooLongEnd { outline: None, .. } => {}
    }
}

fn count_outline(outline: &Outline, ask: &mut impl FnMut(&Id)) {
    match &outline.shape {
        Shape::Request(id) => ask(id),
        Shape::Answer(_) | Shape::Notification | Shape::Unclear | Shape::Noise => {}
    }
}

/// Whatever goes out is whole lines of messages, and answers what was asked, each once.
fn count_answers(line: &[u8], counts: &mut HashMap<Id, Count>) {
    let text = line.strip_suffix(b"\n").unwrap_or_default();
    let shown = String::from_utf8_lossy(line);
    assert!(!text.is_empty() && !text.contains(&b'\n'), "{shown:?}");
    assert!(message::read(text).is_ok(), "{shown}");
    each_message(text, |message| match message {
        Message::Answer { id, .. } => {
            let count = counts.entry(id).or_default();
            count.answered += 1;
            assert!(count.answered <= count.asked, "{count:?}: {shown}");
        }
        Message::Refused { .. } => panic!("what is refused passes: {shown}"),
        Message::Request { .. } | Message::Notification { .. } | Message::ErrorForNone => {}
    });
}

/// Whether a batch has only messages of another, in their order and as they stood.
fn is_part(part: &[u8], whole: &[u8]) -> bool {
    let (Ok(Reading::Batch(part)), Ok(Reading::Batch(whole))) =
        (message::read(part), message::read(whole))
    else {
        return false;
    };
    let mut whole = whole.into_iter().map(|(raw, _)| raw);
    part.into_iter()
        .all(|(raw, _)| whole.any(|other| other == raw))
}

/// Told by its text: an id may be JSON that no string can hold, such as half a surrogate pair.
fn is_own(told: &[u8]) -> bool {
    let Ok(told) = str::from_utf8(told) else {
        return false;
    };
    let is_error = told.starts_with(OWN_ERROR)
        && told.contains(OWN_SOURCE)
        && told.ends_with("\"}}}\n")
        && message::read(told.as_bytes()).is_ok();
    let is_result = told.starts_with(OWN_ERROR)
        && told.contains(OWN_RESULT)
        && message::read(told.as_bytes()).is_ok();
    is_error || is_result || told.starts_with(OWN_CANCELLATION)
}
