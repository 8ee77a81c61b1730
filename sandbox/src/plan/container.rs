//! The plan of a program: one of this host, or one in an image.

mod command;
mod engine;
mod image;
mod runtime;

use super::bounds::{Bounds, group, processor_share, rlimits};
use super::grants::{looked_through, mounts as granted, scratch, secrets};
use super::network::{calls, connected, network, opened, residuals as of_network};
use super::obeyed;
use super::residuals::residuals;
use super::{
    ContainerPart, ImagePart, Isolation, Plan, Residual, RuntimePart, Unplannable, Value, beyond,
    bridge, environment, walls,
};
use crate::cell::{
    Access, CellKind, ID_INSIDE, Identity, Links, Mount, PROGRAM_FOLDER, Rlimit, within,
};
use crate::egress::Egress;
use crate::engine::{Engine, Maker};
use crate::facts::{Controller, HostFacts};
use crate::family::ProgramFamily;
use crate::mechanism::{Held, Isolated, Mechanism, hold, no_full_cell};
use crate::seccomp::{FileCalls, Profile};
use brig_policies::{Limits, Package, Places, Policy, Rules, Source, SyscallGroup};
use std::collections::{BTreeMap, BTreeSet};

/// Where runtimes look for how much memory they have, as both versions of control groups tell it
/// (cgroups(7)): libuv does, and V8 collects by what it finds. A server that needs 160 MB would
/// otherwise grow to twice that, by the host's memory, and die at its limit.
const MEMORY: &[&str] = &[
    "/sys/fs/cgroup/memory.high",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
];
/// Devices that give and take bytes and no more. No other node of the host is in a cell.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// Where programs look for their own descriptors.
const LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];
/// hosts(5).
const HOSTS_FILE: &str = "/etc/hosts";
/// resolv.conf(5).
const RESOLVER_FILE: &str = "/etc/resolv.conf";
/// The one host that is there.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
/// Places of the cell in which no grant can appear: they are brig's or the system's.
const TAKEN: &[&str] = &[
    "/dev",
    "/proc",
    "/sys",
    "/etc/passwd",
    "/etc/group",
    HOSTS_FILE,
    RESOLVER_FILE,
    PROGRAM_FOLDER,
];
/// init, beside what the manifest allows.
const OWN_PROCESSES: u64 = 1;

/// The server's account. Some runtimes fail without an entry for their own id.
fn account((user, group): (u32, u32)) -> String {
    format!("brig:x:{user}:{group}:brig:/tmp:/bin/false\n")
}

/// Its group.
fn group_of((_, group): (u32, u32)) -> String {
    format!("brig:x:{group}:\n")
}

/// User and group as the server sees them.
fn inside(facts: &HostFacts, identity: Identity) -> (u32, u32) {
    let daemon = facts.engine.engine.maker() == Maker::Daemon;
    match identity {
        Identity::Caller { uid, gid, .. } if daemon && !facts.engine.rootless => (uid, gid),
        Identity::ServersHostId { id } => (id, id),
        Identity::OfSentry => (0, 0),
        Identity::Caller { .. } | Identity::UnusedHostId => (ID_INSIDE, ID_INSIDE),
    }
}

/// Groups that reach around other walls.
fn of_groups(groups: &BTreeSet<SyscallGroup>) -> Option<Residual> {
    groups.contains(&SyscallGroup::IoUring).then(|| Residual {
        name: "io-uring".to_owned(),
        reason: "calls that go through a ring pass by the seccomp filter (io_uring(7)): of the \
                 kernel's surface more can be called than the list of system calls says"
            .to_owned(),
    })
}

