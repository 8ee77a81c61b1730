//! Control groups, of version 2 and of version 1 (cgroups(7)): where brig may make one, and making,
//! filling and removing it.
//!
//! A group's name tells whose it is: the pid namespace and the process id of its warden. So a group
//! whose warden died without a word is known for what it is, and the next start removes it.

use brig_sandbox::cell::ControlGroup;
use brig_sandbox::facts::Controller;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
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
        for controller in CONTROLLERS {
            let found = v2_parent(controller, &memberships, &mounts)
                .or_else(|| v1_parent(controller, &memberships, &mounts));
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

/// The nearest folder above this process's own group that is the caller's and hands the controller
/// on to its children. A group with processes of its own cannot (cgroups(7), "no internal
/// processes"), so the search starts at its parent.
fn v2_parent(controller: Controller, memberships: &str, mounts: &str) -> Option<Parent> {
    let own = memberships
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let root = mount_of(mounts, |kind, _| kind == "cgroup2")?;
    let own = root.join(own.trim_start_matches('/'));
    own.ancestors()
        .skip(usize::from(own != root))
        .take_while(|folder| folder.starts_with(&root))
        .find(|folder| can_make_in(folder) && hands_on(folder, controller))
        .map(|folder| Parent {
            version: Version::V2,
            folder: folder.to_owned(),
        })
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
    let folder = root.join(own.trim_start_matches('/'));
    can_make_in(&folder).then_some(Parent {
        version: Version::V1,
        folder,
    })
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

    /// Puts a process into the groups of version 2, and with it all that it will start.
    pub(super) fn add(&self, process: i32) -> io::Result<()> {
        for folder in self.of(Version::V2) {
            fs::write(folder.join("cgroup.procs"), process.to_string())?;
        }
        Ok(())
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

fn bound(bounds: &ControlGroup, controller: Controller) -> Option<u64> {
    match controller {
        Controller::Cpu => bounds.processor_milli,
        Controller::Memory => bounds.memory_bytes_max,
        Controller::Pids => bounds.processes_max,
    }
}

/// Microseconds of one scheduling period.
const PERIOD_US: u64 = 100_000;

fn set(folder: &Path, version: Version, controller: Controller, value: u64) -> io::Result<()> {
    let quota = value * PERIOD_US / 1000;
    match (version, controller) {
        (_, Controller::Pids) => write(folder, "pids.max", &value.to_string()),
        (Version::V2, Controller::Cpu) => write(folder, "cpu.max", &format!("{quota} {PERIOD_US}")),
        (Version::V1, Controller::Cpu) => {
            write(folder, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
            write(folder, "cpu.cfs_quota_us", &quota.to_string())
        }
        (Version::V2, Controller::Memory) => {
            write(folder, "memory.max", &whole_pages(value).to_string())?;
            // One process killed out of many leaves a server that is neither dead nor alive.
            write(folder, "memory.oom.group", "1")?;
            if folder.join("memory.swap.max").exists() {
                write(folder, "memory.swap.max", "0")?;
            }
            Ok(())
        }
        (Version::V1, Controller::Memory) => {
            let bytes = whole_pages(value).to_string();
            write(folder, "memory.limit_in_bytes", &bytes)?;
            if folder.join("memory.memsw.limit_in_bytes").exists() {
                write(folder, "memory.memsw.limit_in_bytes", &bytes)?;
            }
            Ok(())
        }
    }
}

/// The kernel counts pages, and tells a rounded value back.
fn whole_pages(bytes: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    bytes / page * page
}

/// Writes a bound and reads it back: some kernels and some runtimes take a value in silence.
fn write(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value)?;
    let found = fs::read_to_string(&path)?;
    if found.trim_end() == value {
        Ok(())
    } else {
        let words = format!("{file} is {} and not {value}", found.trim_end());
        Err(io::Error::other(words))
    }
}
