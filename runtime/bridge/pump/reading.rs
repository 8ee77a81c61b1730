//! What becomes of each descriptor that has something to read.

use super::super::session::{Action, Ended, Event, StartRefusal};
use super::Pump;
use super::side::{Carries, ServerSide};
use crate::carrier::Report;
use crate::component::{StartFailure, ending_of};
use crate::launch::{End, WardenEvent};
use crate::log::Step;
use crate::streams::Read;
use brig_policies::{Incident, Kind, Party};
use std::io;

/// How often one report can say that something was refused: it comes every second.
const COUNTED_MAX: u32 = 1000;

impl Pump<'_> {
    pub(super) fn read_client(&mut self) {
        let Some(input) = &self.client_input else {
            return;
        };
        match input.read(&mut self.buffer) {
            Read::Nothing => {}
            Read::Bytes(count) => {
                let buffer = std::mem::take(&mut self.buffer);
                let mut bytes = buffer.get(..count).unwrap_or_default();
                while let Some(frame) = self.client_framer.take(&mut bytes) {
                    self.event(Event::FromClient(frame));
                }
                self.buffer = buffer;
            }
            Read::Closed => self.close_client(),
        }
    }

    pub(super) fn close_client(&mut self) {
        if self.client_input.take().is_some() {
            if let Some(frame) = self.client_framer.finish() {
                self.event(Event::FromClient(frame));
            }
            self.event(Event::ClientClosed);
        }
    }

    pub(super) fn read_server(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let Some(output) = &server.output else { return };
        match output.read(&mut self.buffer) {
            Read::Nothing => {}
            Read::Bytes(count) => {
                self.log.step(Step::Answered);
                let buffer = std::mem::take(&mut self.buffer);
                let mut bytes = buffer.get(..count).unwrap_or_default();
                while let Some(frame) = self
                    .server
                    .as_mut()
                    .and_then(|server| server.framer.take(&mut bytes))
                {
                    self.event(Event::FromServer(frame));
                }
                self.buffer = buffer;
            }
            Read::Closed => {
                server.output = None;
                if let Some(frame) = server.framer.finish() {
                    self.event(Event::FromServer(frame));
                }
                self.event(Event::ServerOutputClosed);
            }
        }
    }

    pub(super) fn read_errors(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        match server
            .errors
            .as_ref()
            .map(|errors| errors.read(&mut self.buffer))
        {
            Some(Read::Bytes(count)) => {
                self.log
                    .server_wrote(self.buffer.get(..count).unwrap_or_default());
            }
            Some(Read::Closed) => server.errors = None,
            Some(Read::Nothing) | None => {}
        }
    }

    pub(super) fn read_reports(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        server.read_reports(&mut self.buffer);
        self.tell_refusals();
    }

    fn tell_refusals(&mut self) {
        let server = self.server.as_mut();
        for asked in server.map(ServerSide::new_refusals).unwrap_or_default() {
            let why = format!("no grant lets the server reach {}", asked.shown());
            let told = match asked.line() {
                Some(line) => format!("{why}; it would take {line}"),
                None => format!("{why}, and no manifest can have one that does"),
            };
            let incident = Incident {
                kind: Kind::HostNotGranted,
                by: Party::Server,
                about: asked.right(),
                why,
                line: None,
            };
            self.refusals.take(self.log, &incident, Some(&told));
        }
    }

    pub(super) fn read_carrier(&mut self) {
        let server = self.server.as_mut();
        let Some(carried) = server.and_then(|server| server.carrier.as_mut()) else {
            return;
        };
        match carried.read(&mut self.buffer) {
            Carries::Reports(reports) => {
                for report in reports {
                    self.carried(report);
                }
            }
            Carries::Ended => {
                if let Some(server) = &mut self.server {
                    server.carrier = None;
                }
                self.log
                    .notice("the server has no network any more: its carrier ended");
            }
        }
    }

    fn carried(&mut self, report: Report) {
        let refused = match report {
            Report::Decided { text } => return self.log.notice(&text),
            Report::Refused(refused) => refused,
        };
        let Some(kind) = Kind::of(&refused.kind) else {
            return;
        };
        let incident = Incident {
            kind,
            by: Party::Server,
            about: refused.about,
            why: refused.why,
            line: None,
        };
        let (about, why) = (&incident.about, &incident.why);
        let host = about
            .rsplit_once(':')
            .map_or(about.as_str(), |(host, _)| host);
        let mut told = why.clone();
        // Most reasons are about an address, of which nobody knows which name led to it.
        if !why.contains(host) {
            told = format!("{about}: {why}");
        }
        if let Some(line) = &refused.line {
            told = format!("{told}; it would take {line}");
        }
        // It is told once, and counted as often as it was.
        let mut told = refused.is_first.then_some(told);
        for _ in 0..refused.times.clamp(1, COUNTED_MAX) {
            self.refusals
                .take(self.log, &incident, told.take().as_deref());
        }
    }

    pub(super) fn read_tracer(&mut self) {
        let server = self.server.as_mut();
        if let Some(heard) = server.and_then(|server| server.heard.as_mut()) {
            heard.read(&mut self.buffer, self.log, self.refusals);
        }
    }

    pub(super) fn read_warden(&mut self) -> io::Result<()> {
        let Some(server) = &mut self.server else {
            return Ok(());
        };
        let Some(running) = &server.running else {
            return Ok(());
        };
        let event = match running.event_now() {
            Ok(event) => event,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        match event {
            Some(WardenEvent::Read { .. } | WardenEvent::Met { .. }) => {}
            Some(WardenEvent::Started) => {
                self.log.step(Step::Walled);
                self.event(Event::ServerStarted);
            }
            Some(WardenEvent::Failed { step, reason, help }) => {
                server.end = Some(End::Killed);
                let message = format!("cannot {step}: {reason}");
                self.start_failure = Some(StartFailure {
                    reason: message.clone(),
                    help: help.clone(),
                });
                let help = help.unwrap_or_default();
                self.event(Event::StartRefused(StartRefusal { message, help }));
            }
            Some(WardenEvent::Ended { end }) => self.server_ended(end),
            // The warden is gone without a word: it was killed, and its cell with it.
            None => self.server_ended(End::Killed),
        }
        Ok(())
    }

    pub(super) fn server_ended(&mut self, end: End) {
        let Some(server) = &mut self.server else {
            return;
        };
        server.end = Some(end);
        while server.reports.is_some() && server.read_reports(&mut self.buffer) {}
        let ending = ending_of(&server.report_text, end);
        self.tell_refusals();
        self.start_failure = ending.start_failure;
        if ending.is_out_of_memory {
            let incident = Incident {
                kind: Kind::OutOfMemory,
                by: Party::Server,
                about: String::new(),
                why: format!("the server {}", ending.reason),
                line: None,
            };
            // How the server ended is told with the end of the session.
            self.refusals.take(self.log, &incident, None);
        }
        let ended = Ended {
            reason: ending.reason,
            code: ending.code,
        };
        self.event(Event::ServerEnded(ended));
    }

    pub(super) fn signalled(&mut self) {
        let _ = self.signal.read(&mut self.buffer);
        if std::mem::replace(&mut self.closing, true) {
            self.perform(Action::Kill);
        } else {
            self.close_client();
        }
    }
}