/// What starts, and the system that it starts in.
struct Started {
    program: String,
    name: String,
    directory: String,
    stop_signal: u8,
    image: Option<ImagePart>,
    runtimes: Vec<RuntimePart>,
    args: Vec<String>,
    environment: BTreeMap<String, Value>,
    /// Mounts before all others.
    system: Vec<Mount>,
    /// Mounts before the grants. They may lie where memory is mounted.
    before: Vec<Mount>,
    /// Mounts after all others: what lies in a grant.
    after: Vec<Mount>,
    /// Files that brig writes.
    texts: Vec<(&'static str, String)>,
}

/// Decides the sandbox of a program, or names everything that stands in the way.
pub fn container(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
) -> Result<Plan, Vec<Unplannable>> {
    let limits = policy.limits();
    let (held, mut faults) = held(policy, facts);
    let grants = grants(policy, places, facts, &mut faults);
    faults.extend(engine::unheld_grants(&grants, policy, facts));
    let secrets = secrets(policy, CellKind::Full, &mut faults);
    let who = engine::who(facts, policy.name().as_str());
    let egress = network(policy, facts, (Isolated::Container, who.0), &mut faults);
    let reached = egress.as_ref();
    let started = match started(policy, places, facts, &grants, who.2) {
        Ok(started) => started,
        Err(of_program) => {
            faults.extend(of_program);
            return Err(faults);
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let links = links(&grants, facts);
    let family = ProgramFamily::of(&facts.look);
    let mut groups = family.groups();
    groups.extend(policy.syscalls().keys().copied());
    let calls = calls(reached, Profile::of_program(links, &groups));
    let mut residuals = residuals(facts, FileCalls::Write, Isolated::Container);
    residuals.extend(engine::residuals(facts));
    residuals.extend(of_groups(&groups));
    residuals.extend(obeyed::residuals(looked_through(policy, facts)));
    residuals.extend(of_network(reached));
    let shown = engine::shown(facts, &grants);
    let secrets = secrets.into_iter().collect();
    let grants = [shown, secrets, started.before, grants, started.after]
        .into_iter()
        .flatten();
    let texts = named(reached, texts(started.texts, limits, facts));
    let mounts = mounts(limits, started.system, texts, grants);
    let cell = walls(facts, who, mounts, calls, bounds(limits, facts));
    Ok(Plan {
        server: policy.name().as_str().to_owned(),
        isolation: Isolation::Container(ContainerPart {
            engine: facts.engine.engine,
            rootless: facts.engine.rootless,
            program: started.program,
            name: started.name,
            directory: started.directory,
            stop_signal: started.stop_signal,
            family,
            groups: groups.iter().map(|g| g.as_str().to_owned()).collect(),
            image: started.image,
            runtimes: started.runtimes,
        }),
        args: started.args,
        environment: started.environment,
        cell: connected(reached, cell),
        processor_milli: limits.cpus_milli,
        bridge: bridge(limits),
        rules: Rules::new(policy),
        held: opened(reached, held),
        egress,
        residuals,
    })
}

/// What holds each denial, and what stands in the way whatever the manifest grants.
fn held(policy: &Policy, facts: &HostFacts) -> (Vec<Held>, Vec<Unplannable>) {
    let mut faults = beyond(policy);
    faults.extend(no_full_cell(facts).map(Unplannable::from));
    faults.extend(engine::refused(policy, facts));
    let mut held = hold(facts, Isolated::Container).unwrap_or_else(|open| {
        faults.extend(open.into_iter().map(Unplannable::from));
        Vec::new()
    });
    let cpus = policy.limits().cpus_milli;
    let open = processor_share(cpus, facts.bounding(), &mut held);
    faults.extend(open.map(Unplannable::from));
    affinity(facts, &mut held);
    (held, faults)
}

/// The files that brig writes, with the bounds of memory where programs look for them.
fn texts(
    mut texts: Vec<(&'static str, String)>,
    limits: &Limits,
    facts: &HostFacts,
) -> Vec<(&'static str, String)> {
    if engine::writes_bounds(facts) {
        let memory = |at: &&'static str| (*at, format!("{}\n", limits.memory_bytes));
        texts.extend(MEMORY.iter().map(memory));
    }
    texts
}

/// The same with what programs look names up by.
fn named(
    egress: Option<&Egress>,
    mut texts: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    if let Some(egress) = egress {
        texts.retain(|(at, _)| *at != HOSTS_FILE);
        texts.push((HOSTS_FILE, format!("{HOSTS}{}", egress.hosts())));
        texts.push((RESOLVER_FILE, egress.resolver()));
    }
    texts
}

fn started(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
    grants: &[Mount],
    who: Identity,
) -> Result<Started, Vec<Unplannable>> {
    let none = |what: &str| {
        let message = format!("{what} is no program");
        Err(vec![Unplannable::Program(message)])
    };
    match policy.source() {
        Source::Command { program, args } => {
            command::started(policy, (program, args), places, facts, grants)
        }
        Source::Package(Package::Image(_)) => {
            image::started(policy, facts, grants, inside(facts, who)).map_err(|fault| vec![fault])
        }
        Source::Package(_) => none("a package"),
        Source::Component(path) => none(&format!("`{path}`")),
    }
}

fn grants(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
    faults: &mut Vec<Unplannable>,
) -> Vec<Mount> {
    let mut grants = Vec::new();
    for grant in policy.files() {
        let at = grant.at().as_str();
        match granted(grant, places, facts, Isolated::Container) {
            Ok(mounts) => {
                let stands = facts.image.as_ref().zip(mounts.first());
                let stands = stands.and_then(|(image, mount)| image::in_the_way(image, mount));
                faults.extend(stands.map(|message| Unplannable::Grant {
                    span: grant.span(),
                    message,
                    help: "write another `at`, such as one below `/data`".to_owned(),
                }));
                grants.extend(mounts);
            }
            Err(fault) => faults.push(fault),
        }
        let system = facts.system.iter().map(|place| place.at.as_str());
        let mut taken = system.chain(TAKEN.iter().copied());
        if let Some(place) = taken.find(|place| meets(at, place)) {
            faults.push(Unplannable::Grant {
                span: grant.span(),
                message: format!("`{at}` is a place of the system in a cell (`{place}`)"),
                help: "write another `at`, such as one below `/data`".to_owned(),
            });
        }
    }
    grants
}

/// Whether one path is the other or lies in it, whichever way.
fn meets(one: &str, other: &str) -> bool {
    within(one, other) || within(other, one)
}

/// Where a control group holds the share, being tied to processors would only make servers wait
/// for each other.
fn affinity(facts: &HostFacts, held: &mut [Held]) {
    if facts.bounding().contains(&Controller::Cpu) {
        for held in held {
            held.by.retain(|by| *by != Mechanism::ProcessorAffinity);
        }
    }
}

fn bounds(limits: &Limits, facts: &HostFacts) -> Bounds {
    let processes = u64::from(limits.processes) + OWN_PROCESSES;
    // /tmp and /dev/shm are memory of the group.
    let memory = limits.memory_bytes.saturating_add(2 * limits.scratch_bytes);
    let grouped = facts.bounding().contains(&Controller::Cpu);
    let bounds = Bounds {
        group: group(
            facts.bounding(),
            memory,
            processes,
            Some(u64::from(limits.cpus_milli)),
        ),
        rlimits: rlimits(&[
            (Rlimit::Data, limits.memory_bytes),
            (Rlimit::OpenFiles, u64::from(limits.open_files)),
            (Rlimit::Processes, processes),
        ]),
        processors: (!grouped)
            .then(|| (limits.cpus_milli / 1000).clamp(1, facts.processors.max(1))),
    };
    engine::fitted(bounds, facts)
}

fn mounts(
    limits: &Limits,
    system: Vec<Mount>,
    texts: Vec<(&str, String)>,
    grants: impl Iterator<Item = Mount>,
) -> Vec<Mount> {
    let mut mounts = system;
    mounts.extend(texts.into_iter().map(|(at, text)| Mount::Text {
        at: at.to_owned(),
        text,
    }));
    mounts.push(Mount::Processes {
        at: "/proc".to_owned(),
    });
    mounts.extend(DEVICES.iter().map(|name| Mount::Device {
        at: format!("/dev/{name}"),
    }));
    mounts.extend(LINKS.iter().map(|(at, to)| Mount::Link {
        at: (*at).to_owned(),
        to: (*to).to_owned(),
    }));
    mounts.extend(scratch("/tmp", limits.scratch_bytes));
    mounts.extend(scratch("/dev/shm", limits.scratch_bytes));
    mounts.extend(grants);
    mounts
}

/// Landlock keeps links out of the grants that deny them. Where the kernel has none, nobody makes
/// a symbolic link in this cell as soon as one such grant is there.
fn links(grants: &[Mount], facts: &HostFacts) -> Links {
    let denied = grants.iter().any(|mount| {
        matches!(
            mount,
            Mount::Grant {
                access: Access::Write,
                links: Links::Denied,
                ..
            }
        )
    });
    let landlock = facts.landlock_abi > 0 && facts.engine.engine != Engine::Runsc;
    if denied && !landlock {
        Links::Denied
    } else {
        Links::Allowed
    }
}
