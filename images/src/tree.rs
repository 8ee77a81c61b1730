//! A digest of a whole tree: paths, kinds, modes, where links lead, and contents.
//!
//! Times, owners, attributes and which names share an inode are no part of it. It is the same for
//! the same layers wherever they are unpacked, and reading the tree again shows whether somebody
//! changed it.

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, Stat, fstat, openat, readlinkat, statat,
};
use rustix::io::Errno;
use serde::Serialize;
use std::fmt;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::str::FromStr;
use thiserror::Error;

/// BLAKE3 of a tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeDigest([u8; 32]);

/// A text that is no digest of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this is not 64 lower-case hexadecimal digits")]
pub struct InvalidTreeDigest;

/// Why a tree cannot be read.
#[derive(Debug, Error)]
pub enum TreeError {
    /// The file system said no.
    #[error("read `{path}`: {source}")]
    Io {
        /// Beneath the root, harmless for a terminal.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something that no image has: a device, a FIFO, a socket.
    #[error("read `{path}`: it is neither a file nor a folder nor a link")]
    Kind {
        /// Beneath the root, harmless for a terminal.
        path: String,
    },
    /// More folders in one another than any tree that was unpacked.
    #[error("read `{path}`: it lies in more than {DEPTH_MAX} folders")]
    TooDeep {
        /// Beneath the root, harmless for a terminal.
        path: String,
    },
}

/// Each level takes a descriptor and some of the stack.
const DEPTH_MAX: usize = 256;

/// Bytes of a file that are read at once.
const PIECE_BYTES: usize = 128 * 1024;

/// Reads a whole tree, which must not change meanwhile.
pub fn tree_digest(root: impl AsFd) -> Result<TreeDigest, TreeError> {
    digest(root.as_fd(), &mut Reread)
}

/// Who walks a tree may know what is in its files, and have something to do in its folders.
pub(crate) trait Look {
    /// The hash of a file's content, where it is known.
    fn content(&mut self, stat: &Stat) -> Option<[u8; 32]>;

    /// Called when all that is in a folder was seen.
    fn leave(&mut self, folder: BorrowedFd<'_>, inode: u64) -> io::Result<()>;
}

struct Reread;

impl Look for Reread {
    fn content(&mut self, _: &Stat) -> Option<[u8; 32]> {
        None
    }

    fn leave(&mut self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn digest(root: BorrowedFd<'_>, look: &mut impl Look) -> Result<TreeDigest, TreeError> {
    let mut walk = Walk {
        look,
        hash: blake3::Hasher::new(),
        path: Vec::new(),
        piece: vec![0; PIECE_BYTES],
    };
    let folder = walk.told(openat(root, c".", FOLDER, Mode::empty()))?;
    walk.folder(&folder, 0)?;
    Ok(TreeDigest(walk.hash.finalize().into()))
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

struct Walk<'l, L> {
    look: &'l mut L,
    hash: blake3::Hasher,
    /// Where it is, for messages.
    path: Vec<u8>,
    piece: Vec<u8>,
}

impl<L: Look> Walk<'_, L> {
    fn folder(&mut self, folder: &OwnedFd, depth: usize) -> Result<(), TreeError> {
        if depth > DEPTH_MAX {
            let path = self.shown();
            return Err(TreeError::TooDeep { path });
        }
        let stat = self.told(fstat(folder))?;
        self.hash.update(b"d");
        self.mode(stat.st_mode);
        let mut names = self.told(names(folder))?;
        names.sort_unstable();
        for name in names {
            let end = self.path.len();
            self.path.push(b'/');
            self.path.extend_from_slice(&name);
            // Lengths come first, so that no name can look like what follows it.
            self.count(name.len() as u64);
            self.hash.update(&name);
            self.entry(folder, &name, depth)?;
            self.path.truncate(end);
        }
        self.hash.update(b".");
        let left = self.look.leave(folder.as_fd(), stat.st_ino);
        left.map_err(|source| self.failed(source))
    }

    fn entry(&mut self, folder: &OwnedFd, name: &[u8], depth: usize) -> Result<(), TreeError> {
        let stat = self.told(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            let inner = self.told(openat(folder, name, FOLDER, Mode::empty()))?;
            self.folder(&inner, depth + 1)
        } else if kind == FileType::RegularFile {
            let content = match self.look.content(&stat) {
                Some(content) => content,
                None => self.read(folder, name)?,
            };
            self.hash.update(b"f");
            self.mode(stat.st_mode);
            self.hash.update(&content);
            Ok(())
        } else if kind == FileType::Symlink {
            let target = self.told(readlinkat(folder, name, Vec::new()))?;
            self.hash.update(b"l");
            self.count(target.as_bytes().len() as u64);
            self.hash.update(target.as_bytes());
            Ok(())
        } else {
            let path = self.shown();
            Err(TreeError::Kind { path })
        }
    }

    fn read(&mut self, folder: &OwnedFd, name: &[u8]) -> Result<[u8; 32], TreeError> {
        // Whatever took the place of a file since it was looked at must not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = self.told(openat(folder, name, flags, Mode::empty()))?;
        let mut file = std::fs::File::from(file);
        let mut hash = blake3::Hasher::new();
        loop {
            match file.read(&mut self.piece) {
                Ok(0) => return Ok(hash.finalize().into()),
                Ok(count) => {
                    hash.update(&self.piece[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn mode(&mut self, mode: u32) {
        self.hash.update(&(mode & 0o7777).to_le_bytes());
    }

    fn count(&mut self, count: u64) {
        self.hash.update(&count.to_le_bytes());
    }

    fn told<T>(&self, result: Result<T, Errno>) -> Result<T, TreeError> {
        result.map_err(|error| self.failed(error.into()))
    }

    fn failed(&self, source: io::Error) -> TreeError {
        let path = self.shown();
        TreeError::Io { path, source }
    }

    fn shown(&self) -> String {
        let path = if self.path.is_empty() {
            b"/"
        } else {
            self.path.as_slice()
        };
        path.escape_ascii().take(200).map(char::from).collect()
    }
}

fn names(folder: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut buffer = [const { MaybeUninit::uninit() }; 16 * 1024];
    let mut entries = RawDir::new(folder, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

/// The bytes of 64 lower-case digits.
pub(crate) fn from_hexadecimal(digits: &str) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits = digits.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

impl FromStr for TreeDigest {
    type Err = InvalidTreeDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hexadecimal(text).map(Self).ok_or(InvalidTreeDigest)
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeDigest({self})")
    }
}

impl Serialize for TreeDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
