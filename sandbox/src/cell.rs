//! A cell as plain data: the walls of one server, decided and not yet built.

use crate::seccomp::Profile;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the worker's files and init appear in a cell. No grant may lie here.
pub const PROGRAM_FOLDER: &str = "/.brig";

/// Where secrets appear as files in a cell, each by its name. No grant may lie here where there is
/// one.
pub const SECRETS_FOLDER: &str = "/run/secrets";

/// Bytes of all secrets of one server together.
pub const SECRETS_BYTES_MAX: u64 = 64 << 10;

/// Bytes of the memory file system with them: each takes whole pages.
pub(crate) const SECRETS_TMPFS_BYTES: u64 = 4 << 20;
/// Files and folders of it: no manifest has more variables.
pub(crate) const SECRETS_TMPFS_INODES: u64 = 1032;

/// User and group id inside a cell. Not 0, so that no exec regains a capability.
pub const ID_INSIDE: u32 = 65_532;

/// First of the host ids that root's cells use, one each: this plus the warden's process id, which
/// is below 2^22 (proc_sys_kernel(5), pid_max). systemd and useradd give out nothing here.
pub const FIRST_UNUSED_HOST_ID: u32 = 0x7000_0000;

/// First of the host ids that root's servers have under an engine that is told the id before there
/// is a process. Above all that cells use.
pub const FIRST_SERVERS_HOST_ID: u32 = FIRST_UNUSED_HOST_ID + (1 << 22);

/// First of the host ids as which runtimes work within namespaces of root's, this plus the warden's
/// process id. Above all that servers have.
pub const FIRST_SETUP_HOST_ID: u32 = FIRST_UNUSED_HOST_ID + (2 << 22);

/// The walls of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Which cell.
    pub kind: CellKind,
    /// Namespaces that are made anew.
    pub namespaces: BTreeSet<Namespace>,
    /// Who the server is on the host.
    pub identity: Identity,
    /// All that the root holds, in the order in which it is mounted.
    pub mounts: Vec<Mount>,
    /// Bounds over all processes of the cell together, by a control group.
    pub group: ControlGroup,
    /// Resource limits (getrlimit(2)), soft and hard alike.
    pub rlimits: BTreeMap<Rlimit, u64>,
    /// How many processors all of the cell is tied to (sched_setaffinity(2)), where that is what
    /// holds its share.
    pub processors: Option<u32>,
    /// Landlock's part, absent where the kernel has none and another mechanism holds its denials.
    pub landlock: Option<Landlock>,
    /// System calls of init while the server runs.
    pub calls_of_init: Profile,
    /// System calls of the server from its exec on.
    pub calls_at_start: Profile,
}

impl Cell {
    /// User and group as the server sees them; none where only the warden's process id tells them.
    pub fn ids_inside(&self) -> Option<(u32, u32)> {
        if self.namespaces.contains(&Namespace::User) {
            return Some((ID_INSIDE, ID_INSIDE));
        }
        match self.identity {
            Identity::UnusedHostId => None,
            Identity::ServersHostId { id } => Some((id, id)),
            Identity::OfSentry => Some((0, 0)),
            Identity::Caller { uid, gid, .. } => Some((uid, gid)),
        }
    }
}

/// Bounds of a control group (cgroups(7)). What is absent has no controller here; another mechanism
/// holds it then, or there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlGroup {
    /// Memory in bytes, the page cache and memory file systems included, and no swap.
    pub memory_bytes_max: Option<u64>,
    /// Processes and threads.
    pub processes_max: Option<u64>,
    /// Thousandths of a processor.
    pub processor_milli: Option<u64>,
}

/// Which kind of cell a host allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// All namespaces, and a root of exactly the mounts.
    Full,
    /// No namespaces: Landlock, seccomp, an unprivileged user and limits. Paths are the host's own.
    Narrow,
}

/// namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// user_namespaces(7).
    User,
    /// mount_namespaces(7).
    Mount,
    /// pid_namespaces(7).
    Pid,
    /// network_namespaces(7).
    Network,
    /// ipc_namespaces(7).
    Ipc,
    /// uts_namespaces(7).
    Uts,
    /// cgroup_namespaces(7).
    Cgroup,
    /// time_namespaces(7), with offsets of zero: nobody else's offsets are inherited.
    Time,
}

/// Who the server is on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
pub enum Identity {
    /// Root starts it: an id that nobody has, [`FIRST_UNUSED_HOST_ID`] plus the warden's process
    /// id.
    UnusedHostId,
    /// Root starts it under an engine that is told the id before there is a process: one of this
    /// server's own, by its name, that no account has.
    ServersHostId {
        /// User and group alike.
        id: u32,
    },
    /// A user of gVisor's kernel, its root without any capability. On the host nothing runs as it,
    /// and what it makes belongs to the owner of the grant.
    OfSentry,
    /// An ordinary user starts it: that user, without any capability.
    Caller {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
        /// A subordinate group id to map beside. It is never used: a map with one is what lets the
        /// server drop the caller's supplementary groups (user_namespaces(7), setgroups).
        subordinate_gid: Option<u32>,
    },
}

/// One thing that the root holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Mount {
    /// A file of brig's own program: read-only, executable.
    Program {
        /// Canonical path on the host.
        source: String,
        /// Path in the cell, below [`PROGRAM_FOLDER`].
        at: String,
    },
    /// A granted directory or file: no set-id bits, no devices, not executable.
    Grant {
        /// Canonical path on the host.
        source: String,
        /// Path in the cell.
        at: String,
        /// Directory or file.
        kind: GrantKind,
        /// Reading or writing.
        access: Access,
        /// Whether programs in it may be run.
        exec: Exec,
        /// Whether symbolic links and their like may be made in it.
        links: Links,
    },
    /// An image that lies unpacked on the host, as the whole root: read-only, executable, no set-id
    /// bits and no devices. It is the first mount, and the others lie in it.
    Image {
        /// Canonical path on the host.
        source: String,
        /// What lies at its top, links left out; of a folder in which something else is mounted,
        /// what lies in it beside that. The paths are below the root.
        top: BTreeMap<String, GrantKind>,
        /// The folders that are left out for that: they can be listed.
        #[serde(default)]
        ways: BTreeSet<String>,
    },
    /// A folder or file of the host that a program needs: read-only, executable.
    System {
        /// Canonical path on the host.
        source: String,
        /// Path in the cell.
        at: String,
        /// Directory or file.
        kind: GrantKind,
        /// Who can read it on the host.
        readers: Readers,
    },
    /// A symbolic link that is there from the start, as the host has it or as programs expect it.
    Link {
        /// Path in the cell.
        at: String,
        /// Where it leads.
        to: String,
    },
    /// An empty folder: read-only.
    Folder {
        /// Path in the cell.
        at: String,
    },
    /// A file that brig writes: read-only.
    Text {
        /// Path in the cell.
        at: String,
        /// Its whole content.
        text: String,
    },
    /// proc(5) of the cell's own processes and nothing else (`subset=pid`), read-only.
    Processes {
        /// Path in the cell.
        at: String,
    },
    /// A device that gives and takes bytes and no more: `null`, `zero`, `full`, `random`,
    /// `urandom`.
    Device {
        /// Path on the host and in the cell.
        at: String,
    },
    /// A part of the write grant before it that the host obeys: read-only over itself.
    Held {
        /// Path on the host, below the grant's. A link is held itself, and not what it leads to.
        source: String,
        /// Path in the cell.
        at: String,
        /// Whether programs in it may be run.
        exec: Exec,
        /// Why the host obeys it.
        why: String,
    },
    /// A folder on the way to such a part: over itself, so that it stays where it is.
    Kept {
        /// Path on the host, below the grant's.
        source: String,
        /// Path in the cell.
        at: String,
        /// Whether programs in it may be run.
        exec: Exec,
    },
    /// A file that the engine shows, and that programs read their own bounds from.
    Shown {
        /// Path in the cell.
        at: String,
    },
    /// A place of a volume that the image wishes for, under an engine that makes one unasked:
    /// read-only and empty.
    Volume {
        /// Path in the cell.
        at: String,
    },
    /// Memory that ends with the cell, with the secrets that the server gets as files: init writes
    /// each before the server starts, and the server reads them.
    Secrets {
        /// Path in the cell: [`SECRETS_FOLDER`].
        at: String,
    },
    /// Memory that ends with the cell.
    Scratch {
        /// Path in the cell.
        at: String,
        /// Bytes at most.
        bytes_max: u64,
        /// Files and directories at most.
        inodes_max: u64,
    },
}

