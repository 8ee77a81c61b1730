//! The mechanism table: each denial, and what can hold it, in order of preference.
//!
//! A denial is a right that no cell has. Where nothing in its row is at hand, a plan is not made:
//! brig names the denial and the remedy, and never starts with less.

use crate::cell::CellKind;
use crate::facts::{Controller, HostFacts, UserNamespaces};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A right that is absent from every cell, whatever the manifest grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// Naming any file that no grant names.
    Files,
    /// Changing what is granted for reading.
    Writes,
    /// Reaching any address, the host's loopback among them.
    Network,
    /// Seeing or signalling any process of the host.
    Processes,
    /// Acting as the caller or as any other user of the host.
    Identity,
    /// Holding or gaining a capability over the host.
    Capabilities,
    /// Gaining rights by running a set-user-id or otherwise marked file.
    Elevation,
    /// Calling the parts of the kernel that the program family does not need.
    Surface,
    /// Running machine code that brig did not compile, once the guest's code is loaded.
    NativeCode,
    /// Meeting other processes in System V or POSIX message queues, semaphores, shared memory.
    Ipc,
    /// Changing or learning the host's name.
    HostName,
    /// Seeing or changing control groups.
    ControlGroups,
    /// Writing to the caller's terminal.
    Terminal,
    /// Using a descriptor that the caller had open.
    Descriptors,
    /// Reading the caller's environment.
    Environment,
    /// Taking more memory than the manifest allows.
    Memory,
    /// Taking more processor time than the manifest allows.
    ProcessorShare,
    /// Starting more processes and threads than the manifest allows.
    ProcessCount,
    /// Opening more files than the manifest allows.
    OpenFiles,
    /// Leaving memory on disk as a core file.
    CoreDumps,
    /// Outliving brig.
    Outliving,
}

/// Something of the kernel or of the runtime that holds a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// mount_namespaces(7), with a root of exactly the plan's mounts, pivoted.
    MountNamespace,
    /// Read-only mounts (mount_setattr(2), `MOUNT_ATTR_RDONLY`).
    ReadOnlyMount,
    /// landlock(7).
    Landlock,
    /// network_namespaces(7), empty.
    NetworkNamespace,
    /// A seccomp filter without `socket`.
    SeccompNoSocket,
    /// A seccomp filter without System V and POSIX message queues, semaphores and shared memory.
    SeccompNoIpc,
    /// Landlock's scope for signals: none to a process outside of the cell (landlock(7), ABI 6).
    LandlockSignalScope,
    /// A user id without any capability and without a way to gain one: an id that nobody else has
    /// where root starts the cell, the caller's own otherwise.
    UnprivilegedUser,
    /// pid_namespaces(7).
    PidNamespace,
    /// user_namespaces(7).
    UserNamespace,
    /// All five capability sets empty (capabilities(7)).
    EmptyCapabilities,
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// Mounts without set-id bits (`MOUNT_ATTR_NOSUID`).
    NoSetIdMount,
    /// A seccomp allow-list (seccomp(2)).
    SeccompAllowList,
    /// A seccomp filter without executable mappings and exec.
    SeccompNoExecutableMemory,
    /// ipc_namespaces(7).
    IpcNamespace,
    /// uts_namespaces(7).
    UtsNamespace,
    /// cgroup_namespaces(7), and no control group file system in the root.
    CgroupNamespace,
    /// An own session without controlling terminal (setsid(2)), and pipes for the three streams.
    OwnSession,
    /// All descriptors closed but the plan's (close_range(2)).
    CloseRange,
    /// An environment built from nothing.
    EmptyEnvironment,
    /// wasmtime's resource limiter over the sum of all memories and tables.
    WasmLimiter,
    /// The memory controller of a control group (cgroups(7)): all processes and the page cache.
    ControlGroupMemory,
    /// The pids controller.
    ControlGroupPids,
    /// The cpu controller.
    ControlGroupCpu,
    /// The guest has one thread and no way to a second, so it never uses more than one processor.
    OneThread,
    /// `RLIMIT_DATA` (getrlimit(2)), per process.
    RlimitData,
    /// `RLIMIT_NPROC`.
    RlimitProcesses,
    /// `RLIMIT_NOFILE`.
    RlimitOpenFiles,
    /// `RLIMIT_CORE` 0.
    RlimitCore,
    /// `PR_SET_DUMPABLE` 0.
    NotDumpable,
    /// The pid namespace ends with its init, and init with the warden (`PR_SET_PDEATHSIG`).
    ParentDeathSignal,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is denied.
    pub denial: Denial,
    /// What can hold it. All that are at hand are set: defence in depth.
    pub alternatives: &'static [Mechanism],
}

