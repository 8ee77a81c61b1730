//! What was reviewed of a server: which artifact it was, and what it said of its tools.
//!
//! A [`Lock`] is a record beside a manifest, made to be reviewed and kept with it. It grants
//! nothing and is no consent: whoever ships a manifest can ship a lock. What it does is to tell a
//! server that changed from the one that was looked at: [`Lock::compare`] for a whole list,
//! [`Watch`] while a session lasts.
//!
//! *Absent here:* any notion of who approved it. That is kept on each machine, by its user.

mod canonical;
mod compare;
mod difference;
mod hash;
mod lines;
mod manifest;
mod read;
mod tool;
mod value;
mod visible;
mod watch;
mod written;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

pub use compare::{Comparison, Found};
pub use difference::Difference;
pub use hash::{Digest, InvalidDigest};
pub use manifest::{manifest_digest, names_project};
pub use read::read_lock;
pub use tool::{InvalidTool, TOOL_BYTES_MAX, Tool};
pub use value::InvalidJson;
pub use watch::{Drift, Judgement, Watch};

/// The longest lock. A server with a hundred tools has one of 300 KiB.
pub const LOCK_BYTES_MAX: usize = 8 << 20;

/// A generation of MCP, told by how a connection starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// With the handshake `initialize`: up to 2025-11-25.
    Legacy,
    /// Without one: since 2026-07-28.
    Modern,
}

impl Era {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Legacy, Self::Modern];

    /// As a lock has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What was run, by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedArtifact {
    /// A WebAssembly file.
    Component(Digest),
    /// A container image: the digest of its manifest for the platform that it was locked on.
    Image(Digest),
}

/// A tool that was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedTool {
    tool: Tool,
    digest: Digest,
    eras: BTreeSet<Era>,
}

impl LockedTool {
    /// The tool.
    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Its digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The eras in which it was seen.
    pub fn eras(&self) -> &BTreeSet<Era> {
        &self.eras
    }
}

/// What was reviewed of one server.
///
/// A tool may stand in it more than once, in several variants that were all reviewed: what a server
/// says can differ by era, by a feature of its client, or while one release replaces another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    manifest: Digest,
    artifact: Option<LockedArtifact>,
    eras: BTreeSet<Era>,
    /// Sorted, and none twice.
    tools: Vec<LockedTool>,
}

impl Lock {
    /// A lock of a server that was asked for its tools in these eras.
    ///
    /// The digest is that of the manifest ([`manifest_digest`](crate::manifest_digest)). Tools that
    /// are equal become one entry.
    pub fn new(
        manifest: Digest,
        artifact: Option<LockedArtifact>,
        offers: impl IntoIterator<Item = (Era, Vec<Tool>)>,
    ) -> Self {
        let mut lock = Self {
            manifest,
            artifact,
            eras: BTreeSet::new(),
            tools: Vec::new(),
        };
        for (era, tools) in offers {
            lock.eras.insert(era);
            for tool in tools {
                lock.put(tool, BTreeSet::from([era]));
            }
        }
        lock.tools.sort();
        lock
    }

    /// The digest of what the manifest said when the server was looked at.
    pub fn manifest(&self) -> &Digest {
        &self.manifest
    }

    /// What was run, where it has a digest: a program of the host has none.
    pub fn artifact(&self) -> Option<&LockedArtifact> {
        self.artifact.as_ref()
    }

    /// The eras in which the server answered.
    pub fn eras(&self) -> &BTreeSet<Era> {
        &self.eras
    }

    /// The tools, sorted by name; variants of one stand side by side.
    pub fn tools(&self) -> &[LockedTool] {
        &self.tools
    }

    /// The variants of a tool; none where it was not reviewed.
    pub fn variants(&self, name: &str) -> &[LockedTool] {
        let start = self
            .tools
            .partition_point(|locked| locked.tool.name() < name);
        let rest = self.tools.get(start..).unwrap_or_default();
        let count = rest.partition_point(|locked| locked.tool.name() == name);
        rest.get(..count).unwrap_or_default()
    }

    /// This lock with the variants of another, which stay approved beside its own.
    #[must_use]
    pub fn beside(mut self, other: &Self) -> Self {
        for locked in &other.tools {
            self.put(locked.tool.clone(), locked.eras.clone());
        }
        self.tools.sort();
        self
    }

    fn put(&mut self, tool: Tool, eras: BTreeSet<Era>) {
        let digest = tool.digest();
        match self.tools.iter_mut().find(|locked| locked.digest == digest) {
            Some(locked) => locked.eras.extend(eras),
            None => self.tools.push(LockedTool { tool, digest, eras }),
        }
    }
}
