//! The mounts of a container whose walls an engine made.
//!
//! Of a grant's mount an engine is told whether it can be changed, and that is compared. Mounts of
//! the engine's own lie in places of the system, which Landlock keeps shut; one anywhere else is a
//! difference.

use super::Wall;
use super::process::{unescape, wall};
use brig_sandbox::cell::{Access, Mount, PROGRAM_FOLDER};
use brig_sandbox::engine::{Engine, Maker};
use brig_sandbox::plan::Plan;
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// Where engines mount what they show of the system.
const OF_ENGINES: &[&str] = &["/dev", "/proc", "/sys"];
/// Files and memory that daemons mount beside. Podman's memory is asked for read-only.
const OF_DAEMONS: &[&str] = &[
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/run",
    "/var/tmp",
];

/// Every mount of the plan, and those that no plan has.
pub(super) fn mounts(plan: &Plan, engine: Engine, server: u32) -> io::Result<Vec<Wall>> {
    let found = found(server)?;
    let planned = planned(plan, engine);
    let mut walls = Vec::new();
    for (at, access) in &planned {
        let is = found.get(at).map_or("no mount", String::as_str);
        walls.push(wall(&format!("mount {at}"), *access, is));
    }
    let own: Vec<&str> = match engine.maker() {
        Maker::Daemon => OF_ENGINES.iter().chain(OF_DAEMONS).copied().collect(),
        Maker::Warden | Maker::Runtime => OF_ENGINES.to_vec(),
    };
    let is_own = |at: &str| {
        let within = |outer: &&str| at == *outer || at.starts_with(&format!("{outer}/"));
        own.iter().any(within) || at.starts_with(PROGRAM_FOLDER)
    };
    let beyond = found
        .keys()
        .filter(|at| !planned.contains_key(*at) && !is_own(at));
    let beyond: Vec<&str> = beyond.map(String::as_str).collect();
    walls.push(wall("mounts that no plan has", "", beyond.join(" ")));
    Ok(walls)
}

fn planned(plan: &Plan, engine: Engine) -> BTreeMap<String, &'static str> {
    let by_daemon = engine.maker() == Maker::Daemon;
    let mut planned = BTreeMap::from([("/".to_owned(), "ro")]);
    for mount in &plan.cell.mounts {
        let access = match mount {
            Mount::Grant { access, .. } => match access {
                Access::Read => "ro",
                Access::Write => "rw",
            },
            Mount::Kept { .. } | Mount::Scratch { .. } | Mount::Secrets { .. } => "rw",
            Mount::Held { .. } | Mount::System { .. } | Mount::Processes { .. } => "ro",
            Mount::Text { .. } | Mount::Folder { .. } | Mount::Volume { .. } if by_daemon => "ro",
            Mount::Program { .. }
            | Mount::Image { .. }
            | Mount::Link { .. }
            | Mount::Text { .. }
            | Mount::Folder { .. }
            | Mount::Volume { .. }
            | Mount::Shown { .. }
            | Mount::Device { .. } => continue,
        };
        planned.insert(mount.at().to_owned(), access);
    }
    if by_daemon {
        // It is the engine's, and parts of it are masked instead.
        planned.remove("/proc");
    }
    planned
}

/// Whether each mount can be changed (proc_pid_mountinfo(5)). Of several at one place the last
/// counts.
fn found(server: u32) -> io::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(format!("/proc/{server}/mountinfo"))?;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(' ');
        if let (Some(at), Some(options)) = (fields.nth(4), fields.next()) {
            let is_read_only = options.split(',').any(|option| option == "ro");
            let access = if is_read_only { "ro" } else { "rw" };
            found.insert(unescape(at), access.to_owned());
        }
    }
    Ok(found)
}
