//! A running server's walls, as proc(5) shows them from outside.

use super::belongings::belongings;
use super::{Reader, Wall, engine_of, engines};
use crate::launch::bounds_of;
use crate::prepare::Planned;
use brig_sandbox::cell::{
    Access, Cell, CellKind, Exec, FIRST_UNUSED_HOST_ID, Identity, Mount, Namespace, Rlimit,
};
use brig_sandbox::engine::{Engine, Maker};
use brig_sandbox::plan::{Isolation, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// All walls of the cell of this warden.
pub(super) fn walls(planned: &Planned, warden: u32, init: u32) -> io::Result<Vec<Wall>> {
    let plan = &planned.plan;
    let server = only_child(init)?;
    let cell = &plan.cell;
    let mut walls = identity(cell, warden, server)?;
    walls.extend(privileges(plan, init, server)?);
    walls.extend(apart(plan, init, server)?);
    walls.extend(namespaces(cell, server)?);
    walls.extend(limits(cell, server)?);
    let engine = engine_of(plan);
    walls.extend(if engine == Engine::Native {
        mounts(cell, server)?
    } else {
        engines::mounts(plan, engine, server)?
    });
    walls.extend(groups(plan, warden, server)?);
    // The descriptors and variables of a worker, which is not dumpable, are root's to look at.
    let hidden = plan.isolation.component().is_some();
    if !hidden || cell.identity == Identity::UnusedHostId {
        walls.extend(belongings(plan, server)?);
    }
    Ok(walls)
}

/// Whether the server of this init is no copy of it any more.
pub(super) fn has_begun(init: u32) -> bool {
    let named = || -> io::Result<bool> {
        let server = only_child(init)?;
        let named = field(&status(init)?, "Name") != field(&status(server)?, "Name");
        // An exec that is not done yet has no words and no variables.
        let words = fs::read(format!("/proc/{server}/cmdline"))?;
        Ok(named && !words.is_empty())
    };
    named().unwrap_or(false)
}

pub(super) fn wall(name: &str, planned: impl Into<String>, found: impl Into<String>) -> Wall {
    Wall {
        name: name.to_owned(),
        planned: planned.into(),
        found: found.into(),
        reader: Reader::Outside,
    }
}

pub(super) fn only_child(process: u32) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let child = text
        .split_whitespace()
        .next()
        .and_then(|id| id.parse().ok());
    child.ok_or_else(|| io::Error::other("the cell has no process any more"))
}

fn status(process: u32) -> io::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let spaced = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(pairs
        .map(|(name, value)| (name.to_owned(), spaced(value)))
        .collect())
}

fn field(status: &BTreeMap<String, String>, name: &str) -> String {
    status
        .get(name)
        .cloned()
        .unwrap_or_else(|| "not shown".to_owned())
}

fn identity(cell: &Cell, warden: u32, server: u32) -> io::Result<Vec<Wall>> {
    let status = status(server)?;
    let four = |id: u32| [id; 4].map(|id| id.to_string()).join(" ");
    let (user, group, drops_groups) = match cell.identity {
        Identity::UnusedHostId => (
            FIRST_UNUSED_HOST_ID + warden,
            FIRST_UNUSED_HOST_ID + warden,
            true,
        ),
        Identity::ServersHostId { id } => (id, id, false),
        Identity::OfSentry => (0, 0, false),
        Identity::Caller {
            uid,
            gid,
            subordinate_gid,
        } => (uid, gid, subordinate_gid.is_some()),
    };
    let mut walls = vec![
        wall("user on the host", four(user), field(&status, "Uid")),
        wall("group on the host", four(group), field(&status, "Gid")),
    ];
    if drops_groups {
        walls.push(wall("supplementary groups", "", field(&status, "Groups")));
    }
    Ok(walls)
}

