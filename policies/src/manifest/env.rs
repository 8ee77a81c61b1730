//! `[env]`: the variables that the server sees.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use toml::de::DeTable;

use super::entries::{Entries, Found, bounded, kind, parse, parsed, table};
use super::lists::{tell_too_many, word};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::top;
use crate::grammar::variable::{self, VARIABLES_MAX};
use crate::name::{EnvName, SecretName};
use crate::policy::{EnvValue, Mark, SecretForm, SecretGrant};
use crate::wording::{Quoted, is_hidden};

/// What one variable holds, as written.
#[derive(Clone, Debug)]
pub(crate) enum WrittenValue {
    /// Something that the plan can hold.
    Plain(EnvValue),
    /// The name of something that it cannot.
    Secret(SecretGrant),
}

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Vec<(EnvName, WrittenValue)> {
    let Ok(Some(section)) = top.optional(&top::ENV, findings, table) else {
        return Vec::new();
    };
    let count = section.value.len();
    if count > VARIABLES_MAX {
        tell_too_many(section.span, &top::ENV, count, VARIABLES_MAX, findings);
        return Vec::new();
    }
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

fn read_value(name: &str, found: Found<'_>, findings: &mut Findings) -> Result<WrittenValue, Told> {
    if let Some(table) = found.get_ref().as_table() {
        return read_table(table, found.span(), findings);
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
    read_literal(text, found.span(), findings).map(WrittenValue::Plain)
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

fn read_table(
    table: &DeTable<'_>,
    span: Range<usize>,
    findings: &mut Findings,
) -> Result<WrittenValue, Told> {
    let entries = Entries::open(table, &variable::SECTION, span.clone(), findings);
    let host = entries.optional(&variable::HOST, findings, parsed::<EnvName>);
    let secret = entries.optional(&variable::SECRET, findings, parsed::<SecretName>);
    let form = entries.optional(&variable::AS, findings, |found, key, findings| {
        let words = [("env", SecretForm::Env), ("file", SecretForm::File)];
        word(found, key, &words, "a way to pass a secret", findings)
    });
    let mut contradiction = |span: Range<usize>, message: &str, help: &str| {
        findings.tell(
            FaultCode::Contradiction,
            span,
            message.to_owned(),
            help.to_owned(),
        )
    };
    match (host?, secret?, form?) {
        (Some(_), Some(secret), _) => {
            let help = "keep one of them";
            Err(contradiction(
                secret.span,
                "`secret` stands beside `host`",
                help,
            ))
        }
        (Some(_), None, Some(form)) => {
            let help = "leave it out: a variable of the host is passed as a variable";
            Err(contradiction(form.span, "`as` goes with `secret`", help))
        }
        (Some(host), None, None) => Ok(WrittenValue::Plain(EnvValue::Host(host.value))),
        (None, Some(secret), form) => Ok(WrittenValue::Secret(SecretGrant {
            secret: secret.value,
            form: form.map_or(SecretForm::Env, |written| written.value),
            mark: Mark::new(span),
        })),
        (None, None, _) => Err(entries.told_first().unwrap_or_else(|| {
            let message = "a variable's value has neither `host` nor `secret`".to_owned();
            let help = format!("write it like `{}`", variable::HOST.example);
            findings.tell(FaultCode::MissingKey, span, message, help)
        })),
    }
}

/// The name in a text that is one variable for a shell and nothing else.
fn whole_variable(text: &str) -> Option<&str> {
    let after = text.strip_prefix('$')?;
    let name = after
        .strip_prefix('{')
        .and_then(|after| after.strip_suffix('}'))
        .unwrap_or(after);
    let name = name.split_once(":-").map_or(name, |(name, _)| name);
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_name =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    is_name.then_some(name)
}
