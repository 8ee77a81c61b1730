//! What an engine changes of a container's plan: who the server is, which namespaces there are,
//! what can be granted, and what stays open.

use crate::cell::{CellKind, FIRST_SERVERS_HOST_ID, GrantKind, Identity, Mount, Namespace, Rlimit};
use crate::engine::{Engine, Maker, has_cgroup_namespace};
use crate::facts::{Controller, HostFacts, Owner, SourceKind};
use crate::mechanism::{Denial, Unenforceable, container_kind};
use crate::plan::bounds::Bounds;
use crate::plan::{Residual, Unplannable, identity, namespaces};
use brig_policies::{Access, Named, Policy, Source};
use std::collections::BTreeSet;

/// Which cell, in which namespaces, as whom.
pub(super) fn who(facts: &HostFacts, server: &str) -> (CellKind, BTreeSet<Namespace>, Identity) {
    let kind = container_kind(facts);
    let mut namespaces = namespaces(kind);
    let mut identity = identity(facts, kind);
    let own = |id: u32| Identity::ServersHostId { id };
    match facts.engine.engine {
        Engine::Native => {}
        // Runtimes of 2023 know no namespace of time, but the one that brig makes around them.
        Engine::Crun | Engine::Runc => identity = with_setup_ids(facts, identity),
        Engine::Docker | Engine::Podman => {
            namespaces.remove(&Namespace::Time);
            if !has_cgroup_namespace(&facts.engine) {
                namespaces.remove(&Namespace::Cgroup);
            }
            if facts.engine.rootless {
                identity = caller(facts);
            } else {
                namespaces.remove(&Namespace::User);
                identity = if facts.caller.is_root() {
                    own(servers_id(server))
                } else {
                    caller(facts)
                };
            }
        }
        // Its kernel has users of its own; what they own on the host, brig translates.
        Engine::Runsc => {
            namespaces = BTreeSet::new();
            identity = Identity::OfSentry;
        }
    }
    (kind, namespaces, identity)
}

fn caller(facts: &HostFacts) -> Identity {
    Identity::Caller {
        uid: facts.caller.uid,
        gid: facts.caller.gid,
        subordinate_gid: None,
    }
}

/// A runtime works as root of the namespace that brig makes around it, beside the server's id.
fn with_setup_ids(facts: &HostFacts, identity: Identity) -> Identity {
    match identity {
        Identity::Caller { uid, gid, .. } => Identity::Caller {
            uid,
            gid,
            subordinate_gid: facts.caller.subordinate_gid,
        },
        Identity::UnusedHostId | Identity::ServersHostId { .. } | Identity::OfSentry => identity,
    }
}

/// One id for each name, among a million that no account has: the engine is told it before there is
/// a process whose number could make it another at each start.
fn servers_id(server: &str) -> u32 {
    let hash = blake3::hash(server.as_bytes());
    let [a, b, c, ..] = hash.as_bytes();
    FIRST_SERVERS_HOST_ID + (u32::from_le_bytes([*a, *b, *c, 0]) & 0xf_ffff)
}

/// What this engine cannot run or show, whatever holds the denials.
pub(super) fn refused(policy: &Policy, facts: &HostFacts) -> Vec<Unplannable> {
    let engine = facts.engine.engine;
    let unfit = |denial: Denial, reason: &str, remedy: &str| {
        Unplannable::Unenforceable(Unenforceable {
            denial: denial.name(),
            reason: format!("the engine {engine} {reason}"),
            remedy: remedy.to_owned(),
        })
    };
    match engine.maker() {
        Maker::Warden => Vec::new(),
        Maker::Runtime if engine == Engine::Runsc => {
            let needs = (!facts.caller.is_root()).then(|| {
                unfit(
                    Denial::Identity,
                    "makes its own walls with root's rights, and the caller has none",
                    "start it as root, or choose another with --engine",
                )
            });
            needs.into_iter().collect()
        }
        Maker::Runtime => {
            let mapped = facts
                .caller
                .subordinate_uid
                .zip(facts.caller.subordinate_gid);
            let missing = !facts.caller.is_root() && mapped.is_none();
            let needs = missing.then(|| {
                unfit(
                    Denial::Identity,
                    "works as another user than its server, and the caller has no second id",
                    "as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \
                     NAME`, with newuidmap(1) installed; or choose --engine native",
                )
            });
            needs.into_iter().collect()
        }
        Maker::Daemon => of_daemon(policy, facts),
    }
}

