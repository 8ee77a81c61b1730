//! Building a cell, from inside its new namespaces: the root, then identity and capabilities, then
//! init. The parts that need the host's own privileges (translated ids) are prepared before.

mod privileges;
mod root;
pub(super) mod runtime;

use super::answer::{BuildError, unbuilt};
use super::group::Group;
use super::orders::{RuntimeOrders, WardenOrders};
use super::records::FileIdentity;
use super::syscall::{self, Cloned, MountAttributes, fork_into};
use crate::hook;
use brig_sandbox::cell::{Namespace, PROGRAM_FOLDER};
use brig_sandbox::lower::native::NativeCell;
use brig_sandbox::mechanism::Mechanism;
use privileges::{drop_privileges, identity, leave_id};
use root::fill_root;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::mount::OpenTreeFlags;
use rustix::net::SendFlags;
use rustix::process::{DumpableBehavior, Signal};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// init's program, built by the build script.
pub(super) const INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));

type Built<T> = Result<T, BuildError>;

/// A cell's build, as far as it was prepared outside.
pub(super) struct Blueprint<'a> {
    cell: &'a NativeCell,
    sources: &'a BTreeMap<String, FileIdentity>,
    /// Detached mounts with translated ids, by their place.
    translated: BTreeMap<&'a str, OwnedFd>,
    /// User and group of the server on the host.
    ids: (u32, u32),
}

impl<'a> Blueprint<'a> {
    /// Makes what only the host's root can make. For an ordinary user there is nothing to do.
    pub(super) fn prepare(orders: &'a WardenOrders, ids: (u32, u32)) -> Built<Self> {
        let cell = &orders.cell;
        let mut users: BTreeMap<(u32, u32), OwnedFd> = BTreeMap::new();
        let mut translated = BTreeMap::new();
        for op in &cell.root {
            let Some((source, at)) = op.translated() else {
                continue;
            };
            let source_file = open_source(source, orders.sources.get(source))?;
            let stat = rustix::fs::fstat(&source_file)
                .map_err(|e| BuildError::at(&format!("look at `{source}`"), e))?;
            let owner = (stat.st_uid, stat.st_gid);
            if let std::collections::btree_map::Entry::Vacant(place) = users.entry(owner) {
                place.insert(user_namespace(owner, ids)?);
            }
            let Some(users) = users.get(&owner) else {
                continue;
            };
            let mount = clone_mount(source, &source_file)?;
            translate(source, &mount, users)?;
            translated.insert(at, mount);
        }
        Ok(Self {
            cell,
            sources: &orders.sources,
            translated,
            ids,
        })
    }
}

/// A user namespace in which the owner of a source is the server: on-disk id → host id of the cell.
/// It lives as long as its descriptor.
fn user_namespace(owner: (u32, u32), server: (u32, u32)) -> Built<OwnedFd> {
    let fail = |e: io::Error| BuildError::at("translate ids", e);
    let (wait, hold) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| fail(e.into()))?;
    match fork_into(u64::from(libc::CLONE_NEWUSER.unsigned_abs()), None).map_err(fail)? {
        Cloned::Child => {
            // Until it is killed, or the warden was: then nobody would kill it, and it would keep
            // the supervisor's channel open for good.
            drop(hold);
            let _ = rustix::io::read(&wait, &mut [0u8; 1]);
            #[expect(
                clippy::exit,
                reason = "a forked child must not return into the warden"
            )]
            std::process::exit(0)
        }
        Cloned::Parent { child, pidfd } => {
            let folder = format!("/proc/{}", child.as_raw_nonzero());
            let made = std::fs::write(
                format!("{folder}/uid_map"),
                format!("{} {} 1", owner.0, server.0),
            )
            .and_then(|()| {
                std::fs::write(
                    format!("{folder}/gid_map"),
                    format!("{} {} 1", owner.1, server.1),
                )
            })
            .and_then(|()| File::open(format!("{folder}/ns/user")));
            let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
            let _ = rustix::process::waitid(
                rustix::process::WaitId::PidFd(pidfd.as_fd()),
                rustix::process::WaitIdOptions::EXITED,
            );
            made.map(OwnedFd::from).map_err(fail)
        }
    }
}

