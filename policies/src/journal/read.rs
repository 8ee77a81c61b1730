//! Reading a journal. It was written by brig, into a folder of this user alone; it is read as
//! strictly as anything else, and one that is damaged is said to be.

use alloc::string::String;
use alloc::vec::Vec;

use super::{ENTRIES_MAX, Entry, FORM, Incident, JOURNAL_BYTES_MAX, Kept, Kind, Party, Run};
use crate::strict::{Object, Value};

/// Why a text is no journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJournal {
    /// It is longer than one can be.
    #[error("it is longer than {JOURNAL_BYTES_MAX} bytes")]
    TooLong,
    /// Another release wrote it.
    #[error("it has the form {0}, which this release does not know")]
    Form(u64),
    /// A line is none that brig wrote.
    #[error("its line {0} is none that brig wrote")]
    Line(usize),
}

/// Reads a journal. A last line without its end was being written when its run was killed, and
/// counts for nothing.
///
/// # Errors
///
/// What is wrong with the text.
pub fn read_journal(text: &str) -> Result<Kept, InvalidJournal> {
    if text.len() > JOURNAL_BYTES_MAX {
        return Err(InvalidJournal::TooLong);
    }
    let whole = text.rfind('\n').and_then(|end| text.get(..end));
    let mut lines = whole.unwrap_or_default().split('\n').zip(1..);
    let first = lines.next().and_then(|(line, _)| Line::read(line));
    let first = first.ok_or(InvalidJournal::Line(1))?;
    let form = first.number("journal").ok_or(InvalidJournal::Line(1))?;
    if form != FORM {
        return Err(InvalidJournal::Form(form));
    }
    let mut kept = Kept {
        run: first.run().ok_or(InvalidJournal::Line(1))?,
        entries: Vec::new(),
        end: None,
        is_full: false,
    };
    for (line, at) in lines {
        let line = Line::read(line).filter(|_| kept.end.is_none());
        let took = line.and_then(|line| line.take(&mut kept));
        took.ok_or(InvalidJournal::Line(at))?;
    }
    Ok(kept)
}

/// One line, each key once.
struct Line<'a>(Object<'a>);

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let value = Value::new(line);
        value.clear().ok()?;
        Object::read(value, "line", &[]).ok().map(Self)
    }

    fn text(&self, key: &str) -> Option<String> {
        Some(self.0.get(key)?.text()?.into_owned())
    }

    /// None where the key is not there; an error where it is something else.
    fn optional<T>(
        &self,
        key: &str,
        read: impl Fn(&Self, &str) -> Option<T>,
    ) -> Result<Option<T>, ()> {
        match self.0.get(key) {
            Some(_) => read(self, key).map(Some).ok_or(()),
            None => Ok(None),
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        let raw = self.0.get(key)?.raw();
        let is_plain = raw.bytes().all(|byte| byte.is_ascii_digit());
        raw.parse().ok().filter(|_| is_plain)
    }

    fn is_set(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| value.raw() == "true")
    }

    fn run(&self) -> Option<Run> {
        let digest = |line: &Self, key: &str| line.text(key)?.parse().ok();
        Some(Run {
            server: self.text("server")?,
            manifest: self.text("manifest")?,
            project: self.optional("project", Self::text).ok()?,
            text: self.optional("text", digest).ok()?,
            at_ms: self.number("at-ms")?,
        })
    }

    fn take(&self, kept: &mut Kept) -> Option<()> {
        let at_ms = self.number("at-ms")?;
        if let Some(at) = self.number("again") {
            let entry = kept.entries.get_mut(usize::try_from(at).ok()?)?;
            entry.count = self.number("count")?;
            entry.last_ms = at_ms;
        } else if let Some(how) = self.text("ended") {
            kept.end = Some((how, at_ms));
            kept.is_full = self.is_set("full");
        } else {
            // Besides those by name there is one of each kind and party at most.
            let most = ENTRIES_MAX + 3 * Kind::all().count();
            let room = kept.entries.len() < most;
            kept.entries.push(self.entry(at_ms).filter(|_| room)?);
        }
        Some(())
    }

    fn entry(&self, at_ms: u64) -> Option<Entry> {
        let is_rest = self.is_set("rest");
        let words = |key: &str| {
            let none = is_rest.then(String::new);
            none.or_else(|| self.text(key))
        };
        let line = self.optional("line", Self::number).ok()?;
        let line = line.map(u32::try_from).transpose().ok()?;
        Some(Entry {
            incident: Incident {
                kind: Kind::of(&self.text("kind")?)?,
                by: Party::of(&self.text("by")?)?,
                about: words("about")?,
                why: words("why")?,
                line,
            },
            is_cut: self.is_set("cut"),
            is_rest,
            count: 1,
            first_ms: at_ms,
            last_ms: at_ms,
        })
    }
}
