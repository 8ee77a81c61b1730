//! TOML's own syntax: the table with its places, and what the parser says.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use toml::de::{DeTable, Error};

use crate::fault::{FaultCode, Findings};
use crate::wording::Quoted;

/// What the parser says of a key or table that is written twice.
const TWICE: &str = "duplicate key";

/// What the parser says of a value that is neither quoted nor anything else, or absent.
const UNQUOTED: &str = "string values must be quoted";

/// How what the parser says starts, and what helps.
const HELPS: &[(&str, &str)] = &[
    (UNQUOTED, "put the value into quotes"),
    ("key with no value", "write `key = value`"),
    (
        "invalid basic string",
        "close the string with `\"`, and write `\\` as `\\\\`",
    ),
    (
        "invalid multi-line basic string",
        "close the string with `\"\"\"`",
    ),
    ("invalid literal string", "close the string with `'`"),
    ("unclosed table", "close the header with `]`"),
    ("unclosed array table", "close the header with `]]`"),
    ("unclosed array", "close it with `]`"),
    ("unclosed inline table", "close it with `}`"),
];

const HELP_ELSE: &str = "TOML has `key = value` lines below `[table]` headers, with strings in \
    quotes";

/// A parsed text, and what was wrong with it.
pub(super) struct Document<'t> {
    table: DeTable<'t>,
    errors: Vec<Error>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        Self {
            table: table.into_inner(),
            errors,
        }
    }

    /// The table, without the places that are not TOML.
    pub(super) fn table(&self) -> &DeTable<'t> {
        &self.table
    }

    /// Whether parts of the text could not be read. A key that is written twice could.
    pub(super) fn is_broken(&self) -> bool {
        self.first_break().is_some()
    }

    /// The first place that could not be read. Of several complaints about one place the last is
    /// the cause: the parser speaks of values after it has spoken of what they stand in.
    pub(super) fn first_break(&self) -> Option<&Error> {
        self.errors
            .iter()
            .rev()
            .filter(|error| error.message() != TWICE)
            .min_by_key(|error| error.span().map_or(usize::MAX, |span| span.start))
    }

    /// Tells of everything that the parser said.
    pub(super) fn tell(&self, text: &str, findings: &mut Findings) {
        for error in &self.errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            if error.message() == TWICE {
                let key = text.get(span.clone()).unwrap_or_default();
                let message = format!("{} is written twice", Quoted(key));
                let help = "keep one of them".to_owned();
                findings.tell(FaultCode::DuplicateKey, span, message, help);
            } else {
                tell_broken(error, span, findings);
            }
        }
    }
}

/// Tells of a place that is not TOML.
pub(super) fn tell_broken(error: &Error, span: Range<usize>, findings: &mut Findings) {
    let said = error.message();
    let is_absent = error.span().is_none_or(|span| span.is_empty());
    if said.starts_with(UNQUOTED) && is_absent {
        let message = "there is no value after the `=`".to_owned();
        findings.tell_syntax(span, message, "write `key = value`".to_owned());
        return;
    }
    let help = HELPS.iter().find(|(start, _)| said.starts_with(start));
    let help = help.map_or(HELP_ELSE, |(_, help)| help).to_owned();
    findings.tell_syntax(span, String::from(said), help);
}
