//! The launcher's system calls that rustix does not wrap. One of the two modules that may use
//! `unsafe`.
#![allow(
    unsafe_code,
    reason = "clone3, mount_setattr and placing descriptors have no safe wrapper"
)]

use crate::hook;
use brig_sandbox::mechanism::Mechanism;
use rustix::process::Pid;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

#[expect(
    unreachable_pub,
    clippy::pedantic,
    clippy::cast_possible_truncation,
    reason = "the file is a module of init as well, which has numbers for everything"
)]
#[path = "../init/sys/net.rs"]
pub(super) mod net;
#[expect(
    unreachable_pub,
    dead_code,
    reason = "the file is a module of init as well, and each program uses a part of it"
)]
#[path = "../init/sys/nr.rs"]
mod nr;

/// As init has it: what a call returned, or its errno.
type Result = std::result::Result<usize, i32>;

/// One system call with up to five arguments, for the module that is init's as well.
///
/// # Safety
/// The arguments must be what the call takes; pointers must be valid for what it reads and writes.
#[expect(
    clippy::many_single_char_names,
    reason = "they are the call's first to fifth"
)]
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> Result {
    let number = libc::c_long::try_from(number).map_err(|_| libc::ENOSYS)?;
    // SAFETY: the caller's word.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e) };
    usize::try_from(returned).map_err(|_| {
        io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO)
    })
}

/// What clone3 made.
pub(super) enum Cloned {
    /// This is the new process.
    Child,
    /// This is the old one.
    Parent {
        /// The child, in this process's pid namespace.
        child: Pid,
        /// Its pidfd, closed on exec.
        pidfd: OwnedFd,
    },
}

/// clone3(2) as a fork into new namespaces (`CLONE_NEW*` flags) and, where one is given, into a
/// control group of version 2, with a pidfd.
///
/// Moving a process by `cgroup.procs` takes a lock for which the kernel waits until every processor
/// has passed by, 10 ms and more on an idle host. One that starts in its group takes none.
///
/// It is only for a process with one thread: a second one could hold a lock that the child would
/// then wait for without end. The warden checks that before it calls.
pub(super) fn fork_into(namespaces: u64, group: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    let (into_group, group) = match group {
        Some(group) => (CLONE_INTO_CGROUP, group.as_raw_fd().unsigned_abs().into()),
        None => (0, 0),
    };
    let mut arguments = libc::clone_args {
        flags: namespaces | into_group | libc::CLONE_PIDFD as u64,
        pidfd: &raw mut pidfd as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: group,
    };
    // SAFETY: without CLONE_VM and with no stack given, the child goes on as after fork(2), with a
    // copy of everything; `arguments`, the pidfd's place and the group's descriptor live until the
    // call returns.
    let child = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut arguments,
            size_of::<libc::clone_args>(),
        )
    };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw) else {
        return Ok(Cloned::Child);
    };
    // SAFETY: CLONE_PIDFD stored a new descriptor there, which nothing else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Cloned::Parent { child, pidfd })
}

/// The libc crate has it as a number that does not fit its type (clone(2)).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Attributes for mount_setattr(2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MountAttributes {
    /// `MOUNT_ATTR_*` to set.
    pub(super) set: u64,
    /// The user namespace for `MOUNT_ATTR_IDMAP`.
    pub(super) ids: Option<RawFd>,
}

