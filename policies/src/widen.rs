//! Whether one policy allows more than another, decided right by right and not by text.
//!
//! A right of the one that no right of the other covers is a change. Where rights are sets (paths,
//! names, blocks of addresses, patterns) covering is containment, also in several of the other's
//! at once where that can happen.

mod network;
mod rest;
mod tools;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::path::is_within;
use crate::policy::{Access, Exec, FileGrant, Links, Policy};

pub(crate) use network::{is_block_named, is_named};
pub(crate) use rest::source;
pub(crate) use tools::scalar;

/// What the step from one policy to another changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What the second allows and the first does not.
    pub widened: Vec<Change>,
    /// What the first allows and the second does not.
    pub narrowed: Vec<Change>,
    /// What differs and is no right: what is run, with what arguments, and where things appear.
    pub other: Vec<Change>,
}

impl Changes {
    /// Whether the two allow the same and run the same.
    pub fn is_empty(&self) -> bool {
        self.widened.is_empty() && self.narrowed.is_empty() && self.other.is_empty()
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// The key of the manifest that it is about.
    pub key: &'static str,
    /// The right, in words.
    pub right: String,
    /// Why it is told though it may be none, where brig could not decide.
    pub unsure: Option<&'static str>,
}

impl Change {
    fn sure(key: &'static str, right: String) -> Self {
        Self {
            key,
            right,
            unsure: None,
        }
    }
}

/// What changes from the first policy to the second.
pub fn widen(first: &Policy, second: &Policy) -> Changes {
    Changes {
        widened: wider(first, second),
        narrowed: wider(second, first),
        other: rest::other(first, second),
    }
}

/// What the second allows and the first does not.
fn wider(first: &Policy, second: &Policy) -> Vec<Change> {
    let mut changes = files(first.files(), second.files());
    changes.extend(network::wider(first.network(), second.network()));
    changes.extend(rest::wider(first, second));
    changes.extend(tools::wider(first.tools(), second.tools()));
    changes.extend(tools::wider_allowed(
        "resources",
        "read the resources",
        first.resources(),
        second.resources(),
    ));
    changes.extend(tools::wider_allowed(
        "prompts",
        "use the prompts",
        first.prompts(),
        second.prompts(),
    ));
    changes
}

/// What can be done below a source. A subtree is covered by one grant or by none: two of them that
/// are narrower never make a whole.
fn files(first: &[FileGrant], second: &[FileGrant]) -> Vec<Change> {
    let mut changes = Vec::new();
    for grant in second {
        let path = grant.host().as_str();
        let covers = |has: fn(&FileGrant) -> bool| {
            first
                .iter()
                .any(|other| has(other) && is_within(path, other.host().as_str()))
        };
        let mut tell = |has: fn(&FileGrant) -> bool, what: &str| {
            if has(grant) && !covers(has) {
                changes.push(Change::sure("files", format!("{what} `{path}`")));
            }
        };
        tell(|_| true, "read");
        tell(writes, "create, change and delete in");
        tell(|grant| grant.exec() == Exec::Allowed, "run programs of");
        // Nothing at all can be made where nothing can be written.
        tell(
            |grant| writes(grant) && grant.links() == Links::Allowed,
            "make links and special files in",
        );
        for named in grant.named() {
            let path = named.host().as_str();
            let mut others = first.iter().flat_map(FileGrant::named);
            if !others.any(|other| is_within(path, other.host().as_str())) {
                let words = format!("change `{path}`, even where the host obeys it");
                changes.push(Change::sure("files", words));
            }
        }
    }
    distinct(changes)
}

fn writes(grant: &FileGrant) -> bool {
    grant.access() == Access::Write
}

/// Each once, in the order in which they came.
fn distinct(changes: Vec<Change>) -> Vec<Change> {
    let mut kept: Vec<Change> = Vec::new();
    for change in changes {
        if !kept.contains(&change) {
            kept.push(change);
        }
    }
    kept
}

/// A change of a value.
fn changed(key: &'static str, what: &str, from: &str, to: &str) -> Change {
    let right = if what.is_empty() {
        format!("`{to}` in place of `{from}`")
    } else {
        format!("{what}: `{to}` in place of `{from}`")
    };
    Change::sure(key, right)
}
