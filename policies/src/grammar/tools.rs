//! `[tools]` and `[[tools.rule]]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

/// The most patterns and the most rules: each call is held against all of them.
pub(crate) const PATTERNS_MAX: usize = 256;

pub(crate) const ALLOW: Key = Key::new(
    "allow",
    Takes::Texts(Form::ToolPattern, 0, PATTERNS_MAX),
    "allow = [\"list_*\", \"get_*\"]",
    "The tools that a client may see and call; all that were reviewed unless written.",
)
.also(&["tools", "allowed", "include", "allowlist", "names"])
.refused("allow = [\"{get,list}_*\"]", FaultCode::InvalidPattern)
.unless("all that were reviewed");

pub(crate) const RULE: Key = Key::new(
    "rule",
    Takes::Tables(&RULE_SECTION, PATTERNS_MAX),
    "[[tools.rule]]",
    "What an argument of a tool must be for the call to pass.",
)
.also(&["rules"])
.refused("rule = \"get_*\"", FaultCode::WrongType)
.unless("no rule");

pub(crate) const SECTION: Section = Section {
    title: "[tools]",
    keys: &[ALLOW, RULE],
    one_of: &[],
    whole: &[],
};

pub(crate) const TOOL: Key = Key::new(
    "tool",
    Takes::Text(Form::ToolPattern),
    "tool = \"get_*\"",
    "The tools that the rule is about.",
)
.needed()
.also(&["name"])
.refused("tool = \"get_[\"", FaultCode::InvalidPattern);

pub(crate) const ARGUMENT: Key = Key::new(
    "argument",
    Takes::Text(Form::Pointer),
    "argument = \"/path\"",
    "The argument that the rule is about, as a JSON pointer into the call's arguments.",
)
.needed()
.also(&["arg", "parameter", "pointer", "field"])
.refused("argument = \"path\"", FaultCode::InvalidPointer);

pub(crate) const EQUALS: Key = Key::new(
    "equals",
    Takes::Scalar,
    "equals = \"main\"",
    "The only value that it may have.",
)
.also(&["equal", "is", "eq", "value"])
.refused("equals = 1.5", FaultCode::WrongType);

pub(crate) const MATCHES: Key = Key::new(
    "matches",
    Takes::Text(Form::TextPattern),
    "matches = \"docs-*\"",
    "A pattern that its text must match whole; `*` stands for any text.",
)
.also(&["match", "pattern", "glob", "regex"])
.refused("matches = \"docs-**\"", FaultCode::InvalidPattern);

pub(crate) const WITHIN: Key = Key::new(
    "within",
    Takes::Text(Form::CellPath),
    "within = \"/notes\"",
    "A path in the cell that it must be or lie below.",
)
.also(&["under", "below", "inside"])
.refused("within = \"~/notes\"", FaultCode::InvalidPath);

pub(crate) const MAX: Key = Key::new(
    "max",
    Takes::Whole,
    "max = 100",
    "The largest number that it may be.",
)
.also(&["maximum", "most", "at-most"])
.refused("max = \"100\"", FaultCode::WrongType);

/// The keys that say what an argument must be, of which there is exactly one.
pub(crate) const CONDITIONS: &[Key] = &[EQUALS, MATCHES, WITHIN, MAX];

pub(crate) const RULE_SECTION: Section = Section {
    title: "[[tools.rule]]",
    keys: &[TOOL, ARGUMENT, EQUALS, MATCHES, WITHIN, MAX],
    one_of: CONDITIONS,
    whole: &[
        "tool = \"get_*\"",
        "argument = \"/path\"",
        "within = \"/notes\"",
    ],
};
