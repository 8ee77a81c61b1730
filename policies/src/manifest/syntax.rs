//! TOML's own syntax: the table with places, and a fault for each place that is not TOML.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

use toml::de::{DeTable, Error};

use crate::fault::{FaultCode, Findings};
use crate::wording::reorders;

/// What the parser says, or how it starts, and what helps.
const HELPS: &[(&str, &str)] = &[
    ("string values must be quoted", "put the value into quotes"),
    ("key with no value", "write `key = value`"),
    ("missing value", "write a value after the `=`"),
];

const HELP_ELSE: &str = "TOML has `key = value` lines below `[table]` headers, with strings in \
    quotes";

/// Parses with recovery, so that one broken line does not hide what is wrong on the others.
pub(super) fn parse<'t>(text: &'t str, findings: &mut Findings) -> DeTable<'t> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        tell(text, error, findings);
    }
    document.into_inner()
}

fn tell(text: &str, error: &Error, findings: &mut Findings) {
    let span = error.span().unwrap_or(text.len()..text.len());
    let said = error.message();
    if said.starts_with("duplicate key") {
        let key = text.get(span.clone()).unwrap_or_default();
        let message = format!("{} is written twice", crate::wording::Quoted(key));
        let help = "keep one of them".to_owned();
        findings.tell_syntax(FaultCode::DuplicateKey, span, message, help);
        return;
    }
    let help = HELPS.iter().find(|(start, _)| said.starts_with(start));
    let help = help.map_or(HELP_ELSE, |(_, help)| help).to_owned();
    findings.tell_syntax(FaultCode::Syntax, span, String::from(said), help);
}

/// Tells of every character that makes a line look other than it is read, in comments and layout
/// too: a right could hide in what looks like a remark.
pub(super) fn tell_hidden(text: &str, findings: &mut Findings) {
    for (start, letter) in text.char_indices().filter(|(start, letter)| {
        // An editor's mark at the very start moves nothing.
        reorders(*letter) && !(*start == 0 && *letter == '\u{FEFF}')
    }) {
        let span = start..start + letter.len_utf8();
        if findings.covers(FaultCode::HiddenCharacter, &span) {
            continue;
        }
        let message = format!("the text has the hidden character {letter:?}");
        let help = "remove it; in a string it can be written as an escape where it is allowed";
        findings.tell(FaultCode::HiddenCharacter, span, message, help.to_owned());
    }
}
