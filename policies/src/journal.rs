//! What was refused in one run, as it is kept for whoever asks why.
//!
//! A journal is text of lines, each an object of JSON: first which run it is, then what was
//! refused, and how the run ended. Lines are only ever added, so that whoever keeps it needs
//! nothing but a descriptor to write to, and a run that is killed leaves all that came before. A
//! kind of refusal has a line of its own at its first time and a short one at each power of ten,
//! and both the kinds and the bytes are bounded: a server that is refused without end fills
//! nothing.
//!
//! *Absent here:* a clock, a file, and the values of arguments, variables and secrets. What is kept
//! are names and brig's own words.

mod kind;
mod read;
mod remedy;

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

pub use kind::{Kind, Party};
pub use read::{InvalidJournal, read_journal};
pub use remedy::{Remedy, remedy};

use crate::lock::Digest;
use crate::wording::is_hidden;

/// The most bytes of a journal. Without a bound a server that asks for ever fills a disk.
pub const JOURNAL_BYTES_MAX: usize = 128 << 10;

/// How many refusals have a line of their own. What comes after them is counted by its kind alone:
/// a server may think of a new name for each.
const ENTRIES_MAX: usize = 64;

/// The longest name that is kept, in bytes; a longer one is cut.
const ABOUT_BYTES_MAX: usize = 128;

/// The longest explanation that is kept, in bytes; a longer one is cut.
const WHY_BYTES_MAX: usize = 512;

/// Room for the line that tells how a run ended.
const END_BYTES: usize = 2 << 10;

/// The form of journals that this release writes and reads.
const FORM: u64 = 1;

/// Which run a journal is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What people call the server; empty where its manifest could not be read.
    pub server: String,
    /// The manifest's path.
    pub manifest: String,
    /// What `{project}` stood for.
    pub project: Option<String>,
    /// The manifest's text, by which lines of it were counted; none where it could not be read.
    pub text: Option<Digest>,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
}

/// One thing that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// What kind of thing.
    pub kind: Kind,
    /// Whose act it was.
    pub by: Party,
    /// The tool, resource, prompt or right that it is about, as its chooser wrote it; may be empty.
    pub about: String,
    /// What happened, in words.
    pub why: String,
    /// The line of the manifest that decided, from 1.
    pub line: Option<u32>,
}

/// The same, with how often it was refused by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first of them. Its words are cut at a bound.
    pub incident: Incident,
    /// Whether `about` is only the start of the name.
    pub is_cut: bool,
    /// Whether it stands for all further ones of its kind, whatever they were about.
    pub is_rest: bool,
    /// How many there were; at least so many where the run was killed.
    pub count: u64,
    /// When the first was, in milliseconds since 1970.
    pub first_ms: u64,
    /// When the last was that was written down.
    pub last_ms: u64,
}

/// What was read of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which run it is of.
    pub run: Run,
    /// What was refused, in the order of their first times.
    pub entries: Vec<Entry>,
    /// How and when the run ended; none while it lasts, and where it was killed.
    pub end: Option<(String, u64)>,
    /// Whether there was no room for more.
    pub is_full: bool,
}

/// What makes the refusals of a kind one entry.
type Key = (Kind, Party, Option<u32>, String);

/// A journal while it is written. It gives the lines; whoever keeps it adds them to its text.
#[derive(Clone, Debug)]
pub struct Journal {
    known: BTreeMap<Key, usize>,
    tallies: Vec<Tally>,
    bytes: usize,
    is_full: bool,
}

/// How often an entry was counted, and how much of that is written.
#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    written: u64,
    last_ms: u64,
}

impl Journal {
    /// A journal that has nothing but its first line, which comes with it.
    pub fn new(run: &Run) -> (Self, String) {
        let mut line = format!("{{\"journal\":{FORM},\"server\":{}", quoted(&run.server));
        put(&mut line, "manifest", &quoted(&run.manifest));
        if let Some(project) = &run.project {
            put(&mut line, "project", &quoted(project));
        }
        if let Some(text) = &run.text {
            put(&mut line, "text", &quoted(text.as_str()));
        }
        put(&mut line, "at-ms", &format!("{}", run.at_ms));
        line.push_str("}\n");
        let journal = Self {
            known: BTreeMap::new(),
            tallies: Vec::new(),
            bytes: line.len(),
            is_full: false,
        };
        (journal, line)
    }

