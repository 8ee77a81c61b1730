//! init's system calls, without a C library. Numbers and structures: syscalls(2), linux/*.h.
#![allow(
    unsafe_code,
    reason = "init has no library under it: this module is its system calls"
)]

mod channel;
mod memory;
pub mod net;
mod nr;
mod paths;
mod walls;

pub use channel::*;
pub use paths::*;
pub use walls::*;

use core::arch::{asm, global_asm};

/// A negated errno, as the kernel returns it.
pub type Result = core::result::Result<usize, i32>;

// The kernel enters here with argc at the stack pointer and argv above it, which is what init gets.
// The call needs a stack aligned to 16 bytes.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor %ebp, %ebp", "mov %rsp, %rdi", "and $-16, %rsp",
    "call {main}", "ud2",
    main = sym crate::init, options(att_syntax));
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start", "_start:", "mov x29, #0", "mov x0, sp", "bl {main}", "brk #1",
    main = sym crate::init
);

/// One system call with up to five arguments.
///
/// # Safety
/// The arguments must be what the call takes; pointers must be valid for what it reads and writes.
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> Result {
    let returned: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel's convention on x86-64: it changes rax, rcx and r11 and, of memory, what
    // the caller vouches for.
    unsafe {
        asm!("syscall", inlateout("rax") number => returned, in("rdi") a, in("rsi") b,
            in("rdx") c, in("r10") d, in("r8") e, out("rcx") _, out("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the kernel's convention on arm64: it changes x0 and, of memory, what the caller
    // vouches for.
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a => returned, in("x1") b,
            in("x2") c, in("x3") d, in("x4") e, options(nostack));
    }
    if returned < 0 {
        Err(-(returned as i32))
    } else {
        Ok(returned as usize)
    }
}

/// read(2).
pub fn read(fd: i32, into: &mut [u8]) -> Result {
    // SAFETY: the buffer is ours for its whole length.
    unsafe {
        call(
            nr::READ,
            fd as usize,
            into.as_mut_ptr() as usize,
            into.len(),
            0,
            0,
        )
    }
}

/// write(2).
pub fn write(fd: i32, from: &[u8]) -> Result {
    // SAFETY: the buffer is readable for its whole length.
    unsafe {
        call(
            nr::WRITE,
            fd as usize,
            from.as_ptr() as usize,
            from.len(),
            0,
            0,
        )
    }
}

/// Overwrites what nobody reads any more, which a compiler would otherwise leave out.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        // SAFETY: a byte of ours.
        unsafe { core::ptr::write_volatile(byte, 0) };
    }
}

/// close_range(2).
pub fn close_range(first: u32, last: u32) -> Result {
    // SAFETY: no pointers; init holds no descriptor as anything but a number.
    unsafe { call(nr::CLOSE_RANGE, first as usize, last as usize, 0, 0, 0) }
}

/// close(2).
pub fn close(fd: i32) {
    // SAFETY: no pointers; init holds no descriptor as anything but a number.
    let _ = unsafe { call(nr::CLOSE, fd as usize, 0, 0, 0, 0) };
}

/// dup3(2) without flags.
pub fn dup_onto(fd: i32, onto: i32) -> Result {
    // SAFETY: no pointers.
    unsafe { call(nr::DUP3, fd as usize, onto as usize, 0, 0, 0) }
}

/// Moves a descriptor to a number of at least `from`, closed on exec (fcntl(2), F_DUPFD_CLOEXEC).
pub fn dup_above(fd: i32, from: i32) -> Result {
    const F_DUPFD_CLOEXEC: usize = 1030;
    // SAFETY: no pointers.
    unsafe { call(nr::FCNTL, fd as usize, F_DUPFD_CLOEXEC, from as usize, 0, 0) }
}

/// The four ids: real and effective user, real and effective group.
pub fn ids() -> [usize; 4] {
    // SAFETY: no arguments; these calls cannot fail.
    let id = |number| unsafe { call(number, 0, 0, 0, 0, 0) }.unwrap_or(usize::MAX);
    [
        id(nr::GETUID),
        id(nr::GETEUID),
        id(nr::GETGID),
        id(nr::GETEGID),
    ]
}

