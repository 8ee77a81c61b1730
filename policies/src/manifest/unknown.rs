//! A key that its section does not have, and the one that was meant.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::never::{self, Never};
use crate::grammar::{SECTIONS, SETTINGS_SECTIONS, Section};
use crate::wording::{Quoted, nearest};

/// What the author most likely wanted to write.
enum Guess {
    /// This key of the same section.
    Here(&'static str),
    /// Something that no manifest can say.
    Never(&'static Never),
    /// This very key, which another section has.
    Misplaced(&'static Section),
    /// A key of another section.
    Elsewhere(&'static str, &'static Section),
    /// Something of its own.
    Nothing,
}

/// Tells of the key; also gives the key that need not be missed, since this one was meant for it.
pub(super) fn tell(
    name: &str,
    span: Range<usize>,
    section: &Section,
    findings: &mut Findings,
) -> (Told, Option<&'static str>) {
    let (guess, instead) = match guess(name, section) {
        Guess::Never(never) => {
            let message = format!("{} cannot be written: it {}", Quoted(name), never.what);
            let code = FaultCode::NeverGranted;
            return (
                findings.tell(code, span, message, never.help.to_owned()),
                None,
            );
        }
        Guess::Here(key) => (format!("did you mean `{key}`?"), Some(key)),
        Guess::Misplaced(other) => (format!("it is a key of {};", other.title), None),
        Guess::Elsewhere(key, other) => (format!("did you mean `{key}` of {}?", other.title), None),
        Guess::Nothing => (format!("{} has {};", section.title, built(section)), None),
    };
    let message = format!("{} is not a key of {}", Quoted(name), section.title);
    let help = format!("{guess} or it needs a newer brig");
    (
        findings.tell(FaultCode::UnknownKey, span, message, help),
        instead,
    )
}

/// A word that other tools use is believed first, then one that opens a wall as a whole, then a
/// key that is merely misplaced, then what is spelt alike here; last come words of other tools
/// and spellings of other sections.
fn guess(name: &str, section: &Section) -> Guess {
    if let Some(key) = also_called(name, section) {
        return Guess::Here(key);
    }
    if let Some(never) = never::find(name) {
        return Guess::Never(never);
    }
    let sections = || of_its_file(section).iter().chain(SECTIONS);
    if let Some(other) = sections().find(|other| other.key(name).is_some()) {
        return Guess::Misplaced(other);
    }
    if let Some(key) = nearest(name, names(section)) {
        return Guess::Here(key);
    }
    let called = sections().find_map(|other| Some((also_called(name, other)?, other)));
    if let Some((key, other)) = called {
        return Guess::Elsewhere(key, other);
    }
    let near = sections().find_map(|other| Some((nearest(name, names(other))?, other)));
    near.map_or(Guess::Nothing, |(key, other)| Guess::Elsewhere(key, other))
}

/// The sections that come before a manifest's: those of the settings, for a key that stands there.
fn of_its_file(section: &Section) -> &'static [&'static Section] {
    let of_settings = |other: &&&Section| other.title == section.title;
    match SETTINGS_SECTIONS.iter().find(of_settings) {
        Some(_) => SETTINGS_SECTIONS,
        None => &[],
    }
}

fn also_called(name: &str, section: &Section) -> Option<&'static str> {
    let folded = name.to_ascii_lowercase().replace('_', "-");
    let key = section
        .keys
        .iter()
        .find(|key| key.also.contains(&folded.as_str()))?;
    Some(key.name)
}

fn names(section: &Section) -> impl Iterator<Item = &'static str> {
    section.keys.iter().map(|key| key.name)
}

fn built(section: &Section) -> String {
    let built = section.keys.iter().filter(|key| key.is_read());
    let names: Vec<String> = built.map(|key| format!("`{}`", key.name)).collect();
    names.join(", ")
}
