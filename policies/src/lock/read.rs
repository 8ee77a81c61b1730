//! A lock's text, read with the manifest's own reader.

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::hash::Digest;
use super::tool::{Tool, in_order};
use super::value::Value;
use super::visible::{is_seen, visible};
use super::{Era, LOCK_BYTES_MAX, Lock, LockedArtifact, LockedTool};
use crate::fault::{FaultCode, Faults, Findings, Told};
use crate::grammar::lock::{
    ANNOTATIONS, ARTIFACT, ARTIFACT_SECTION, COMPONENT, DESCRIPTION, ERAS, HASH, IMAGE, INPUT,
    LOCK, MANIFEST, MORE, NAME, OUTPUT, SECTION, TITLE, TOOL, TOOL_SECTION, TOOLS_MAX,
};
use crate::grammar::{Head, Key};
use crate::manifest::entries::{Entries, Found, parsed, table, tell_wrong_type};
use crate::manifest::lists::{tables, words};
use crate::manifest::{Spanned, read_top};
use crate::wording::Quoted;

const HEAD: Head = Head {
    section: &SECTION,
    format: &LOCK,
    bytes_max: LOCK_BYTES_MAX,
    is_shown: |letter| is_seen(letter) || matches!(letter, '\n' | '\t'),
};

/// Reads the text of a lock.
///
/// It may be laid out in any way that TOML allows, and must say nothing but what `brig lock` could
/// have written: each digest is that of its tool.
///
/// # Errors
///
/// Every fault of the text, in its order.
pub fn read_lock(text: &str) -> Result<Lock, Faults> {
    let mut findings = Findings::new();
    let lock = read_top(text, &HEAD, &mut findings, read);
    let lock = lock.and_then(|lock| lock);
    findings.end(text, lock)
}

fn read(top: &Entries<'_>, findings: &mut Findings) -> Result<Lock, Told> {
    // Everything is read before the first fault is returned, so that all are told.
    let manifest = top.required(&MANIFEST, findings, parsed::<Digest>);
    let eras = top.required(&ERAS, findings, eras);
    let artifact = read_artifact(top, findings);
    let entries = tables(top, &TOOL, TOOLS_MAX, &TOOL_SECTION, findings);
    let tools: Vec<_> = entries
        .iter()
        .map(|entries| (read_tool(entries, findings), entries.header()))
        .collect();
    let eras = eras?;
    let mut lock = Lock {
        manifest: manifest?.value,
        artifact: artifact?,
        eras: eras.value,
        tools: Vec::new(),
    };
    let mut faulty = None;
    for (tool, header) in tools {
        match tool {
            Ok(tool) => lock.tools.push(tool),
            Err(told) => faulty = Some((told, header)),
        }
    }
    if let Some((told, _)) = faulty {
        return Err(told);
    }
    lock.tools.sort();
    let twice = lock
        .tools
        .windows(2)
        .find(|pair| pair[0].digest == pair[1].digest);
    match twice {
        None => Ok(lock),
        Some(pair) => {
            let message = format!("the tool {} stands twice", Quoted(pair[0].tool.name()));
            let help = "keep one of them; variants of a tool differ".to_owned();
            Err(findings.tell(FaultCode::DuplicateKey, eras.span, message, help))
        }
    }
}

fn eras(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<BTreeSet<Era>, Told> {
    let known = Era::ALL.map(|era| (era.as_str(), era));
    let eras = words(found, key, &known, "an era of the protocol", findings)?;
    if eras.is_empty() {
        let message = format!("`{}` is empty", key.name);
        return Err(tell_unlike(found.span(), message, findings));
    }
    Ok(eras.into_iter().collect())
}

fn read_artifact(
    top: &Entries<'_>,
    findings: &mut Findings,
) -> Result<Option<LockedArtifact>, Told> {
    let Some(Spanned { value, span }) = top.optional(&ARTIFACT, findings, table)? else {
        return Ok(None);
    };
    let entries = Entries::open(value, &ARTIFACT_SECTION, span.clone(), findings);
    let component = entries.optional(&COMPONENT, findings, parsed::<Digest>);
    let image = entries.optional(&IMAGE, findings, parsed::<Digest>);
    match (component?, image?) {
        (Some(digest), None) => Ok(Some(LockedArtifact::Component(digest.value))),
        (None, Some(digest)) => Ok(Some(LockedArtifact::Image(digest.value))),
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("{} names two artifacts or none", ARTIFACT_SECTION.title);
            Err(tell_unlike(span, message, findings))
        }
    }
}

fn read_tool(entries: &Entries<'_>, findings: &mut Findings) -> Result<LockedTool, Told> {
    let name = entries.required(&NAME, findings, text);
    let in_eras = entries.required(&ERAS, findings, eras);
    let hash = entries.required(&HASH, findings, parsed::<Digest>);
    let title = entries.optional(&TITLE, findings, text);
    let description = entries.optional(&DESCRIPTION, findings, text);
    let input = entries.optional(&INPUT, findings, object);
    let output = entries.optional(&OUTPUT, findings, object);
    let annotations = entries.optional(&ANNOTATIONS, findings, object);
    let more = entries.optional(&MORE, findings, more);
    let hash = hash?;
    let value = |object: BTreeMap<String, Value>| Value::Object(object);
    let tool = Tool {
        name: name?.value,
        title: title?.map(|written| written.value),
        description: description?.map(|written| written.value),
        input: input?.map(|written| in_order(value(written.value))),
        output: output?.map(|written| in_order(value(written.value))),
        annotations: annotations?.map(|written| value(written.value)),
        more: more?.map(|written| written.value).unwrap_or_default(),
    };
    let digest = tool.digest();
    if digest != hash.value {
        let name = Quoted(tool.name());
        let message = format!("the hash of {name} is not that of what stands below it");
        let help = "what was reviewed is one of the two: undo the edit, or run `brig lock`";
        let code = FaultCode::InvalidRecord;
        return Err(findings.tell(code, hash.span, message, help.to_owned()));
    }
    Ok(LockedTool {
        tool,
        digest,
        eras: in_eras?.value,
    })
}

/// A string, as long as the file may be.
fn text(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<String, Told> {
    match found.get_ref().as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(tell_wrong_type(found, key, "a string", findings)),
    }
}

/// A string that holds an object of JSON.
fn object(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<BTreeMap<String, Value>, Told> {
    let written = text(found, key, findings)?;
    let why = match Value::read(&written) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_)) => {
            "it is no object".to_owned()
        }
        Err(error) => visible(&error.to_string()),
    };
    let message = format!("`{}` does not hold JSON: {why}", key.name);
    Err(tell_unlike(found.span(), message, findings))
}

/// The names that MCP does not have.
fn more(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<BTreeMap<String, Value>, Told> {
    let parts = object(found, key, findings)?;
    if !parts.is_empty() && Tool::are_more(&parts) {
        return Ok(parts);
    }
    let message = format!(
        "`{}` holds a name that has its own key, or nothing",
        key.name
    );
    Err(tell_unlike(found.span(), message, findings))
}

/// Tells of something that `brig lock` never writes.
fn tell_unlike(span: core::ops::Range<usize>, message: String, findings: &mut Findings) -> Told {
    let help = "undo the edit, or run `brig lock` and review what it writes".to_owned();
    findings.tell(FaultCode::InvalidRecord, span, message, help)
}
