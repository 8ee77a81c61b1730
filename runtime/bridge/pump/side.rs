//! The server's side of a session: its cell, its streams, and what its worker reported.

use super::super::frame::Framer;
use super::super::session::SessionLimits;
use crate::launch::{End, Running};
use crate::log::Log;
use crate::streams::{Input, Output, Read};

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
}

/// The server while its session lasts.
pub(super) struct ServerSide {
    pub(super) running: Option<Running>,
    pub(super) framer: Framer,
    pub(super) input: Output,
    pub(super) output: Option<Input>,
    pub(super) errors: Option<Input>,
    pub(super) reports: Option<Input>,
    pub(super) report_text: Vec<u8>,
    pub(super) end: Option<End>,
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
            report_text: Vec::new(),
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
