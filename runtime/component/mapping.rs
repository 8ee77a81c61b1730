//! What worker and compiler inherit as numbers and addresses: descriptors, and the compiled code.
//!
//! This is one of the two modules that may hold unsafe code. It makes bytes into instructions, so
//! its types are steps that cannot be left out: only [`Mapping::verify`] makes [`Verified`] code,
//! only that can be loaded, and only its pages can become executable.
#![expect(
    unsafe_code,
    reason = "adopts descriptors by number and loads compiled code"
)]

use std::ffi::c_void;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use brig_sandbox::component::{CODE_FD, ORDERS_FD, REPORT_FD};
use rustix::fs::{FileType, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, Engine, Module};

/// Why code cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub(super) enum MappingError {
    /// The code is no regular file, or a shorter one than the orders say.
    #[error("the code is not a regular file of at least {0} bytes")]
    Shape(u64),
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] Errno),
}

/// The code is not what the supervisor put into the cache.
#[derive(Debug, thiserror::Error)]
#[error("its keyed hash is not the one in the orders: the cache was changed from outside")]
pub(super) struct Tampered;

/// Takes over one of the descriptors that the contract numbers.
///
/// `None` when it was taken before or is not open.
pub(super) fn inherited(number: RawFd) -> Option<OwnedFd> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    if ![ORDERS_FD, CODE_FD, REPORT_FD].contains(&number) {
        return None;
    }
    let bit = 1 << number;
    if TAKEN.fetch_or(bit, Ordering::SeqCst) & bit != 0 {
        return None;
    }
    // SAFETY: the number is not -1. The borrow ends with this statement, and where the number
    // names no open descriptor the kernel only answers so.
    rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).ok()?;
    // SAFETY: the descriptor is open. It is ours alone: these three numbers are what the parent
    // hands to a process that is started as worker or compiler, nothing opens a descriptor before
    // its main function, and the mark above gives each number away once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Compiled code in memory that nothing in this process can write, for as long as the process
/// lives.
pub(super) struct Mapping {
    code: NonNull<[u8]>,
}

impl Mapping {
    /// Maps the first `code_bytes` bytes of `file`.
    pub(super) fn new(file: &File, code_bytes: u64) -> Result<Self, MappingError> {
        let stat = rustix::fs::fstat(file)?;
        let long_enough = u64::try_from(stat.st_size).is_ok_and(|size| size >= code_bytes);
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let Ok(bytes) = usize::try_from(code_bytes) else {
            return Err(MappingError::Shape(code_bytes));
        };
        if !regular || !long_enough || bytes == 0 {
            return Err(MappingError::Shape(code_bytes));
        }
        // Pages of a file system that is mounted noexec can never become executable, and home
        // directories sometimes are. Such code is copied.
        let flags = rustix::fs::fstatvfs(file)?.f_flag;
        if flags.contains(StatVfsMountFlags::NOEXEC) {
            Self::copied(file, bytes)
        } else {
            Self::shared(file.as_fd(), bytes)
        }
    }

    fn shared(file: BorrowedFd<'_>, bytes: usize) -> Result<Self, MappingError> {
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: no address is asked for, so no mapping that exists is touched.
        let start =
            unsafe { rustix::mm::mmap(ptr::null_mut(), bytes, ProtFlags::READ, flags, file, 0)? };
        Self::at(start, bytes)
    }

    fn copied(file: &File, bytes: usize) -> Result<Self, MappingError> {
        let writable = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: no address is asked for, so no mapping that exists is touched.
        let start = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, writable, MapFlags::PRIVATE)?
        };
        // SAFETY: the mapping above is that long, zeroed, writable, and known to nobody else.
        let target = unsafe { std::slice::from_raw_parts_mut(start.cast::<u8>(), bytes) };
        std::os::unix::fs::FileExt::read_exact_at(file, target, 0)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        // SAFETY: the range is that mapping, and the last use of `target` is over.
        unsafe { rustix::mm::mprotect(start, bytes, MprotectFlags::READ)? };
        Self::at(start, bytes)
    }

    fn at(start: *mut c_void, bytes: usize) -> Result<Self, MappingError> {
        // The kernel never answers with address 0 unless it was asked for it.
        let start = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        Ok(Self {
            code: NonNull::slice_from_raw_parts(start, bytes),
        })
    }

    /// Hashes the memory itself, so that what is loaded next is what was compared.
    pub(super) fn verify(self, key: &[u8; 32], hash: &[u8; 32]) -> Result<Verified, Tampered> {
        // SAFETY: the memory is mapped readable with that length, is never unmapped since `Mapping`
        // has no destructor, and nothing in this process can write it.
        let code = unsafe { self.code.as_ref() };
        // This comparison takes the same time wherever the difference is.
        if blake3::keyed_hash(key, code) == *hash {
            Ok(Verified(self))
        } else {
            Err(Tampered)
        }
    }
}

/// Code that brig compiled and put into its cache.
pub(super) struct Verified(Mapping);

impl Verified {
    /// Loads a component.
    pub(super) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are those that brig's compiler wrote, for only the supervisor knows the
        // key of the hash that they match; that the compiler was of this version and
        // configuration, wasmtime checks itself. The memory lives as long as the process and
        // nothing in it writes there. The file below it could be changed by a process of
        // the user who runs brig, against whom the cache is not defended.
        unsafe { Component::deserialize_raw(engine, self.0.code) }
    }

    /// Loads a core module.
    pub(super) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY: as for `component`.
        unsafe { Module::deserialize_raw(engine, self.0.code) }
    }

    /// What makes the instructions in this memory executable, and no other memory.
    pub(super) fn publisher(&self) -> Arc<dyn CustomCodeMemory> {
        let start = self.0.code.cast::<u8>().as_ptr().addr();
        Arc::new(Publisher {
            start,
            end: start + self.0.code.len(),
        })
    }
}

struct Publisher {
    start: usize,
    end: usize,
}

impl Publisher {
    fn protect(
        &self,
        start: *const u8,
        bytes: usize,
        flags: MprotectFlags,
    ) -> wasmtime::Result<()> {
        let inside = start.addr() >= self.start
            && start
                .addr()
                .checked_add(bytes)
                .is_some_and(|end| end <= self.end);
        if !inside {
            return Err(wasmtime::Error::msg(
                "the instructions lie outside the verified code",
            ));
        }
        // SAFETY: the range lies inside the verified code, which is mapped for good. Neither set
        // of flags makes it writable, so what others read there stays as it is.
        unsafe { rustix::mm::mprotect(start.cast_mut().cast(), bytes, flags) }
            .map_err(wasmtime::Error::new)
    }
}

impl CustomCodeMemory for Publisher {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    fn publish_executable(&self, start: *const u8, bytes: usize) -> wasmtime::Result<()> {
        self.protect(start, bytes, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, start: *const u8, bytes: usize) -> wasmtime::Result<()> {
        self.protect(start, bytes, MprotectFlags::READ)
    }
}
