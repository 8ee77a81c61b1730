//! Where the journals of runs are kept: `$XDG_STATE_HOME/brig/runs`, one file for each run.
//!
//! A run opens its file before it gives up the right to open any, and from then on adds whole lines
//! to it: there is nothing to be renamed at the end, which a client that kills its server would
//! never let come, and runs at the same time have files of their own. *Absent here:* what is worth
//! a line, and how many there may be. [`Journal`] decides that.

mod store;

pub(crate) use store::{Past, Store};

use crate::log::Log;
use brig_policies::{Incident, Journal, Remedy, Run};
use std::fs::File;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Everything that is refused in one run.
#[derive(Debug)]
pub(crate) struct Refusals {
    journal: Journal,
    place: Place,
}

/// What becomes of the lines.
#[derive(Debug)]
enum Place {
    /// They go into this file, which is locked as long as the run lasts.
    Here(File),
    /// Nobody has a place for them, which is told once there is something to keep.
    Nowhere(String),
    /// Nobody asks for them, or was told that there is no place.
    Not,
}

impl Refusals {
    /// At the start of a run, before it confines itself. A place that cannot be written to is no
    /// reason not to start.
    pub(crate) fn open(run: &Run) -> Self {
        let (journal, line) = Journal::new(run);
        let place = Store::open().and_then(|store| store.begin(run, &line));
        let place = place.map_or_else(|error| Place::Nowhere(error.to_string()), Place::Here);
        Self { journal, place }
    }

    /// Of a run that is only looked at: it is nobody's last one.
    pub(crate) fn untold(run: &Run) -> Self {
        let (journal, _) = Journal::new(run);
        Self {
            journal,
            place: Place::Not,
        }
    }

    /// The one place that every refusal of a run passes: it is told, if its turn has come, and
    /// counted and kept. Whoever wants to hear of each as it happens listens here.
    pub(crate) fn take(&mut self, log: &Log, incident: &Incident, told: Option<&str>) {
        let incident = &masked(log, incident);
        if let Some(words) = told {
            // Words in which a name is escaped and cut would show a part of it.
            let is_named = incident.why != NAMED;
            log.notice(if is_named { words } else { NAMED });
        }
        if let Some(line) = self.journal.note(now_ms(), incident) {
            self.keep(log, &line);
        }
    }

    /// Further refusals of what was taken before, which are counted and not told again.
    pub(crate) fn more(&mut self, log: &Log, incident: &Incident, more: u64) {
        let incident = &masked(log, incident);
        if let Some(line) = self.journal.more(now_ms(), incident, more) {
            self.keep(log, &line);
        }
    }

    /// The run is over.
    pub(crate) fn end(&mut self, log: &Log, how: &str) {
        let lines = self.journal.end(now_ms(), how);
        if matches!(self.place, Place::Here(_)) {
            self.keep(log, &lines);
        }
    }

    fn keep(&mut self, log: &Log, lines: &str) {
        let lost = match &mut self.place {
            Place::Here(file) => match file.write_all(lines.as_bytes()) {
                Ok(()) => return,
                Err(error) => format!("add to the journal of this run: {error}"),
            },
            Place::Nowhere(why) => std::mem::take(why),
            Place::Not => return,
        };
        log.notice(&format!(
            "`brig why` will not know of this run: cannot {lost}"
        ));
        self.place = Place::Not;
    }
}

/// What is said of a refusal about something that is called like a secret.
const NAMED: &str = "refused: what it is about has the value of a secret as its name";

/// The same without the session's secrets: servers and clients choose names.
fn masked(log: &Log, incident: &Incident) -> Incident {
    let about = log.masked(&incident.about);
    let why = if about == incident.about {
        log.masked(&incident.why)
    } else {
        NAMED.to_owned()
    };
    Incident {
        about,
        why,
        ..incident.clone()
    }
}

/// What would let it pass, in words.
pub(crate) fn allowed_by(remedy: &Remedy, line: Option<u32>) -> String {
    match remedy {
        Remedy::Grant { section, line, .. } => format!("{section} {line}"),
        Remedy::Change { section, keys } => {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let at = line.map(|line| format!(", at line {line}"));
            let (keys, at) = (keys.join(" or "), at.unwrap_or_default());
            format!("another {keys} in `{section}`{at}")
        }
        Remedy::Review => "reviewing its tools anew".to_owned(),
        Remedy::Nothing => "nothing that a manifest can say".to_owned(),
    }
}

/// Milliseconds since 1970; 0 where the clock is set before.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
