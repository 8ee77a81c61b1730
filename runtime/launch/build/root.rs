//! The cell's root: a tmpfs of mount points with exactly the plan's mounts, read-only, pivoted to.

use super::super::syscall::{self, MountAttributes};
use super::{Blueprint, BuildError, Built, INIT, clone_mount, identified, open_source};
use crate::hook;
use crate::launch::records::FileIdentity;
use brig_sandbox::cell::{Access, Exec};
use brig_sandbox::lower::native::{ROOT_BYTES_MAX, RootOp};
use brig_sandbox::mechanism::Mechanism;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Where the image hangs while the overlay is made.
const IMAGE: &str = ".brig/image";

pub(super) fn fill_root(blueprint: &Blueprint<'_>) -> Built<()> {
    part_mounts()?;
    // Attached above the host's root, which pivot_root then takes away: no host folder is needed.
    let (root, above) = root_at(blueprint, "/")?;
    close(root.as_fd())?;
    rustix::process::fchdir(&root).map_err(step("enter the cell's root"))?;
    rustix::process::pivot_root(".", ".").map_err(step("pivot to the cell's root"))?;
    // An image's root hangs above the first one, which then hangs above the host's.
    for _ in 0..above {
        rustix::mount::unmount(".", UnmountFlags::DETACH)
            .map_err(step("let go of the host's root"))?;
    }
    rustix::process::chdir("/").map_err(step("enter the cell's root"))
}

pub(super) fn step(name: &'static str) -> impl Fn(rustix::io::Errno) -> BuildError {
    move |e| BuildError::at(name, e)
}

/// From here on nothing that is mounted in this namespace shows on the host.
pub(super) fn part_mounts() -> Built<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)
        .map_err(step("part the cell's mounts from the host's"))
}

/// Fills a root that is attached at this place, and tells how many mounts hang there.
pub(super) fn root_at(blueprint: &Blueprint<'_>, place: &str) -> Built<(OwnedFd, u32)> {
    let mut root = tmpfs(ROOT_BYTES_MAX, 4096, "755").map_err(step("make the cell's root"))?;
    attach(root.as_fd(), CWD, place).map_err(step("attach the cell's root"))?;
    let mut above = 1;
    for op in &blueprint.cell.root {
        if let RootOp::Image { source, .. } = op {
            root = image(blueprint, source, &root, place)?;
            above += 1;
        } else {
            perform(op, blueprint, root.as_fd())?;
        }
    }
    Ok((root, above))
}

