//! `[tools]`, `[resources]` and `[prompts]`: what a client may see, call and read.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Teach as _;
use super::entries::{Entries, Found, flag, integer, parsed, string, table, tell_wrong_type};
use super::limits::{bounded, count};
use super::lists::{OneOf, list, one_of, tables};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::tools::{
    ALLOW, ARGUMENT, BOUNDS, CALLS_PER_MINUTE, CONCURRENCY, CONDITIONS, LIMIT, LIMIT_SECTION,
    LIMITED, LIMITS_MAX, MATCHES, MAX, PATTERNS_MAX, RESULT, RULE, RULE_SECTION, RULES_MAX,
    SECTION, STRICT, TOOL, WITHIN,
};
use crate::grammar::{Key, Section, top};
use crate::limits;
use crate::path::HostPath;
use crate::pattern::{Pattern, Pointer, ToolPattern};
use crate::policy::{Allowed, Condition, Mark, Scalar, ToolLimit, ToolRule, Tools};
use crate::wording::{Quoted, hidden};

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Option<Tools> {
    let header = top.optional(&top::TOOLS, findings, table).ok()??;
    let mark = Mark::new(top.span_of(&top::TOOLS).unwrap_or(header.span.clone()));
    let entries = Entries::open(header.value, &SECTION, header.span, findings);
    let allow = entries.optional(&ALLOW, findings, |found, key, findings| {
        list::<ToolPattern>(found, key, 0, PATTERNS_MAX, findings)
    });
    let strict = entries.optional(&STRICT, findings, flag);
    let rules = tables(&entries, &RULE, RULES_MAX, &RULE_SECTION, findings);
    let rules: Vec<Result<ToolRule, Told>> = rules
        .iter()
        .map(|entries| read_rule(entries, findings))
        .collect();
    let limits = tables(&entries, &LIMIT, LIMITS_MAX, &LIMIT_SECTION, findings);
    let limits: Vec<Result<ToolLimit, Told>> = limits
        .iter()
        .map(|entries| read_limit(entries, findings))
        .collect();
    let allow_mark = entries.span_of(&ALLOW).map_or(mark.clone(), Mark::new);
    Some(Tools {
        allow: allow
            .ok()?
            .map(|written| written.value.into_iter().collect()),
        strict: strict.ok()?.is_some_and(|written| written.value),
        rules: rules.into_iter().collect::<Result<_, _>>().ok()?,
        limits: limits.into_iter().collect::<Result<_, _>>().ok()?,
        mark,
        allow_mark,
    })
}

/// `[resources]` or `[prompts]`.
pub(super) fn read_allowed(
    top: &Entries<'_>,
    key: &Key,
    section: &'static Section,
    findings: &mut Findings,
) -> Option<Allowed> {
    let header = top.optional(key, findings, table).ok()??;
    let span = top.span_of(key).unwrap_or(header.span.clone());
    let entries = Entries::open(header.value, section, header.span, findings);
    let allow = section.keys.first()?;
    let written = entries.optional(allow, findings, |found, key, findings| {
        list::<Pattern>(found, key, 0, PATTERNS_MAX, findings)
    });
    Some(Allowed {
        allow: written
            .ok()?
            .map(|written| written.value.into_iter().collect()),
        mark: Mark::new(entries.span_of(allow).unwrap_or(span)),
    })
}

fn read_limit(entries: &Entries<'_>, findings: &mut Findings) -> Result<ToolLimit, Told> {
    let tool = entries.required(&LIMITED, findings, parsed::<ToolPattern>);
    let calls = bounded(
        entries,
        &CALLS_PER_MINUTE,
        &limits::CALLS_PER_MINUTE,
        findings,
        count,
    );
    let concurrency = bounded(entries, &CONCURRENCY, &limits::CONCURRENCY, findings, count);
    let result = bounded(entries, &RESULT, &limits::RESULT, findings, parsed);
    if BOUNDS.iter().all(|key| entries.get(key).is_none()) {
        if let Some(told) = entries.told_first().or(findings.recovering()) {
            return Err(told);
        }
        let message = format!("{} bounds nothing", LIMIT_SECTION.title);
        let help = "write one of `calls-per-minute`, `concurrency` and `result`".to_owned();
        return Err(findings.tell(FaultCode::MissingKey, entries.header(), message, help));
    }
    Ok(ToolLimit {
        tool: tool?.value,
        calls_per_minute: calls?.map(|written| written.value.0),
        concurrency: concurrency?.map(|written| written.value.0),
        result_bytes: result?.map(|written| written.value.0),
        mark: Mark::new(entries.header()),
    })
}

fn read_rule(entries: &Entries<'_>, findings: &mut Findings) -> Result<ToolRule, Told> {
    let tool = entries.required(&TOOL, findings, parsed::<ToolPattern>);
    let argument = entries.required(&ARGUMENT, findings, parsed::<Pointer>);
    let condition = one_of(entries, &CONDITION, findings, condition);
    Ok(ToolRule {
        tool: tool?.value,
        argument: argument?.value,
        condition: condition?.1?,
        mark: Mark::new(entries.header()),
    })
}

/// What the argument must be.
const CONDITION: OneOf = OneOf {
    keys: CONDITIONS,
    nothing: "what the argument must be",
    entry: RULE_SECTION.title,
};

fn condition(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Condition, Told> {
    match key.name {
        name if name == MATCHES.name => {
            parsed::<Pattern>(found, key, findings).map(Condition::Matches)
        }
        name if name == WITHIN.name => read_within(found, key, findings).map(Condition::Within),
        name if name == MAX.name => read_whole(found, key, findings).map(Condition::Max),
        _ => read_scalar(found, key, findings).map(Condition::Equals),
    }
}

fn read_scalar(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Scalar, Told> {
    let value = found.get_ref();
    if let Some(flag) = value.as_bool() {
        return Ok(Scalar::Flag(flag));
    }
    if value.is_integer() {
        return read_whole(found, key, findings).map(Scalar::Whole);
    }
    if !value.is_str() {
        let takes = "a string, a whole number, `true` or `false`";
        return Err(tell_wrong_type(found, key, takes, findings));
    }
    let text = string(found, key, findings)?;
    match hidden(text) {
        None => Ok(Scalar::Text(text.to_owned())),
        Some(letter) => {
            let message = format!("{} has the hidden character {letter:?}", Quoted(text));
            let help = "use `matches` with `*` in its place".to_owned();
            Err(findings.tell(FaultCode::HiddenCharacter, found.span(), message, help))
        }
    }
}

fn read_whole(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<i64, Told> {
    let digits = integer(found, key, findings)?;
    digits.parse().map_err(|_| {
        let message = format!("{} is too large to compare", Quoted(digits));
        let help = "write a number of at most 64 bits".to_owned();
        findings.tell(FaultCode::InvalidNumber, found.span(), message, help)
    })
}

/// A path in the cell, in its shortest spelling: unlike a grant's, it may be any.
fn read_within(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<String, Told> {
    let text = string(found, key, findings)?;
    let mut tell = |code, why: &str, help: String| {
        let message = format!("{} is not a path in the cell: {why}", Quoted(text));
        Err(findings.tell(code, found.span(), message, help))
    };
    match text.parse::<HostPath>() {
        Ok(path) if path.as_str() == text => Ok(text.to_owned()),
        Ok(path) => tell(
            FaultCode::InvalidPath,
            "it is not in its shortest spelling",
            format!("write {}", Quoted(path.as_str())),
        ),
        Err(error) => tell(error.code(), &error.to_string(), error.help()),
    }
}
