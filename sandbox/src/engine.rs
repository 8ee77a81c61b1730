//! Engines: what carries the plan of a container out, and what each can hold.
//!
//! brig's own cell holds all that [`TABLE`](crate::mechanism::TABLE) says. Another engine makes
//! some of these walls itself, lacks some, and has some of its own; brig's init, which is first
//! inside under every engine, puts on what a process can put on itself. [`offer`] is the whole of
//! it as data, and [`expectations`] makes the table that tests hold real engines to.

use crate::facts::{Controller, HostFacts};
use crate::mechanism::{Denial, Isolated, Mechanism, TABLE, hold_one};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What carries a container's plan out.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// brig's own cell.
    #[default]
    Native,
    /// dockerd, over its API.
    Docker,
    /// Podman's service, over the same API.
    Podman,
    /// The OCI runtime crun.
    Crun,
    /// The OCI runtime runc.
    Runc,
    /// gVisor's OCI runtime.
    Runsc,
}

/// Who makes the walls of an engine's containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// brig's warden.
    Warden,
    /// A service that runs with rights of its own and is spoken to over a socket.
    Daemon,
    /// A program that brig starts in namespaces and in a control group of its own, for one server.
    Runtime,
}

impl Engine {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 6] = [
        Self::Native,
        Self::Docker,
        Self::Podman,
        Self::Crun,
        Self::Runc,
        Self::Runsc,
    ];

    /// The word for it in settings, on the command line and in JSON. It never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Crun => "crun",
            Self::Runc => "runc",
            Self::Runsc => "runsc",
        }
    }

    /// The engine of a word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Who makes its walls.
    pub fn maker(self) -> Maker {
        match self {
            Self::Native => Maker::Warden,
            Self::Docker | Self::Podman => Maker::Daemon,
            Self::Crun | Self::Runc | Self::Runsc => Maker::Runtime,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was found of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Which.
    pub engine: Engine,
    /// Whether it is a service without root's rights, in a user namespace.
    pub rootless: bool,
    /// What a daemon says that it can bound. It is read back before a server starts: some drop a
    /// limit without a word.
    pub controllers: BTreeSet<Controller>,
    /// Whether its host has control groups of version 2 alone.
    #[serde(default)]
    pub unified: bool,
    /// Whether it maps users by itself unless it is asked not to (dockerd's `userns-remap`).
    #[serde(default)]
    pub remaps: bool,
    /// Where its containers see the bounds of their memory. Runtimes of languages look there.
    pub memory_files: Vec<String>,
}

/// What an engine has of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// What brig has: whether it is at hand depends on the host alone.
    AsNative,
    /// It makes that wall itself, whatever brig's caller may do on this host.
    ItsOwn,
    /// It can have it, and this one has not.
    Absent(&'static str),
    /// There is no such thing under this engine.
    Unknown,
}

/// What this engine has of a mechanism.
pub(crate) fn offer(facts: &EngineFacts, mechanism: Mechanism) -> Offer {
    match (facts.engine, mechanism) {
        (_, Mechanism::WasmLimiter | Mechanism::OneThread) => Offer::AsNative,
        (Engine::Native | Engine::Crun | Engine::Runc, _) => of_brigs_cells(mechanism),
        (Engine::Docker | Engine::Podman, _) => of_daemons(facts, mechanism),
        (Engine::Runsc, _) => of_gvisor(mechanism),
    }
}

/// crun and runc run in a cell's own namespaces, with the root and the control group that brig
/// makes, and make no more than the inner namespaces.
fn of_brigs_cells(mechanism: Mechanism) -> Offer {
    let is_others = matches!(
        mechanism,
        Mechanism::ChannelEnd | Mechanism::ApplicationKernel
    );
    if is_others {
        Offer::Unknown
    } else {
        Offer::AsNative
    }
}

fn of_daemons(facts: &EngineFacts, mechanism: Mechanism) -> Offer {
    use Mechanism as M;
    match mechanism {
        M::MountNamespace
        | M::ReadOnlyMount
        | M::NetworkNamespace
        | M::PidNamespace
        | M::IpcNamespace
        | M::UtsNamespace
        | M::UnprivilegedUser
        | M::ChannelEnd => Offer::ItsOwn,
        M::CgroupNamespace if has_cgroup_namespace(facts) => Offer::ItsOwn,
        M::CgroupNamespace => {
            Offer::Absent("Podman makes no namespace for control groups of version 1")
        }
        // Without a user namespace the limit counts all that the host runs under the same id.
        M::UserNamespace | M::RlimitProcesses if facts.rootless => Offer::ItsOwn,
        M::ControlGroupMemory => bounded(facts, Controller::Memory),
        M::ControlGroupPids => bounded(facts, Controller::Pids),
        M::ControlGroupCpu => bounded(facts, Controller::Cpu),
        // Its mounts have set-id bits, which new privileges given up make powerless.
        M::NoSetIdMount
        | M::UserNamespace
        | M::RlimitProcesses
        | M::ParentDeathSignal
        | M::ApplicationKernel => Offer::Unknown,
        M::Landlock
        | M::SeccompNoSocket
        | M::SeccompNoIpc
        | M::LandlockSignalScope
        | M::EmptyCapabilities
        | M::NoNewPrivileges
        | M::SeccompAllowList
        | M::SeccompNoExecutableMemory
        | M::OwnSession
        | M::CloseRange
        | M::EmptyEnvironment
        | M::WasmLimiter
        | M::OneThread
        | M::ProcessorAffinity
        | M::RlimitData
        | M::RlimitOpenFiles
        | M::RlimitCore
        | M::NotDumpable => Offer::AsNative,
    }
}

/// Podman takes the wish for one, and does not make it where groups are of version 1.
pub(crate) fn has_cgroup_namespace(facts: &EngineFacts) -> bool {
    facts.engine != Engine::Podman || facts.unified
}

fn bounded(facts: &EngineFacts, controller: Controller) -> Offer {
    if facts.controllers.contains(&controller) {
        Offer::ItsOwn
    } else {
        Offer::Absent(match controller {
            Controller::Memory => "the engine bounds no memory on this host",
            Controller::Pids => "the engine bounds no number of processes on this host",
            Controller::Cpu => "the engine bounds no share of processors on this host",
        })
    }
}

/// The server meets gVisor's kernel, which has neither Landlock nor the host's namespaces. What
/// that kernel takes of the host is in a control group of brig's.
fn of_gvisor(mechanism: Mechanism) -> Offer {
    use Mechanism as M;
    match mechanism {
        M::ApplicationKernel
        | M::ReadOnlyMount
        | M::NetworkNamespace
        | M::PidNamespace
        | M::IpcNamespace
        | M::UtsNamespace => Offer::ItsOwn,
        M::MountNamespace
        | M::Landlock
        | M::LandlockSignalScope
        | M::UserNamespace
        | M::CgroupNamespace
        | M::NoSetIdMount
        // Its kernel leaves no core files, and counts what mmap(2) takes to no limit of a process.
        | M::RlimitCore
        | M::RlimitData
        | M::ProcessorAffinity
        | M::UnprivilegedUser
        | M::NotDumpable
        | M::ChannelEnd => Offer::Unknown,
        M::SeccompNoSocket
        | M::SeccompNoIpc
        | M::EmptyCapabilities
        | M::NoNewPrivileges
        | M::SeccompAllowList
        | M::SeccompNoExecutableMemory
        | M::OwnSession
        | M::CloseRange
        | M::EmptyEnvironment
        | M::WasmLimiter
        | M::OneThread
        | M::ControlGroupMemory
        | M::ControlGroupPids
        | M::ControlGroupCpu
        | M::RlimitProcesses
        | M::RlimitOpenFiles
        | M::ParentDeathSignal => Offer::AsNative,
    }
}

/// What engines have for a denial that brig's own cell has not.
pub const ADDED: &[(Denial, Mechanism)] = &[
    (Denial::Files, Mechanism::ApplicationKernel),
    (Denial::Processes, Mechanism::ApplicationKernel),
    (Denial::Identity, Mechanism::ApplicationKernel),
    (Denial::Surface, Mechanism::ApplicationKernel),
    (Denial::ControlGroups, Mechanism::ApplicationKernel),
    (Denial::CoreDumps, Mechanism::ApplicationKernel),
    (Denial::Outliving, Mechanism::ChannelEnd),
];

/// One line of the expectation table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// What is denied.
    pub denial: Denial,
    /// What holds it under this engine on this host; none where a start is refused by name.
    pub held_by: Vec<Mechanism>,
}

