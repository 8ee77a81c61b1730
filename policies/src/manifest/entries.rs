//! The entries of one table, read against its section's keys.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Entry, Spanned, Teach as _, Written, unknown};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, Section, Standing, Takes};
use crate::wording::Quoted;

/// The longest string that a program could be started with (Linux's `MAX_ARG_STRLEN`, less the
/// name of a variable).
const STRING_BYTES_MAX: usize = 120 * 1024;

/// A value in the text.
pub(crate) type Found<'t> = &'t toml::Spanned<DeValue<'t>>;

/// One table with every key of it checked.
pub(crate) struct Entries<'t> {
    table: &'t DeTable<'t>,
    header: Range<usize>,
    section: &'static Section,
    /// Keys that are absent because the author wrote something else in their place.
    excused: Vec<(&'static str, Told)>,
}

impl<'t> Entries<'t> {
    /// Tells of every key that the section does not have or that is kept for later.
    pub(crate) fn open(
        table: &'t DeTable<'t>,
        section: &'static Section,
        header: Range<usize>,
        findings: &mut Findings,
    ) -> Self {
        let mut excused = Vec::new();
        for (written, found) in table {
            let name: &str = written.get_ref();
            match section.key(name).map(|key| (key, key.standing)) {
                Some((_, Standing::Built | Standing::NotYet(_))) => {}
                Some((key, Standing::Reserved(meanwhile))) => {
                    for span in places(written.span(), found) {
                        let told = tell_not_yet(name, span, meanwhile, findings);
                        excused.push((key.name, told));
                    }
                }
                None => {
                    let (told, meant) = unknown::tell(written, found, section, findings);
                    excused.extend(meant.map(|meant| (meant, told)));
                }
            }
        }
        Self {
            table,
            header,
            section,
            excused,
        }
    }

    /// The value of a key, if it is written.
    pub(crate) fn get(&self, key: &Key) -> Option<Found<'t>> {
        self.table.get(key.name)
    }

    /// Whether the table is one of this section.
    pub(super) fn are_of(&self, section: &Section) -> bool {
        self.section.title == section.title
    }

    /// Where the table starts, as its faults mark it.
    pub(crate) fn header(&self) -> Range<usize> {
        self.header.clone()
    }

    /// Where a key itself is written.
    pub(crate) fn span_of(&self, key: &Key) -> Option<Range<usize>> {
        let (written, _) = self.table.get_key_value(key.name)?;
        Some(written.span())
    }

    /// What was told first about the keys of this table, if anything.
    pub(crate) fn told_first(&self) -> Option<Told> {
        self.excused.first().map(|(_, told)| *told)
    }

    /// A key that may be left out.
    pub(crate) fn optional<T>(
        &self,
        key: &Key,
        findings: &mut Findings,
        read: impl FnOnce(Found<'t>, &Key, &mut Findings) -> Result<T, Told>,
    ) -> Entry<T> {
        match self.get(key) {
            Some(found) => read(found, key, findings).map(|value| {
                Some(Spanned {
                    value,
                    span: found.span(),
                })
            }),
            None => self.told(key).map_or(Ok(None), Err),
        }
    }

    /// A key that has no default.
    pub(crate) fn required<T>(
        &self,
        key: &Key,
        findings: &mut Findings,
        read: impl FnOnce(Found<'t>, &Key, &mut Findings) -> Result<T, Told>,
    ) -> Result<Spanned<T>, Told> {
        if let Some(value) = self.optional(key, findings, read)? {
            return Ok(value);
        }
        if let Some(told) = findings.recovering() {
            return Err(told);
        }
        let message = format!("{} has no `{}`", self.section.title, key.name);
        let code = FaultCode::MissingKey;
        Err(findings.tell(code, self.header.clone(), message, help_to_write(key)))
    }

    /// What was told about a key, if it cannot be used as it is written.
    pub(super) fn told(&self, key: &Key) -> Option<Told> {
        self.excused
            .iter()
            .find(|(name, _)| *name == key.name)
            .map(|(_, told)| *told)
    }
}

/// A string of the type that the key takes.
pub(crate) fn parsed<T: Written>(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<T, Told> {
    let text = string(found, key, findings)?;
    parse(text, &found.span(), findings)
}

/// Reads a text into its type.
pub(super) fn parse<T: Written>(
    text: &str,
    span: &Range<usize>,
    findings: &mut Findings,
) -> Result<T, Told> {
    text.parse().map_err(|error: T::Err| {
        let message = format!("{} is not {}: {error}", Quoted(text), T::WHAT);
        findings.tell(error.code(), span.clone(), message, error.help())
    })
}

/// A string, not too long to be passed to a program.
pub(super) fn string<'t>(
    found: Found<'t>,
    key: &Key,
    findings: &mut Findings,
) -> Result<&'t str, Told> {
    let Some(text) = found.get_ref().as_str() else {
        return Err(tell_wrong_type(found, key, "a string", findings));
    };
    bounded(text, key.name, found.span(), findings)
}

