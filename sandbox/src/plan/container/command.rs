//! A program of this host: its system, read-only, and the program itself where it lies elsewhere.

use super::runtime::{Runtimes, runs_in, runtimes};
use super::{HOSTS, HOSTS_FILE, Started, account, environment, group_of};
use crate::cell::ID_INSIDE;
use crate::cell::{GrantKind, Mount, Readers};
use crate::facts::{HostFacts, SystemKind, SystemPlace};
use crate::image::SIGTERM;
use crate::plan::{Unplannable, Value};
use brig_policies::{CommandProgram, Places, Policy};
use std::collections::BTreeMap;

/// Which sources names are looked up in. The host's own would tell of it.
const NAMES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
/// The home, unless the manifest sets it: the one place that every program can write.
const HOME: &str = "/tmp";
/// Where names are looked up, unless the manifest says it, and after the program's own runtimes.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub(super) fn started(
    policy: &Policy,
    (program, args): (&CommandProgram, &[String]),
    places: &Places,
    facts: &HostFacts,
    grants: &[Mount],
) -> Result<Started, Vec<Unplannable>> {
    let (program, name) = program_of(program, facts).map_err(|fault| vec![fault])?;
    let system: Vec<Mount> = facts.system.iter().map(place).collect();
    let runtimes = runtimes(policy, places, facts, &system, grants)?;
    let of_runtimes = runtimes.before.iter().chain(&runtimes.after);
    // A runtime finds itself by the path that it is called by.
    let is_in_runtime = of_runtimes.clone().any(|mount| runs_in(mount, &program));
    let name = if is_in_runtime { program.clone() } else { name };
    let shown = system.iter().chain(of_runtimes).chain(grants);
    let alone = alone(&program, shown.cloned());
    let environment = with_defaults(environment(policy), &runtimes);
    Ok(Started {
        program,
        name,
        directory: "/".to_owned(),
        stop_signal: SIGTERM,
        image: None,
        runtimes: runtimes.parts,
        args: args.iter().chain(policy.args()).cloned().collect(),
        environment,
        system,
        before: runtimes.before,
        after: runtimes.after.into_iter().chain(alone).collect(),
        texts: vec![
            ("/etc/passwd", account((ID_INSIDE, ID_INSIDE))),
            ("/etc/group", group_of((ID_INSIDE, ID_INSIDE))),
            (HOSTS_FILE, HOSTS.to_owned()),
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
        Some(path) if facts.shim => Err(Unplannable::Program(format!(
            "`{path}` is no program but a version manager's stand-in, which chooses one at each \
             start: name that one, which `pyenv which {name}` and their like tell"
        ))),
        Some(path) => Ok((path.clone(), name.to_owned())),
        None => Err(Unplannable::Program(format!(
            "this host has no program `{name}`"
        ))),
    }
}

/// The program, where nothing else shows it.
fn alone(program: &str, mut shown: impl Iterator<Item = Mount>) -> Option<Mount> {
    let covered = shown.any(|mount| runs_in(&mount, program));
    (!covered).then(|| Mount::System {
        source: program.to_owned(),
        at: program.to_owned(),
        kind: GrantKind::File,
        readers: Readers::Owner,
    })
}

fn place(place: &SystemPlace) -> Mount {
    let at = place.at.clone();
    match &place.is {
        SystemKind::Directory => Mount::System {
            source: at.clone(),
            at,
            kind: GrantKind::Directory,
            readers: Readers::All,
        },
        SystemKind::File(source) => Mount::System {
            source: source.clone(),
            at,
            kind: GrantKind::File,
            readers: Readers::All,
        },
        SystemKind::Link(to) => Mount::Link { at, to: to.clone() },
    }
}

fn with_defaults(
    mut environment: BTreeMap<String, Value>,
    runtimes: &Runtimes,
) -> BTreeMap<String, Value> {
    let folders: Vec<String> = runtimes
        .programs()
        .chain([SEARCH_PATH.to_owned()])
        .collect();
    for (name, value) in [("HOME", HOME.to_owned()), ("PATH", folders.join(":"))] {
        environment
            .entry(name.to_owned())
            .or_insert_with(|| Value::Literal(value));
    }
    environment
}
