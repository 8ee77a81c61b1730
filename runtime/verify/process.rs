//! A running worker's walls, as proc(5) shows them from outside.

use super::{Reader, Wall};
use crate::launch::bounds_of;
use brig_sandbox::cell::{
    Access, Cell, CellKind, Exec, FIRST_UNUSED_HOST_ID, Identity, Mount, Namespace, Rlimit,
};
use brig_sandbox::plan::{Isolation, Plan, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

/// All walls of the cell of this warden.
pub(super) fn walls(plan: &Plan, warden: u32) -> io::Result<Vec<Wall>> {
    let init = only_child(warden)?;
    let server = only_child(init)?;
    let cell = &plan.cell;
    let mut walls = inside(cell);
    walls.extend(identity(cell, warden, server)?);
    walls.extend(privileges(plan, init, server)?);
    walls.extend(namespaces(cell, server)?);
    walls.extend(limits(cell, server)?);
    walls.extend(mounts(cell, server)?);
    walls.extend(groups(cell, warden, server)?);
    // The descriptors and variables of a process that is not dumpable are root's to look at.
    let hidden = cell.identity != Identity::UnusedHostId;
    if !hidden {
        walls.extend(belongings(plan, server)?);
    }
    Ok(walls)
}

/// Whether the server of this warden runs behind its filter. Until it does it is a copy of init.
pub(super) fn is_behind_its_filter(warden: u32) -> bool {
    let filtered = || -> io::Result<bool> {
        let init = only_child(warden)?;
        let (of_init, of_server) = (status(init)?, status(only_child(init)?)?);
        let named = field(&of_init, "Name") != field(&of_server, "Name");
        Ok(named && field(&of_server, "Seccomp") == "2" && field(&of_init, "Seccomp") == "2")
    };
    filtered().unwrap_or(false)
}

/// What init compared before it started the server; it starts none on a difference.
fn inside(cell: &Cell) -> Vec<Wall> {
    let full = cell.kind == CellKind::Full;
    let compared = [
        ("user and group", true),
        ("capabilities", true),
        ("new privileges", true),
        ("resource limits", true),
        ("device and inode of every source", true),
        ("flags of every mount", full),
        (
            "Landlock: the root cannot be listed",
            cell.landlock.is_some(),
        ),
        ("the server's filter", true),
    ];
    let wall = |name: &str| Wall {
        name: name.to_owned(),
        planned: "as planned".to_owned(),
        found: "as planned".to_owned(),
        reader: Reader::Inside,
    };
    compared
        .iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| wall(name))
        .collect()
}

fn wall(name: &str, planned: impl Into<String>, found: impl Into<String>) -> Wall {
    Wall {
        name: name.to_owned(),
        planned: planned.into(),
        found: found.into(),
        reader: Reader::Outside,
    }
}

fn only_child(process: u32) -> io::Result<u32> {
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
    let filters = match plan.isolation {
        Isolation::Component(_) => "2",
        Isolation::Container(_) => "1",
    };
    let mut walls = Vec::new();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
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
        "1",
        field(&of_init, "Seccomp_filters"),
    ));
    Ok(walls)
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
            Mount::Link { .. } | Mount::Text { .. } => continue,
            Mount::Scratch { at, .. } => (at, "nodev noexec nosuid rw"),
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
fn unescape(path: &str) -> String {
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
fn groups(cell: &Cell, warden: u32, server: u32) -> io::Result<Vec<Wall>> {
    let own = format!("-{warden}");
    let walls = bounds_of(server, &cell.group)?.into_iter().map(|bounded| {
        let is_own = bounded.group.starts_with("brig-") && bounded.group.ends_with(&own);
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

/// What the server has besides its walls: descriptors and variables.
fn belongings(plan: &Plan, server: u32) -> io::Result<Vec<Wall>> {
    let mut foreign = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{server}/fd"))? {
        let target = fs::read_link(entry?.path())?.display().to_string();
        // The streams, what waiting takes, and the granted folders that the guest was given.
        let own = target.starts_with("pipe:") || target.starts_with("anon_inode:");
        if !own && !target.starts_with('/') {
            foreign.insert(target);
        }
    }
    let foreign: Vec<String> = foreign.into_iter().collect();
    let environment = fs::read(format!("/proc/{server}/environ"))?;
    let names: BTreeSet<String> = String::from_utf8_lossy(&environment)
        .split('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    // A worker has none: its guest's are in its orders.
    let planned: BTreeSet<String> = match &plan.isolation {
        Isolation::Component(_) => BTreeSet::new(),
        Isolation::Container(_) => {
            let is_set = |value: &Value| match value {
                Value::Literal(_) => true,
                Value::Host(host) => std::env::var(host).is_ok(),
            };
            let set = plan.environment.iter().filter(|(_, value)| is_set(value));
            set.map(|(name, _)| name.clone()).collect()
        }
    };
    let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
    Ok(vec![
        wall("sockets and memory files open", "", foreign.join(" ")),
        wall("variables of the process", list(planned), list(names)),
    ])
}