/// The table. Each [`Denial`] has exactly one row, which a test holds.
pub const TABLE: &[Row] = {
    use Denial as D;
    use Mechanism as M;
    &[
        row(D::Files, &[M::MountNamespace, M::Landlock]),
        row(D::Writes, &[M::ReadOnlyMount, M::Landlock]),
        row(D::Network, &[M::NetworkNamespace, M::SeccompNoSocket]),
        row(D::Processes, &[M::PidNamespace, M::LandlockSignalScope]),
        row(D::Identity, &[M::UserNamespace, M::UnprivilegedUser]),
        row(D::Capabilities, &[M::EmptyCapabilities]),
        row(D::Elevation, &[M::NoNewPrivileges, M::NoSetIdMount]),
        row(D::Surface, &[M::SeccompAllowList]),
        row(D::NativeCode, &[M::SeccompNoExecutableMemory]),
        row(D::Ipc, &[M::IpcNamespace, M::SeccompNoIpc]),
        row(D::HostName, &[M::UtsNamespace, M::SeccompAllowList]),
        row(D::ControlGroups, &[M::CgroupNamespace, M::Landlock]),
        row(D::Terminal, &[M::OwnSession]),
        row(D::Descriptors, &[M::CloseRange]),
        row(D::Environment, &[M::EmptyEnvironment]),
        row(
            D::Memory,
            &[M::ControlGroupMemory, M::WasmLimiter, M::RlimitData],
        ),
        row(D::ProcessorShare, &[M::ControlGroupCpu, M::OneThread]),
        row(D::ProcessCount, &[M::ControlGroupPids, M::RlimitProcesses]),
        row(D::OpenFiles, &[M::RlimitOpenFiles]),
        row(D::CoreDumps, &[M::RlimitCore, M::NotDumpable]),
        row(D::Outliving, &[M::ParentDeathSignal]),
    ]
};

const fn row(denial: Denial, alternatives: &'static [Mechanism]) -> Row {
    Row {
        denial,
        alternatives,
    }
}

/// A denial and everything that holds it on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What is denied.
    pub denial: Denial,
    /// What holds it, at least one.
    pub by: Vec<Mechanism>,
}

