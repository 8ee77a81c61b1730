//! Why a mechanism is not at hand on a host, and what to do about it.

use super::container_kind;
use super::{Denial, Mechanism, Unenforceable};
use crate::cell::CellKind;
use crate::facts::{Controller, HostFacts, UserNamespaces};

/// Why a mechanism is not at hand.
pub(super) struct Absence {
    pub(super) reason: &'static str,
    pub(super) remedy: &'static str,
}

/// The same for a cell of this kind.
pub(super) fn absence(
    denial: Denial,
    mechanism: Mechanism,
    facts: &HostFacts,
    kind: CellKind,
) -> Option<Absence> {
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
        M::Landlock => no_landlock(facts, kind, landlock_abi_beside_namespaces(denial)),
        M::LandlockSignalScope => no_landlock(facts, kind, LANDLOCK_ABI_ALONE),
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
        | M::ProcessorAffinity
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
        | M::ParentDeathSignal
        | M::ChannelEnd
        | M::ApplicationKernel => None,
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

fn no_landlock(facts: &HostFacts, kind: CellKind, abi: u32) -> Option<Absence> {
    let needed = match kind {
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

/// A program has all paths of its cell to itself, which takes a mount namespace: in a narrow cell
/// its loader, its libraries and its `/proc` would be the host's.
pub(crate) fn no_full_cell(facts: &HostFacts) -> Option<Unenforceable> {
    if container_kind(facts) == CellKind::Full {
        return None;
    }
    no_user_namespaces(facts.user_namespaces).map(|absence| Unenforceable {
        denial: Denial::Files.name(),
        reason: format!("a program needs a full cell, and {}", absence.reason),
        remedy: absence.remedy.to_owned(),
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