/// What a container's denials are held by under the engine of these facts, one line for each
/// denial. A line without a mechanism is one for which a start is refused by its name.
pub fn expectations(facts: &HostFacts) -> Vec<Expectation> {
    let rows = TABLE.iter();
    let denied = rows.filter(|row| Isolated::Container.denies(row.denial));
    denied
        .map(|row| Expectation {
            denial: row.denial,
            held_by: hold_one(row, facts, Isolated::Container)
                .map_or_else(|_| Vec::new(), |held| held.by),
        })
        .collect()
}

/// Something known about a version of a runtime that a caller should hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// Of which runtime.
    pub engine: Engine,
    /// The first version that has it.
    pub since: (u32, u32, u32),
    /// The first version without it.
    pub mended_in: (u32, u32, u32),
    /// Its public number.
    pub name: &'static str,
    /// What it lets happen.
    pub what: &'static str,
}

/// Advisories of OCI runtimes by which a container reached its host. Distributions mend old
/// versions without another number, so they are told and not refused.
pub const ADVISORIES: &[Advisory] = &[
    Advisory {
        engine: Engine::Runc,
        since: (0, 0, 0),
        mended_in: (1, 1, 12),
        name: "CVE-2024-21626",
        what: "a descriptor of the host's file system stays open in the container",
    },
    Advisory {
        engine: Engine::Runc,
        since: (0, 0, 0),
        mended_in: (1, 2, 8),
        name: OF_2025,
        what: "masked paths and /dev/console can be turned into mounts of the host",
    },
    Advisory {
        engine: Engine::Runc,
        since: (1, 3, 0),
        mended_in: (1, 3, 3),
        name: OF_2025,
        what: "masked paths and /dev/console can be turned into mounts of the host",
    },
    Advisory {
        engine: Engine::Crun,
        since: (0, 0, 0),
        mended_in: (1, 20, 0),
        name: "CVE-2025-24965",
        what: "krun's handler can be made to write outside of the container",
    },
];

/// Three of one week, mended together in each line of releases.
const OF_2025: &str = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";

/// The advisories that a version has by its number.
pub fn advisories(engine: Engine, version: (u32, u32, u32)) -> Vec<&'static Advisory> {
    let of = |known: &&Advisory| {
        known.engine == engine && version >= known.since && version < known.mended_in
    };
    ADVISORIES.iter().filter(of).collect()
}