/// A denial that nothing on this host holds. brig does not start then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("nothing on this host holds the denial `{denial}`: {reason}")]
pub struct Unenforceable {
    /// The denial's stable name.
    pub denial: &'static str,
    /// What is missing.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// Which cell this host allows: the full one wherever user namespaces can be made. A host without
/// them gets the narrow one, in which Landlock and seccomp hold what namespaces hold elsewhere.
pub fn cell_kind(facts: &HostFacts) -> CellKind {
    match facts.user_namespaces {
        UserNamespaces::Offered => CellKind::Full,
        UserNamespaces::NotBuilt
        | UserNamespaces::LimitZero
        | UserNamespaces::SwitchedOffForUsers
        | UserNamespaces::AppArmor => CellKind::Narrow,
    }
}

/// Goes through the table. Every denial is held, or all that are not are named.
pub fn hold(facts: &HostFacts) -> Result<Vec<Held>, Vec<Unenforceable>> {
    let mut held = Vec::new();
    let mut open = Vec::new();
    for row in TABLE {
        let mut by = Vec::new();
        let mut absences = Vec::new();
        for mechanism in row.alternatives {
            match absence(row.denial, *mechanism, facts) {
                None => by.push(*mechanism),
                Some(absence) => absences.push(absence),
            }
        }
        match absences.first() {
            Some(first) if by.is_empty() => open.push(Unenforceable {
                denial: row.denial.name(),
                reason: first.reason.to_owned(),
                remedy: first.remedy.to_owned(),
            }),
            Some(_) | None => held.push(Held {
                denial: row.denial,
                by,
            }),
        }
    }
    if open.is_empty() { Ok(held) } else { Err(open) }
}

/// Why a mechanism is not at hand.
struct Absence {
    reason: &'static str,
    remedy: &'static str,
}

fn absence(denial: Denial, mechanism: Mechanism, facts: &HostFacts) -> Option<Absence> {
    use Mechanism as M;
    match mechanism {
        M::UserNamespace | M::UnprivilegedUser if !has_an_identity(facts) => Some(Absence {
            reason: "root of this user namespace has no id for a cell: those from 1879048192 on \
                     are not mapped",
            remedy: "run brig as an ordinary user, or map these ids into the container",
        }),
        M::MountNamespace
        | M::ReadOnlyMount
        | M::NetworkNamespace
        | M::PidNamespace
        | M::UserNamespace
        | M::IpcNamespace
        | M::UtsNamespace
        | M::CgroupNamespace
        | M::NoSetIdMount => no_user_namespaces(facts.user_namespaces),
        M::Landlock => no_landlock(facts, landlock_abi_beside_namespaces(denial)),
        M::LandlockSignalScope => no_landlock(facts, LANDLOCK_ABI_ALONE),
        M::SeccompNoSocket
        | M::SeccompNoIpc
        | M::SeccompAllowList
        | M::SeccompNoExecutableMemory => (!facts.seccomp).then_some(Absence {
            reason: "the kernel takes no seccomp filters",
            remedy: "use a kernel with CONFIG_SECCOMP_FILTER",
        }),
        M::ControlGroupMemory => no_controller(facts, Controller::Memory),
        M::ControlGroupPids => no_controller(facts, Controller::Pids),
        M::ControlGroupCpu => no_controller(facts, Controller::Cpu),
        M::EmptyCapabilities
        | M::OneThread
        | M::UnprivilegedUser
        | M::NoNewPrivileges
        | M::OwnSession
        | M::CloseRange
        | M::EmptyEnvironment
        | M::WasmLimiter
        | M::RlimitData
        | M::RlimitProcesses
        | M::RlimitOpenFiles
        | M::RlimitCore
        | M::NotDumpable
        | M::ParentDeathSignal => None,
    }
}

/// A cell never runs as root, so root needs another id for it.
fn has_an_identity(facts: &HostFacts) -> bool {
    !facts.caller.is_root() || facts.caller.unused_ids
}

/// Beside a mount namespace Landlock is the second wall, and every ABI adds to the first. Before
/// ABI 3 it lets any file that can be read be emptied (landlock(7), `LANDLOCK_ACCESS_FS_TRUNCATE`),
/// so it is set, but it is not what keeps a read grant as it is.
fn landlock_abi_beside_namespaces(denial: Denial) -> u32 {
    if denial == Denial::Writes { 3 } else { 1 }
}
/// Alone, it has to hold signals and abstract sockets too, which ABI 6 (Linux 6.12) brought.
const LANDLOCK_ABI_ALONE: u32 = 6;

fn no_landlock(facts: &HostFacts, abi: u32) -> Option<Absence> {
    let needed = match cell_kind(facts) {
        CellKind::Full => abi,
        CellKind::Narrow => LANDLOCK_ABI_ALONE,
    };
    if facts.landlock_abi >= needed {
        None
    } else if facts.landlock_abi == 0 {
        Some(Absence {
            reason: "the kernel has no Landlock",
            remedy: "boot with `lsm=` naming landlock, or use a kernel of 5.13 or newer with \
                     CONFIG_SECURITY_LANDLOCK",
        })
    } else {
        Some(Absence {
            reason: "the kernel's Landlock is older than ABI 6",
            remedy: "use a kernel of 6.12 or newer, or one on which user namespaces can be made",
        })
    }
}

fn no_controller(facts: &HostFacts, controller: Controller) -> Option<Absence> {
    (!facts.controllers.contains(&controller)).then_some(Absence {
        reason: "no control group with that controller is the caller's to use",
        remedy: "run brig in a delegated control group (systemd: Delegate=yes, or `systemd-run \
                 --user --scope -p Delegate=yes brig …`), or as root",
    })
}

fn no_user_namespaces(offer: UserNamespaces) -> Option<Absence> {
    let (reason, remedy) = match offer {
        UserNamespaces::Offered => return None,
        UserNamespaces::NotBuilt => (
            "the kernel has no user namespaces",
            "use a kernel with CONFIG_USER_NS",
        ),
        UserNamespaces::LimitZero => (
            "user namespaces are limited to 0",
            "as root: sysctl -w user.max_user_namespaces=10000",
        ),
        UserNamespaces::SwitchedOffForUsers => (
            "user namespaces are switched off for ordinary users",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        UserNamespaces::AppArmor => (
            "AppArmor keeps ordinary users from user namespaces",
            "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor \
             profile for brig with the rule `userns,`",
        ),
    };
    Some(Absence { reason, remedy })
}

impl Denial {
    /// The name by which reports, tests and JSON know this denial. It never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Writes => "writes",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Identity => "identity",
            Self::Capabilities => "capabilities",
            Self::Elevation => "elevation",
            Self::Surface => "surface",
            Self::NativeCode => "native-code",
            Self::Ipc => "ipc",
            Self::HostName => "host-name",
            Self::ControlGroups => "control-groups",
            Self::Terminal => "terminal",
            Self::Descriptors => "descriptors",
            Self::Environment => "environment",
            Self::Memory => "memory",
            Self::ProcessorShare => "processor-share",
            Self::ProcessCount => "process-count",
            Self::OpenFiles => "open-files",
            Self::CoreDumps => "core-dumps",
            Self::Outliving => "outliving",
        }
    }
}
