//! `[server]`: what is run.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::entries::{Entries, Found, parse, parsed, string, table, tell_not_yet, tell_wrong_type};
use super::lists::{tell_too_many, written};
use super::{Entry, Spanned, WrittenProgram, WrittenSource};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, server, top};
use crate::name::ServerName;
use crate::path::Location;
use crate::reference::{ARTIFACT, WrittenArtifact};
use crate::wording::{Quoted, hidden};

/// The server's name, its program, and its arguments.
type Server = (
    Result<Spanned<ServerName>, Told>,
    Result<Spanned<WrittenSource>, Told>,
    Args,
);
type Args = Entry<Vec<String>>;

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Server {
    let header = match top.required(&top::SERVER, findings, table) {
        Ok(header) => header,
        Err(told) => return (Err(told), Err(told), Err(told)),
    };
    let entries = Entries::open(header.value, &server::SECTION, header.span, findings);
    tell_second_source(&entries, findings);
    read_transport(&entries, findings);
    (
        entries.required(&server::NAME, findings, parsed),
        read_source(&entries, findings),
        entries.optional(&server::ARGS, findings, read_args),
    )
}

/// The program, from the source that is written first; a second one was told of already.
fn read_source(
    entries: &Entries<'_>,
    findings: &mut Findings,
) -> Result<Spanned<WrittenSource>, Told> {
    let written = server::SOURCES
        .iter()
        .filter(|key| entries.get(key).is_some())
        .min_by_key(|key| entries.get(key).map(|found| found.span().start));
    let Some(key) = written else {
        let excused = server::SOURCES.iter().find_map(|key| entries.told(key));
        return match excused {
            Some(told) => Err(told),
            None => Err(tell_no_source(entries, findings)),
        };
    };
    let span = entries.span_of(key).unwrap_or(entries.header());
    let source = entries.required(key, findings, |found, key, findings| match key.name {
        name if name == server::COMMAND.name => read_command(found, key, findings),
        name if name == server::IMAGE.name => {
            let value = parsed(found, key, findings)?;
            let span = found.span();
            Ok(WrittenSource::Image(Spanned { value, span }))
        }
        name if name == server::COMPONENT.name && is_artifact(found) => {
            let artifact: WrittenArtifact = parsed(found, key, findings)?;
            Ok(WrittenSource::Artifact(artifact.0))
        }
        name if name == server::NPM.name => parsed(found, key, findings).map(WrittenSource::Npm),
        name if name == server::PYPI.name => parsed(found, key, findings).map(WrittenSource::Pypi),
        name => {
            let path = parsed(found, key, findings)?;
            let path = Spanned {
                value: path,
                span: found.span(),
            };
            Ok(if name == server::BUNDLE.name {
                WrittenSource::Bundle(path)
            } else {
                WrittenSource::Component(path)
            })
        }
    })?;
    Ok(Spanned {
        value: source.value,
        span,
    })
}

/// Whether a component is fetched from a registry, where a path would be one on the host.
fn is_artifact(found: Found<'_>) -> bool {
    let text = found.get_ref().as_str();
    text.is_some_and(|text| text.starts_with(ARTIFACT))
}

fn tell_no_source(entries: &Entries<'_>, findings: &mut Findings) -> Told {
    if let Some(told) = findings.recovering() {
        return told;
    }
    let names: Vec<String> = server::SOURCES
        .iter()
        .map(|key| format!("`{}`", key.name))
        .collect();
    let message = format!("{} does not say what is run", server::SECTION.title);
    let help = format!(
        "write one of {}, such as `{}`",
        names.join(", "),
        server::COMPONENT.example
    );
    findings.tell(FaultCode::MissingKey, entries.header(), message, help)
}

/// The program first, then its arguments. A name without a slash is looked up on the host.
fn read_command(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<WrittenSource, Told> {
    let args = read_args(found, key, findings)?;
    let first = found.get_ref().as_array().and_then(|array| array.first());
    let (Some(first), Some((program, args))) = (first, args.split_first()) else {
        return Err(tell_wrong_type(
            found,
            key,
            "the program and its arguments",
            findings,
        ));
    };
    let names_a_path = program.contains('/') || program.starts_with(['~', '{']);
    let program = if names_a_path || program.is_empty() {
        let value = parse::<Location>(program, &first.span(), findings)?;
        WrittenProgram::Path(Spanned {
            value,
            span: first.span(),
        })
    } else {
        WrittenProgram::Name(program.clone())
    };
    let args = args.to_vec();
    Ok(WrittenSource::Command { program, args })
}

fn tell_second_source(entries: &Entries<'_>, findings: &mut Findings) {
    let written = written(entries, server::SOURCES);
    let Some(((first, _), more)) = written.split_first() else {
        return;
    };
    for (key, found) in more {
        let message = format!("`{}` is a second source beside `{}`", key.name, first.name);
        let help = "keep one: the server's program comes from one place".to_owned();
        findings.tell(FaultCode::SeveralSources, found.span(), message, help);
    }
}

pub(crate) fn read_args(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<Vec<String>, Told> {
    let Some(array) = found.get_ref().as_array() else {
        return Err(tell_wrong_type(found, key, "an array of strings", findings));
    };
    if array.len() > server::ARGS_MAX {
        let count = array.len();
        return Err(tell_too_many(
            found.span(),
            key,
            count,
            server::ARGS_MAX,
            findings,
        ));
    }
    // Every element is read before the first fault is returned, so that all are told.
    let read: Vec<Result<String, Told>> = array
        .iter()
        .map(|element| read_arg(element, key, findings))
        .collect();
    read.into_iter().collect()
}

fn read_arg(element: Found<'_>, key: &Key, findings: &mut Findings) -> Result<String, Told> {
    if !element.get_ref().is_str() {
        return Err(tell_wrong_type(element, key, "strings alone", findings));
    }
    let text = string(element, key, findings)?;
    match hidden(text) {
        None => Ok(text.to_owned()),
        Some(letter) => {
            let message = format!(
                "the argument {} has the hidden character {letter:?}",
                Quoted(text)
            );
            let help = "pass it in a file or a variable, or leave it out".to_owned();
            let code = FaultCode::HiddenCharacter;
            Err(findings.tell(code, element.span(), message, help))
        }
    }
}

/// The way to speak with the server: only standard input and output are built.
fn read_transport(entries: &Entries<'_>, findings: &mut Findings) {
    let meanwhile = "leave it out, or write `transport = \"stdio\"`";
    let Some(found) = entries.get(&server::TRANSPORT) else {
        return;
    };
    let reserved = |name: &str| matches!(name, "http" | "sse");
    if let Some(table) = found.get_ref().as_table()
        && let Some(name) = table.keys().find(|key| reserved(key.get_ref()))
    {
        tell_not_yet(name.get_ref(), found.span(), meanwhile, findings);
        return;
    }
    match string(found, &server::TRANSPORT, findings) {
        Ok("stdio") | Err(_) => {}
        Ok(name) if reserved(name) => {
            tell_not_yet(name, found.span(), meanwhile, findings);
        }
        Ok(name) => {
            let message = format!("{} is not a transport", Quoted(name));
            let help = "write `transport = \"stdio\"`".to_owned();
            findings.tell(FaultCode::UnknownValue, found.span(), message, help);
        }
    }
}
