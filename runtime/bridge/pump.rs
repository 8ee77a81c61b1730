//! Carries a session out: one thread, one poll(2), no buffer without a bound.
//!
//! It reads a side only while what waits for the other side is small, so a peer that does not read
//! stops the one that writes, as over a pipe.

mod reading;
mod side;

pub(crate) use side::Server;

use super::frame::Framer;
use super::notice::Notice;
use super::session::{Action, Event, Outcome, Session, SessionLimits, StartRefusal};
use crate::component::StartFailure;
use crate::confine::confine;
use crate::journal::Refusals;
use crate::launch::{End, Running};
use crate::log::Log;
use crate::streams::{Input, Output};
use crate::trace::Heard;
use brig_policies::{Lock, Rules, Watch};
use rustix::event::{PollFd, PollFlags, Timespec};
use side::ServerSide;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// Bytes waiting for one side at which the other side is no longer read.
const HIGH_WATER_BYTES: usize = 1 << 20;
/// Bytes of one read. A pipe holds 64 KiB (pipe(7)).
const READ_BYTES: usize = 64 << 10;

/// The client's two streams.
pub(crate) struct Client {
    /// What it writes.
    pub(crate) input: Input,
    /// What it reads.
    pub(crate) output: Output,
}

/// Whom the client talks to.
pub(crate) enum Peer {
    /// A server.
    Server(Box<Server>),
    /// Nobody: the start was refused, and the client's first request is told so.
    Refused(StartRefusal),
}

/// What a session holds both sides to.
pub(crate) struct Contract {
    /// What it may cost.
    pub(crate) limits: SessionLimits,
    /// What may pass.
    pub(crate) rules: Rules,
    /// What was reviewed of the server's tools, where that is known.
    pub(crate) lock: Option<Lock>,
    /// Whether the session ends once a tool is another.
    pub(crate) is_strict: bool,
    /// The manifest that says so, by its path and its text.
    pub(crate) manifest: (String, String),
}

impl Contract {
    /// Which line of the manifest a byte of it stands in, from 1.
    fn line_of(&self, at: usize) -> Option<u32> {
        let (_, text) = &self.manifest;
        let line = text.get(..at)?.matches('\n').count() + 1;
        u32::try_from(line).ok()
    }
}

/// How a session went.
pub(crate) struct Closing {
    /// The session's own word.
    pub(crate) outcome: Outcome,
    /// Where the cell or the worker failed before the guest's first instruction.
    pub(crate) start_failure: Option<StartFailure>,
}

/// Runs a session to its end.
pub(crate) fn run(
    contract: &Contract,
    client: Client,
    peer: Peer,
    log: &mut Log,
    refusals: &mut Refusals,
) -> io::Result<Closing> {
    let limits = contract.limits;
    let (signal, theirs) = UnixStream::pair()?;
    for number in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        signal_hook::low_level::pipe::register(number, theirs.try_clone()?)?;
    }
    if matches!(peer, Peer::Server(_)) {
        confine().map_err(io::Error::other)?;
    }
    let (server, refusal) = match peer {
        Peer::Server(server) => (Some(ServerSide::new(*server, limits)), None),
        Peer::Refused(refusal) => (None, Some(refusal)),
    };
    let session = Session::new(limits, contract.rules.clone());
    let mut pump = Pump {
        session: match &contract.lock {
            Some(lock) => session.held_to(Watch::new(lock.clone()), contract.is_strict),
            None => session,
        },
        contract,
        client_framer: Framer::new(limits.message_bytes_max),
        client_input: Some(client.input),
        client_output: client.output,
        server,
        signal: Input::new(signal.into()),
        log,
        refusals,
        started: Instant::now(),
        buffer: vec![0; READ_BYTES],
        actions: Vec::new(),
        outcome: None,
        start_failure: None,
        closing: false,
    };
    if let Some(refusal) = refusal {
        pump.event(Event::StartRefused(refusal));
    }
    pump.run()
}

