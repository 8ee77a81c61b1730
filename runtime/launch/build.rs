//! Building a cell, from inside its new namespaces: the root, then identity and capabilities, then
//! init. The parts that need the host's own privileges (translated ids) are prepared before.

use super::orders::{FileIdentity, WardenOrders, unbuilt};
use super::syscall::{self, Cloned, MountAttributes, fork_into};
use brig_sandbox::cell::{
    Access, CellKind, Exec, FIRST_UNUSED_HOST_ID, ID_INSIDE, Identity, Namespace, PROGRAM_FOLDER,
};
use brig_sandbox::lower::native::{NativeCell, Owner, ROOT_BYTES_MAX, RootOp};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags,
};
use rustix::net::SendFlags;
use rustix::process::{DumpableBehavior, Gid, Signal, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// init's program, built by the build script.
const INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));

/// A step of the build that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BuildError {
    /// The step, as it reads after "cannot".
    pub(super) step: String,
    /// The kernel's reason.
    pub(super) reason: String,
    /// What to do about it, where it is known.
    pub(super) help: Option<String>,
}

impl BuildError {
    pub(super) fn at(step: &str, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        Self {
            step: step.to_owned(),
            reason: error.to_string(),
            help: None,
        }
    }
}

type Built<T> = Result<T, BuildError>;

/// A cell's build, as far as it was prepared outside.
pub(super) struct Blueprint<'a> {
    cell: &'a NativeCell,
    sources: &'a BTreeMap<String, FileIdentity>,
    /// Detached mounts with translated ids, by their place.
    translated: BTreeMap<&'a str, OwnedFd>,
}

impl<'a> Blueprint<'a> {
    /// Makes what only the host's root can make. For an ordinary user there is nothing to do.
    pub(super) fn prepare(orders: &'a WardenOrders) -> Built<Self> {
        let cell = &orders.cell;
        let mut users: BTreeMap<(u32, u32), OwnedFd> = BTreeMap::new();
        let mut translated = BTreeMap::new();
        for op in &cell.root {
            let RootOp::Bind {
                source,
                at,
                owner: Owner::Server,
                ..
            } = op
            else {
                continue;
            };
            let source_file = open_source(source, orders.sources.get(source))?;
            let stat = rustix::fs::fstat(&source_file)
                .map_err(|e| BuildError::at(&format!("look at `{source}`"), e))?;
            let owner = (stat.st_uid, stat.st_gid);
            if let std::collections::btree_map::Entry::Vacant(place) = users.entry(owner) {
                place.insert(user_namespace(owner)?);
            }
            let Some(users) = users.get(&owner) else {
                continue;
            };
            let mount = clone_mount(source, &source_file)?;
            translate(source, &mount, users)?;
            translated.insert(at.as_str(), mount);
        }
        Ok(Self {
            cell,
            sources: &orders.sources,
            translated,
        })
    }
}