fn of_daemon(policy: &Policy, facts: &HostFacts) -> Vec<Unplannable> {
    let engine = facts.engine.engine;
    if let Source::Command { .. } = policy.source() {
        return vec![Unplannable::Program(format!(
            "the engine {engine} runs images, and `command` names a program of this host: \
             --engine native, crun or runc runs it"
        ))];
    }
    let mut told = linked(policy, facts);
    if facts.caller.is_root() {
        told.extend(of_others(policy, facts));
    }
    told
}

/// A daemon follows a link before it mounts over it, and so cannot keep the link itself as it is.
fn linked(policy: &Policy, facts: &HostFacts) -> Vec<Unplannable> {
    let engine = facts.engine.engine;
    let writes = policy.files().iter();
    let writes = writes.filter(|grant| grant.access() == Access::Write);
    let told = writes.filter_map(|grant| {
        let source = facts.sources.get(grant.host().as_str())?;
        let named: BTreeSet<&str> = grant.named().iter().map(Named::below).collect();
        let mut links = source.obeyed_links.iter();
        let link = links.find(|link| !named.contains(link.as_str()))?;
        Some(Unplannable::Grant {
            span: grant.span(),
            message: format!(
                "`{link}` in it is a link that the host obeys, and the engine {engine} cannot keep \
                 a link as it is"
            ),
            help: "make it a file, or use --engine native, crun or runc".to_owned(),
        })
    });
    told.collect()
}

fn of_others(policy: &Policy, facts: &HostFacts) -> Vec<Unplannable> {
    let engine = facts.engine.engine;
    let told = policy.files().iter().filter_map(|grant| {
        let source = facts.sources.get(grant.host().as_str())?;
        let changes = grant.access() == Access::Write;
        let may = may_others(source.owner, source.kind == SourceKind::Directory, changes);
        (!may).then(|| Unplannable::Grant {
            span: grant.span(),
            message: format!(
                "`{}` is its owner's alone, and the engine {engine} shows files with the host's \
                 owners, of which a server that root starts is none",
                grant.host().as_str()
            ),
            help: "start brig as the user who owns it, or with --engine native, which translates \
                   owners"
                .to_owned(),
        })
    });
    told.collect()
}

/// Whether somebody who is neither owner nor in the group may do what is granted (inode(7)).
fn may_others(owner: Owner, is_directory: bool, changes: bool) -> bool {
    let search = u32::from(is_directory);
    let needed = 0o4 | search | if changes { 0o2 } else { 0 };
    owner.mode & needed == needed
}

/// Bounds that fit the engine.
pub(super) fn fitted(mut bounds: Bounds, facts: &HostFacts) -> Bounds {
    match facts.engine.engine {
        Engine::Native => {}
        // The runtime is in the same group.
        Engine::Crun | Engine::Runc => {
            let count = bounds.group.processes_max;
            bounds.group.processes_max = count.map(|count| count.saturating_add(RUNTIME_THREADS));
        }
        Engine::Docker | Engine::Podman => {
            if !facts.engine.rootless {
                bounds.rlimits.remove(&Rlimit::Processes);
            }
        }
        // The kernel in user space has threads and memory of its own in the same group. It knows
        // few limits of a process.
        Engine::Runsc => {
            let more = |bound: Option<u64>, by: u64| bound.map(|bound| bound.saturating_add(by));
            bounds.group.memory_bytes_max = more(bounds.group.memory_bytes_max, SENTRY_BYTES);
            let doubled = bounds.group.processes_max.map(|count| 2 * count);
            bounds.group.processes_max = more(doubled, SENTRY_THREADS);
            bounds.rlimits.retain(|limit, _| OF_SENTRY.contains(limit));
            bounds.processors = None;
        }
    }
    bounds
}

/// Threads of crun or runc.
const RUNTIME_THREADS: u64 = 32;
/// What gVisor's kernel and its file server take beside the server.
const SENTRY_BYTES: u64 = 128 << 20;
/// Their threads.
const SENTRY_THREADS: u64 = 96;
/// Limits that gVisor's kernel holds.
const OF_SENTRY: &[Rlimit] = &[Rlimit::OpenFiles, Rlimit::Processes];

