//! Rules by the tools that they are about.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::Rule;

/// All rules. Those about one tool by its name are looked up, so that a call does not pay for the
/// rules of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checks {
    all: Vec<Rule>,
    by_name: BTreeMap<String, Vec<usize>>,
    wild: Vec<usize>,
}

impl Checks {
    pub(super) fn new(all: impl IntoIterator<Item = Rule>) -> Self {
        let all: Vec<Rule> = all.into_iter().collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut wild = Vec::new();
        for (at, rule) in all.iter().enumerate() {
            if rule.tool.as_str().contains('*') {
                wild.push(at);
            } else {
                by_name.entry(rule.tool.to_string()).or_default().push(at);
            }
        }
        Self { all, by_name, wild }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.all.iter()
    }

    /// Those about a tool, in the order of the manifest.
    pub(super) fn about(&self, name: &str) -> Vec<&Rule> {
        let matches = |at: &&usize| self.all.get(**at).is_some_and(|it| it.tool.matches(name));
        let mut found: Vec<usize> = self.wild.iter().filter(matches).copied().collect();
        found.extend(self.by_name.get(name).into_iter().flatten());
        found.sort_unstable();
        found
            .into_iter()
            .filter_map(|at| self.all.get(at))
            .collect()
    }
}
