//! Patterns of names, made ready to be asked often.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::pattern::Pattern;

/// The longest name that a wildcard matches, in bytes. A server that makes up names of megabytes
/// would otherwise have each of them compared with every pattern.
pub(super) const NAME_BYTES_MAX: usize = 8192;

/// Patterns of which one has to match. Those without a wildcard are looked up, since a manifest
/// that names its tools one by one would otherwise cost a walk through all of them at each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patterns {
    exact: BTreeSet<String>,
    wild: Vec<Pattern>,
}

impl Patterns {
    pub(super) fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let all = patterns.into_iter();
        let (wild, exact): (Vec<_>, Vec<_>) = all.partition(|it| it.as_str().contains('*'));
        let exact = exact.iter().map(ToString::to_string).collect();
        Self { exact, wild }
    }

    /// Whether one matches.
    pub(super) fn hold(&self, name: &str) -> bool {
        let is_short = name.len() <= NAME_BYTES_MAX;
        self.is_named(name) || (is_short && self.wild.iter().any(|it| it.matches(name)))
    }

    /// Whether one is this very name.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.exact.contains(name)
    }

    /// All of them as text, sorted.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        let wild = self.wild.iter().map(ToString::to_string);
        self.exact.iter().cloned().chain(wild).collect()
    }
}
