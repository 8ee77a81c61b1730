//! What the supervisor hears of its tracer: refusals for people and for the journal.
//!
//! The tracer reads a hostile server's memory, so nothing that it says is believed beyond its
//! form: lines have a bound, and so has what is told.

use super::report::{LINE_BYTES_MAX, Report, TOLD_MAX};
use crate::journal::{Refusals, allowed_by};
use crate::log::Log;
use crate::streams::{Input, Lines, Read};
use brig_policies::{Entry, Incident, Places, remedy};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// How long the last reports are waited for, once the server is gone: longer than the tracer takes.
const LAST_REPORTS: Duration = Duration::from_secs(2);

/// A tracer's reports, as far as they were read.
pub(crate) struct Heard {
    input: Option<Input>,
    lines: Lines,
    places: Places,
    told: BTreeMap<u32, (Incident, u64)>,
    has_ended: bool,
}

impl Heard {
    pub(super) fn new(input: Input, places: Places) -> Self {
        Self {
            input: Some(input),
            lines: Lines::new(LINE_BYTES_MAX),
            places,
            told: BTreeMap::new(),
            has_ended: false,
        }
    }

    /// For poll(2), as long as there is something to wait for.
    pub(crate) fn waited(&self) -> Option<BorrowedFd<'_>> {
        self.input.as_ref().map(Input::as_fd)
    }

    /// One read. False: there was nothing.
    pub(crate) fn read(&mut self, buffer: &mut [u8], log: &Log, refusals: &mut Refusals) -> bool {
        let Some(input) = &self.input else {
            return false;
        };
        match input.read(buffer) {
            Read::Nothing => false,
            Read::Bytes(count) => {
                self.take(buffer.get(..count).unwrap_or_default(), log, refusals);
                true
            }
            Read::Closed => {
                self.input = None;
                if !self.has_ended {
                    log.notice(
                        "the tracer is gone: what waits for it is refused, and the server may fail",
                    );
                }
                false
            }
        }
    }

    /// The rest, once the cell is gone.
    pub(crate) fn finish(&mut self, buffer: &mut [u8], log: &Log, refusals: &mut Refusals) {
        let until = Instant::now() + LAST_REPORTS;
        while let Some(input) = &self.input {
            let left = until.saturating_duration_since(Instant::now());
            let time = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut polled = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)];
            match rustix::event::poll(&mut polled, Some(&time)) {
                Ok(1..) => {
                    self.read(buffer, log, refusals);
                }
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => {
                    log.notice("the tracer did not end in time: its last counts are missing");
                    return;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8], log: &Log, refusals: &mut Refusals) {
        for line in self.lines.take(bytes) {
            if let Ok(report) = serde_json::from_slice::<Report>(&line) {
                self.report(&report, log, refusals);
            }
        }
    }

    fn report(&mut self, report: &Report, log: &Log, refusals: &mut Refusals) {
        if self.has_ended {
            return;
        }
        if let Some((id, incident)) = report.incident(&self.places) {
            if self.told.len() < TOLD_MAX && !self.told.contains_key(&id) {
                let told = words(&incident);
                refusals.take(log, &incident, Some(&told));
                self.told.insert(id, (incident, 1));
            }
            return;
        }
        match report {
            Report::Again { id, more } => {
                if let Some((incident, count)) = self.told.get_mut(id) {
                    *count = count.saturating_add(*more);
                    refusals.more(log, incident, *more);
                }
            }
            Report::Ended {
                calls,
                done_without,
                untold,
                unread,
            } => {
                self.has_ended = true;
                self.counts(log);
                summary(
                    log,
                    (*calls, self.told.len()),
                    done_without,
                    (*untold, *unread),
                );
            }
            Report::Path { .. } | Report::Address { .. } | Report::Call { .. } => {}
        }
    }

    /// What was refused more than once.
    fn counts(&self, log: &Log) {
        for (incident, count) in self.told.values().filter(|(_, count)| *count > 1) {
            log.notice(&format!("traced: {count} times: {}", incident.why));
        }
    }
}

/// What is told of a refusal, with what would let it pass.
fn words(incident: &Incident) -> String {
    let entry = Entry {
        incident: incident.clone(),
        is_cut: false,
        is_rest: false,
        count: 1,
        first_ms: 0,
        last_ms: 0,
    };
    let allowed = allowed_by(&remedy(&entry), None);
    format!("traced: {}; allowed by {allowed}", incident.why)
}

fn summary(
    log: &Log,
    (calls, told): (u64, usize),
    done_without: &[(String, u64)],
    (untold, unread): (u64, u64),
) {
    let mut parts = vec![format!(
        "traced: {calls} calls were looked at, {told} things were refused"
    )];
    if !done_without.is_empty() {
        let names = done_without.iter().take(TOLD_MAX);
        let names: Vec<String> = names
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        parts.push(format!("libraries do without {}", names.join(", ")));
    }
    if untold > 0 {
        parts.push(format!("{untold} more were not told apart"));
    }
    if unread > 0 {
        parts.push(format!("{unread} paths could not be read"));
    }
    log.notice(&parts.join("; "));
}
