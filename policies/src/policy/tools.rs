//! Which calls pass.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::Mark;
use crate::pattern::{Pattern, Pointer, ToolPattern};

/// Which of the server's tools a client may call, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub(crate) allow: Option<BTreeSet<ToolPattern>>,
    pub(crate) strict: bool,
    pub(crate) rules: Vec<ToolRule>,
    pub(crate) limits: Vec<ToolLimit>,
    pub(crate) mark: Mark,
    pub(crate) allow_mark: Mark,
}

impl Tools {
    /// The tools; `None` for all that were reviewed.
    pub fn allow(&self) -> Option<&BTreeSet<ToolPattern>> {
        self.allow.as_ref()
    }

    /// Whether a session ends once a tool is not as the lock holds it. Otherwise that tool is
    /// withheld, which lets no more pass.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// What calls must hold to. Every rule whose tool matches must be met.
    pub fn rules(&self) -> &[ToolRule] {
        &self.rules
    }

    /// How often and how many at once. Every limit whose tool matches holds.
    pub fn limits(&self) -> &[ToolLimit] {
        &self.limits
    }

    /// Where `tools` is written.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Where `allow` is written; where `tools` is, if it is not.
    pub fn allow_mark(&self) -> &Mark {
        &self.allow_mark
    }
}

/// What bounds the calls of some tools together. At least one bound is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolLimit {
    pub(crate) tool: ToolPattern,
    pub(crate) calls_per_minute: Option<u32>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) result_bytes: Option<u64>,
    pub(crate) mark: Mark,
}

impl ToolLimit {
    /// The tools that it is about, whose calls are counted together.
    pub fn tool(&self) -> &ToolPattern {
        &self.tool
    }

    /// Calls in any sixty seconds, 1 to 6000; unbounded unless written. Without it a model that
    /// loops spends what the server's service costs.
    pub fn calls_per_minute(&self) -> Option<u32> {
        self.calls_per_minute
    }

    /// Calls that wait for their answers at once, 1 to 16384; unbounded unless written.
    pub fn concurrency(&self) -> Option<u32> {
        self.concurrency
    }

    /// Bytes of one answer, 1 KiB to 1 GiB; as many as a message has unless written. Without it
    /// one answer fills a model's context.
    pub fn result_bytes(&self) -> Option<u64> {
        self.result_bytes
    }

    /// The `[[tools.limit]]` header.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// Which of a server's resources or prompts a client may see and use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub(crate) allow: Option<BTreeSet<Pattern>>,
    pub(crate) mark: Mark,
}

impl Allowed {
    /// The patterns of URIs or names; `None` for all.
    pub fn allow(&self) -> Option<&BTreeSet<Pattern>> {
        self.allow.as_ref()
    }

    /// Where `allow` is written; where the section is, if it is not.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// What an argument must be for a call to pass. An absent argument does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRule {
    pub(crate) tool: ToolPattern,
    pub(crate) argument: Pointer,
    pub(crate) condition: Condition,
    pub(crate) mark: Mark,
}

impl ToolRule {
    /// The tools that it is about.
    pub fn tool(&self) -> &ToolPattern {
        &self.tool
    }

    /// The argument that it is about.
    pub fn argument(&self) -> &Pointer {
        &self.argument
    }

    /// What the argument must be.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The `[[tools.rule]]` header.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// What an argument must be. [`admit`](crate::Rules) has the exact meaning of each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// This value.
    Equals(Scalar),
    /// A text that matches.
    Matches(Pattern),
    /// A path in the cell that is this one or lies below it.
    Within(String),
    /// A number that is not larger.
    Max(i64),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Flag(bool),
}