/// mount_setattr(2) on the one mount that a descriptor names.
pub(super) fn set_mount_attributes(
    mount: BorrowedFd<'_>,
    attributes: MountAttributes,
) -> io::Result<()> {
    let mut raw = libc::mount_attr {
        attr_set: attributes.set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    if let Some(ids) = attributes.ids {
        raw.attr_set |= libc::MOUNT_ATTR_IDMAP;
        raw.userns_fd = u64::try_from(ids).unwrap_or(u64::MAX);
    }
    // SAFETY: an empty path with its NUL, and a structure that lives until the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw mut raw,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Gives the descriptors the numbers 0, 1, 2 … and closes every other one. For a process that is
/// about to exec and holds no other descriptor that it still needs. A program to exec by descriptor
/// comes after them and is closed by the exec; its number is returned.
pub(super) fn place(
    descriptors: Vec<OwnedFd>,
    program: Option<OwnedFd>,
) -> io::Result<Option<RawFd>> {
    let count = RawFd::try_from(descriptors.len()).map_err(io::Error::other)?;
    let has_program = program.is_some();
    let mut moved = Vec::new();
    for descriptor in descriptors.into_iter().chain(program) {
        // SAFETY: no pointers. The copy lies above every target, so no target overwrites a source.
        let copy =
            unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, count + 64) };
        if copy < 0 {
            return Err(io::Error::last_os_error());
        }
        moved.push(copy);
        // Closed by number below, like everything else: another owner must not close a target.
        let _ = descriptor.into_raw_fd();
    }
    for (target, copy) in (0..).zip(moved) {
        let flags = if target == count { libc::O_CLOEXEC } else { 0 };
        // SAFETY: no pointers; whatever owned `target` runs no destructor before the exec.
        if unsafe { libc::dup3(copy, target, flags) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if !hook::is_off(Mechanism::CloseRange) {
        close_from(count + RawFd::from(has_program))?;
    }
    Ok(has_program.then_some(count))
}

/// close_range(2) up to the last descriptor. For a process that execs next, or that has just begun
/// and opened nothing yet.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: no pointers; nothing in the caller owns a descriptor that this closes.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The kernel's Landlock ABI, 0 where there is none (landlock_create_ruleset(2), "VERSION").
pub(crate) fn landlock_abi() -> u32 {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes and only returns a number.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(abi).unwrap_or(0)
}

/// Paths of the shared objects that are loaded into this program, as the loader was asked for them
/// (dl_iterate_phdr(3)). The program itself and the kernel's vDSO have no path there.
pub(crate) fn loaded_objects() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // SAFETY: the callback takes the pointer as what it is, and nothing unwinds out of it.
    unsafe { libc::dl_iterate_phdr(Some(object), (&raw mut found).cast()) };
    found
}

/// # Safety
/// For `dl_iterate_phdr` alone, with a `Vec<String>` behind `found`.
unsafe extern "C" fn object(
    info: *mut libc::dl_phdr_info,
    _: libc::size_t,
    found: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the loader passes a valid entry whose name is a C string or null; `found` is the
    // vector of the one caller, which waits meanwhile.
    let (name, found) = unsafe {
        let name = (*info).dlpi_name;
        if name.is_null() {
            return 0;
        }
        (
            std::ffi::CStr::from_ptr(name),
            &mut *found.cast::<Vec<String>>(),
        )
    };
    if let Ok(name) = name.to_str()
        && name.starts_with('/')
    {
        found.push(name.to_owned());
    }
    0
}

/// Joins a new, empty session keyring (keyctl(2)): the caller's keys are not the server's.
pub(super) fn leave_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    let result = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<u8>(),
        )
    };
    let error = io::Error::last_os_error();
    // A kernel without keys has none to inherit.
    if result >= 0 || error.raw_os_error() == Some(libc::ENOSYS) {
        Ok(())
    } else {
        Err(error)
    }
}

/// Sets the plain Linux personality (personality(2)): address space is laid out at random and
/// nothing old is emulated, whatever the caller was started with.
pub(super) fn plain_personality() -> io::Result<()> {
    // SAFETY: numbers only.
    let result = unsafe { libc::personality(0) };
    if result >= 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes the control group that this process is in the root of what it can see (unshare(2)).
pub(super) fn new_cgroup_namespace() -> io::Result<()> {
    // SAFETY: this flag changes nothing that is shared with another thread or through memory.
    let result = unsafe { libc::unshare(libc::CLONE_NEWCGROUP) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