/// What a daemon shows that brig's own cells do not have.
pub(super) fn shown(facts: &HostFacts, granted: &[Mount]) -> Vec<Mount> {
    if facts.engine.engine.maker() != Maker::Daemon {
        return Vec::new();
    }
    let files = facts.engine.memory_files.iter();
    let files = files.map(|at| Mount::Shown { at: at.clone() });
    let volumes = facts.image.iter().flat_map(|image| &image.wish.volumes);
    let volumes = volumes.map(|volume| crate::image::clean(volume));
    let free = volumes.filter(|at| !granted.iter().any(|grant| grant.at() == at));
    files.chain(free.map(|at| Mount::Volume { at })).collect()
}

/// Whether brig writes the bounds of memory where programs look for them, or the engine does.
pub(super) fn writes_bounds(facts: &HostFacts) -> bool {
    facts.engine.engine.maker() != Maker::Daemon
}

fn residual(name: &str, reason: String) -> Residual {
    Residual {
        name: name.to_owned(),
        reason,
    }
}

/// What stays open under an engine.
pub(super) fn residuals(facts: &HostFacts) -> Vec<Residual> {
    match facts.engine.engine {
        Engine::Native | Engine::Crun | Engine::Runc => Vec::new(),
        Engine::Docker | Engine::Podman => of_daemons(facts),
        Engine::Runsc => vec![residual(
            "bounds-of-all",
            "memory and processes are bounded together with gVisor's own kernel, which takes up \
             to 128 MiB and 96 threads of them"
                .to_owned(),
        )],
    }
}

fn facts_of_host(facts: &HostFacts) -> Residual {
    let engine = facts.engine.engine;
    let more = if facts.landlock_abi == 0 {
        ", and without Landlock of /sys and /dev"
    } else {
        ""
    };
    residual(
        "facts-of-host",
        format!(
            "{engine} shows the host's own /proc, with parts of it masked: the server can read of \
             its kernel, memory and load there{more}"
        ),
    )
}

fn of_daemons(facts: &HostFacts) -> Vec<Residual> {
    let engine = facts.engine.engine;
    let mut residuals = vec![
        residual(
            "daemon",
            format!(
                "whoever can speak to {engine} can do all that its service may: brig keeps its \
                 socket from servers, and trusts the service itself"
            ),
        ),
        residual(
            "sources-of-mounts",
            format!(
                "{engine} opens a granted path by its name: init compares what it shows with what \
                 was decided on, and refuses the start where that was replaced"
            ),
        ),
        facts_of_host(facts),
    ];
    if facts.engine.remaps {
        residuals.push(residual(
            "users-of-engine",
            format!(
                "{engine}'s own mapping of users is left out for this container: under it the \
                 server would be no owner of what it is granted"
            ),
        ));
    }
    let bounded = facts.engine.controllers.contains(&Controller::Memory);
    if engine == Engine::Podman && !bounded {
        residuals.push(residual(
            "scratch-inodes",
            "Podman bounds the bytes of /tmp and not how many files are in it, and no control \
             group bounds the memory that these take"
                .to_owned(),
        ));
    }
    residuals.push(residual(
        "mapped-code",
        format!(
            "{engine}'s mounts do not keep what lies in a grant from being mapped as code; \
             Landlock keeps it from being run as a program"
        ),
    ));
    if !facts.engine.rootless && !facts.caller.is_root() {
        residuals.push(residual(
            "callers-id",
            "without a user namespace the server's id is the caller's own: mounts, Landlock, \
             seccomp and the pid namespace keep it from what that user may do"
                .to_owned(),
        ));
    }
    residuals
}

/// Without Landlock nothing holds these under a daemon, whose mounts have no such flag.
pub(super) fn unheld_grants(
    mounts: &[Mount],
    policy: &Policy,
    facts: &HostFacts,
) -> Vec<Unplannable> {
    use crate::cell::Exec;
    let daemon = facts.engine.engine.maker() == Maker::Daemon;
    let bare = facts.landlock_abi == 0 && facts.engine.engine != Engine::Podman;
    if !daemon || !bare {
        return Vec::new();
    }
    let shut = mounts.iter().filter(|mount| {
        matches!(
            mount,
            Mount::Grant {
                exec: Exec::Denied,
                kind: GrantKind::Directory | GrantKind::File,
                ..
            }
        )
    });
    let told = shut.filter_map(|mount| {
        let grant = policy
            .files()
            .iter()
            .find(|grant| grant.at().as_str() == mount.at())?;
        Some(Unplannable::Grant {
            span: grant.span(),
            message: "docker's mounts cannot keep programs in a grant from running, and this \
                      kernel has no Landlock that would"
                .to_owned(),
            help: "write `exec = true`, or choose another engine with --engine".to_owned(),
        })
    });
    told.collect()
}
