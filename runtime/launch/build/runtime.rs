//! What stands around an OCI runtime: namespaces that end with the warden, the finished root, and a
//! folder for its bundle and its state, all of which only these namespaces show. So nothing of a
//! runtime is left on the host, whichever process is killed.

use super::root::{attach, close, part_mounts, root_at, step, tmpfs};
use super::{
    Blueprint, BuildError, Built, Ends, clone_mount, enter_group, fill_network, identity, released,
};
use crate::launch::orders::RuntimeOrders;
use crate::launch::syscall;
use brig_sandbox::cell::{Namespace, PROGRAM_FOLDER};
use brig_sandbox::engine::Engine;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType,
};
use rustix::process::{Gid, Signal, Uid};
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where the runtime's folder hangs. No grant can be a place of the system, so nothing that a cell
/// needs is covered.
const WORK: &str = "/dev/shm";
/// The finished root, as the configuration names it.
pub(crate) const ROOT: &str = "/dev/shm/rootfs";
/// Bytes of the folder: a configuration, a state of a few files, a socket.
const WORK_BYTES_MAX: u64 = 16 << 20;
/// Word of the message by which the socket comes to the warden that init connects to.
pub(crate) const LISTENER: &[u8] = b"L";

/// In the child: builds, and becomes the runtime.
pub(super) fn become_runtime(
    blueprint: &Blueprint<'_>,
    group: &crate::launch::group::Group,
    ends: &Ends<'_>,
    orders: &RuntimeOrders,
    streams: Vec<OwnedFd>,
) -> Built<Infallible> {
    released(ends.gate)?;
    enter_group(group)?;
    let has = |namespace| blueprint.cell.namespaces.contains(&namespace);
    if has(Namespace::User) {
        identity(blueprint.cell.identity)
            .map_err(|e| BuildError::at("take the cell's identity", e))?;
    }
    fill_network(blueprint, ends)?;
    if has(Namespace::Cgroup) {
        syscall::new_cgroup_namespace()
            .map_err(|e| BuildError::at("make the cell's control group namespace", e))?;
    }
    part_mounts()?;
    let listener = fill(blueprint, orders)?;
    system(orders.engine)?;
    hand(ends.init, listener.as_fd())?;
    drop(listener);
    syscall::leave_keyring().map_err(|e| BuildError::at("leave the caller's keyring", e))?;
    syscall::plain_personality().map_err(|e| BuildError::at("set a plain personality", e))?;
    if has(Namespace::User) {
        // Runtimes ask who they are, and work as root of their namespace alone.
        become_root().map_err(step("take the runtime's identity"))?;
    }
    rustix::thread::set_no_new_privs(true).map_err(step("give up new privileges"))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("ask for its parent's death signal"))?;
    exec(orders, streams)
}

fn become_root() -> rustix::io::Result<()> {
    let (user, group) = (Uid::ROOT, Gid::ROOT);
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)
}

/// The folder with the root, the bundle and the socket, which is the one thing that init finds in
/// its root beside what a cell has.
fn fill(blueprint: &Blueprint<'_>, orders: &RuntimeOrders) -> Built<OwnedFd> {
    let work = tmpfs(WORK_BYTES_MAX, 4096, "755").map_err(step("make the runtime's folder"))?;
    attach(work.as_fd(), CWD, WORK).map_err(|e| {
        let mut error = BuildError::at("attach the runtime's folder to `/dev/shm`", e);
        error.help = Some("make that folder: every Linux system has it".to_owned());
        error
    })?;
    for name in ["rootfs", "bundle", "state"] {
        rustix::fs::mkdirat(&work, name, Mode::from_raw_mode(0o755))
            .map_err(step("fill the runtime's folder"))?;
    }
    let (root, _) = root_at(blueprint, ROOT)?;
    let failed = |e: io::Error| BuildError::at("make init's socket", e);
    let socket = listen(&format!("{WORK}/channel")).map_err(failed)?;
    let path = rustix::fs::open(
        format!("{WORK}/channel"),
        OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::empty(),
    );
    let mount = clone_mount("channel", &path.map_err(|e| failed(e.into()))?)?;
    let place = format!("{}/channel", PROGRAM_FOLDER.trim_start_matches('/'));
    attach(mount.as_fd(), root.as_fd(), &place).map_err(|e| failed(e.into()))?;
    close(root.as_fd())?;
    std::fs::write(format!("{WORK}/bundle/config.json"), &orders.config)
        .map_err(|e| BuildError::at("write the runtime's configuration", e))?;
    Ok(socket)
}

/// A socket of packets in order that anybody may connect to who can name it.
pub(crate) fn listen(path: &str) -> io::Result<OwnedFd> {
    let kind = SocketType::SEQPACKET;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::fs::chmod(path, Mode::from_raw_mode(0o666))?;
    rustix::net::listen(&socket, 1)?;
    Ok(socket)
}

/// What runtimes look at of the system: the processes of these namespaces, and a view of control
/// groups in which there is nothing to make. The bounds are those of the group that brig made.
fn system(engine: Engine) -> Built<()> {
    let mounted = |kind: &str, at: &str| -> rustix::io::Result<()> {
        let setup = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_create(setup.as_fd())?;
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = rustix::mount::fsmount(setup.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
        attach(mount.as_fd(), CWD, at)
    };
    mounted("proc", "/proc").map_err(|e| {
        let mut error = BuildError::at("make the runtime's `/proc`", e);
        if e == Errno::PERM {
            error.help = Some(
                "this host's own /proc is partly covered: use --engine native where \
                               brig runs outside of a container"
                    .to_owned(),
            );
        }
        error
    })?;
    if engine != Engine::Runsc && Path::new("/sys/fs/cgroup").exists() {
        mounted("cgroup2", "/sys/fs/cgroup").map_err(step("make the runtime's control groups"))?;
    }
    Ok(())
}

/// Hands the socket to the warden, which accepts init on it.
fn hand(init: &OwnedFd, listener: BorrowedFd<'_>) -> Built<()> {
    let descriptors = [listener];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(
        init,
        &[IoSlice::new(LISTENER)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )
    .map(|_| ())
    .map_err(step("hand init's socket to the warden"))
}

fn exec(orders: &RuntimeOrders, streams: Vec<OwnedFd>) -> Built<Infallible> {
    syscall::place(streams, None).map_err(|e| BuildError::at("place descriptors", e))?;
    let (state, bundle) = (format!("{WORK}/state"), format!("{WORK}/bundle"));
    let own: &[&str] = match orders.engine {
        Engine::Crun => &["--cgroup-manager=disabled"],
        Engine::Runsc => &["--network=none", "--ignore-cgroups", "--host-uds=open"],
        Engine::Runc | Engine::Native | Engine::Docker | Engine::Podman => &[],
    };
    let error = Command::new(&orders.program)
        .args(["--root", &state])
        .args(own)
        .args(["run", "--bundle", &bundle, "brig"])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .exec();
    let program = orders.program.display();
    Err(BuildError::at(&format!("run `{program}`"), error))
}
