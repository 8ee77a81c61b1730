//! What is wrong with a manifest: where, why, and what to write instead.

mod code;
mod findings;
mod page;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use serde::Serialize;

pub use code::FaultCode;
pub(crate) use findings::{Findings, Told};
use page::{CEILING, ROWS};

/// One mistake in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which kind of mistake, by its stable name.
    pub code: FaultCode,
    /// The bytes of the text that are at fault; both ends lie between characters.
    pub span: Range<usize>,
    /// The line where the span starts, from 1.
    pub line: usize,
    /// The column where the span starts, from 1, counted in characters.
    pub column: usize,
    /// What is wrong. Whatever it repeats of the manifest is harmless to a terminal.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            span: _,
            line,
            column,
            message,
            help,
        } = self;
        write!(out, "{line}:{column}: {code}: {message}; help: {help}")
    }
}

/// Every fault of a manifest: at least one, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Visits the faults in the order of the file.
    pub fn iter(&self) -> core::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = alloc::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'f> IntoIterator for &'f Faults {
    type Item = &'f Fault;
    type IntoIter = core::slice::Iter<'f, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One fault per line, without a newline at the end.
impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, fault) in self.iter().enumerate() {
            if count > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{fault}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Faults {}

/// All that there is to say about one kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The kind.
    pub code: FaultCode,
    /// What it means, and why brig holds to it.
    pub explanation: &'static str,
    /// Lines of a manifest that have it.
    pub refused: &'static str,
    /// The same lines without it.
    pub fixed: &'static str,
    /// Lines of the settings under which they have it; empty where no settings are needed.
    pub settings: &'static str,
    /// Whether the lines are a lock's and not a manifest's.
    pub of_lock: bool,
}

impl FaultCode {
    /// The kind of this stable name, such as `unknown-key`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// What it means, and an example.
    pub fn page(self) -> Page {
        let row = ROWS.iter().find(|row| row.code == self);
        Page {
            code: self,
            explanation: self.explanation(),
            refused: row.map_or("", |row| row.refused),
            fixed: row.map_or("", |row| row.fixed),
            settings: if self == Self::BeyondCeiling {
                CEILING
            } else {
                ""
            },
            of_lock: self == Self::InvalidRecord,
        }
    }
}