fn translate(source: &str, mount: &OwnedFd, users: &OwnedFd) -> Built<()> {
    let attributes = MountAttributes {
        set: 0,
        ids: Some(users.as_raw_fd()),
    };
    syscall::set_mount_attributes(mount.as_fd(), attributes).map_err(|e| {
        let mut error = BuildError::at(&format!("translate the ids of `{source}`"), e);
        error.help = Some(
            "its file system has no id-mapped mounts (mount_setattr(2)): run brig as the ordinary \
             user who owns it, or keep it on ext4, xfs, btrfs or tmpfs"
                .to_owned(),
        );
        error
    })
}

/// Opens a source without following any link, and checks that it still is what was decided on.
fn open_source(source: &str, decided: Option<&FileIdentity>) -> Built<OwnedFd> {
    let fail = |e: io::Error| BuildError::at(&format!("open `{source}`"), e);
    let file = rustix::fs::openat2(
        CWD,
        source,
        OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::empty(),
        ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
    )
    .map_err(|e| fail(e.into()))?;
    identified(file, decided).map_err(fail)
}

/// The file, if it is the one that was decided on.
fn identified(file: OwnedFd, decided: Option<&FileIdentity>) -> io::Result<OwnedFd> {
    let stat = rustix::fs::fstat(&file)?;
    match decided {
        Some(decided) if (decided.device, decided.inode) == (stat.st_dev, stat.st_ino) => Ok(file),
        Some(_) => Err(io::Error::other("it was replaced while brig started")),
        None => Err(io::Error::other("it was never decided on")),
    }
}

/// A detached clone of the one mount, without those below it.
fn clone_mount(source: &str, file: &OwnedFd) -> Built<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    rustix::mount::open_tree(file, "", flags).map_err(|e| {
        let mut error = BuildError::at(&format!("mount `{source}`"), e);
        if e == rustix::io::Errno::INVAL {
            error.help = Some(
                "something else is mounted below it, which an ordinary user cannot leave out: \
                 grant the folders beside that mount instead"
                    .to_owned(),
            );
        }
        error
    })
}

/// The child's ends of its two channels with the warden.
pub(super) struct Ends<'a> {
    /// On which the child is told to go on.
    pub(super) gate: &'a OwnedFd,
    /// init's.
    pub(super) init: &'a OwnedFd,
    /// The carrier's, where the server reaches anybody.
    pub(super) carrier: Option<&'a OwnedFd>,
}

/// In the child: builds, and becomes init, or the runtime under which init is. What fails is told
/// on init's channel.
pub(super) fn become_init(
    blueprint: &Blueprint<'_>,
    group: &Group,
    ends: &Ends<'_>,
    runtime: Option<&RuntimeOrders>,
    descriptors: Vec<OwnedFd>,
) -> ! {
    let done = match runtime {
        Some(orders) => runtime::become_runtime(blueprint, group, ends, orders, descriptors),
        None => build(blueprint, group, ends).and_then(|()| {
            let channel_copy = ends
                .init
                .try_clone()
                .map_err(|e| BuildError::at("keep init's channel", e))?;
            exec_init(blueprint.cell, channel_copy, descriptors)
        }),
    };
    let Err(error) = done;
    let _ = rustix::net::send(ends.init, &unbuilt(&error), SendFlags::NOSIGNAL);
    #[expect(
        clippy::exit,
        reason = "a forked child must not return into the warden"
    )]
    std::process::exit(1)
}

fn exec_init(
    cell: &NativeCell,
    channel: OwnedFd,
    mut descriptors: Vec<OwnedFd>,
) -> Built<std::convert::Infallible> {
    let at = usize::try_from(crate::init_wire::CHANNEL_FD)
        .unwrap_or(3)
        .min(descriptors.len());
    descriptors.insert(at, channel);
    let program = if cell.namespaces.contains(&Namespace::Mount) {
        None
    } else {
        // There is no root of the cell's own that could hold init.
        Some(memory_program(INIT).map_err(|e| BuildError::at("hold init's program", e))?)
    };
    let path = syscall::place(descriptors, program)
        .map_err(|e| BuildError::at("place descriptors", e))?
        .map_or_else(
            || format!("{PROGRAM_FOLDER}/init"),
            |fd| format!("/proc/self/fd/{fd}"),
        );
    let error = Command::new(path).env_clear().exec();
    Err(BuildError::at("exec init", error))
}

