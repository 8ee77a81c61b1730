//! Trees of folders stand for the file system of control groups: looking is all that is tried here.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// Groups from the root on, each a path and what it hands on; the process is in the last.
#[track_caller]
fn check(groups: &[(&str, &str)], want: Option<(&str, &[Controller])>) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("brig-groups-{}-{count}", std::process::id());
    let root = std::env::temp_dir().join(name);
    for (path, handed_on) in groups {
        let folder = root.join(path);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.subtree_control"), handed_on).unwrap();
        fs::write(folder.join("cgroup.procs"), "").unwrap();
        // The root group has no type.
        if !path.is_empty() {
            fs::write(folder.join("cgroup.type"), "domain").unwrap();
        }
    }
    let own = groups.last().unwrap().0;
    let mounts = format!("1 1 0:1 / {} rw - cgroup2 cgroup2 rw\n", root.display());
    let found = v2_parent(&format!("0::/{own}\n"), &mounts);
    let want = want.map(|(path, controllers)| {
        let parent = Parent {
            version: Version::V2,
            folder: root.join(path).components().collect(),
        };
        (parent, controllers.iter().copied().collect())
    });
    assert_eq!(found, want);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn one_group_of_version_2_is_for_all_controllers() {
    let all = &CONTROLLERS[..];
    let two = &[Controller::Memory, Controller::Pids][..];
    // The nearest, where it hands on all.
    let user = [
        ("", "cpu memory pids"),
        ("app", "cpu memory pids"),
        ("app/scope", ""),
    ];
    check(&user, Some(("app", all)));
    // Another further up, where the nearest does not: never one controller here and one there.
    let service = [
        ("", "cpu io memory pids"),
        ("system", "memory pids"),
        ("system/service", ""),
    ];
    check(&service, Some(("", all)));
    // The nearest of those that hand on the same.
    let few = [
        ("", "memory pids"),
        ("system", "memory pids"),
        ("system/service", ""),
    ];
    check(&few, Some(("system", two)));
    // Never the process's own group, but for the root group.
    check(&[("", ""), ("own", "cpu memory pids")], None);
    check(&[("", "cpu memory pids")], Some(("", all)));
}
