//! The mechanism table: each denial, and what can hold it, in order of preference.
//!
//! A denial is a right that no cell has. Where nothing in its row is at hand, a plan is not made:
//! brig names the denial and the remedy, and never starts with less.

mod absence;
mod offered;

use crate::cell::CellKind;
use crate::engine::Engine;
use crate::facts::{HostFacts, UserNamespaces};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use absence::no_full_cell;
pub(crate) use offered::hold_one;

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
    /// Changing the host's name.
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
    /// Processors that the cell is tied to, without a way to change that (sched_setaffinity(2)).
    ProcessorAffinity,
    /// `RLIMIT_DATA` (getrlimit(2)), per process.
    RlimitData,
    /// `RLIMIT_NPROC`.
    RlimitProcesses,
    /// `RLIMIT_NOFILE`.
    RlimitOpenFiles,
    /// `RLIMIT_CORE` 1: no core file is so small, and to a pipe nothing is written then (core(5)).
    RlimitCore,
    /// `PR_SET_DUMPABLE` 0.
    NotDumpable,
    /// The pid namespace ends with its init, and init with the warden (`PR_SET_PDEATHSIG`).
    ParentDeathSignal,
    /// The pid namespace ends with its init, and init when its channel with the warden closes. Only
    /// under a daemon, whose child init is.
    ChannelEnd,
    /// A kernel of its own between the server and the host's: gVisor's sentry. Only under runsc.
    ApplicationKernel,
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
        row(
            D::ProcessorShare,
            &[M::ControlGroupCpu, M::OneThread, M::ProcessorAffinity],
        ),
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

/// The cell of a container. Daemons, and gVisor where root runs it, make namespaces by rights that
/// brig's caller need not have.
pub fn container_kind(facts: &HostFacts) -> CellKind {
    match facts.engine.engine {
        Engine::Docker | Engine::Podman | Engine::Runsc => CellKind::Full,
        Engine::Native | Engine::Crun | Engine::Runc => cell_kind(facts),
    }
}

/// How a server is isolated, which decides what there is to deny and what can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolated {
    /// WebAssembly in a worker.
    Component,
    /// A program of its own.
    Container,
}

impl Isolated {
    /// A program runs what machine code it likes; that is what it is.
    pub(crate) fn denies(self, denial: Denial) -> bool {
        self == Self::Component || denial != Denial::NativeCode
    }

    /// wasmtime holds nothing of a program, which may be dumped again after any exec (execve(2)).
    pub(crate) fn knows(self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::WasmLimiter
            | Mechanism::OneThread
            // Every exec of a program undoes it (prctl(2), PR_SET_DUMPABLE).
            | Mechanism::NotDumpable
            | Mechanism::SeccompNoExecutableMemory => self == Self::Component,
            Mechanism::ProcessorAffinity
            | Mechanism::ChannelEnd
            | Mechanism::ApplicationKernel => self == Self::Container,
            Mechanism::MountNamespace
            | Mechanism::ReadOnlyMount
            | Mechanism::Landlock
            | Mechanism::NetworkNamespace
            | Mechanism::SeccompNoSocket
            | Mechanism::SeccompNoIpc
            | Mechanism::LandlockSignalScope
            | Mechanism::UnprivilegedUser
            | Mechanism::PidNamespace
            | Mechanism::UserNamespace
            | Mechanism::EmptyCapabilities
            | Mechanism::NoNewPrivileges
            | Mechanism::NoSetIdMount
            | Mechanism::SeccompAllowList
            | Mechanism::IpcNamespace
            | Mechanism::UtsNamespace
            | Mechanism::CgroupNamespace
            | Mechanism::OwnSession
            | Mechanism::CloseRange
            | Mechanism::EmptyEnvironment
            | Mechanism::ControlGroupMemory
            | Mechanism::ControlGroupPids
            | Mechanism::ControlGroupCpu
            | Mechanism::RlimitData
            | Mechanism::RlimitProcesses
            | Mechanism::RlimitOpenFiles
            | Mechanism::RlimitCore
            | Mechanism::ParentDeathSignal => true,
        }
    }
}

/// Goes through the table. Every denial is held, or all that are not are named.
pub fn hold(facts: &HostFacts, isolated: Isolated) -> Result<Vec<Held>, Vec<Unenforceable>> {
    let mut held = Vec::new();
    let mut open = Vec::new();
    for row in TABLE.iter().filter(|row| isolated.denies(row.denial)) {
        match hold_one(row, facts, isolated) {
            Ok(one) => held.push(one),
            Err(one) => open.push(one),
        }
    }
    if open.is_empty() { Ok(held) } else { Err(open) }
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