/// Nothing can be changed in this root any more.
pub(super) fn close(root: BorrowedFd<'_>) -> Built<()> {
    let closed = MountAttributes {
        set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        ids: None,
    };
    syscall::set_mount_attributes(root, closed)
        .map_err(|e| BuildError::at("make the cell's root read-only", e))
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
        RootOp::File { at } => match write_file(root, at, &[], 0o444) {
            // A granted folder has a file there already, over which another is mounted.
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            other => other.map_err(|e| fail(at, e)),
        },
        RootOp::Text { at, text } => {
            write_file(root, at, text.as_bytes(), 0o444).map_err(|e| fail(at, e))
        }
        RootOp::Link { at, to } => {
            rustix::fs::symlinkat(to.as_str(), root, beneath(at)).map_err(|e| fail(at, e.into()))
        }
        RootOp::Processes { at } => processes(root, at),
        RootOp::Device { at } => device(blueprint, root, at),
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
        // It is not within the root, but the root.
        RootOp::Image { .. } => Ok(()),
        RootOp::Over { source, at, access } => over(blueprint, root, (source, at), *access),
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

/// The image's folder with all that was made so far above it, as a root that nobody can change: an
/// overlay without a writable layer (Documentation/filesystems/overlayfs.rst, "Multiple lower
/// layers").
fn image(blueprint: &Blueprint<'_>, source: &str, made: &OwnedFd, place: &str) -> Built<OwnedFd> {
    let fail = |e: rustix::io::Errno| {
        let mut error = BuildError::at("make the cell's root of the image", e);
        if e == rustix::io::Errno::NODEV {
            error.help = Some(
                "this kernel has no overlay file system: load it with `modprobe overlay`"
                    .to_owned(),
            );
        }
        error
    };
    let own;
    let layer = if let Some(translated) = blueprint.translated.get("/") {
        // A layer must be mounted in this namespace. The overlay takes the mount alone, so nothing
        // of this shows in it but an empty folder.
        rustix::fs::mkdirat(made, IMAGE, Mode::from_raw_mode(0o755)).map_err(fail)?;
        attach(translated.as_fd(), made.as_fd(), IMAGE).map_err(fail)?;
        translated
    } else {
        own = open_source(source, blueprint.sources.get(source))?;
        &own
    };
    // By descriptors, so that no path has to be written as an option's value.
    let at = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let overlay = || -> rustix::io::Result<OwnedFd> {
        let setup = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let layers = format!("{}:{}", at(made), at(layer));
        rustix::mount::fsconfig_set_string(setup.as_fd(), "lowerdir", layers)?;
        rustix::mount::fsconfig_create(setup.as_fd())?;
        let flags = MountAttrFlags::empty();
        let root = rustix::mount::fsmount(setup.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
        attach(root.as_fd(), CWD, place)?;
        Ok(root)
    };
    overlay().map_err(fail)
}

/// A proc(5) of this pid namespace, without all that is not about processes.
fn processes(root: BorrowedFd<'_>, at: &str) -> Built<()> {
    let make = || -> rustix::io::Result<()> {
        let setup = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (name, value) in [("subset", "pid"), ("hidepid", "invisible")] {
            rustix::mount::fsconfig_set_string(setup.as_fd(), name, value)?;
        }
        rustix::mount::fsconfig_create(setup.as_fd())?;
        let flags = MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = rustix::mount::fsmount(setup.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
        attach(mount.as_fd(), root, beneath(at))
    };
    make().map_err(|e| {
        let mut error = BuildError::at(&format!("make `{at}` in the cell"), e);
        if e == rustix::io::Errno::PERM {
            error.help = Some(
                "this host's own /proc is partly covered, as in a container: the kernel then \
                 gives no cell another one. Run brig outside of the container, or uncover /proc"
                    .to_owned(),
            );
        }
        error
    })
}

/// One device of the host. It is the one kind of mount on which a device can be opened.
fn device(blueprint: &Blueprint<'_>, root: BorrowedFd<'_>, at: &str) -> Built<()> {
    let file = open_source(at, blueprint.sources.get(at))?;
    let mount = clone_mount(at, &file)?;
    let set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
    let fail = |e: io::Error| BuildError::at(&format!("make `{at}` in the cell"), e);
    syscall::set_mount_attributes(mount.as_fd(), MountAttributes { set, ids: None })
        .map_err(fail)?;
    attach(mount.as_fd(), root, beneath(at)).map_err(|e| fail(e.into()))
}

/// Mounts a part of a grant over itself.
fn over(
    blueprint: &Blueprint<'_>,
    root: BorrowedFd<'_>,
    (source, at): (&str, &str),
    access: Access,
) -> Built<()> {
    let fail = |e: io::Error| BuildError::at(&format!("make `{at}` in the cell"), e);
    let part = part(root, at, blueprint.sources.get(source)).map_err(fail)?;
    let mount = clone_mount(source, &part)?;
    let set = match access {
        Access::Read => libc::MOUNT_ATTR_RDONLY,
        Access::Write => 0,
    };
    syscall::set_mount_attributes(mount.as_fd(), MountAttributes { set, ids: None })
        .map_err(fail)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount.as_fd(), "", part.as_fd(), "", flags)
        .map_err(|e| fail(e.into()))
}

/// A part of a grant that is already mounted. Another session's server may be changing the grant at
/// this moment: no link is followed to the part, and it must be the file that was decided on.
fn part(root: BorrowedFd<'_>, at: &str, decided: Option<&FileIdentity>) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let beneath_links = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    let file = rustix::fs::openat2(root, beneath(at), flags, Mode::empty(), beneath_links)?;
    identified(file, decided)
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
    let no_set_id = if hook::is_off(Mechanism::NoSetIdMount) {
        0
    } else {
        libc::MOUNT_ATTR_NOSUID
    };
    no_set_id | libc::MOUNT_ATTR_NODEV | read_only | no_exec
}

/// Paths of the cell are absolute; the kernel is asked relative to the new root.
fn beneath(at: &str) -> &str {
    at.trim_start_matches('/')
}

pub(super) fn tmpfs(bytes_max: u64, inodes_max: u64, mode: &str) -> rustix::io::Result<OwnedFd> {
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

pub(super) fn attach(
    mount: BorrowedFd<'_>,
    root: BorrowedFd<'_>,
    at: &str,
) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", root, at, flags)
}

fn write_file(root: BorrowedFd<'_>, at: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(root, beneath(at), flags, Mode::from_raw_mode(mode))?;
    File::from(file).write_all(bytes)
}
