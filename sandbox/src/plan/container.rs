//! The plan of a program of this host.

use super::bounds::{Bounds, group, processor_share, rlimits};
use super::grants::{looked_through, mounts as granted, scratch};
use super::obeyed;
use super::residuals::residuals;
use super::{
    ContainerPart, Isolation, Plan, Unplannable, Value, beyond, bridge, environment, walls,
};
use crate::cell::{Access, GrantKind, Links, Mount, PROGRAM_FOLDER, Rlimit};
use crate::facts::{Controller, HostFacts, SystemKind, SystemPlace};
use crate::mechanism::{Held, Isolated, Mechanism, hold, no_full_cell};
use crate::seccomp::{FileCalls, Profile};
use brig_policies::{CommandProgram, Limits, Places, Policy, Source};
use std::collections::BTreeMap;

/// Devices that give and take bytes and no more. No other node of the host is in a cell.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// Where programs look for their own descriptors.
const LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];
/// The host's users are none of the server's business, and some runtimes fail without an entry for
/// their own id.
const TEXTS: &[(&str, &str)] = &[
    ("/etc/passwd", "brig:x:65532:65532:brig:/tmp:/bin/false\n"),
    ("/etc/group", "brig:x:65532:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    ),
];
/// Variables that programs cannot do without, unless the manifest sets them.
const VARIABLES: &[(&str, &str)] = &[("HOME", "/tmp"), ("PATH", "/usr/local/bin:/usr/bin:/bin")];
/// Places of the cell in which no grant can appear: they are brig's or the host's system.
const TAKEN: &[&str] = &[
    "/dev",
    "/proc",
    "/sys",
    "/etc/passwd",
    "/etc/group",
    PROGRAM_FOLDER,
];
/// init, beside what the manifest allows.
const OWN_PROCESSES: u64 = 1;

/// Decides the sandbox of a program, or names everything that stands in the way.
pub fn container(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
) -> Result<Plan, Vec<Unplannable>> {
    let limits = policy.limits();
    let mut faults = beyond(policy);
    faults.extend(no_full_cell(facts).map(Unplannable::from));
    let mut held = hold(facts, Isolated::Container).unwrap_or_else(|open| {
        faults.extend(open.into_iter().map(Unplannable::from));
        Vec::new()
    });
    let open = processor_share(limits.cpus_milli, facts, &mut held);
    faults.extend(open.map(Unplannable::from));
    let named = match policy.source() {
        Source::Command { program, args } => program_of(program, facts).map(|p| (p, args)),
        Source::Component(path) => Err(Unplannable::Program(format!("`{path}` is no program"))),
        Source::Package(_) => Err(Unplannable::Program("a package is no program".to_owned())),
    };
    let grants = grants(policy, places, facts, &mut faults);
    let ((program, name), args) = match named {
        Ok(named) => named,
        Err(fault) => {
            faults.push(fault);
            return Err(faults);
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    affinity(facts, &mut held);
    let links = links(&grants, facts);
    let mounts = mounts(facts, limits, &program, grants);
    let calls = Profile::of_program(links);
    let mut residuals = residuals(facts, FileCalls::Write, Isolated::Container);
    residuals.extend(obeyed::residuals(looked_through(policy, facts)));
    let mut all_args = args.clone();
    all_args.extend(policy.args().iter().cloned());
    Ok(Plan {
        server: policy.name().as_str().to_owned(),
        isolation: Isolation::Container(ContainerPart { program, name }),
        args: all_args,
        environment: with_defaults(environment(policy)),
        cell: walls(facts, mounts, calls, bounds(limits, facts)),
        processor_milli: limits.cpus_milli,
        bridge: bridge(limits),
        held,
        residuals,
    })
}

fn grants(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
    faults: &mut Vec<Unplannable>,
) -> Vec<Mount> {
    let mut grants = Vec::new();
    for grant in policy.files() {
        match granted(grant, places, facts, Isolated::Container) {
            Ok(mounts) => grants.extend(mounts),
            Err(fault) => faults.push(fault),
        }
        let at = grant.at().as_str();
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

/// The program's canonical path, and its own name.
fn program_of(
    program: &CommandProgram,
    facts: &HostFacts,
) -> Result<(String, String), Unplannable> {
    let name = match program {
        CommandProgram::Path(path) => path.as_str(),
        CommandProgram::Name(name) => name,
    };
    match &facts.program {
        Some(path) => Ok((path.clone(), name.to_owned())),
        None => Err(Unplannable::Program(format!(
            "this host has no program `{name}`"
        ))),
    }
}

/// Whether one path is the other or lies in it, whichever way.
fn meets(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

/// Where a control group holds the share, being tied to processors would only make servers wait
/// for each other.
fn affinity(facts: &HostFacts, held: &mut [Held]) {
    if facts.controllers.contains(&Controller::Cpu) {
        for held in held {
            held.by.retain(|by| *by != Mechanism::ProcessorAffinity);
        }
    }
}

fn bounds(limits: &Limits, facts: &HostFacts) -> Bounds {
    let processes = u64::from(limits.processes) + OWN_PROCESSES;
    // /tmp and /dev/shm are memory of the group.
    let memory = limits.memory_bytes.saturating_add(2 * limits.scratch_bytes);
    let grouped = facts.controllers.contains(&Controller::Cpu);
    Bounds {
        group: group(facts, memory, processes, Some(u64::from(limits.cpus_milli))),
        rlimits: rlimits(&[
            (Rlimit::Data, limits.memory_bytes),
            (Rlimit::OpenFiles, u64::from(limits.open_files)),
            (Rlimit::Processes, processes),
        ]),
        processors: (!grouped)
            .then(|| (limits.cpus_milli / 1000).clamp(1, facts.processors.max(1))),
    }
}

fn mounts(facts: &HostFacts, limits: &Limits, program: &str, grants: Vec<Mount>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = facts.system.iter().map(system).collect();
    mounts.extend(TEXTS.iter().map(|(at, text)| Mount::Text {
        at: (*at).to_owned(),
        text: (*text).to_owned(),
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
    let covered = mounts.iter().any(|mount| match mount {
        Mount::System { at, .. } => meets(program, at),
        Mount::Grant {
            source, at, exec, ..
        } => source == at && *exec == crate::cell::Exec::Allowed && meets(program, at),
        Mount::Program { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Processes { .. }
        | Mount::Device { .. }
        | Mount::Held { .. }
        | Mount::Kept { .. }
        | Mount::Scratch { .. } => false,
    });
    if !covered {
        mounts.push(Mount::System {
            source: program.to_owned(),
            at: program.to_owned(),
            kind: GrantKind::File,
        });
    }
    mounts
}

fn system(place: &SystemPlace) -> Mount {
    let at = place.at.clone();
    match &place.is {
        SystemKind::Directory => Mount::System {
            source: at.clone(),
            at,
            kind: GrantKind::Directory,
        },
        SystemKind::File(source) => Mount::System {
            source: source.clone(),
            at,
            kind: GrantKind::File,
        },
        SystemKind::Link(to) => Mount::Link { at, to: to.clone() },
    }
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
    if denied && facts.landlock_abi == 0 {
        Links::Denied
    } else {
        Links::Allowed
    }
}

fn with_defaults(mut environment: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for (name, value) in VARIABLES {
        environment
            .entry((*name).to_owned())
            .or_insert_with(|| Value::Literal((*value).to_owned()));
    }
    environment
}
