//! A program of this host: its system, read-only, and the program itself where it lies elsewhere.

use super::{ACCOUNT, GROUP, HOSTS, Started, environment, meets, named};
use crate::cell::{Exec, GrantKind, Mount};
use crate::facts::{HostFacts, SystemKind, SystemPlace};
use crate::family::ProgramFamily;
use crate::image::SIGTERM;
use crate::plan::{ContainerPart, Unplannable, Value};
use brig_policies::{CommandProgram, Policy};
use std::collections::BTreeMap;

/// Which sources names are looked up in. The host's own would tell of it.
const NAMES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
/// Variables that programs cannot do without, unless the manifest sets them.
const VARIABLES: &[(&str, &str)] = &[("HOME", "/tmp"), ("PATH", "/usr/local/bin:/usr/bin:/bin")];

pub(super) fn started(
    policy: &Policy,
    program: &CommandProgram,
    args: &[String],
    facts: &HostFacts,
    grants: &[Mount],
) -> Result<Started, Unplannable> {
    let (program, name) = program_of(program, facts)?;
    let system: Vec<Mount> = facts.system.iter().map(place).collect();
    let alone = alone(&program, &system, grants);
    Ok(Started {
        part: ContainerPart {
            program,
            name,
            directory: "/".to_owned(),
            stop_signal: SIGTERM,
            family: ProgramFamily::of(&facts.look),
            groups: named(policy, facts),
            image: None,
        },
        args: args.iter().chain(policy.args()).cloned().collect(),
        environment: with_defaults(environment(policy)),
        system,
        alone,
        texts: vec![
            ("/etc/passwd", ACCOUNT.to_owned()),
            ("/etc/group", GROUP.to_owned()),
            ("/etc/hosts", HOSTS.to_owned()),
            ("/etc/nsswitch.conf", NAMES.to_owned()),
        ],
    })
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

/// The program, where neither the host's system nor a grant holds it.
fn alone(program: &str, system: &[Mount], grants: &[Mount]) -> Option<Mount> {
    let covered = system.iter().chain(grants).any(|mount| match mount {
        Mount::System { at, .. } => meets(program, at),
        Mount::Grant {
            source, at, exec, ..
        } => source == at && *exec == Exec::Allowed && meets(program, at),
        Mount::Program { .. }
        | Mount::Image { .. }
        | Mount::Folder { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Processes { .. }
        | Mount::Device { .. }
        | Mount::Held { .. }
        | Mount::Kept { .. }
        | Mount::Scratch { .. } => false,
    });
    (!covered).then(|| Mount::System {
        source: program.to_owned(),
        at: program.to_owned(),
        kind: GrantKind::File,
    })
}

fn place(place: &SystemPlace) -> Mount {
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

fn with_defaults(mut environment: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for (name, value) in VARIABLES {
        environment
            .entry((*name).to_owned())
            .or_insert_with(|| Value::Literal((*value).to_owned()));
    }
    environment
}
