//! Namespaces to make, and whose ids they map (user_namespaces(7)).

use brig_sandbox::cell::{FIRST_UNUSED_HOST_ID, ID_INSIDE, Identity, Namespace};
use rustix::process::Pid;
use std::io;
use std::process::Command;

/// The pair of host ids that the server gets.
pub(super) fn host_ids(identity: Identity) -> (u32, u32) {
    match identity {
        Identity::Caller { uid, gid, .. } => (uid, gid),
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

/// newgidmap(1) may map a subordinate group, and leaves setgroups(2) allowed then.
fn map_groups(child: Pid, own: u32, subordinate: u32) -> io::Result<()> {
    let numbers = [
        child.as_raw_nonzero().get().unsigned_abs(),
        ID_INSIDE,
        own,
        1,
        0,
        subordinate,
        1,
    ];
    let status = Command::new("newgidmap")
        .args(numbers.map(|number| number.to_string()))
        // The warden's environment is empty; this is where distributions put set-user-id programs.
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("newgidmap refused ({status})")))
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
