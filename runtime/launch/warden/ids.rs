//! Namespaces to make, and whose ids they map (user_namespaces(7)).

use brig_sandbox::cell::{
    FIRST_SETUP_HOST_ID, FIRST_UNUSED_HOST_ID, ID_INSIDE, Identity, Namespace,
};
use rustix::process::Pid;
use std::io;
use std::process::Command;

/// The pair of host ids that the server gets.
pub(super) fn host_ids(identity: Identity) -> (u32, u32) {
    match identity {
        Identity::Caller { uid, gid, .. } => (uid, gid),
        Identity::ServersHostId { id } => (id, id),
        Identity::OfSentry => (0, 0),
        Identity::UnusedHostId => {
            let own = rustix::process::getpid()
                .as_raw_nonzero()
                .get()
                .unsigned_abs();
            (FIRST_UNUSED_HOST_ID + own, FIRST_UNUSED_HOST_ID + own)
        }
    }
}

/// user_namespaces(7): one id, and for an ordinary user no way to drop or gain a group.
pub(super) fn write_ids(child: Pid, identity: Identity, host: (u32, u32)) -> io::Result<()> {
    let folder = format!("/proc/{}", child.as_raw_nonzero());
    if let Identity::Caller {
        gid,
        subordinate_gid,
        ..
    } = identity
    {
        if let Some(subordinate) = subordinate_gid {
            map_groups(child, gid, subordinate)?;
            return std::fs::write(
                format!("{folder}/uid_map"),
                format!("{ID_INSIDE} {} 1", host.0),
            );
        }
        std::fs::write(format!("{folder}/setgroups"), "deny")?;
    }
    std::fs::write(
        format!("{folder}/gid_map"),
        format!("{ID_INSIDE} {} 1", host.1),
    )?;
    std::fs::write(
        format!("{folder}/uid_map"),
        format!("{ID_INSIDE} {} 1", host.0),
    )
}

/// The same with a second id, root of the namespace, as which a runtime works. What it could reach
/// as that is nobody's: an id that no account has, or a subordinate one of the caller's.
pub(super) fn write_two_ids(
    child: Pid,
    identity: Identity,
    host: (u32, u32),
    setup: Option<(u32, u32)>,
) -> io::Result<()> {
    if let (Identity::Caller { .. }, Some(setup)) = (identity, setup) {
        map_two("newuidmap", child, host.0, setup.0)?;
        return map_two("newgidmap", child, host.1, setup.1);
    }
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let setup = FIRST_SETUP_HOST_ID + own.unsigned_abs();
    let folder = format!("/proc/{}", child.as_raw_nonzero());
    for (file, server) in [("gid_map", host.1), ("uid_map", host.0)] {
        let text = format!("0 {setup} 1\n{ID_INSIDE} {server} 1\n");
        std::fs::write(format!("{folder}/{file}"), text)?;
    }
    Ok(())
}

fn map_two(program: &str, child: Pid, own: u32, setup: u32) -> io::Result<()> {
    map(program, child, [0, setup, 1, ID_INSIDE, own, 1])
}

/// newgidmap(1) may map a subordinate group, and leaves setgroups(2) allowed then.
fn map_groups(child: Pid, own: u32, subordinate: u32) -> io::Result<()> {
    map("newgidmap", child, [ID_INSIDE, own, 1, 0, subordinate, 1])
}

fn map(program: &str, child: Pid, numbers: [u32; 6]) -> io::Result<()> {
    let child = child.as_raw_nonzero().get().to_string();
    let status = Command::new(program)
        .arg(child)
        .args(numbers.map(|number| number.to_string()))
        // The warden's environment is empty; this is where distributions put set-user-id programs.
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{program} refused ({status})")))
    }
}

pub(super) fn namespace_flag(namespace: Namespace) -> u64 {
    let flag = match namespace {
        Namespace::User => libc::CLONE_NEWUSER,
        Namespace::Mount => libc::CLONE_NEWNS,
        Namespace::Pid => libc::CLONE_NEWPID,
        Namespace::Network => libc::CLONE_NEWNET,
        Namespace::Ipc => libc::CLONE_NEWIPC,
        Namespace::Uts => libc::CLONE_NEWUTS,
        Namespace::Cgroup => libc::CLONE_NEWCGROUP,
        // linux/sched.h; it lies in the bits of the exit signal, which clone3 takes apart.
        Namespace::Time => 0x80,
    };
    u64::from(flag.unsigned_abs())
}
