//! Control groups, of version 2 and of version 1 (cgroups(7)): where brig may make one, and making,
//! filling and removing it.
//!
//! A group's name tells whose it is: the pid namespace and the process id of its warden. So a group
//! whose warden died without a word is known for what it is, and the next start removes it.

mod bounds;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use bounds::{bound, set};
use brig_sandbox::cell::ControlGroup;
use brig_sandbox::facts::Controller;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Where this process may make groups, by controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupParents {
    parents: BTreeMap<Controller, Parent>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Parent {
    version: Version,
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Version {
    V1,
    V2,
}

const CONTROLLERS: [Controller; 3] = [Controller::Cpu, Controller::Memory, Controller::Pids];

impl GroupParents {
    /// Looks at this process's own groups. Nothing is made.
    pub(crate) fn find() -> Self {
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut parents = BTreeMap::new();
        let v2 = v2_parent(&memberships, &mounts);
        for controller in CONTROLLERS {
            let found = match &v2 {
                Some((parent, handed_on)) if handed_on.contains(&controller) => {
                    Some(parent.clone())
                }
                Some(_) | None => v1_parent(controller, &memberships, &mounts),
            };
            if let Some(parent) = found {
                parents.insert(controller, parent);
            }
        }
        Self { parents }
    }

    /// Which controllers there are.
    pub(crate) fn controllers(&self) -> BTreeSet<Controller> {
        self.parents.keys().copied().collect()
    }
}

fn name(controller: Controller) -> &'static str {
    match controller {
        Controller::Cpu => "cpu",
        Controller::Memory => "memory",
        Controller::Pids => "pids",
    }
}

/// The folder above this process's own group that is the caller's and hands the most controllers on
/// to its children, the nearest of them. It is one for all: a process is in one group of version 2,
/// and the bounds of another would hold nothing. A group with processes of its own hands nothing on
/// (cgroups(7), "no internal processes"), so the search starts at its parent.
fn v2_parent(memberships: &str, mounts: &str) -> Option<(Parent, BTreeSet<Controller>)> {
    let (root, own) = v2_folder(memberships, mounts)?;
    let folders = own
        .ancestors()
        .skip(usize::from(own != root))
        .take_while(|folder| folder.starts_with(&root))
        .filter(|folder| can_make_in(folder));
    let mut best: Option<(&Path, BTreeSet<Controller>)> = None;
    for folder in folders {
        let handed_on = CONTROLLERS.into_iter().filter(|c| hands_on(folder, *c));
        let handed_on: BTreeSet<_> = handed_on.collect();
        if handed_on.len() > best.as_ref().map_or(0, |(_, best)| best.len()) {
            best = Some((folder, handed_on));
        }
        // Looking further up would be more than looking: it lets the root group hand on.
        if best
            .as_ref()
            .is_some_and(|(_, best)| best.len() == CONTROLLERS.len())
        {
            break;
        }
    }
    best.map(|(folder, handed_on)| {
        let parent = Parent {
            version: Version::V2,
            folder: folder.to_owned(),
        };
        (parent, handed_on)
    })
}

/// The root of version 2, and the group there.
fn v2_folder(memberships: &str, mounts: &str) -> Option<(PathBuf, PathBuf)> {
    let own = memberships
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let root = mount_of(mounts, |kind, _| kind == "cgroup2")?;
    let own = root.join(own.trim_start_matches('/'));
    Some((root, own))
}

fn hands_on(folder: &Path, controller: Controller) -> bool {
    let lists = |file: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        text.split_whitespace().any(|word| word == name(controller))
    };
    // The root group may have processes and children with controllers at once; it has no type.
    let is_root = !folder.join("cgroup.type").exists();
    lists("cgroup.subtree_control")
        || (is_root && lists("cgroup.controllers") && enable(folder, controller))
}

/// Lets the root group hand a controller on, as systemd does at its start.
fn enable(root: &Path, controller: Controller) -> bool {
    fs::write(
        root.join("cgroup.subtree_control"),
        format!("+{}", name(controller)),
    )
    .is_ok()
}

fn v1_parent(controller: Controller, memberships: &str, mounts: &str) -> Option<Parent> {
    let folder = v1_folder(controller, memberships, mounts)?;
    can_make_in(&folder).then_some(Parent {
        version: Version::V1,
        folder,
    })
}

fn v1_folder(controller: Controller, memberships: &str, mounts: &str) -> Option<PathBuf> {
    let wanted = name(controller);
    let own = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers
            .split(',')
            .any(|word| word == wanted)
            .then_some(path)
    })?;
    let root = mount_of(mounts, |kind, options| {
        kind == "cgroup" && options.split(',').any(|word| word == wanted)
    })?;
    Some(root.join(own.trim_start_matches('/')))
}

/// The bounds of a process, each as its group has it.
pub(crate) fn bounds_of(process: u32, bounds: &ControlGroup) -> io::Result<Vec<Bounded>> {
    let memberships = fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let planned = |controller| Some((controller, bound(bounds, controller)?));
    let bounded = |(controller, planned)| {
        let v1 = v1_folder(controller, &memberships, &mounts).map(|at| (Version::V1, at));
        let group = v1.or_else(|| Some((Version::V2, v2_folder(&memberships, &mounts)?.1)));
        let last = |(_, at): &(Version, PathBuf)| Some(at.file_name()?.to_str()?.to_owned());
        Bounded {
            controller: name(controller),
            group: group.as_ref().and_then(last).unwrap_or_default(),
            planned: bounds::as_kept(controller, planned),
            found: group.and_then(|(version, at)| bounds::read(&at, version, controller)),
        }
    };
    let controllers = CONTROLLERS.into_iter();
    Ok(controllers.filter_map(planned).map(bounded).collect())
}

