//! What the carrier tells the supervisor: JSON, a line each.
//!
//! A server can be refused as often as it likes, so subjects are told at once when they are new,
//! and again with how often it was, no more than once a second.

use brig_policies::Kind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd;

/// Subjects that are told by name; the journal keeps no more.
const SUBJECTS_MAX: usize = 64;
/// Bytes of one text. Names have 253 at most; the longest text has two, and a reason.
const TEXT_BYTES_MAX: usize = 700;
/// Lines that wait for a supervisor that is busy.
const WAITING_MAX: usize = 256;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Report {
    /// Something was refused.
    Refused(Refused),
    /// What was decided, in words. Only where it is asked for.
    Decided {
        /// The words.
        text: String,
    },
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// Its kind, by the name that journals have.
    pub(crate) kind: String,
    /// Who was asked for.
    pub(crate) about: String,
    /// Why it was refused.
    pub(crate) why: String,
    /// The line that would let it pass, where a manifest can say it.
    pub(crate) line: Option<String>,
    /// How often since this was told the last time.
    pub(crate) times: u32,
    /// Whether this is the first time.
    pub(crate) is_first: bool,
}

/// What is on its way to the supervisor.
#[derive(Debug, Default)]
pub(super) struct Told {
    counts: BTreeMap<(String, String), Refused>,
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of the first line that are written.
    written: usize,
}

impl Told {
    /// A refusal: told now if it is about somebody new, and counted otherwise.
    pub(super) fn refused(&mut self, kind: Kind, about: &str, why: &str, line: Option<String>) {
        let key = (kind.as_str().to_owned(), cut(about));
        if let Some(known) = self.counts.get_mut(&key) {
            known.times = known.times.saturating_add(1);
            return;
        }
        // What the journal counts as the rest needs no name of its own.
        if self.counts.len() >= SUBJECTS_MAX {
            let rest = (key.0, String::new());
            if let Some(rest) = self.counts.get_mut(&rest) {
                rest.times = rest.times.saturating_add(1);
                return;
            }
            return self.told_first(rest, "it is one of many", None);
        }
        self.told_first(key, why, line);
    }

    fn told_first(&mut self, key: (String, String), why: &str, line: Option<String>) {
        let refused = Refused {
            kind: key.0.clone(),
            about: key.1.clone(),
            why: cut(why),
            line,
            times: 1,
            is_first: true,
        };
        self.put(&Report::Refused(refused.clone()));
        let counted = Refused {
            times: 0,
            is_first: false,
            ..refused
        };
        self.counts.insert(key, counted);
    }

    /// A decision, in words.
    pub(super) fn decided(&mut self, text: &str) {
        self.put(&Report::Decided { text: cut(text) });
    }

    /// What was counted since the last time. Called once a second.
    pub(super) fn again(&mut self) {
        let counts = self.counts.values_mut().filter(|known| known.times > 0);
        let counted: Vec<Refused> = counts
            .map(|known| {
                let counted = known.clone();
                known.times = 0;
                counted
            })
            .collect();
        for refused in counted {
            self.put(&Report::Refused(refused));
        }
    }

    fn put(&mut self, report: &Report) {
        let Ok(mut line) = serde_json::to_vec(report) else {
            return;
        };
        line.push(b'\n');
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(line);
        }
    }

    /// Whether something waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes what goes to a descriptor that does not block.
    pub(super) fn write(&mut self, to: impl AsFd) -> io::Result<()> {
        while let Some(line) = self.waiting.front() {
            let rest = line.get(self.written..).unwrap_or_default();
            match rustix::io::write(&to, rest) {
                Ok(count) if count < rest.len() => self.written += count,
                Ok(_) => {
                    self.written = 0;
                    self.waiting.pop_front();
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

/// A text of bounded length, cut between characters.
fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn lines(told: &mut Told) -> Vec<Report> {
        let lines = told.waiting.drain(..);
        lines
            .map(|line| serde_json::from_slice(&line).unwrap())
            .collect()
    }

    #[test]
    fn a_flood_is_told_once_and_then_counted() {
        let mut told = Told::default();
        for _ in 0..10_000 {
            told.refused(Kind::HostNotGranted, "a.example:443", "no", None);
        }
        let first = lines(&mut told);
        assert!(matches!(
            &first[..],
            [Report::Refused(Refused { times: 1, .. })]
        ));
        told.again();
        let counted = lines(&mut told);
        assert!(matches!(
            &counted[..],
            [Report::Refused(Refused { times: 9_999, .. })]
        ));
        told.again();
        assert_eq!(lines(&mut told), []);
    }

    #[test]
    fn many_subjects_are_one_in_the_end() {
        let mut told = Told::default();
        for at in 0..10_000 {
            told.refused(Kind::HostNotGranted, &format!("{at}.example"), "no", None);
        }
        assert!(told.counts.len() <= SUBJECTS_MAX + 1);
        assert!(told.waiting.len() <= WAITING_MAX);
    }
}