struct Pump<'a> {
    session: Session,
    contract: &'a Contract,
    client_framer: Framer,
    client_input: Option<Input>,
    client_output: Output,
    server: Option<ServerSide>,
    signal: Input,
    log: &'a mut Log,
    refusals: &'a mut Refusals,
    started: Instant,
    buffer: Vec<u8>,
    actions: Vec<Action>,
    outcome: Option<Outcome>,
    start_failure: Option<StartFailure>,
    /// A signal asked for the end once already.
    closing: bool,
}

/// What can become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    ClientInput,
    ClientOutput,
    ServerInput,
    ServerOutput,
    ServerErrors,
    Reports,
    Carrier,
    Tracer,
    Warden,
    Signal,
}

impl Pump<'_> {
    fn run(mut self) -> io::Result<Closing> {
        while self.outcome.is_none() {
            for ready in self.wait()? {
                self.serve(ready)?;
            }
            if self
                .session
                .next_deadline_ms()
                .is_some_and(|deadline| deadline <= self.now_ms())
            {
                self.event(Event::DeadlinePassed);
            }
        }
        self.finish()
    }

    /// The last answers still go out, for as long as the client takes them within a second.
    fn finish(mut self) -> io::Result<Closing> {
        let until = self.now_ms() + 1000;
        while self.client_output.flush() && self.now_ms() < until {
            let Some(descriptor) = self.client_output.pending() else {
                break;
            };
            let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
            poll(&mut polled, Some(100))?;
        }
        if let Some(server) = &mut self.server {
            server.drain_errors(self.log, &mut self.buffer);
            if let Some(running) = server.running.take() {
                running.kill()?;
            }
            if let Some(heard) = &mut server.heard {
                heard.finish(&mut self.buffer, self.log, self.refusals);
            }
        }
        self.log.finish();
        let outcome = self.outcome.unwrap_or(Outcome::StartRefused);
        Ok(Closing {
            outcome,
            start_failure: self.start_failure,
        })
    }

    fn wait(&self) -> io::Result<Vec<Ready>> {
        let mut watched: Vec<(Ready, BorrowedFd<'_>, PollFlags)> = Vec::with_capacity(8);
        let server = self.server.as_ref();
        let to_server = server.map_or(0, |server| server.input.waiting_bytes());
        let to_client = self.client_output.waiting_bytes();
        // The client waits for its own answers as well: refusals to one that floods without reading
        // would grow without end.
        let takes = to_server.max(to_client) < HIGH_WATER_BYTES;
        if let Some(input) = self.client_input.as_ref().filter(|_| takes) {
            watched.push((Ready::ClientInput, input.as_fd(), PollFlags::IN));
        }
        if let Some(pending) = self.client_output.pending() {
            watched.push((Ready::ClientOutput, pending, PollFlags::OUT));
        }
        if let Some(server) = server {
            if let Some(pending) = server.input.pending() {
                watched.push((Ready::ServerInput, pending, PollFlags::OUT));
            }
            let output = server
                .output
                .as_ref()
                .filter(|_| to_client < HIGH_WATER_BYTES);
            for (ready, input) in [
                (Ready::ServerOutput, output),
                (Ready::ServerErrors, server.errors.as_ref()),
                (Ready::Reports, server.reports.as_ref()),
            ] {
                watched.extend(input.map(|input| (ready, input.as_fd(), PollFlags::IN)));
            }
            let carried = server
                .carrier
                .as_ref()
                .map(|carried| carried.reports.as_fd());
            watched.extend(carried.map(|reports| (Ready::Carrier, reports, PollFlags::IN)));
            let heard = server.heard.as_ref().and_then(Heard::waited);
            watched.extend(heard.map(|fd| (Ready::Tracer, fd, PollFlags::IN)));
            let running = server.running.as_ref().filter(|_| server.end.is_none());
            watched.extend(running.map(|r| (Ready::Warden, r.channel(), PollFlags::IN)));
        }
        watched.push((Ready::Signal, self.signal.as_fd(), PollFlags::IN));
        let entry = |(_, fd, flags): &(_, _, _)| PollFd::from_borrowed_fd(*fd, *flags);
        let mut polled: Vec<PollFd<'_>> = watched.iter().map(entry).collect();
        let deadline = self.session.next_deadline_ms();
        poll(
            &mut polled,
            deadline.map(|deadline| deadline.saturating_sub(self.now_ms())),
        )?;
        let set = watched
            .iter()
            .zip(&polled)
            .filter(|(_, entry)| !entry.revents().is_empty());
        Ok(set.map(|((ready, _, _), _)| *ready).collect())
    }

    fn serve(&mut self, ready: Ready) -> io::Result<()> {
        match ready {
            Ready::ClientInput => self.read_client(),
            Ready::ClientOutput => self.flush_client(),
            Ready::ServerInput => self.flush_server(),
            Ready::ServerOutput => self.read_server(),
            Ready::ServerErrors => self.read_errors(),
            Ready::Reports => self.read_reports(),
            Ready::Carrier => self.read_carrier(),
            Ready::Tracer => self.read_tracer(),
            Ready::Warden => return self.read_warden(),
            Ready::Signal => self.signalled(),
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let mut actions = std::mem::take(&mut self.actions);
        self.session.on(self.now_ms(), event, &mut actions);
        for action in actions.drain(..) {
            self.perform(action);
        }
        self.actions = actions;
        // Written at once where it goes: no second turn of the loop for what does not have to wait.
        self.flush_client();
        self.flush_server();
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::ToClient(bytes) => self.client_output.push(bytes),
            Action::Notice(notice) => self.refused(&notice),
            Action::Tell(line) => self.log.notice(&line),
            Action::Divert(line) => self.log.diverted(&line),
            Action::Finish(outcome) => self.outcome = Some(outcome),
            Action::ToServer(bytes) => {
                if let Some(server) = &mut self.server {
                    server.input.push(bytes);
                }
            }
            Action::RefuseServer(bytes) => {
                let server = self.server.as_mut().map(|server| &mut server.input);
                let reads = |input: &&mut Output| input.waiting_bytes() < HIGH_WATER_BYTES;
                if let Some(input) = server.filter(reads) {
                    input.push(bytes);
                }
            }
            Action::CloseServerInput => {
                if let Some(server) = &mut self.server {
                    server.input.close();
                }
            }
            Action::Terminate => {
                let running = self
                    .server
                    .as_ref()
                    .and_then(|server| server.running.as_ref());
                // It fails where the warden is gone, which its own event tells.
                let _ = running.map(Running::terminate);
            }
            Action::Kill => {
                let running = self
                    .server
                    .as_mut()
                    .and_then(|server| server.running.take());
                if let Some(running) = running {
                    let _ = running.kill();
                    self.server_ended(End::Killed);
                }
            }
        }
    }

    fn refused(&mut self, notice: &Notice) {
        let at = notice
            .span()
            .and_then(|span| self.contract.line_of(span.start));
        let told = notice.is_told().then(|| match at {
            Some(line) => format!("{notice} ({}:{line})", self.contract.manifest.0),
            None => notice.to_string(),
        });
        let incident = notice.incident(at);
        self.refusals.take(self.log, &incident, told.as_deref());
    }

    fn flush_client(&mut self) {
        if !self.client_output.flush() {
            // Nobody reads the answers any more: there is no client, whatever it still writes.
            self.close_client();
        }
    }

    fn flush_server(&mut self) {
        if let Some(server) = &mut self.server {
            // A server that closed its input goes on: its output says what becomes of it.
            server.input.flush();
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// poll(2) with a time in milliseconds.
fn poll(polled: &mut [PollFd<'_>], timeout_ms: Option<u64>) -> io::Result<()> {
    let timeout = timeout_ms.map(|ms| Timespec {
        tv_sec: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
    });
    match rustix::event::poll(polled, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