/// The file that tells of the kernel's kills for want of memory in the group of a process.
pub(super) fn memory_events_of(process: u32) -> Option<PathBuf> {
    let memberships = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    match v1_folder(Controller::Memory, &memberships, &mounts) {
        Some(folder) => Some(folder.join("memory.oom_control")),
        None => Some(v2_folder(&memberships, &mounts)?.1.join("memory.events")),
    }
}

/// A bound as it was planned, and as the kernel has it in the group that a process is in.
pub(crate) struct Bounded {
    pub(crate) controller: &'static str,
    /// The group's own name.
    pub(crate) group: String,
    pub(crate) planned: u64,
    /// None where nothing bounds the group.
    pub(crate) found: Option<u64>,
}

/// Where the first mount is that this is true of: file system type and super block options
/// (proc(5), mountinfo).
fn mount_of(mounts: &str, is_it: impl Fn(&str, &str) -> bool) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let kind = right.next()?;
        let options = right.nth(1)?;
        let at = left.split(' ').nth(4)?;
        is_it(kind, options).then(|| PathBuf::from(at))
    })
}

fn can_make_in(folder: &Path) -> bool {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && rustix::fs::access(folder.join("cgroup.procs"), Access::WRITE_OK).is_ok()
}

/// A group that holds one cell. Dropping it removes it, once its last process is gone.
pub(super) struct Group {
    folders: BTreeMap<Parent, BTreeSet<Controller>>,
    name: String,
}

impl Group {
    /// Makes a group with these bounds and reads each back.
    pub(super) fn make(parents: &GroupParents, bounds: &ControlGroup) -> io::Result<Self> {
        let namespace = fs::metadata("/proc/self/ns/pid")?.ino();
        let mut group = Self {
            folders: BTreeMap::new(),
            name: format!("brig-{namespace}-{}", std::process::id()),
        };
        for (controller, parent) in &parents.parents {
            if bound(bounds, *controller).is_some() {
                group
                    .folders
                    .entry(parent.clone())
                    .or_default()
                    .insert(*controller);
            }
        }
        for (parent, controllers) in &group.folders {
            sweep(&parent.folder, namespace);
            let folder = parent.folder.join(&group.name);
            fs::create_dir(&folder)?;
            for controller in controllers {
                if let Some(value) = bound(bounds, *controller) {
                    set(&folder, parent.version, *controller, value)?;
                }
            }
        }
        Ok(group)
    }

    /// The folder of the group of version 2, where there is one: a child can be started in it
    /// (clone(2), `CLONE_INTO_CGROUP`).
    pub(super) fn to_start_in(&self) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |folder: PathBuf| rustix::fs::open(folder, flags, Mode::empty());
        Ok(self.of(Version::V2).next().map(open).transpose()?)
    }

    /// Whether the group of version 2, where there is one, has this process.
    pub(super) fn has(&self, process: i32) -> io::Result<bool> {
        let Some(folder) = self.of(Version::V2).next() else {
            return Ok(true);
        };
        let processes = fs::read_to_string(folder.join("cgroup.procs"))?;
        Ok(processes.lines().any(|line| line == process.to_string()))
    }

    /// Puts this process, which has one thread, into the groups of version 1. Moving another one
    /// by `cgroup.procs` takes a lock for which the kernel waits until every processor has passed
    /// by: 10 ms and more on an idle host. A thread that moves itself needs no such lock.
    pub(super) fn enter(&self) -> io::Result<()> {
        for folder in self.of(Version::V1) {
            fs::write(folder.join("tasks"), "0")?;
        }
        Ok(())
    }

    fn of(&self, version: Version) -> impl Iterator<Item = PathBuf> {
        let parents = self.folders.keys();
        let parents = parents.filter(move |parent| parent.version == version);
        parents.map(|parent| parent.folder.join(&self.name))
    }

    /// Whether the kernel killed a process of the group because the group's memory was used up.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.folders.keys().any(|parent| {
            let folder = parent.folder.join(&self.name);
            let file = match parent.version {
                Version::V1 => "memory.oom_control",
                Version::V2 => "memory.events",
            };
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            text.lines()
                .any(|line| line.strip_prefix("oom_kill ").is_some_and(|n| n != "0"))
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for parent in self.folders.keys() {
            let folder = parent.folder.join(&self.name);
            // The last process is reaped, but the kernel may still be letting go of it.
            for _ in 0..50 {
                match fs::remove_dir(&folder) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                        sleep(Duration::from_millis(2));
                    }
                    Ok(()) | Err(_) => break,
                }
            }
        }
    }
}

/// Removes the empty groups of dead wardens of this pid namespace.
fn sweep(parent: &Path, namespace: u64) {
    let prefix = format!("brig-{namespace}-");
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let warden = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if warden.is_some_and(|warden| !Path::new("/proc").join(warden).exists()) {
            // It fails, rightly, while the group has processes.
            let _ = fs::remove_dir(entry.path());
        }
    }
}