    /// Counts a refusal, and gives the line that is to be added, where one is.
    pub fn note(&mut self, now_ms: u64, incident: &Incident) -> Option<String> {
        let (about, is_cut) = cut(&incident.about, ABOUT_BYTES_MAX);
        let of = |about: &str, line| (incident.kind, incident.by, line, about.to_owned());
        let mut key = of(about, incident.line);
        let mut is_rest = false;
        if !self.known.contains_key(&key) && self.known.len() >= ENTRIES_MAX {
            // Kinds are few, so this is bounded too. No honest name is empty and has no line.
            key = of("", Some(0));
            is_rest = true;
        }
        if let Some(at) = self.known.get(&key) {
            let at = *at;
            return self.again(at, now_ms);
        }
        self.known.insert(key, self.tallies.len());
        self.tallies.push(Tally {
            count: 1,
            written: 0,
            last_ms: now_ms,
        });
        let mut line = format!("{{\"kind\":\"{}\"", incident.kind.as_str());
        put(&mut line, "by", &quoted(incident.by.as_str()));
        if is_rest {
            put(&mut line, "rest", "true");
        } else {
            put(&mut line, "about", &quoted(about));
            if is_cut {
                put(&mut line, "cut", "true");
            }
            put(
                &mut line,
                "why",
                &quoted(cut(&incident.why, WHY_BYTES_MAX).0),
            );
            if let Some(at) = incident.line {
                put(&mut line, "line", &format!("{at}"));
            }
        }
        put(&mut line, "at-ms", &format!("{now_ms}"));
        line.push_str("}\n");
        self.add(line, self.tallies.len() - 1)
    }

    /// Counts further refusals of what was noted before, and gives the line that is to be added,
    /// where one is. Nothing of what was never noted.
    pub fn more(&mut self, now_ms: u64, incident: &Incident, more: u64) -> Option<String> {
        let (about, _) = cut(&incident.about, ABOUT_BYTES_MAX);
        let of = |about: &str, line| (incident.kind, incident.by, line, about.to_owned());
        let known = self.known.get(&of(about, incident.line));
        let at = *known.or_else(|| self.known.get(&of("", Some(0))))?;
        let tally = self.tallies.get_mut(at)?;
        tally.count = tally.count.saturating_add(more);
        tally.last_ms = now_ms;
        let line = self.count_line(at)?;
        self.add(line, at)
    }

    /// The last lines: what was counted and not written yet, and how the run ended.
    pub fn end(&mut self, now_ms: u64, how: &str) -> String {
        let mut text = String::new();
        for at in 0..self.tallies.len() {
            if self.tallies.get(at).is_some_and(|it| it.written < it.count) {
                let line = self.count_line(at);
                text.extend(line.and_then(|line| self.add(line, at)));
            }
        }
        let mut line = format!("{{\"ended\":{}", quoted(cut(how, WHY_BYTES_MAX / 2).0));
        put(&mut line, "at-ms", &format!("{now_ms}"));
        if self.is_full {
            put(&mut line, "full", "true");
        }
        line.push_str("}\n");
        text + &line
    }

    fn again(&mut self, at: usize, now_ms: u64) -> Option<String> {
        let tally = self.tallies.get_mut(at)?;
        tally.count = tally.count.saturating_add(1);
        tally.last_ms = now_ms;
        if !is_power_of_ten(tally.count) {
            return None;
        }
        let line = self.count_line(at)?;
        self.add(line, at)
    }

    fn count_line(&self, at: usize) -> Option<String> {
        let tally = self.tallies.get(at)?;
        let (count, last_ms) = (tally.count, tally.last_ms);
        Some(format!(
            "{{\"again\":{at},\"count\":{count},\"at-ms\":{last_ms}}}\n"
        ))
    }

    /// Once a line has no room none is added any more but the last: each says which entry it is
    /// about by its place among all.
    fn add(&mut self, line: String, at: usize) -> Option<String> {
        self.is_full |= self.bytes + line.len() > JOURNAL_BYTES_MAX - END_BYTES;
        if self.is_full {
            return None;
        }
        self.bytes += line.len();
        if let Some(tally) = self.tallies.get_mut(at) {
            tally.written = tally.count;
        }
        Some(line)
    }
}

/// Whether a count is told: the first of a kind, and each power of ten. A line for each would let a
/// flood of refusals become a flood of words.
pub fn is_power_of_ten(mut count: u64) -> bool {
    while count >= 10 && count.is_multiple_of(10) {
        count /= 10;
    }
    count == 1
}

/// The start of a text, on a character, and whether anything was left out.
fn cut(text: &str, bytes_max: usize) -> (&str, bool) {
    if text.len() <= bytes_max {
        return (text, false);
    }
    let end = (0..=bytes_max)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    (
        text.get(..end.unwrap_or_default()).unwrap_or_default(),
        true,
    )
}

fn put(line: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(line, ",\"{key}\":{value}");
}

/// A string of JSON in which nothing is hidden from whoever looks at the file itself.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            _ if is_hidden(letter) || !letter.is_ascii() => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}
