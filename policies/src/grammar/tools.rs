//! `[tools]`, `[[tools.rule]]`, `[[tools.limit]]`, `[resources]` and `[prompts]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;
use crate::limits::{
    CALLS_PER_MINUTE as CALLS_BOUNDS, CONCURRENCY as CONCURRENCY_BOUNDS, RESULT as RESULT_BOUNDS,
};

/// The most patterns: each name of a list is held against all of them.
pub(crate) const PATTERNS_MAX: usize = 256;

/// The most rules: each call is held against all of them.
pub(crate) const RULES_MAX: usize = 1024;

/// The most limits: each keeps count of calls while a session lasts.
pub(crate) const LIMITS_MAX: usize = 64;

pub(crate) const ALLOW: Key = Key::new(
    "allow",
    Takes::Texts(Form::ToolPattern, 0, PATTERNS_MAX),
    "allow = [\"list_*\", \"get_*\"]",
    "The tools that a client may see and call; all that were reviewed unless written.",
)
.also(&["tools", "allowed", "include", "allowlist", "names"])
.refused("allow = [\"{get,list}_*\"]", FaultCode::InvalidPattern)
.unless("all that were reviewed");

pub(crate) const STRICT: Key = Key::new(
    "strict",
    Takes::Flag,
    "strict = true",
    "Whether a session ends once the server offers a tool that is not as it was reviewed; without \
     it such a tool is kept from the client and the session goes on.",
)
.also(&["locked", "require-lock", "frozen"])
.refused("strict = \"yes\"", FaultCode::WrongType)
.unless("`false`: such a tool is withheld, and a call of it refused");

pub(crate) const RULE: Key = Key::new(
    "rule",
    Takes::Tables(&RULE_SECTION, RULES_MAX),
    "[[tools.rule]]",
    "What an argument of a tool must be for the call to pass.",
)
.also(&["rules"])
.refused("rule = \"get_*\"", FaultCode::WrongType)
.unless("no rule");

pub(crate) const LIMIT: Key = Key::new(
    "limit",
    Takes::Tables(&LIMIT_SECTION, LIMITS_MAX),
    "[[tools.limit]]",
    "How often, how many at once and with how large an answer tools may be called.",
)
.also(&["limits", "rate-limit", "quota"])
.refused("limit = 60", FaultCode::WrongType)
.unless("no limit");

pub(crate) const SECTION: Section = Section {
    title: "[tools]",
    keys: &[ALLOW, STRICT, RULE, LIMIT],
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
    "The only value that it may have. Numbers are equal by value: `1`, `1.0` and `1e0` are one.",
)
.also(&["equal", "is", "eq", "value"])
.refused("equals = 1.5", FaultCode::WrongType);

pub(crate) const MATCHES: Key = Key::new(
    "matches",
    Takes::Text(Form::TextPattern),
    "matches = \"docs-*\"",
    "A pattern that its text must match whole; `*` stands for any text. Of a list, each element.",
)
.also(&["match", "pattern", "glob", "regex"])
.refused("matches = \"docs-**\"", FaultCode::InvalidPattern);

pub(crate) const WITHIN: Key = Key::new(
    "within",
    Takes::Text(Form::CellPath),
    "within = \"/notes\"",
    "A path in the cell that it must be or lie below, without `..`. Of a list, each element.",
)
.also(&["under", "below", "inside"])
.refused("within = \"~/notes\"", FaultCode::InvalidPath);

pub(crate) const MAX: Key = Key::new(
    "max",
    Takes::Whole,
    "max = 100",
    "The largest number that it may be, however it is written; a text is no number.",
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

pub(crate) const LIMITED: Key = Key::new(
    "tool",
    Takes::Text(Form::ToolPattern),
    "tool = \"search_*\"",
    "The tools that the limit is about; their calls are counted together.",
)
.needed()
.also(&["name"])
.refused("tool = \"get_[\"", FaultCode::InvalidPattern);

pub(crate) const CALLS_PER_MINUTE: Key = Key::new(
    "calls-per-minute",
    Takes::Most(&Takes::Count(&CALLS_BOUNDS)),
    "calls-per-minute = 60",
    "Calls in any sixty seconds.",
)
.also(&["rate", "rate-limit", "rpm", "requests-per-minute"])
.refused("calls-per-minute = 0", FaultCode::OutOfRange)
.unless("as many as there are");

pub(crate) const CONCURRENCY: Key = Key::new(
    "concurrency",
    Takes::Most(&Takes::Count(&CONCURRENCY_BOUNDS)),
    "concurrency = 4",
    "Calls that may wait for their answers at once.",
)
.also(&[
    "concurrent",
    "max-concurrent",
    "parallel",
    "max-concurrency",
])
.refused("concurrency = \"4\"", FaultCode::WrongType)
.unless("as many as a session allows");

pub(crate) const RESULT: Key = Key::new(
    "result",
    Takes::Most(&Takes::Size(&RESULT_BOUNDS)),
    "result = \"1MiB\"",
    "The answer of one call.",
)
.also(&[
    "result-size",
    "response",
    "output",
    "max-result",
    "max-output",
])
.refused("result = \"1MB\"", FaultCode::InvalidSize)
.unless("as large as a message may be");

/// The bounds of a limit, of which there is at least one.
pub(crate) const BOUNDS: &[Key] = &[CALLS_PER_MINUTE, CONCURRENCY, RESULT];

pub(crate) const LIMIT_SECTION: Section = Section {
    title: "[[tools.limit]]",
    keys: &[LIMITED, CALLS_PER_MINUTE, CONCURRENCY, RESULT],
    one_of: &[],
    whole: &["tool = \"search_*\"", "concurrency = 4"],
};

pub(crate) const RESOURCES_ALLOW: Key = Key::new(
    "allow",
    Takes::Texts(Form::TextPattern, 0, PATTERNS_MAX),
    "allow = [\"file:///notes/*\"]",
    "The URIs that a client may see and read. One with `.` or `..` between its slashes, in any \
     spelling, passes by no wildcard.",
)
.also(&["allowed", "include", "allowlist", "uris"])
.refused("allow = [\"file:///**\"]", FaultCode::InvalidPattern)
.unless("all that the server offers");

pub(crate) const RESOURCES_SECTION: Section = Section {
    title: "[resources]",
    keys: &[RESOURCES_ALLOW],
    one_of: &[],
    whole: &[],
};

pub(crate) const PROMPTS_ALLOW: Key = Key::new(
    "allow",
    Takes::Texts(Form::TextPattern, 0, PATTERNS_MAX),
    "allow = [\"review_*\"]",
    "The prompts that a client may see and use, by name.",
)
.also(&["allowed", "include", "allowlist", "names"])
.refused("allow = \"review\"", FaultCode::WrongType)
.unless("all that the server offers");

pub(crate) const PROMPTS_SECTION: Section = Section {
    title: "[prompts]",
    keys: &[PROMPTS_ALLOW],
    one_of: &[],
    whole: &[],
};
