//! A key that its section does not have, and the one that was meant.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use toml::de::DeValue;

use super::entries::Found;
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::foreign::{self, Foreign};
use crate::grammar::never::{self, Never};
use crate::grammar::{LOCK_SECTIONS, SECTIONS, SETTINGS_SECTIONS, Section};
use crate::wording::{Quoted, nearest};

/// How deep tables of another tool's are looked through.
const DEPTH_MAX: usize = 8;

/// What the author most likely wanted to write.
enum Guess {
    /// This key of the same section.
    Here(&'static str),
    /// Something that no manifest can say.
    Never(&'static Never),
    /// Something that brig writes in another way.
    Foreign(&'static Foreign),
    /// This very key, which another section has.
    Misplaced(&'static Section),
    /// A key of another section.
    Elsewhere(&'static str, &'static Section),
    /// Something of its own.
    Nothing,
}

/// A key in the text.
type Name<'t> = &'t toml::Spanned<Cow<'t, str>>;

/// Tells of the key; also gives the key that need not be missed, since this one was meant for it.
pub(super) fn tell(
    written: Name<'_>,
    found: Found<'_>,
    section: &Section,
    findings: &mut Findings,
) -> (Told, Option<&'static str>) {
    let (name, span): (&str, _) = (written.get_ref(), written.span());
    let (guess, instead) = match guess(name, section) {
        Guess::Never(never) => return (tell_never(written, never, findings), None),
        Guess::Here(key) => (format!("did you mean `{key}`?"), Some(key)),
        Guess::Foreign(foreign) => {
            if foreign.holds_keys {
                tell_inside(found, DEPTH_MAX, findings);
            }
            let message = format!("{} is not a key of {}", Quoted(name), section.title);
            let help = foreign.help.to_owned();
            let told = findings.tell(FaultCode::UnknownKey, span, message, help);
            return (told, foreign.instead);
        }
        Guess::Misplaced(other) => (format!("it is a key of {};", other.title), None),
        Guess::Elsewhere(key, other) => (format!("did you mean `{key}` of {}?", other.title), None),
        Guess::Nothing => {
            if of_its_file(section).is_empty() {
                tell_inside(found, DEPTH_MAX, findings);
            }
            (format!("{} has {};", section.title, built(section)), None)
        }
    };
    let message = format!("{} is not a key of {}", Quoted(name), section.title);
    let help = format!("{guess} or it needs a newer brig");
    (
        findings.tell(FaultCode::UnknownKey, span, message, help),
        instead,
    )
}

fn tell_never(written: Name<'_>, never: &Never, findings: &mut Findings) -> Told {
    let name: &str = written.get_ref();
    let message = format!("{} cannot be written: it {}", Quoted(name), never.what);
    let code = FaultCode::NeverGranted;
    findings.tell(code, written.span(), message, never.help.to_owned())
}

/// Tells of words of other tools in a table that the format does not have, so that whoever brings
/// a whole file along is led key by key.
fn tell_inside(found: Found<'_>, depth: usize, findings: &mut Findings) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match found.get_ref() {
        DeValue::Table(table) => {
            for (written, found) in table {
                tell_nested(written, found, depth, findings);
            }
        }
        DeValue::Array(elements) => {
            for element in elements {
                tell_inside(element, depth, findings);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

fn tell_nested(written: Name<'_>, found: Found<'_>, depth: usize, findings: &mut Findings) {
    let name: &str = written.get_ref();
    if let Some(never) = never::find(name) {
        tell_never(written, never, findings);
        return;
    }
    let foreign = foreign::anywhere(name);
    if foreign.is_none_or(|foreign| foreign.holds_keys) {
        tell_inside(found, depth, findings);
    }
    if let Some(foreign) = foreign {
        let message = format!("{} is not a key of any section", Quoted(name));
        let help = foreign.help.to_owned();
        findings.tell(FaultCode::UnknownKey, written.span(), message, help);
    }
}

/// A word that other tools use here is believed first, then one that opens a wall as a whole, then
/// one that other tools use for something else, then a key that is merely misplaced, then what is
/// spelt alike here; last come words of other tools and spellings of other sections.
fn guess(name: &str, section: &Section) -> Guess {
    if let Some(foreign) = foreign::within(name, section.title) {
        return Guess::Foreign(foreign);
    }
    if let Some(key) = also_called(name, section) {
        return Guess::Here(key);
    }
    if let Some(never) = never::find(name) {
        return Guess::Never(never);
    }
    // What is said of other tools' words is how a manifest says it.
    let of_manifest = of_its_file(section).is_empty();
    if let Some(foreign) = foreign::anywhere(name).filter(|_| of_manifest) {
        return Guess::Foreign(foreign);
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

/// The sections that come before a manifest's: those of the settings or of a lock, for a key that
/// stands there.
fn of_its_file(section: &Section) -> &'static [&'static Section] {
    let is_one = |other: &&Section| other.title == section.title;
    [SETTINGS_SECTIONS, LOCK_SECTIONS]
        .into_iter()
        .find(|file| file.iter().any(is_one))
        .unwrap_or_default()
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
