//! The server's side of a session: its cell, its streams, and what its worker reported.

use super::super::frame::Framer;
use super::super::session::SessionLimits;
use crate::carrier::{Carrier, Report};
use crate::component::refusals;
use crate::launch::{End, Running};
use crate::log::Log;
use crate::streams::{Input, Lines, Output, Read};
use crate::trace::Heard;
use brig_sandbox::component::REFUSALS_TOLD_MAX;
use brig_sandbox::egress::guest::AskedFor;

/// Bytes of one of the carrier's reports.
const LINE_BYTES_MAX: usize = 16 << 10;
/// Bytes of the worker's reports that are kept.
const REPORT_BYTES_MAX: usize = 64 << 10;

/// A started server.
pub(crate) struct Server {
    /// The cell.
    pub(crate) running: Running,
    /// What it reads.
    pub(crate) input: Output,
    /// Its standard output.
    pub(crate) output: Input,
    /// Its standard error.
    pub(crate) errors: Input,
    /// The worker's reports.
    pub(crate) reports: Input,
    /// The carrier of its connections, with what that tells.
    pub(crate) carrier: Option<(Carrier, Input)>,
    /// The tracer's, where it is traced.
    pub(crate) heard: Option<Heard>,
}

/// The server while its session lasts.
pub(super) struct ServerSide {
    pub(super) running: Option<Running>,
    pub(super) framer: Framer,
    pub(super) input: Output,
    pub(super) output: Option<Input>,
    pub(super) errors: Option<Input>,
    pub(super) reports: Option<Input>,
    pub(super) heard: Option<Heard>,
    pub(super) report_text: Vec<u8>,
    /// How many bytes of them were looked through for refusals.
    report_bytes_seen: usize,
    /// How many refusals were told.
    refusals_told: usize,
    pub(super) carrier: Option<Carried>,
    pub(super) end: Option<End>,
}

/// The carrier while its server lasts.
pub(super) struct Carried {
    /// It ends when this is dropped.
    _carrier: Carrier,
    pub(super) reports: Input,
    lines: Lines,
}

/// What one read of a carrier's reports gave.
pub(super) enum Carries {
    /// These.
    Reports(Vec<Report>),
    /// It is gone.
    Ended,
}

impl Carried {
    /// The reports that are there now. What is none is left out: the carrier reads what a server
    /// says, and is believed no more than that.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Carries {
        let count = match self.reports.read(buffer) {
            Read::Bytes(count) => count,
            Read::Nothing => return Carries::Reports(Vec::new()),
            Read::Closed => return Carries::Ended,
        };
        let lines = self.lines.take(buffer.get(..count).unwrap_or_default());
        let reports = lines
            .iter()
            .filter_map(|line| serde_json::from_slice(line).ok());
        Carries::Reports(reports.collect())
    }
}

impl ServerSide {
    pub(super) fn new(server: Server, limits: SessionLimits) -> Self {
        Self {
            running: Some(server.running),
            framer: Framer::new(limits.message_bytes_max),
            input: server.input,
            output: Some(server.output),
            errors: Some(server.errors),
            reports: Some(server.reports),
            heard: server.heard,
            report_text: Vec::new(),
            report_bytes_seen: 0,
            refusals_told: 0,
            carrier: server.carrier.map(|(carrier, reports)| Carried {
                _carrier: carrier,
                reports,
                lines: Lines::new(LINE_BYTES_MAX),
            }),
            end: None,
        }
    }

    /// One read of reports. False: nothing there now.
    pub(super) fn read_reports(&mut self, buffer: &mut [u8]) -> bool {
        match self.reports.as_ref().map(|reports| reports.read(buffer)) {
            Some(Read::Bytes(count)) => {
                let room = REPORT_BYTES_MAX
                    .saturating_sub(self.report_text.len())
                    .min(count);
                self.report_text
                    .extend_from_slice(buffer.get(..room).unwrap_or_default());
                true
            }
            Some(Read::Closed) => {
                self.reports = None;
                false
            }
            Some(Read::Nothing) | None => false,
        }
    }

    /// Whom the guest asked for in vain since the last time. A worker that was taken over gets no
    /// more of them told than another.
    pub(super) fn new_refusals(&mut self) -> Vec<AskedFor> {
        let fresh = self.report_text.get(self.report_bytes_seen..);
        let fresh = fresh.unwrap_or_default();
        let whole = fresh.iter().rposition(|byte| *byte == b'\n');
        let bytes = whole.map_or(0, |at| at + 1);
        let room = REFUSALS_TOLD_MAX - self.refusals_told;
        let found = refusals(fresh.get(..bytes).unwrap_or_default());
        let found: Vec<AskedFor> = found.take(room).collect();
        self.report_bytes_seen += bytes;
        self.refusals_told += found.len();
        found
    }

    pub(super) fn drain_errors(&mut self, log: &mut Log, buffer: &mut [u8]) {
        // As much as a pipe holds: a server that still writes must not keep the session from its
        // end.
        for _ in 0..2 {
            match self.errors.as_ref().map(|errors| errors.read(buffer)) {
                Some(Read::Bytes(count)) => {
                    log.server_wrote(buffer.get(..count).unwrap_or_default());
                }
                Some(Read::Nothing | Read::Closed) | None => return,
            }
        }
    }
}
