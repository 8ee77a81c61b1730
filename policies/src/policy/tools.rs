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
    pub(crate) rules: Vec<ToolRule>,
    pub(crate) mark: Mark,
}

impl Tools {
    /// The tools; `None` for all that were reviewed.
    pub fn allow(&self) -> Option<&BTreeSet<ToolPattern>> {
        self.allow.as_ref()
    }

    /// What calls must hold to. Every rule whose tool matches must be met.
    pub fn rules(&self) -> &[ToolRule] {
        &self.rules
    }

    /// Where `tools` is written.
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

/// What an argument must be.
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