fn memory_program(bytes: &[u8]) -> io::Result<OwnedFd> {
    use rustix::fs::MemfdFlags;
    let flags = MemfdFlags::CLOEXEC;
    let file = rustix::fs::memfd_create("init", flags | MemfdFlags::EXEC)
        // A kernel before 6.3 knows no such flag, and makes every memory file executable.
        .or_else(|_| rustix::fs::memfd_create("init", flags))?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    // The exec refuses a file that is open for writing: name it anew for reading.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Waits until the warden has given this process its ids.
fn released(gate: &OwnedFd) -> Built<()> {
    let mut word = [0u8; 8];
    match rustix::net::recv(gate, &mut word[..], rustix::net::RecvFlags::empty()) {
        Ok((1.., _)) => Ok(()),
        Ok(_) => Err(BuildError::at(
            "wait for the warden",
            io::Error::other("it is gone"),
        )),
        Err(errno) => Err(BuildError::at("wait for the warden", errno)),
    }
}

fn enter_group(group: &Group) -> Built<()> {
    group
        .enter()
        .map_err(|e| BuildError::at("enter the cell's control group", e))?;
    // The warden let its ids be mapped through /proc, which took this.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| BuildError::at("keep its memory to itself", e))
}

fn build(blueprint: &Blueprint<'_>, group: &Group, ends: &Ends<'_>) -> Built<()> {
    released(ends.gate)?;
    enter_group(group)?;
    enter(blueprint, ends)?;
    syscall::leave_keyring().map_err(|e| BuildError::at("leave the caller's keyring", e))?;
    syscall::plain_personality().map_err(|e| BuildError::at("set a plain personality", e))?;
    let own_users = blueprint.cell.namespaces.contains(&Namespace::User);
    drop_privileges(own_users).map_err(|e| BuildError::at("drop capabilities", e))?;
    if hook::is_off(Mechanism::ParentDeathSignal) {
        return Ok(());
    }
    // Last, since every change of credentials clears it; init sets it again after its exec and
    // then reads from the warden, so a warden that died in between is noticed.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| BuildError::at("ask for its parent's death signal", e))
}

/// Only in a network namespace of the cell's own, over which this process has all rights: in
/// another it would be the host's that gets addresses.
fn fill_network(blueprint: &Blueprint<'_>, ends: &Ends<'_>) -> Built<()> {
    let Some(inside) = &blueprint.cell.inside else {
        return Ok(());
    };
    let own = blueprint.cell.namespaces.contains(&Namespace::Network);
    match ends.carrier {
        Some(carrier) if own => super::inside::make(inside, carrier),
        Some(_) | None => Err(BuildError::at(
            "make the cell's network",
            io::Error::other("it has no namespace or no carrier of its own"),
        )),
    }
}

/// Fills the namespaces that the child was made in, and takes the cell's identity: in a user
/// namespace first, since all rights over the others are had there, and else last.
fn enter(blueprint: &Blueprint<'_>, ends: &Ends<'_>) -> Built<()> {
    let has = |namespace| blueprint.cell.namespaces.contains(&namespace);
    let who = blueprint.cell.identity;
    if has(Namespace::User) {
        identity(who).map_err(|e| BuildError::at("take the cell's identity", e))?;
    }
    fill_network(blueprint, ends)?;
    if has(Namespace::Cgroup) {
        syscall::new_cgroup_namespace()
            .map_err(|e| BuildError::at("make the cell's control group namespace", e))?;
    }
    if has(Namespace::Mount) {
        fill_root(blueprint)?;
    } else {
        rustix::process::chdir("/").map_err(|e| BuildError::at("leave the caller's folder", e))?;
    }
    if has(Namespace::Uts) {
        rustix::system::sethostname(b"brig")
            .map_err(|e| BuildError::at("name the cell's host", e))?;
    }
    if !has(Namespace::User) {
        leave_id(who, blueprint.ids).map_err(|e| BuildError::at("take the cell's identity", e))?;
    }
    Ok(())
}
