//! Values of several parts: arrays of tables, arrays of strings, and words of a list.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::Written;
use super::entries::{Entries, Found, help_to_write, parsed, string, tell_wrong_type};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, Section};
use crate::wording::{Quoted, nearest};

/// The tables of an array of tables, each with its keys checked.
pub(crate) fn tables<'t>(
    top: &Entries<'t>,
    key: &'static Key,
    most: usize,
    section: &'static Section,
    findings: &mut Findings,
) -> Vec<Entries<'t>> {
    let Some(found) = top.get(key) else {
        return Vec::new();
    };
    let Some(array) = found.get_ref().as_array() else {
        tell_wrong_type(found, key, "an array of tables", findings);
        // What is wrong inside is told too, so that the next attempt is not the next refusal.
        let table = found.get_ref().as_table();
        return table
            .map(|table| Entries::open(table, section, found.span(), findings))
            .into_iter()
            .collect();
    };
    if array.len() > most {
        tell_too_many(found.span(), key, array.len(), most, findings);
        return Vec::new();
    }
    array
        .iter()
        .filter_map(|element| {
            let Some(table) = element.get_ref().as_table() else {
                tell_wrong_type(element, key, "an array of tables", findings);
                return None;
            };
            Some(Entries::open(table, section, element.span(), findings))
        })
        .collect()
}

/// An array of strings of one type, each written once.
pub(crate) fn list<T: Written + PartialEq>(
    found: Found<'_>,
    key: &Key,
    least: usize,
    most: usize,
    findings: &mut Findings,
) -> Result<Vec<T>, Told> {
    let Some(array) = found.get_ref().as_array() else {
        return Err(tell_wrong_type(found, key, "an array of strings", findings));
    };
    if array.len() > most {
        return Err(tell_too_many(
            found.span(),
            key,
            array.len(),
            most,
            findings,
        ));
    }
    if array.len() < least {
        let message = format!("`{}` is empty", key.name);
        let code = FaultCode::MissingKey;
        return Err(findings.tell(code, found.span(), message, help_to_write(key)));
    }
    let mut values: Vec<T> = Vec::new();
    let mut faulty = None;
    for element in array {
        match parsed::<T>(element, key, findings) {
            Ok(value) if values.contains(&value) => {
                let message = format!("an entry of `{}` is written twice", key.name);
                let code = FaultCode::DuplicateKey;
                let help = "keep one of them".to_owned();
                faulty = Some(findings.tell(code, element.span(), message, help));
            }
            Ok(value) => values.push(value),
            Err(told) => faulty = Some(told),
        }
    }
    faulty.map_or(Ok(values), Err)
}

/// Tells of an array with more elements than its key takes.
pub(super) fn tell_too_many(
    span: Range<usize>,
    key: &Key,
    count: usize,
    most: usize,
    findings: &mut Findings,
) -> Told {
    let message = format!("`{}` has {count} entries", key.name);
    let help = format!("keep to {most} or fewer");
    findings.tell(FaultCode::TooMany, span, message, help)
}

/// One of a few words.
pub(crate) fn word<T: Copy>(
    found: Found<'_>,
    key: &Key,
    words: &[(&str, T)],
    what: &str,
    findings: &mut Findings,
) -> Result<T, Told> {
    let text = string(found, key, findings)?;
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<String> = words.iter().map(|(name, _)| format!("`{name}`")).collect();
    let help = match nearest(text, words.iter().map(|(name, _)| *name)) {
        Some(name) => format!("did you mean `{name}`? It is one of {}", names.join(", ")),
        None => format!("write one of {}", names.join(", ")),
    };
    Err(tell_word(found, text, what, &help, findings))
}

/// Some of a few words, each once.
pub(crate) fn words<T: Copy + PartialEq>(
    found: Found<'_>,
    key: &Key,
    words: &[(&str, T)],
    what: &str,
    findings: &mut Findings,
) -> Result<Vec<T>, Told> {
    let Some(array) = found.get_ref().as_array() else {
        return Err(tell_wrong_type(found, key, "an array of strings", findings));
    };
    let mut values = Vec::new();
    let mut faulty = None;
    for element in array {
        match word(element, key, words, what, findings) {
            Ok(value) if values.contains(&value) => {
                let message = format!("an entry of `{}` is written twice", key.name);
                let help = "keep one of them".to_owned();
                let code = FaultCode::DuplicateKey;
                faulty = Some(findings.tell(code, element.span(), message, help));
            }
            Ok(value) => values.push(value),
            Err(told) => faulty = Some(told),
        }
    }
    faulty.map_or(Ok(values), Err)
}

/// Tells of a word that its key does not take.
pub(super) fn tell_word(
    found: Found<'_>,
    text: &str,
    what: &str,
    help: &str,
    findings: &mut Findings,
) -> Told {
    let message = format!("{} is not {what}", Quoted(text));
    findings.tell(
        FaultCode::UnknownValue,
        found.span(),
        message,
        help.to_owned(),
    )
}

/// Those of the keys that are written, in the order of the file.
pub(crate) fn written<'t>(
    entries: &Entries<'t>,
    keys: &'static [Key],
) -> Vec<(&'static Key, Found<'t>)> {
    let found = |key| entries.get(key).map(|found| (key, found));
    let mut written: Vec<_> = keys.iter().filter_map(found).collect();
    written.sort_by_key(|(_, found)| found.span().start);
    written
}

/// What is told where a section has none, or two, of the keys of which it has exactly one.
pub(crate) struct OneOf {
    pub(crate) keys: &'static [Key],
    /// What it does not say without any.
    pub(crate) nothing: &'static str,
    /// How to write a second entry of the section.
    pub(crate) entry: &'static str,
}

/// The first key that is written, and the value if it is the only one. Each is read, so that all
/// faults are told.
pub(crate) fn one_of<T>(
    entries: &Entries<'_>,
    one: &OneOf,
    findings: &mut Findings,
    mut read: impl FnMut(Found<'_>, &Key, &mut Findings) -> Result<T, Told>,
) -> Result<(&'static str, Result<T, Told>), Told> {
    let written = written(entries, one.keys);
    let read: Vec<_> = written
        .iter()
        .map(|(key, found)| (key.name, found.span(), read(found, key, findings)))
        .collect();
    let mut read = read.into_iter();
    let Some((name, _, mut value)) = read.next() else {
        if let Some(told) = entries.told_first().or(findings.recovering()) {
            return Err(told);
        }
        let names: Vec<String> = one
            .keys
            .iter()
            .map(|key| format!("`{}`", key.name))
            .collect();
        let (last, names) = names
            .split_last()
            .map_or(("", &[][..]), |(last, names)| (last.as_str(), names));
        let message = format!("{} does not say {}", one.entry, one.nothing);
        let help = format!("write one of {} and {last}", names.join(", "));
        return Err(findings.tell(FaultCode::MissingKey, entries.header(), message, help));
    };
    for (other, span, _) in read {
        let message = format!("`{other}` stands beside `{name}`");
        let help = format!("keep one, and write a second `{}` for the other", one.entry);
        value = Err(findings.tell(FaultCode::Contradiction, span, message, help));
    }
    Ok((name, value))
}