fn privileges(plan: &Plan, init: u32, server: u32) -> io::Result<Vec<Wall>> {
    let (of_init, of_server) = (status(init)?, status(server)?);
    let none = "0".repeat(16);
    // A worker has put a second one on itself.
    // Under an engine there is that one's, and the server's own within it.
    let filters = match &plan.isolation {
        Isolation::Container(part) if part.engine == Engine::Native => "1",
        Isolation::Container(_) | Isolation::Component(_) => "2",
    };
    let of_inits = if engine_of(plan) == Engine::Native {
        "1"
    } else {
        "2"
    };
    let mut walls = Vec::new();
    // An ordinary user without namespaces has no right to empty the bounding set.
    let own_users = plan.cell.namespaces.contains(&Namespace::User);
    let bound = own_users || plan.cell.identity == Identity::UnusedHostId;
    let sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"];
    for set in sets.into_iter().chain(bound.then_some("CapBnd")) {
        walls.push(wall(
            &format!("{set} of the server"),
            &none,
            field(&of_server, set),
        ));
        walls.push(wall(&format!("{set} of init"), &none, field(&of_init, set)));
    }
    walls.push(wall(
        "new privileges given up",
        "1",
        field(&of_server, "NoNewPrivs"),
    ));
    walls.push(wall(
        "seccomp mode of the server",
        "2",
        field(&of_server, "Seccomp"),
    ));
    walls.push(wall(
        "filters of the server",
        filters,
        field(&of_server, "Seccomp_filters"),
    ));
    walls.push(wall(
        "seccomp mode of init",
        "2",
        field(&of_init, "Seccomp"),
    ));
    walls.push(wall(
        "filters of init",
        of_inits,
        field(&of_init, "Seccomp_filters"),
    ));
    Ok(walls)
}

/// What keeps the server's processes apart from others' beside namespaces.
fn apart(plan: &Plan, init: u32, server: u32) -> io::Result<Vec<Wall>> {
    let stat = fs::read_to_string(format!("/proc/{server}/stat"))?;
    // proc_pid_stat(5): after the name come state, parent, group, session, terminal.
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    let session = fields.get(3).copied().unwrap_or_default();
    let own = if session == server.to_string() {
        "its own"
    } else {
        "another's"
    };
    let terminal = if fields.get(4) == Some(&"0") {
        "none"
    } else {
        "one"
    };
    let mut walls = vec![
        wall("session", "its own", own),
        wall("controlling terminal", "none", terminal),
        wall("memory of init", "kept to itself", memory(init)?),
    ];
    // Every exec of a program makes it dumpable again; the worker takes that back by itself.
    if plan.isolation.component().is_some() {
        walls.push(wall(
            "memory of the worker",
            "kept to itself",
            memory(server)?,
        ));
    }
    if let Some(count) = plan.cell.processors {
        let list = field(&status(server)?, "Cpus_allowed_list");
        walls.push(wall(
            "processors",
            count.to_string(),
            processors(&list).to_string(),
        ));
    }
    Ok(walls)
}

/// The files of a process that is not dumpable are not its user's (proc(5)).
fn memory(process: u32) -> io::Result<&'static str> {
    let owner = fs::metadata(format!("/proc/{process}/status"))?.uid();
    let user = field(&status(process)?, "Uid");
    let theirs = user.split(' ').nth(1) == Some(&owner.to_string());
    Ok(if theirs {
        "open to its user"
    } else {
        "kept to itself"
    })
}

/// How many numbers are in a list such as `0-2,5`.
fn processors(text: &str) -> u32 {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
        Some(to.saturating_sub(from).saturating_add(1))
    };
    text.split(',').filter_map(range).sum()
}

fn namespaces(cell: &Cell, server: u32) -> io::Result<Vec<Wall>> {
    cell.namespaces
        .iter()
        .map(|namespace| {
            let name = match namespace {
                Namespace::User => "user",
                Namespace::Mount => "mnt",
                Namespace::Pid => "pid",
                Namespace::Network => "net",
                Namespace::Ipc => "ipc",
                Namespace::Uts => "uts",
                Namespace::Cgroup => "cgroup",
                Namespace::Time => "time",
            };
            let own = fs::read_link(format!("/proc/self/ns/{name}"))?;
            let theirs = fs::read_link(format!("/proc/{server}/ns/{name}"))?;
            let found = if own == theirs {
                "the host's"
            } else {
                "its own"
            };
            Ok(wall(&format!("{name} namespace"), "its own", found))
        })
        .collect()
}

