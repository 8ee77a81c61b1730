//! What the processes of a row take: memory and time of processors (proc(5)).

use super::session::{Fault, shown};
use std::collections::BTreeSet;
use std::fs;

/// Where the processes of a row are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// They come from the one that was spawned.
    Family,
    /// A daemon starts some of them: those below a keeper of containers that was not there before.
    /// The daemon itself is everybody's: its time in calls counts, its memory does not.
    Daemon,
    /// Somebody else starts them, and nobody can tell which they are.
    Elsewhere,
}

/// What keeps one container of a daemon: shims of containerd, and conmon.
const KEEPERS: [&str; 3] = ["containerd-shim", "conmon", "runsc-sandbox"];
/// Daemons that carry the streams of a container, or make one.
const DAEMONS: [&str; 4] = ["dockerd", "containerd", "podman", "docker-proxy"];

/// Keepers that there are now.
pub(super) fn keepers() -> BTreeSet<u32> {
    let is_keeper = |name: &str| KEEPERS.iter().any(|keeper| name.starts_with(keeper));
    named(&is_keeper)
}

fn named(wanted: &dyn Fn(&str) -> bool) -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let name = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    ids.filter(|id| wanted(name(id).trim_end())).collect()
}

/// The processes of a row: from the one that was spawned, and from keepers that are new.
pub(super) fn processes(
    spawned: u32,
    reach: Reach,
    before: &BTreeSet<u32>,
) -> Result<Vec<u32>, Fault> {
    let mut found = family(spawned);
    match reach {
        Reach::Family => {}
        Reach::Daemon => {
            let new = keepers();
            let new: Vec<u32> = new.difference(before).copied().collect();
            if new.is_empty() {
                return Err(Fault("no process keeps its container".to_owned()));
            }
            for keeper in new.into_iter().flat_map(family) {
                if !found.contains(&keeper) {
                    found.push(keeper);
                }
            }
        }
        Reach::Elsewhere => {
            return Err(Fault(
                "its processes are somebody else's children".to_owned(),
            ));
        }
    }
    Ok(found)
}

/// A process and its descendants, children before grandchildren.
fn family(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(process) = found.get(at).copied() {
        at += 1;
        let tasks = fs::read_dir(format!("/proc/{process}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children"));
            let children = children.unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
    }
    found
}

/// KiB of PSS of these processes (proc_pid_smaps(5)).
pub(super) fn memory(processes: &[u32]) -> Result<f64, Fault> {
    let mut sum = 0.0;
    for process in processes {
        let rollup = match fs::read_to_string(format!("/proc/{process}/smaps_rollup")) {
            Ok(text) => text,
            // It ended meanwhile, or is about to.
            Err(error)
                if [Some(libc::ESRCH), Some(libc::ENOENT)].contains(&error.raw_os_error()) =>
            {
                continue;
            }
            Err(error) => {
                let what = format!("its memory cannot be read, which root alone may: {error}");
                return Err(Fault(shown(&what)));
            }
        };
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        sum += kib.ok_or_else(|| Fault("the kernel tells no PSS".to_owned()))?;
    }
    Ok(sum)
}

/// Nanoseconds that these processes ran so far, and daemons where a daemon carries their streams
/// (`schedstat` of each thread, Documentation/scheduler/sched-stats.rst).
pub(super) fn processor(processes: &[u32], reach: Reach) -> Result<f64, Fault> {
    let mut all: BTreeSet<u32> = processes.iter().copied().collect();
    if reach == Reach::Daemon {
        all.extend(named(&|name| DAEMONS.contains(&name)));
    }
    let mut sum = None;
    for process in all {
        let tasks = fs::read_dir(format!("/proc/{process}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let ran = stat.split_whitespace().next();
            if let Some(ran) = ran.and_then(|ran| ran.parse::<f64>().ok()) {
                sum = Some(sum.unwrap_or_default() + ran);
            }
        }
    }
    sum.ok_or_else(|| Fault("the kernel tells no time of processors".to_owned()))
}