/// Effective, permitted and inheritable capabilities of this thread, or-ed (capget(2)).
pub fn capabilities() -> core::result::Result<u64, i32> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: the header is two u32 and the answer two structures of three u32
    // (linux/capability.h).
    unsafe {
        call(
            nr::CAPGET,
            header.as_ptr() as usize,
            sets.as_mut_ptr() as usize,
            0,
            0,
            0,
        )?;
    }
    Ok(u64::from(sets[0] | sets[1] | sets[2]) | u64::from(sets[3] | sets[4] | sets[5]) << 32)
}

/// prctl(2).
pub fn prctl(option: usize, a: usize, b: usize) -> Result {
    // SAFETY: every option that init uses takes numbers, or the place that `death_signal` gives.
    unsafe { call(nr::PRCTL, option, a, b, 0, 0) }
}

/// The signal that this process gets at its parent's end (prctl(2), PR_GET_PDEATHSIG).
pub fn death_signal() -> Result {
    const PR_GET_PDEATHSIG: usize = 2;
    let mut signal = [0i32];
    prctl(PR_GET_PDEATHSIG, signal.as_mut_ptr() as usize, 0)?;
    Ok(signal[0] as usize)
}

/// Sets a limit, soft and hard, and reads it back (prlimit(2)).
pub fn set_rlimit(resource: u32, value: u64) -> core::result::Result<[u64; 2], i32> {
    let new = [value, value];
    // SAFETY: the structure is two u64 (getrlimit(2)).
    unsafe {
        call(
            nr::PRLIMIT64,
            0,
            resource as usize,
            new.as_ptr() as usize,
            0,
            0,
        )?;
    }
    rlimit(resource)
}

/// A limit, soft and hard (prlimit(2)).
pub fn rlimit(resource: u32) -> core::result::Result<[u64; 2], i32> {
    let mut now = [0u64; 2];
    // SAFETY: the structure is two u64 (getrlimit(2)).
    unsafe {
        call(
            nr::PRLIMIT64,
            0,
            resource as usize,
            0,
            now.as_mut_ptr() as usize,
            0,
        )?;
    }
    Ok(now)
}

/// Opens a directory for listing (open(2), O_DIRECTORY). The path ends with a NUL.
pub fn open_directory(path: &[u8]) -> Result {
    const AT_FDCWD: usize = -100isize as usize;
    const O_DIRECTORY_CLOEXEC: usize = O_DIRECTORY | 0o2_000_000;
    if path.last() != Some(&0) {
        return Err(22);
    }
    // SAFETY: the path is readable up to its NUL.
    unsafe {
        call(
            nr::OPENAT,
            AT_FDCWD,
            path.as_ptr() as usize,
            O_DIRECTORY_CLOEXEC,
            0,
            0,
        )
    }
}

#[cfg(target_arch = "x86_64")]
const O_DIRECTORY: usize = 0o200_000;
#[cfg(target_arch = "aarch64")]
const O_DIRECTORY: usize = 0o40_000;

/// Device and inode of a descriptor (fstat(2)).
pub fn device_and_inode(fd: i32) -> core::result::Result<(u64, u64), i32> {
    const AT_EMPTY_PATH: usize = 0x1000;
    // struct stat begins with st_dev and st_ino on both architectures and is at most 144 bytes.
    let mut stat = [0u64; 18];
    let empty = [0u8];
    // SAFETY: an empty path with its NUL, and room for the whole structure.
    unsafe {
        call(
            nr::NEWFSTATAT,
            fd as usize,
            empty.as_ptr() as usize,
            stat.as_mut_ptr() as usize,
            AT_EMPTY_PATH,
            0,
        )?;
    }
    Ok((stat[0], stat[1]))
}

/// Mount flags of a descriptor's file system, as in statvfs(3) (statfs(2), `f_flags`).
pub fn mount_flags(fd: i32) -> core::result::Result<u64, i32> {
    // struct statfs of 64-bit architectures: fifteen words, f_flags the eleventh.
    let mut statfs = [0u64; 15];
    // SAFETY: room for the whole structure.
    unsafe {
        call(
            nr::FSTATFS,
            fd as usize,
            statfs.as_mut_ptr() as usize,
            0,
            0,
            0,
        )?
    };
    Ok(statfs[10])
}