fn limits(cell: &Cell, server: u32) -> io::Result<Vec<Wall>> {
    let text = fs::read_to_string(format!("/proc/{server}/limits"))?;
    let limit = |(limit, value): (&Rlimit, &u64)| {
        let name = match limit {
            Rlimit::Core => "Max core file size",
            Rlimit::Cpu => "Max cpu time",
            Rlimit::Data => "Max data size",
            Rlimit::LockedMemory => "Max locked memory",
            Rlimit::MessageQueues => "Max msgqueue size",
            Rlimit::Nice => "Max nice priority",
            Rlimit::OpenFiles => "Max open files",
            Rlimit::Processes => "Max processes",
            Rlimit::RealTimePriority => "Max realtime priority",
            Rlimit::Stack => "Max stack size",
        };
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default();
        let found: Vec<&str> = line.split_whitespace().take(2).collect();
        wall(name, format!("{value} {value}"), found.join(" "))
    };
    Ok(cell.rlimits.iter().map(limit).collect())
}

/// Exactly the plan's mounts, with their flags. A narrow cell has none of its own.
fn mounts(cell: &Cell, server: u32) -> io::Result<Vec<Wall>> {
    if cell.kind == CellKind::Narrow {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(format!("/proc/{server}/mountinfo"))?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(' ');
        if let (Some(at), Some(options)) = (fields.nth(4), fields.next()) {
            found.insert(unescape(at), flags(options));
        }
    }
    let mut planned = BTreeMap::from([("/".to_owned(), "nodev nosuid ro".to_owned())]);
    for mount in &cell.mounts {
        let (at, flags) = match mount {
            Mount::Program { at, .. } | Mount::System { at, .. } => (at, "nodev nosuid ro"),
            Mount::Processes { at } => (at, "nodev noexec nosuid ro"),
            Mount::Device { at } => (at, "noexec nosuid rw"),
            Mount::Image { .. }
            | Mount::Folder { .. }
            | Mount::Link { .. }
            | Mount::Shown { .. }
            | Mount::Volume { .. }
            | Mount::Text { .. } => continue,
            Mount::Scratch { at, .. } | Mount::Secrets { at } => (at, "nodev noexec nosuid rw"),
            Mount::Grant {
                at, access, exec, ..
            } => (at, grant_flags(*access, *exec)),
            Mount::Held { at, exec, .. } => (at, grant_flags(Access::Read, *exec)),
            Mount::Kept { at, exec, .. } => (at, grant_flags(Access::Write, *exec)),
        };
        planned.insert(at.clone(), flags.to_owned());
    }
    let places: BTreeSet<&String> = planned.keys().chain(found.keys()).collect();
    let absent = "no mount".to_owned();
    let of = |map: &BTreeMap<String, String>, at| map.get(at).unwrap_or(&absent).clone();
    Ok(places
        .into_iter()
        .map(|at| wall(&format!("mount {at}"), of(&planned, at), of(&found, at)))
        .collect())
}

fn grant_flags(access: Access, exec: Exec) -> &'static str {
    match (access, exec) {
        (Access::Read, Exec::Denied) => "nodev noexec nosuid ro",
        (Access::Write, Exec::Denied) => "nodev noexec nosuid rw",
        (Access::Read, Exec::Allowed) => "nodev nosuid ro",
        (Access::Write, Exec::Allowed) => "nodev nosuid rw",
    }
}

/// The flags that matter, in one order.
fn flags(options: &str) -> String {
    let wanted = ["nodev", "noexec", "nosuid", "ro", "rw"];
    let set: Vec<&str> = wanted
        .into_iter()
        .filter(|w| options.split(',').any(|o| o == *w))
        .collect();
    set.join(" ")
}

/// proc(5), mountinfo: blanks and backslashes stand as octal numbers.
pub(super) fn unescape(path: &str) -> String {
    let pairs = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    pairs
        .iter()
        .fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

/// Each bound, as the group has it that the server really is in, which is the warden's.
fn groups(plan: &Plan, warden: u32, server: u32) -> io::Result<Vec<Wall>> {
    let own = format!("-{warden}");
    let by_daemon = engine_of(plan).maker() == Maker::Daemon;
    let walls = bounds_of(server, &plan.cell.group)?
        .into_iter()
        .map(|bounded| {
            let is_own =
                by_daemon || bounded.group.starts_with("brig-") && bounded.group.ends_with(&own);
            let found = match bounded.found {
                Some(bound) if is_own => bound.to_string(),
                Some(_) => "in another group".to_owned(),
                None => "no bound".to_owned(),
            };
            let name = format!("control group, {}", bounded.controller);
            wall(&name, bounded.planned.to_string(), found)
        });
    Ok(walls.collect())
}
