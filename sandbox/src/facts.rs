//! What this host offers, as plain data. The probe in `runtime` fills it; nothing here looks.

use crate::component::Form;
use crate::egress::ranges::Wanted;
use crate::egress::text;
use crate::engine::{EngineFacts, Maker};
use crate::family::ProgramLook;
use crate::image::ImageFacts;
use brig_policies::{Block, ProxyAddress};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything about the host that a plan may depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Kernel release as major and minor number.
    pub kernel: (u32, u32),
    /// Who starts brig.
    pub caller: Caller,
    /// Whether this caller can make user namespaces.
    pub user_namespaces: UserNamespaces,
    /// The engine for containers.
    #[serde(default)]
    pub engine: EngineFacts,
    /// The Landlock ABI, 0 where there is none (landlock(7), "Landlock ABI versions").
    pub landlock_abi: u32,
    /// Whether the kernel takes seccomp filters (seccomp(2), `SECCOMP_SET_MODE_FILTER`).
    pub seccomp: bool,
    /// Control group controllers with which this caller can bound a group of its own.
    pub controllers: BTreeSet<Controller>,
    /// brig's own program files, which a component's cell needs to run the worker.
    pub worker: WorkerFiles,
    /// What of the host a program needs to start, where the manifest runs one.
    pub system: Vec<SystemPlace>,
    /// The program that the manifest names, where it names one and the host has it: the path by
    /// which it is run.
    pub program: Option<String>,
    /// The runtimes that the program needs, where they lie outside of the host's system.
    #[serde(default)]
    pub runtimes: Vec<RuntimePlace>,
    /// Whether the program is a version manager's stand-in for another one.
    #[serde(default)]
    pub shim: bool,
    /// What kind of file the program is, of this host or in the image.
    #[serde(default)]
    pub look: ProgramLook,
    /// The image that the manifest names, where it names one.
    #[serde(default)]
    pub image: Option<ImageFacts>,
    /// How many processors this process may run on.
    pub processors: u32,
    /// Where addresses may lie that stand for names in a cell.
    #[serde(default)]
    pub virtual_ranges: Wanted,
    /// The proxy by which this host reaches others, where the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::some")]
    pub proxy: Option<ProxyAddress>,
    /// The blocks with which this host's resolver answers in place of real addresses, as the
    /// settings say.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "text::list")]
    pub fake_addresses: Vec<Block>,
    /// For each granted source, by the path that the manifest names: what it is on this host.
    /// A source that does not exist has no entry.
    pub sources: BTreeMap<String, SourceFact>,
}

impl HostFacts {
    /// The controllers that can bound a container: a daemon's own, or those in which brig makes a
    /// group.
    pub fn bounding(&self) -> &BTreeSet<Controller> {
        match self.engine.engine.maker() {
            Maker::Daemon => &self.engine.controllers,
            Maker::Warden | Maker::Runtime => &self.controllers,
        }
    }
}

/// The process that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Whether the ids that root's cells use can be used: in a user namespace of a container they
    /// may not be mapped (user_namespaces(7)). It does not matter to an ordinary user.
    pub unused_ids: bool,
    /// Supplementary groups besides `gid`.
    pub supplementary_groups: usize,
    /// The first of this user's subordinate group ids, where it has some and the programs are there
    /// that map them (subgid(5), newgidmap(1)).
    pub subordinate_gid: Option<u32>,
    /// The first of this user's subordinate user ids, likewise (subuid(5), newuidmap(1)).
    #[serde(default)]
    pub subordinate_uid: Option<u32>,
}

impl Caller {
    /// Root can choose any id for the cell, so it must: a cell that keeps uid 0 would be able to
    /// read whatever another mechanism forgets.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}

/// Whether user namespaces can be made, and if not, what stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserNamespaces {
    /// They can.
    Offered,
    /// The kernel has none (`CONFIG_USER_NS`).
    NotBuilt,
    /// `user.max_user_namespaces` is 0.
    LimitZero,
    /// `kernel.unprivileged_userns_clone` is 0 and the caller is not root (Debian's own switch).
    SwitchedOffForUsers,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 and the caller is not root (Ubuntu).
    AppArmor,
}

/// Controllers of control groups (cgroups(7)), of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Controller {
    /// Processor time.
    Cpu,
    /// Memory, the page cache included.
    Memory,
    /// Number of processes and threads.
    Pids,
}

/// The files that an exec of brig needs. They appear in the cell below `/.brig`, read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFiles {
    /// brig itself.
    pub program: String,
    /// The program's dynamic loader, absent where brig is linked statically.
    pub loader: Option<String>,
    /// Shared libraries that are loaded into brig: the name that the loader asks for → canonical
    /// path.
    pub libraries: BTreeMap<String, String>,
}

/// One place of the host's system in a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPlace {
    /// Its path, which is the same in the cell.
    pub at: String,
    /// What is there.
    pub is: SystemKind,
}

/// What a place of the host's system is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemKind {
    /// A directory.
    Directory,
    /// A file, with its canonical path.
    File(String),
    /// A symbolic link, with where it leads.
    Link(String),
}

/// A runtime outside of the host's system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimePlace {
    /// Its folder, by the path that leads to it.
    pub at: String,
    /// The same with every symbolic link resolved.
    pub canonical: String,
    /// What it is.
    pub is: RuntimeKind,
    /// What its files say that it is.
    pub version: Option<String>,
}

/// What a runtime's folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// An environment of Python's venv.
    Environment,
    /// One installation of Node.js or Python.
    Runtime,
    /// All of Homebrew, whose programs use each other's libraries.
    Homebrew,
}

/// What a granted source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFact {
    /// The path with every symbolic link resolved.
    pub canonical: String,
    /// Directory or file.
    pub kind: SourceKind,
    /// Whose it is, and what its user, its group and others may do (inode(7)).
    #[serde(default)]
    pub owner: Owner,
    /// Where a directory is granted for writing: what the host obeys in it, by its path below, with
    /// the reason (`brig_policies::obeyed`). What lies in such a place is listed only if the policy
    /// names the place.
    #[serde(default)]
    pub obeyed: BTreeMap<String, String>,
    /// Which of these are symbolic links themselves.
    #[serde(default)]
    pub obeyed_links: BTreeSet<String>,
    /// Whether part of it was not looked through.
    #[serde(default)]
    pub beyond: bool,
}

/// Owner and permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The nine permission bits.
    pub mode: u32,
}

/// Entries that are looked through for what the host obeys, over all write grants together. Without
/// a bound a large folder would delay the start for as long as it takes to list.
pub const LOOKED_THROUGH_MAX: usize = 16_384;

/// Kinds of things that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A directory with all below it.
    Directory,
    /// One regular file.
    File,
    /// A socket, FIFO or device, which no grant may name.
    Special,
}

/// What is to be run, after `images` has verified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The path it was read from.
    pub path: String,
    /// BLAKE3 of its bytes, lower-case hexadecimal.
    pub digest: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Which form its bytes have.
    pub form: Form,
}