/// A text that is not too long to be passed to a program.
pub(super) fn bounded<'t>(
    text: &'t str,
    name: &str,
    span: Range<usize>,
    findings: &mut Findings,
) -> Result<&'t str, Told> {
    if text.len() <= STRING_BYTES_MAX {
        return Ok(text);
    }
    let message = format!("the value of {} has {} bytes", Quoted(name), text.len());
    let help = format!("keep it below {} KiB", STRING_BYTES_MAX >> 10);
    Err(findings.tell(FaultCode::TooLong, span, message, help))
}

/// `true` or `false`.
pub(crate) fn flag(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<bool, Told> {
    found
        .get_ref()
        .as_bool()
        .ok_or_else(|| tell_wrong_type(found, key, "`true` or `false`", findings))
}

/// The digits of a decimal integer.
pub(super) fn integer<'t>(
    found: Found<'t>,
    key: &Key,
    findings: &mut Findings,
) -> Result<&'t str, Told> {
    match found.get_ref().as_integer() {
        Some(integer) if integer.radix() == 10 => Ok(integer.as_str()),
        Some(_) | None => Err(tell_wrong_type(
            found,
            key,
            "a whole decimal number",
            findings,
        )),
    }
}

/// The table that a key holds.
pub(crate) fn table<'t>(
    found: Found<'t>,
    key: &Key,
    findings: &mut Findings,
) -> Result<&'t DeTable<'t>, Told> {
    found
        .get_ref()
        .as_table()
        .ok_or_else(|| tell_wrong_type(found, key, "one table", findings))
}

/// Tells that a value is of another type than its key takes.
pub(crate) fn tell_wrong_type(
    found: Found<'_>,
    key: &Key,
    takes: &str,
    findings: &mut Findings,
) -> Told {
    let message = format!(
        "`{}` takes {takes}, not {}",
        key.name,
        kind(found.get_ref())
    );
    findings.tell(
        FaultCode::WrongType,
        found.span(),
        message,
        help_to_write(key),
    )
}

/// Tells that a part of the format is not enforceable yet.
pub(super) fn tell_not_yet(
    what: &str,
    span: Range<usize>,
    meanwhile: &str,
    findings: &mut Findings,
) -> Told {
    let message = format!("`{what}` is not enforceable yet");
    findings.tell(
        FaultCode::NotEnforceableYet,
        span,
        message,
        meanwhile.to_owned(),
    )
}

pub(super) fn help_to_write(key: &Key) -> String {
    let example = key.example;
    match key.takes {
        Takes::Tables(section, _) => {
            let needed = section.keys.iter().filter(|key| key.needed);
            let mut needed: Vec<String> = needed.map(|key| format!("`{}`", key.name)).collect();
            if needed.is_empty() {
                needed.extend(section.whole.iter().map(|line| format!("`{line}`")));
            }
            let needed = needed.join(" and ");
            format!("write `{example}` for each, with {needed} below it")
        }
        Takes::Table(section) => {
            let line = section.keys.first().map_or("", |key| key.example);
            format!("write `{example}`, with lines like `{line}` below it")
        }
        Takes::Variables => {
            format!("write `{example}`, with lines like `LOG_LEVEL = \"info\"` below it")
        }
        Takes::Format
        | Takes::Flag
        | Takes::Word(_)
        | Takes::Words(_)
        | Takes::Text(_)
        | Takes::Texts(..)
        | Takes::Command(_)
        | Takes::Ports(_)
        | Takes::Size(_)
        | Takes::Period(_)
        | Takes::Cpus(_)
        | Takes::Count(_)
        | Takes::Scalar
        | Takes::Whole
        | Takes::Most(_)
        | Takes::Nothing => format!("write it like `{example}`"),
    }
}

/// Where a key stands: once for each table of an array of tables, so that each is marked.
fn places(key: Range<usize>, found: &toml::Spanned<DeValue<'_>>) -> Vec<Range<usize>> {
    let tables = found.get_ref().as_array().filter(|array| {
        !array.is_empty() && array.iter().all(|element| element.get_ref().is_table())
    });
    match tables {
        Some(array) => array.iter().map(toml::Spanned::span).collect(),
        None => alloc::vec![key],
    }
}

/// What kind of value it is, in TOML's terms.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(integer) if integer.radix() != 10 => "a whole number in another base",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