/// fork(2): 0 in the child.
pub fn fork() -> Result {
    const SIGCHLD: usize = 17;
    // SAFETY: no new stack, no shared memory: both go on with their own copy of everything.
    unsafe { call(nr::CLONE, SIGCHLD, 0, 0, 0, 0) }
}

/// getpid(2).
pub fn own_id() -> usize {
    // SAFETY: no arguments; the call cannot fail.
    unsafe { call(nr::GETPID, 0, 0, 0, 0, 0) }.unwrap_or(0)
}

/// getppid(2): 0 where the parent is in no pid namespace that can be seen.
pub fn parent_id() -> usize {
    // SAFETY: no arguments; the call cannot fail.
    unsafe { call(nr::GETPPID, 0, 0, 0, 0, 0) }.unwrap_or(0)
}

/// setsid(2).
pub fn new_session() -> Result {
    // SAFETY: no arguments.
    unsafe { call(nr::SETSID, 0, 0, 0, 0, 0) }
}

/// execve(2). Returns only where it fails.
///
/// # Safety
/// `program` ends with a NUL; `args` and `env` end with a null pointer, and each pointer before it
/// leads to bytes that end with a NUL.
pub unsafe fn exec(program: &[u8], args: &[usize], env: &[usize]) -> Result {
    let (args, env) = (args.as_ptr() as usize, env.as_ptr() as usize);
    // SAFETY: the caller's word.
    unsafe { call(nr::EXECVE, program.as_ptr() as usize, args, env, 0, 0) }
}

/// Replaces the set of blocked signals (sigprocmask(2), `SIG_SETMASK`).
pub fn block_signals(set: u64) -> Result {
    const SIG_SETMASK: usize = 2;
    let set = [set];
    // SAFETY: a kernel signal set is 8 bytes.
    unsafe {
        call(
            nr::RT_SIGPROCMASK,
            SIG_SETMASK,
            set.as_ptr() as usize,
            0,
            8,
            0,
        )
    }
}

/// signalfd(2), closed on exec.
pub fn signal_descriptor(set: u64) -> Result {
    const SFD_CLOEXEC: usize = 0o2_000_000;
    let set = [set];
    // SAFETY: a kernel signal set is 8 bytes.
    unsafe {
        call(
            nr::SIGNALFD4,
            usize::MAX,
            set.as_ptr() as usize,
            8,
            SFD_CLOEXEC,
            0,
        )
    }
}

/// Waits until one of two descriptors can be read (poll(2)) and tells which.
pub fn wait_readable(first: i32, second: i32) -> [bool; 2] {
    const POLLIN: u64 = 1;
    let entry = |fd: i32| u64::from(fd as u32) | POLLIN << 32;
    let mut polled = [entry(first), entry(second)];
    // SAFETY: struct pollfd is an i32 and two i16, so two of them are two words; no timeout and no
    // signal set.
    let _ = unsafe { call(nr::PPOLL, polled.as_mut_ptr() as usize, 2, 0, 0, 8) };
    polled.map(|entry| entry >> 48 != 0)
}

/// wait4(2) for any child, without blocking: its id and status.
pub fn reap() -> Option<(usize, i32)> {
    const WNOHANG: usize = 1;
    let mut status = [0i32];
    // SAFETY: the status is one i32; no resource usage is asked for.
    let child = unsafe {
        call(
            nr::WAIT4,
            usize::MAX,
            status.as_mut_ptr() as usize,
            WNOHANG,
            0,
            0,
        )
    };
    child
        .ok()
        .filter(|child| *child > 0)
        .map(|child| (child, status[0]))
}

/// kill(2).
pub fn kill(process: usize, signal: usize) {
    // SAFETY: no pointers.
    let _ = unsafe { call(nr::KILL, process, signal, 0, 0, 0) };
}

/// Whether this process may signal another (kill(2) with no signal).
pub fn can_signal(process: usize) -> Result {
    // SAFETY: no pointers.
    unsafe { call(nr::KILL, process, 0, 0, 0, 0) }
}

/// exit_group(2).
pub fn exit(status: usize) -> ! {
    loop {
        // SAFETY: no pointers; the call does not return.
        let _ = unsafe { call(nr::EXIT_GROUP, status, 0, 0, 0, 0) };
    }
}
