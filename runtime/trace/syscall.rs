//! The tracer's system calls that have no safe wrapper: seccomp_unotify(2) and
//! process_vm_readv(2). One of the modules that may use `unsafe`.
#![allow(
    unsafe_code,
    reason = "notices of seccomp and memory of other processes have no safe wrapper"
)]

use brig_sandbox::trace::IOCTLS;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Bytes of a page: no mapping ends within one.
const PAGE_BYTES: u64 = 4096;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Its cookie.
    pub(super) id: u64,
    /// The thread, as this process sees it.
    pub(super) thread: u32,
    /// Its number.
    pub(super) number: i64,
    /// Its arguments, as they were when it was made.
    pub(super) arguments: [u64; 6],
}

/// What a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It goes on in the kernel, as if nobody had looked.
    Continue,
    /// It fails with `ENOSYS`.
    Absent,
}

/// Whether this kernel lets calls wait for another process (seccomp(2), Linux 5.0) and go on then
/// (Linux 5.5).
pub(super) fn has_notices() -> bool {
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the call reads the u32 that it is given, and does nothing else.
    let offered = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|text| text.parse::<u32>().ok());
    let version = (number().unwrap_or(0), number().unwrap_or(0));
    offered == 0 && version >= (5, 5) && sizes_fit()
}

/// Whether the kernel's structures are those of this program: a longer notice would be written past
/// the buffer's end.
fn sizes_fit() -> bool {
    let mut sizes = libc::seccomp_notif_sizes {
        seccomp_notif: 0,
        seccomp_notif_resp: 0,
        seccomp_data: 0,
    };
    // SAFETY: the structure is written for its own length.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_NOTIF_SIZES,
            0,
            &raw mut sizes,
        )
    };
    result == 0
        && usize::from(sizes.seccomp_notif) <= size_of::<libc::seccomp_notif>()
        && usize::from(sizes.seccomp_notif_resp) <= size_of::<libc::seccomp_notif_resp>()
        && usize::from(sizes.seccomp_data) == size_of::<libc::seccomp_data>()
}

/// The next call that waits. It blocks where none does.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Waiting> {
    let mut notice = libc::seccomp_notif {
        id: 0,
        pid: 0,
        flags: 0,
        data: libc::seccomp_data {
            nr: 0,
            arch: 0,
            instruction_pointer: 0,
            args: [0; 6],
        },
    };
    // SAFETY: the kernel takes a structure of zeros and writes no more than its own length, which
    // `has_notices` has compared.
    unsafe { request(listener, IOCTLS[0], (&raw mut notice).cast()) }?;
    Ok(Waiting {
        id: notice.id,
        thread: notice.pid,
        number: notice.data.nr.into(),
        arguments: notice.data.args,
    })
}

/// Answers a call. One whose caller is gone needs no answer (`ENOENT`).
pub(super) fn answer(listener: BorrowedFd<'_>, id: u64, reply: Reply) -> io::Result<()> {
    let (error, flags) = match reply {
        Reply::Continue => (0, 1),
        Reply::Absent => (-libc::ENOSYS, 0),
    };
    let mut response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error,
        flags,
    };
    // SAFETY: a whole structure, which the kernel reads.
    match unsafe { request(listener, IOCTLS[1], (&raw mut response).cast()) } {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        done => done,
    }
}

/// Whether the caller still waits: then its thread is still the one that was named.
pub(super) fn still_waits(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    // SAFETY: the kernel reads the u64.
    unsafe { request(listener, IOCTLS[2], (&raw mut id).cast()) }.is_ok()
}

/// # Safety
/// `argument` is what the request takes.
unsafe fn request(
    listener: BorrowedFd<'_>,
    request: u32,
    argument: *mut libc::c_void,
) -> io::Result<()> {
    // SAFETY: the caller's word.
    let result = unsafe { libc::ioctl(listener.as_raw_fd(), request.into(), argument) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads memory of a thread's process, up to the buffer's length or to where it ends.
pub(super) fn read_memory(thread: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let thread = i32::try_from(thread).map_err(|_| io::ErrorKind::InvalidInput)?;
    let whole = u64::try_from(into.len()).unwrap_or(u64::MAX);
    // In pieces that end with a page: of one that ends where nothing is, nothing might be read.
    let first = (PAGE_BYTES - address % PAGE_BYTES).min(whole);
    let piece = |from: u64, length: u64| libc::iovec {
        iov_base: std::ptr::without_provenance_mut(usize::try_from(from).unwrap_or(0)),
        iov_len: usize::try_from(length).unwrap_or(0),
    };
    let remote = [
        piece(address, first),
        piece(address.wrapping_add(first), whole - first),
    ];
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    // SAFETY: the kernel writes into the buffer alone, for no more than its length; what is read is
    // memory of another process, named by numbers.
    let read =
        unsafe { libc::process_vm_readv(thread, &raw const local, 1, remote.as_ptr(), 2, 0) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn memory_is_read_up_to_its_end() {
        let text = b"a path that ends\0and more";
        let own = std::process::id();
        let mut into = [0; 25];
        let read = read_memory(own, text.as_ptr().addr() as u64, &mut into).unwrap();
        assert_eq!(&into[..read], text);
        assert!(read_memory(own, 8, &mut into).is_err());
        assert!(read_memory(u32::MAX, 8, &mut into).is_err());
    }

    #[test]
    fn this_kernel_has_notices() {
        assert!(has_notices());
    }
}