/// A user namespace in which the owner of a source is the server: on-disk id → host id of the cell.
/// It lives as long as its descriptor.
fn user_namespace(owner: (u32, u32)) -> Built<OwnedFd> {
    let own = rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    let server = FIRST_UNUSED_HOST_ID + own;
    let fail = |e: io::Error| BuildError::at("translate ids", e);
    let (wait, hold) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| fail(e.into()))?;
    match fork_into(u64::from(libc::CLONE_NEWUSER.unsigned_abs())).map_err(fail)? {
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
                format!("{} {server} 1", owner.0),
            )
            .and_then(|()| {
                std::fs::write(
                    format!("{folder}/gid_map"),
                    format!("{} {server} 1", owner.1),
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
    let stat = rustix::fs::fstat(&file).map_err(|e| fail(e.into()))?;
    match decided {
        Some(decided) if (decided.device, decided.inode) == (stat.st_dev, stat.st_ino) => Ok(file),
        Some(_) => Err(fail(io::Error::other("it was replaced while brig started"))),
        None => Err(fail(io::Error::other("it was never decided on"))),
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

/// In the child: builds, and becomes init. What fails is told on init's channel.
pub(super) fn become_init(
    blueprint: &Blueprint<'_>,
    gate: &OwnedFd,
    inits_end: &OwnedFd,
    descriptors: Vec<OwnedFd>,
) -> ! {
    let Err(error) = build(blueprint, gate).and_then(|()| {
        let channel_copy = inits_end
            .try_clone()
            .map_err(|e| BuildError::at("keep init's channel", e))?;
        exec_init(blueprint.cell.kind, channel_copy, descriptors)
    });
    let _ = rustix::net::send(inits_end, &unbuilt(&error), SendFlags::NOSIGNAL);
    #[expect(
        clippy::exit,
        reason = "a forked child must not return into the warden"
    )]
    std::process::exit(1)
}

fn exec_init(
    kind: CellKind,
    channel: OwnedFd,
    mut descriptors: Vec<OwnedFd>,
) -> Built<std::convert::Infallible> {
    let at = usize::try_from(crate::init_wire::CHANNEL_FD)
        .unwrap_or(3)
        .min(descriptors.len());
    descriptors.insert(at, channel);
    let program = match kind {
        CellKind::Full => None,
        // There is no root of the cell's own that could hold init.
        CellKind::Narrow => {
            Some(memory_program(INIT).map_err(|e| BuildError::at("hold init's program", e))?)
        }
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

fn build(blueprint: &Blueprint<'_>, gate: &OwnedFd) -> Built<()> {
    let mut word = [0u8; 8];
    match rustix::net::recv(gate, &mut word[..], rustix::net::RecvFlags::empty()) {
        Ok((1.., _)) => {}
        Ok(_) => {
            return Err(BuildError::at(
                "wait for the warden",
                io::Error::other("it is gone"),
            ));
        }
        Err(errno) => return Err(BuildError::at("wait for the warden", errno)),
    }
    // The warden let its ids be mapped through /proc, which took this.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| BuildError::at("keep its memory to itself", e))?;
    match blueprint.cell.kind {
        CellKind::Full => enter_full(blueprint)?,
        CellKind::Narrow => enter_narrow(blueprint.cell.identity)
            .map_err(|e| BuildError::at("take the cell's identity", e))?,
    }
    syscall::leave_keyring().map_err(|e| BuildError::at("leave the caller's keyring", e))?;
    syscall::plain_personality().map_err(|e| BuildError::at("set a plain personality", e))?;
    drop_privileges(blueprint.cell.kind).map_err(|e| BuildError::at("drop capabilities", e))?;
    // Last, since every change of credentials clears it; init sets it again after its exec and
    // then reads from the warden, so a warden that died in between is noticed.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| BuildError::at("ask for its parent's death signal", e))
}

fn enter_full(blueprint: &Blueprint<'_>) -> Built<()> {
    identity(blueprint.cell.identity).map_err(|e| BuildError::at("take the cell's identity", e))?;
    if blueprint.cell.namespaces.contains(&Namespace::Cgroup) {
        syscall::new_cgroup_namespace()
            .map_err(|e| BuildError::at("make the cell's control group namespace", e))?;
    }
    fill_root(blueprint)?;
    rustix::system::sethostname(b"brig").map_err(|e| BuildError::at("name the cell's host", e))
}

/// Without namespaces: root becomes a user that nobody else is, and an ordinary user stays.
fn enter_narrow(identity: Identity) -> io::Result<()> {
    rustix::process::chdir("/")?;
    match identity {
        Identity::Caller { .. } => Ok(()),
        Identity::UnusedHostId => {
            bound_capabilities()?;
            // The warden's id, since this process is one of its own.
            let warden = rustix::process::getppid().map_or(0, |id| id.as_raw_nonzero().get());
            let id = FIRST_UNUSED_HOST_ID + warden.unsigned_abs();
            rustix::thread::set_thread_groups(&[])?;
            let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
            rustix::thread::set_thread_res_gid(group, group, group)?;
            Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
        }
    }
}

fn identity(identity: Identity) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(ID_INSIDE), Gid::from_raw(ID_INSIDE));
    match identity {
        Identity::UnusedHostId
        | Identity::Caller {
            subordinate_gid: Some(_),
            ..
        } => rustix::thread::set_thread_groups(&[])?,
        Identity::Caller {
            subordinate_gid: None,
            ..
        } => {}
    }
    rustix::thread::set_thread_res_gid(group, group, group)?;
    Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
}

fn fill_root(blueprint: &Blueprint<'_>) -> Built<()> {
    let step = |name: &'static str| move |e: rustix::io::Errno| BuildError::at(name, e);
    rustix::mount::mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(step("part the cell's mounts from the host's"))?;
    let root = tmpfs(ROOT_BYTES_MAX, 4096, "755").map_err(step("make the cell's root"))?;
    // Attached above the host's root, which pivot_root then takes away: no host folder is needed.
    attach(root.as_fd(), CWD, "/").map_err(step("attach the cell's root"))?;
    for op in &blueprint.cell.root {
        perform(op, blueprint, root.as_fd())?;
    }
    let closed = MountAttributes {
        set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        ids: None,
    };
    syscall::set_mount_attributes(root.as_fd(), closed)
        .map_err(|e| BuildError::at("make the cell's root read-only", e))?;
    rustix::process::fchdir(&root).map_err(step("enter the cell's root"))?;
    rustix::process::pivot_root(".", ".").map_err(step("pivot to the cell's root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(step("let go of the host's root"))?;
    rustix::process::chdir("/").map_err(step("enter the cell's root"))
}

fn perform(op: &RootOp, blueprint: &Blueprint<'_>, root: BorrowedFd<'_>) -> Built<()> {
    let fail = |at: &str, e: io::Error| BuildError::at(&format!("make `{at}` in the cell"), e);
    match op {
        RootOp::Directory { at } => {
            match rustix::fs::mkdirat(root, beneath(at), Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
                Err(errno) => Err(fail(at, errno.into())),
            }
        }
        RootOp::File { at } => write_file(root, at, &[], 0o444).map_err(|e| fail(at, e)),
        RootOp::Init { at } => write_file(root, at, INIT, 0o555).map_err(|e| fail(at, e)),
        RootOp::Bind {
            source,
            at,
            access,
            exec,
            ..
        } => {
            let own;
            let mount = if let Some(translated) = blueprint.translated.get(at.as_str()) {
                translated
            } else {
                let file = open_source(source, blueprint.sources.get(source))?;
                own = clone_mount(source, &file)?;
                &own
            };
            let attributes = MountAttributes {
                set: bind_attributes(*access, *exec),
                ids: None,
            };
            syscall::set_mount_attributes(mount.as_fd(), attributes).map_err(|e| fail(at, e))?;
            attach(mount.as_fd(), root, beneath(at)).map_err(|e| fail(at, e.into()))
        }
        RootOp::Scratch {
            at,
            bytes_max,
            inodes_max,
        } => {
            let mount = tmpfs(*bytes_max, *inodes_max, "1777").map_err(|e| fail(at, e.into()))?;
            let set = bind_attributes(Access::Write, Exec::Denied);
            syscall::set_mount_attributes(mount.as_fd(), MountAttributes { set, ids: None })
                .map_err(|e| fail(at, e))?;
            attach(mount.as_fd(), root, beneath(at)).map_err(|e| fail(at, e.into()))
        }
    }
}

fn bind_attributes(access: Access, exec: Exec) -> u64 {
    let read_only = match access {
        Access::Read => libc::MOUNT_ATTR_RDONLY,
        Access::Write => 0,
    };
    let no_exec = match exec {
        Exec::Denied => libc::MOUNT_ATTR_NOEXEC,
        Exec::Allowed => 0,
    };
    libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | read_only | no_exec
}

/// Paths of the cell are absolute; the kernel is asked relative to the new root.
fn beneath(at: &str) -> &str {
    at.trim_start_matches('/')
}

fn tmpfs(bytes_max: u64, inodes_max: u64, mode: &str) -> rustix::io::Result<OwnedFd> {
    let setup = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let options = [
        ("size", bytes_max.to_string()),
        ("nr_inodes", inodes_max.to_string()),
        ("mode", mode.to_owned()),
    ];
    for (name, value) in options {
        rustix::mount::fsconfig_set_string(setup.as_fd(), name, value)?;
    }
    rustix::mount::fsconfig_create(setup.as_fd())?;
    rustix::mount::fsmount(
        setup.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
}

fn attach(mount: BorrowedFd<'_>, root: BorrowedFd<'_>, at: &str) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", root, at, flags)
}

fn write_file(root: BorrowedFd<'_>, at: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(root, beneath(at), flags, Mode::from_raw_mode(mode))?;
    File::from(file).write_all(bytes)
}

/// Empties all five capability sets (capabilities(7)). In a user namespace of its own the process
/// may do all of it; in a narrow cell an ordinary user has nothing to empty.
fn drop_privileges(kind: CellKind) -> io::Result<()> {
    if kind == CellKind::Full {
        bound_capabilities()?;
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    rustix::thread::set_capabilities(None, sets)?;
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

/// Empties the bounding set, and locks the bits that would refill the others.
fn bound_capabilities() -> io::Result<()> {
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    rustix::thread::set_capabilities_secure_bits(bits)?;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The kernel knows no capability of this number, nor any above it.
            Err(rustix::io::Errno::INVAL) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
