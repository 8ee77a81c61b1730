//! What a server has besides its walls: descriptors and variables.

use super::Wall;
use super::process::wall;
use brig_sandbox::component::GUEST_VARIABLE;
use brig_sandbox::plan::{Isolation, Plan, Value};
use std::collections::BTreeSet;
use std::fs;
use std::io;

/// Descriptors that are not its own, and its variables.
pub(super) fn belongings(plan: &Plan, server: u32) -> io::Result<Vec<Wall>> {
    let foreign = foreign(server)?;
    let environment = fs::read(format!("/proc/{server}/environ"))?;
    let names: BTreeSet<String> = String::from_utf8_lossy(&environment)
        .split('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    // Of its guest's a worker has the secrets alone: the others are in its orders.
    let planned: BTreeSet<String> = match &plan.isolation {
        Isolation::Component(_) => {
            let variables = plan.environment.iter();
            let secrets = variables.filter(|(_, value)| matches!(value, Value::Secret(_)));
            secrets
                .map(|(name, _)| format!("{GUEST_VARIABLE}{name}"))
                .collect()
        }
        Isolation::Container(_) => {
            let is_set = |value: &Value| match value {
                Value::Literal(_) | Value::Secret(_) | Value::SecretFile(_) => true,
                Value::Host(host) => std::env::var(host).is_ok(),
            };
            let set = plan.environment.iter().filter(|(_, value)| is_set(value));
            set.map(|(name, _)| name.clone()).collect()
        }
    };
    let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
    Ok(vec![
        wall("descriptors of others", "", foreign.join(" ")),
        wall("variables of the process", list(planned), list(names)),
    ])
}

/// What is open and is none of its streams, nor anything that it opened by itself.
fn foreign(server: u32) -> io::Result<Vec<String>> {
    let mounts = mounts(server)?;
    let mut foreign = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{server}/fd"))? {
        let number = entry?.file_name().to_string_lossy().into_owned();
        match foreign_one(server, &number, &mounts) {
            Ok(one) => foreign.extend(one),
            // It is a program at work: it has closed that one meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(foreign.into_iter().collect())
}

/// Where one descriptor leads, if that is no place of the server's.
fn foreign_one(server: u32, number: &str, mounts: &BTreeSet<String>) -> io::Result<Option<String>> {
    let target = fs::read_link(format!("/proc/{server}/fd/{number}"))?;
    let target = target.display().to_string();
    // Its streams, and what waiting takes.
    if target.starts_with("pipe:") || target.starts_with("anon_inode:") {
        return Ok(None);
    }
    // brig's own memory files have names of their own: orders, code, init.
    let of_brig = target.starts_with("/memfd:brig") || target.starts_with("/memfd:init");
    let in_memory = target.starts_with("/memfd:") && !of_brig;
    let opened = target.starts_with('/') && mounts.contains(&mount_of(server, number)?);
    Ok((!in_memory && !opened).then_some(target))
}

/// The mounts of the cell. A file of the host was opened through none of them.
fn mounts(server: u32) -> io::Result<BTreeSet<String>> {
    let text = fs::read_to_string(format!("/proc/{server}/mountinfo"))?;
    let ids = text.lines().filter_map(|line| line.split(' ').next());
    Ok(ids.map(str::to_owned).collect())
}

fn mount_of(server: u32, number: &str) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{server}/fdinfo/{number}"))?;
    let mut lines = text.lines();
    let mount = lines.find_map(|line| line.strip_prefix("mnt_id:"));
    Ok(mount.unwrap_or_default().trim().to_owned())
}
