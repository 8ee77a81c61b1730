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
pub use page::Page;

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
