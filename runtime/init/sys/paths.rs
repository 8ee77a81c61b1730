//! Calls that take a path. Each path ends with a NUL.

use super::{Result, call, nr};

/// chdir(2). The path ends with a NUL.
pub fn enter(path: &[u8]) -> Result {
    if path.last() != Some(&0) {
        return Err(22);
    }
    // SAFETY: the path ends with a NUL.
    unsafe { call(nr::CHDIR, path.as_ptr() as usize, 0, 0, 0, 0) }
}

/// Makes a file that its owner alone can read, and opens it for writing (open(2), O_EXCL: what is
/// there already is not taken). The path ends with a NUL.
pub fn create(path: &[u8]) -> Result {
    const AT_FDCWD: usize = -100isize as usize;
    const O_WRONLY_CREAT_EXCL_CLOEXEC: usize = 0o1 | 0o100 | 0o200 | 0o2_000_000;
    const OWNER_READS: usize = 0o400;
    if path.last() != Some(&0) {
        return Err(22);
    }
    // SAFETY: the path is readable up to its NUL.
    unsafe {
        call(
            nr::OPENAT,
            AT_FDCWD,
            path.as_ptr() as usize,
            O_WRONLY_CREAT_EXCL_CLOEXEC,
            OWNER_READS,
            0,
        )
    }
}

/// Opens a path to name it, no more (open(2), O_PATH). The path ends with a NUL.
pub fn open_path(path: &[u8]) -> Result {
    #[cfg(target_arch = "x86_64")]
    const O_NOFOLLOW: usize = 0o400_000;
    #[cfg(target_arch = "aarch64")]
    const O_NOFOLLOW: usize = 0o100_000;
    const AT_FDCWD: usize = -100isize as usize;
    // A link that is a mount itself is looked at, and not what it leads to.
    const O_PATH_CLOEXEC_NOFOLLOW: usize = 0o10_000_000 | 0o2_000_000 | O_NOFOLLOW;
    if path.last() != Some(&0) {
        return Err(22);
    }
    // SAFETY: the path is readable up to its NUL.
    unsafe {
        call(
            nr::OPENAT,
            AT_FDCWD,
            path.as_ptr() as usize,
            O_PATH_CLOEXEC_NOFOLLOW,
            0,
            0,
        )
    }
}
