//! What a server is now, held against what was reviewed of it.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::difference::Difference;
use super::lines::Extent;
use super::tool::Tool;
use super::visible::visible_name;
use super::{Era, Lock, LockedArtifact, LockedTool};

/// How many places of one tool are told of while a session lasts.
const PLACES_MAX: usize = 16;

/// How a server differs from its lock; empty where it does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Whether the manifest says something else than when the lock was made.
    pub manifest_changed: bool,
    /// What was run and what is run now, where they are not the same.
    pub artifact: Option<(Option<String>, Option<String>)>,
    /// The eras that the server did not speak, and does.
    pub eras_new: BTreeSet<Era>,
    /// The eras that it spoke, and does not.
    pub eras_gone: BTreeSet<Era>,
    /// The tools that are not as they were, by name.
    pub tools: Vec<Found>,
}

/// One tool that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "found")]
pub enum Found {
    /// No tool of this name was reviewed.
    New {
        /// Its name.
        name: String,
        /// What it is: all its parts, as differences from nothing.
        differences: Vec<Difference>,
    },
    /// One of this name was reviewed, and this is none of its variants.
    Changed {
        /// Its name.
        name: String,
        /// How it differs from the variant that is most like it.
        differences: Vec<Difference>,
    },
    /// It was reviewed, and the server does not offer it any more.
    Gone {
        /// Its name.
        name: String,
    },
}

impl Lock {
    /// How a server that was looked at anew differs from this lock.
    ///
    /// A variant that does not show this time is no difference as long as another does.
    pub fn compare(&self, now: &Self) -> Comparison {
        let artifact = (self.artifact != now.artifact).then(|| {
            (
                self.artifact.as_ref().map(shown),
                now.artifact.as_ref().map(shown),
            )
        });
        let names = self.tools.iter().chain(&now.tools);
        let names: BTreeSet<&str> = names.map(|locked| locked.tool.name()).collect();
        Comparison {
            manifest_changed: self.manifest != now.manifest,
            artifact,
            eras_new: now.eras.difference(&self.eras).copied().collect(),
            eras_gone: self.eras.difference(&now.eras).copied().collect(),
            tools: names
                .into_iter()
                .flat_map(|name| self.found(name, now))
                .collect(),
        }
    }

    fn found(&self, name: &str, now: &Self) -> Vec<Found> {
        let found = now.variants(name);
        if found.is_empty() {
            return Vec::from([Found::Gone {
                name: name.to_owned(),
            }]);
        }
        let found = found
            .iter()
            .filter_map(|locked| self.judge(&locked.tool).err());
        found.collect()
    }

    /// Whether a tool is one of the variants that were reviewed; else how it is not.
    pub(super) fn judge(&self, tool: &Tool) -> Result<(), Found> {
        let variants = self.variants(tool.name());
        if variants.iter().any(|variant| variant.tool == *tool) {
            return Ok(());
        }
        let name = tool.name().to_owned();
        Err(match nearest(variants, tool) {
            Some(differences) => Found::Changed { name, differences },
            None => Found::New {
                name,
                differences: whole(tool),
            },
        })
    }
}

/// The differences from the variant that has the fewest.
fn nearest(variants: &[LockedTool], tool: &Tool) -> Option<Vec<Difference>> {
    let differences = variants
        .iter()
        .map(|variant| variant.tool.differences(tool));
    differences.min_by_key(Vec::len)
}

/// A tool as what it has beyond its name.
fn whole(tool: &Tool) -> Vec<Difference> {
    tool.named_only().differences(tool)
}

fn shown(artifact: &LockedArtifact) -> String {
    match artifact {
        LockedArtifact::Component(digest) => format!("component {digest}"),
        LockedArtifact::Image(digest) => format!("image {digest}"),
    }
}

impl Comparison {
    /// Whether the server is what was reviewed.
    pub fn is_empty(&self) -> bool {
        let Self {
            manifest_changed,
            artifact,
            eras_new,
            eras_gone,
            tools,
        } = self;
        !manifest_changed
            && artifact.is_none()
            && eras_new.is_empty()
            && eras_gone.is_empty()
            && tools.is_empty()
    }

    /// For people, one line each. No line holds a character that could not be seen.
    pub fn lines(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.manifest_changed {
            out.push("the manifest says something else".to_owned());
        }
        if let Some((before, after)) = &self.artifact {
            let named = |digest: &Option<String>| digest.clone().unwrap_or("nothing".to_owned());
            out.push("what is run is something else".to_owned());
            out.push(format!("  - {}", named(before)));
            out.push(format!("  + {}", named(after)));
        }
        let eras = [
            (&self.eras_new, "speaks"),
            (&self.eras_gone, "does not speak"),
        ];
        for (eras, what) in eras {
            let lines = eras
                .iter()
                .map(|era| format!("the server now {what} the {era} era"));
            out.extend(lines);
        }
        for found in &self.tools {
            out.extend(found.lines(Extent::Whole));
        }
        out
    }
}

impl Found {
    /// The tool's name. It may hold any character.
    pub fn name(&self) -> &str {
        match self {
            Self::New { name, .. } | Self::Changed { name, .. } | Self::Gone { name } => name,
        }
    }

    pub(super) fn lines(&self, extent: Extent) -> Vec<String> {
        let name = visible_name(self.name());
        let (head, differences) = match self {
            Self::New { differences, .. } => (format!("the tool `{name}` is new"), differences),
            Self::Changed { differences, .. } => {
                (format!("the tool `{name}` changed"), differences)
            }
            Self::Gone { .. } => return Vec::from([format!("the tool `{name}` is gone")]),
        };
        let most = match extent {
            Extent::Whole => usize::MAX,
            Extent::Short => PLACES_MAX,
        };
        let more = differences.len().saturating_sub(most);
        let more = (more > 0).then(|| format!("… and {more} more places"));
        let told = differences
            .iter()
            .take(most)
            .flat_map(|difference| difference.lines(extent));
        let told = told.chain(more).map(|line| format!("  {line}"));
        core::iter::once(head).chain(told).collect()
    }
}
