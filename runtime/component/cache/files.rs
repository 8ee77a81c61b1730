//! The files of a cache: who may touch them, and how they come and go.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

/// Where a name starts until the file is complete. No name of an entry starts with a dot.
const UNFINISHED: &str = ".new-";

/// Permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// What is wrong with a file or directory.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A link, a pipe, or anything else that was not asked for.
    #[error("it is not what it should be: a directory, or a file in it")]
    Kind,
    /// Somebody else's.
    #[error("it belongs to user {0}, and brig runs as another")]
    Owner(u32),
    /// Open to others.
    #[error("others than its owner have access (mode {0:o}): set it to {1:o}")]
    Mode(u32, u32),
    /// Not what brig wrote.
    #[error("it is damaged: remove it")]
    Damaged,
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] Errno),
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Damaged;
        }
        Self::Kernel(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

/// Opens a directory that only this user can enter, and makes it where there is none.
pub(super) fn private_directory(path: &Path) -> Result<OwnedFd, Unfit> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(path, flags, Mode::empty());
    let directory = match open() {
        Err(Errno::NOENT) => {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            open()
        }
        opened => opened,
    };
    let directory = directory.map_err(kind)?;
    check(&rustix::fs::fstat(&directory)?, FileType::Directory, 0o700)?;
    Ok(directory)
}

/// Opens a file that only this user can read or write. `None` where there is none.
pub(super) fn open_private(directory: &OwnedFd, name: &str) -> Result<Option<File>, Unfit> {
    // Without NONBLOCK a named pipe in the file's place would hold brig up for good.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened.map_err(kind)?,
    };
    check(&rustix::fs::fstat(&file)?, FileType::RegularFile, 0o600)?;
    Ok(Some(File::from(file)))
}

fn check(stat: &Stat, wanted: FileType, wanted_mode: u32) -> Result<(), Unfit> {
    if FileType::from_raw_mode(stat.st_mode) != wanted {
        return Err(Unfit::Kind);
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Unfit::Owner(stat.st_uid));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & OTHERS != 0 {
        return Err(Unfit::Mode(mode, wanted_mode));
    }
    Ok(())
}

fn kind(error: Errno) -> Unfit {
    // What NOFOLLOW says of a link, and DIRECTORY of anything else.
    if matches!(error, Errno::LOOP | Errno::NOTDIR) {
        Unfit::Kind
    } else {
        Unfit::Kernel(error)
    }
}

/// Marks an entry as used now, unless it is marked so within the last `seconds`.
pub(super) fn mark_used(file: &File, seconds: i64) {
    let recent =
        rustix::fs::fstat(file).is_ok_and(|stat| now().saturating_sub(stat.st_mtime) < seconds);
    if !recent {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_NOW,
        };
        let times = Timestamps {
            last_access: now,
            last_modification: now,
        };
        // An entry that looks older than it is gets compiled once more; a start need not fail.
        let _ = rustix::fs::futimens(file, &times);
    }
}

/// Seconds since 1970, as file times count.
pub(super) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// A file without its final name. Dropping it removes it.
pub(super) struct New<'a> {
    pub(super) file: File,
    directory: BorrowedFd<'a>,
    name: String,
}

/// Creates a file that only this user can read or write.
pub(super) fn create(directory: &OwnedFd) -> Result<New<'_>, Errno> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, GetRandomFlags::empty())?;
    let name = format!("{UNFINISHED}{:016x}", u64::from_le_bytes(random));
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, &name, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(New {
        file: File::from(file),
        directory: directory.as_fd(),
        name,
    })
}

impl New<'_> {
    /// Gives it its name, in the place of any file that has it, and reopens it read-only: the
    /// worker gets this very descriptor.
    pub(super) fn keep_as(self, name: &str) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.directory, &self.name, flags, Mode::empty())?;
        rustix::fs::renameat(self.directory, &self.name, self.directory, name)?;
        Ok(File::from(file))
    }

    /// Gives it its name, unless there is a file that has it.
    pub(super) fn keep_as_first(self, name: &str) -> Result<(), Errno> {
        let Self {
            directory,
            name: unfinished,
            ..
        } = &self;
        rustix::fs::linkat(*directory, unfinished, *directory, name, AtFlags::empty())
    }
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = rustix::fs::unlinkat(self.directory, &self.name, AtFlags::empty());
    }
}

/// Removes a file, if it is there.
pub(super) fn remove(directory: &OwnedFd, name: &str) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One file of the cache that is not its key.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Time of last use, in seconds since 1970.
    pub(super) used: i64,
    pub(super) unfinished: bool,
}

/// Lists the entries and what is to become one. Other files are not brig's, and not listed.
pub(super) fn list(directory: &OwnedFd) -> Result<Vec<Listed>, Errno> {
    let mut listed = Vec::new();
    for item in Dir::read_from(directory)? {
        let item = item?;
        let Ok(name) = item.file_name().to_str() else {
            continue;
        };
        let unfinished = name.starts_with(UNFINISHED);
        if !unfinished && !super::is_entry_name(name) {
            continue;
        }
        // Another brig may have removed it since.
        let Ok(stat) = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        listed.push(Listed {
            name: String::from(name),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            used: stat.st_mtime,
            unfinished,
        });
    }
    Ok(listed)
}