impl Mount {
    /// Where it is in the cell.
    pub fn at(&self) -> &str {
        match self {
            Self::Image { .. } => "/",
            Self::Program { at, .. }
            | Self::Grant { at, .. }
            | Self::System { at, .. }
            | Self::Link { at, .. }
            | Self::Folder { at }
            | Self::Text { at, .. }
            | Self::Processes { at }
            | Self::Shown { at }
            | Self::Volume { at }
            | Self::Secrets { at }
            | Self::Device { at }
            | Self::Held { at, .. }
            | Self::Kept { at, .. }
            | Self::Scratch { at, .. } => at,
        }
    }
}

/// Whether a path is the other or lies in it. Both are absolute, and the other is not the root.
pub(crate) fn within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Directory or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A directory and all below it on the same file system.
    Directory,
    /// One file.
    File,
}

pub use crate::component::Access;

/// Who can read a part of the host's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readers {
    /// Everybody.
    All,
    /// Perhaps its owner alone, as in a home. Where root starts the cell, what the owner may do the
    /// server may do, or it could not run what root itself runs from there.
    Owner,
}

/// Whether programs may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exec {
    /// No.
    Denied,
    /// Yes.
    Allowed,
}

/// Whether links, FIFOs and sockets may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// No.
    Denied,
    /// Yes.
    Allowed,
}

/// getrlimit(2), by Linux's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rlimit {
    /// `RLIMIT_CORE`, bytes.
    Core,
    /// `RLIMIT_CPU`, seconds.
    Cpu,
    /// `RLIMIT_DATA`, bytes.
    Data,
    /// `RLIMIT_MEMLOCK`, bytes.
    LockedMemory,
    /// `RLIMIT_MSGQUEUE`, bytes.
    MessageQueues,
    /// `RLIMIT_NICE`.
    Nice,
    /// `RLIMIT_NOFILE`, descriptors.
    OpenFiles,
    /// `RLIMIT_NPROC`, processes and threads.
    Processes,
    /// `RLIMIT_RTPRIO`.
    RealTimePriority,
    /// `RLIMIT_STACK`, bytes.
    Stack,
}

/// What landlock(7) is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landlock {
    /// The kernel's ABI, which decides the rights that exist.
    pub abi: u32,
    /// Rights that are refused wherever no rule allows them (`LANDLOCK_ACCESS_FS_*` bits).
    pub handled_files: u64,
    /// The same for `LANDLOCK_ACCESS_NET_*`: all of them.
    pub handled_network: u64,
    /// Ports to which TCP may connect (`LANDLOCK_ACCESS_NET_CONNECT_TCP`). It may bind none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<u16>,
    /// `LANDLOCK_SCOPE_*` bits.
    pub scoped: u64,
    /// What is allowed beneath which path.
    pub rules: Vec<LandlockRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockRule {
    /// Path in the cell.
    pub at: String,
    /// `LANDLOCK_ACCESS_FS_*` bits.
    pub allowed: u64,
}
