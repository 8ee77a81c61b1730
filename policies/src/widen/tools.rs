//! Calls, resources and prompts that one policy lets pass and another does not.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Change;
use crate::path::is_within;
use crate::pattern::{Containment, ToolPattern, contained, overlap};
use crate::policy::{Allowed, Condition, Scalar, ToolLimit, ToolRule, Tools};
use crate::quantity::Size;

const TOO_MANY: &str = "the patterns have too many ways to match to be compared";

/// All tools.
const ALL: &str = "*";

pub(super) fn wider(first: Option<&Tools>, second: Option<&Tools>) -> Vec<Change> {
    let (before, after) = (patterns(first), patterns(second));
    let mut changes = Vec::new();
    for pattern in &after {
        let unsure = match contained(pattern, before.iter().copied()) {
            Containment::Whole => continue,
            Containment::Partial => None,
            Containment::Unknown => Some(TOO_MANY),
        };
        let right = match *pattern {
            ALL => "call every tool that was reviewed".into(),
            pattern => format!("call the tools `{pattern}`"),
        };
        changes.push(Change {
            key: "tools",
            right,
            unsure,
        });
    }
    let kept = second.map_or(&[][..], Tools::rules);
    for rule in first.map_or(&[][..], Tools::rules) {
        let is_about = |pattern: &&str| overlap(rule.tool().as_str(), pattern);
        // A rule about tools that can no longer be called holds nothing back.
        if after.iter().any(is_about) && !kept.iter().any(|other| implies(other, rule)) {
            changes.push(Change {
                key: "tools",
                right: freed(rule),
                unsure: looser(kept, rule),
            });
        }
    }
    let kept = second.map_or(&[][..], Tools::limits);
    for limit in first.map_or(&[][..], Tools::limits) {
        let is_about = |pattern: &&str| overlap(limit.tool().as_str(), pattern);
        if after.iter().any(is_about) {
            changes.extend(loosened(limit, kept));
        }
    }
    super::distinct(changes)
}

/// The bounds of a limit that no limit of the others holds.
fn loosened(limit: &ToolLimit, kept: &[ToolLimit]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut tell = |what: &str, of: fn(&ToolLimit) -> Option<u64>, show: fn(u64) -> String| {
        let Some(bound) = of(limit) else { return };
        let holds = |other: &ToolLimit| {
            of(other).is_some_and(|own| own <= bound)
                && contained(limit.tool().as_str(), [other.tool().as_str()]) == Containment::Whole
        };
        if !kept.iter().any(holds) {
            let (tool, bound) = (limit.tool(), show(bound));
            let right = format!("{what} `{tool}` beyond {bound}");
            changes.push(Change::sure("tools", right));
        }
    };
    tell(
        "in a minute call",
        |limit| limit.calls_per_minute().map(u64::from),
        |bound| format!("{bound} times"),
    );
    tell(
        "at once call",
        |limit| limit.concurrency().map(u64::from),
        |bound| format!("{bound} times"),
    );
    tell("get answers of", ToolLimit::result_bytes, |bound| {
        Size(bound).to_string()
    });
    changes
}

/// Resources or prompts, by the patterns of each.
pub(super) fn wider_allowed(
    key: &'static str,
    what: &str,
    first: Option<&Allowed>,
    second: Option<&Allowed>,
) -> Vec<Change> {
    let of = |allowed: Option<&'_ Allowed>| match allowed.and_then(Allowed::allow) {
        Some(allow) => allow
            .iter()
            .map(|pattern| pattern.as_str().to_owned())
            .collect(),
        None => Vec::from([ALL.to_owned()]),
    };
    let before = of(first);
    let mut changes = Vec::new();
    for pattern in of(second) {
        let unsure = match contained(&pattern, before.iter().map(String::as_str)) {
            Containment::Whole => continue,
            Containment::Partial => None,
            Containment::Unknown => Some(TOO_MANY),
        };
        let right = format!("{what} `{pattern}`");
        changes.push(Change { key, right, unsure });
    }
    changes
}

fn patterns(tools: Option<&Tools>) -> Vec<&str> {
    match tools.and_then(Tools::allow) {
        Some(allow) => allow.iter().map(ToolPattern::as_str).collect(),
        None => [ALL].into(),
    }
}

fn freed(rule: &ToolRule) -> String {
    let (tool, argument) = (rule.tool(), rule.argument());
    let bound = match rule.condition() {
        Condition::Equals(value) => format!("only {}", scalar(value)),
        Condition::Matches(pattern) => format!("only what matches `{pattern}`"),
        Condition::Within(path) => format!("only paths within `{path}`"),
        Condition::Max(most) => format!("at most {most}"),
    };
    format!("call `{tool}` with another `{argument}` than before ({bound})")
}

pub(crate) fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => format!("{text:?}"),
        Scalar::Whole(number) => format!("{number}"),
        Scalar::Flag(flag) => format!("{flag}"),
    }
}

/// Several rules together may hold what one of them does not; that is not looked into.
fn looser(kept: &[ToolRule], rule: &ToolRule) -> Option<&'static str> {
    let about = kept
        .iter()
        .filter(|other| other.argument() == rule.argument())
        .filter(|other| overlap(other.tool().as_str(), rule.tool().as_str()));
    (about.count() > 1).then_some("several rules are about it, and they are compared one by one")
}

/// Whether a call that meets the one meets the other.
fn implies(one: &ToolRule, other: &ToolRule) -> bool {
    // The cheap questions first: a manifest may have a thousand rules, and so may the other.
    one.argument() == other.argument()
        && is_narrower(one.condition(), other.condition())
        && contained(other.tool().as_str(), [one.tool().as_str()]) == Containment::Whole
}

fn is_narrower(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Equals(Scalar::Text(text)), Condition::Matches(pattern)) => {
            pattern.matches(text)
        }
        (Condition::Equals(Scalar::Text(text)), Condition::Within(path)) => {
            // Only where a path has one spelling do its letters say where it lies.
            let path_of: Result<crate::HostPath, _> = text.parse();
            path_of.is_ok_and(|own| own.as_str() == text && is_within(text, path))
        }
        (Condition::Equals(Scalar::Whole(number)), Condition::Max(most)) => number <= most,
        (Condition::Matches(own), Condition::Matches(pattern)) => {
            contained(own.as_str(), [pattern.as_str()]) == Containment::Whole
        }
        (Condition::Within(own), Condition::Within(path)) => is_within(own, path),
        (Condition::Max(own), Condition::Max(most)) => own <= most,
        (
            Condition::Equals(_) | Condition::Matches(_) | Condition::Within(_) | Condition::Max(_),
            _,
        ) => one == other,
    }
}
