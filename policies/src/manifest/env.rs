//! `[env]`: the variables that the server sees.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use toml::de::DeTable;

use super::entries::{Entries, Found, bounded, kind, parse, parsed, table};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{top, variable};
use crate::name::EnvName;
use crate::policy::EnvValue;
use crate::wording::{Quoted, is_hidden};

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Vec<(EnvName, EnvValue)> {
    let Ok(Some(section)) = top.optional(&top::ENV, findings, table) else {
        return Vec::new();
    };
    section
        .value
        .iter()
        .filter_map(|(written, found)| {
            let name = parse(written.get_ref(), &written.span(), findings);
            let value = read_value(written.get_ref(), found, findings);
            name.ok().zip(value.ok())
        })
        .collect()
}

fn read_value(name: &str, found: Found<'_>, findings: &mut Findings) -> Result<EnvValue, Told> {
    if let Some(table) = found.get_ref().as_table() {
        return read_host(table, found.span(), findings);
    }
    let Some(text) = found.get_ref().as_str() else {
        let kind = kind(found.get_ref());
        let message = format!(
            "{} takes a string or `{{ host = .. }}`, not {kind}",
            Quoted(name)
        );
        let help = "put the value into quotes, or write `{ host = \"NAME\" }`".to_owned();
        return Err(findings.tell(FaultCode::WrongType, found.span(), message, help));
    };
    let text = bounded(text, name, found.span(), findings)?;
    if let Some(name) = whole_variable(text) {
        let message = format!("{} would be passed as it stands", Quoted(text));
        let help = format!("write `{{ host = \"{name}\" }}` to pass the host's variable on");
        return Err(findings.tell(FaultCode::NoExpansion, found.span(), message, help));
    }
    read_literal(text, found.span(), findings)
}

/// A literal may have lines and tabs, as certificates do, but nothing else that is hidden.
fn read_literal(text: &str, span: Range<usize>, findings: &mut Findings) -> Result<EnvValue, Told> {
    let unseen = |letter: &char| is_hidden(*letter) && !matches!(letter, '\n' | '\t');
    match text.chars().find(unseen) {
        None => Ok(EnvValue::Literal(text.to_owned())),
        Some(letter) => {
            let message = format!("the value has the hidden character {letter:?}");
            let help = "put it into a file and grant that".to_owned();
            Err(findings.tell(FaultCode::HiddenCharacter, span, message, help))
        }
    }
}

fn read_host(
    table: &DeTable<'_>,
    span: Range<usize>,
    findings: &mut Findings,
) -> Result<EnvValue, Told> {
    let entries = Entries::open(table, &variable::SECTION, span, findings);
    if let (None, Some(told)) = (entries.get(&variable::HOST), entries.told_first()) {
        return Err(told);
    }
    entries
        .required(&variable::HOST, findings, parsed)
        .map(|name| EnvValue::Host(name.value))
}

/// The name in a text that is one variable for a shell and nothing else.
fn whole_variable(text: &str) -> Option<&str> {
    let after = text.strip_prefix('$')?;
    let name = after
        .strip_prefix('{')
        .and_then(|after| after.strip_suffix('}'))
        .unwrap_or(after);
    let name = name.split_once(":-").map_or(name, |(name, _)| name);
    name.parse::<EnvName>().is_ok().then_some(name)
}
