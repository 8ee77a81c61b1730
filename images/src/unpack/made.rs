//! What was made so far, by inode: what is not read back from the file system at the end.

use super::file;
use crate::tree::Look;
use rustix::fs::{Stat, futimens};
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::BorrowedFd;

/// Seconds and nanoseconds.
pub(super) type Time = (i64, u32);

/// Folders that no layer lists have no time of their own.
pub(super) const UNLISTED: Time = (0, 0);

/// An inode that comes back after its file was removed is overwritten here by the next file.
#[derive(Debug, Default)]
pub(super) struct Made {
    folders: HashMap<u64, Kept>,
    files: HashMap<u64, [u8; 32]>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    depth: usize,
    modified: Time,
}

impl Made {
    pub(super) fn folder(&mut self, inode: u64, depth: usize, modified: Time) {
        self.folders.insert(inode, Kept { depth, modified });
    }

    pub(super) fn file(&mut self, inode: u64, hash: [u8; 32]) {
        self.files.insert(inode, hash);
    }

    /// How many folders a folder lies in.
    pub(super) fn depth(&self, inode: u64) -> usize {
        // Whatever is not known was not made here, and nothing may be made in it.
        self.folders
            .get(&inode)
            .map_or(usize::MAX, |kept| kept.depth)
    }

    pub(super) fn modified(&mut self, inode: u64, modified: Time) {
        if let Some(kept) = self.folders.get_mut(&inode) {
            kept.modified = modified;
        }
    }
}

impl Look for Made {
    fn content(&mut self, stat: &Stat) -> Option<[u8; 32]> {
        self.files.get(&stat.st_ino).copied()
    }

    fn leave(&mut self, folder: BorrowedFd<'_>, inode: u64) -> io::Result<()> {
        let modified = self
            .folders
            .get(&inode)
            .map_or(UNLISTED, |kept| kept.modified);
        futimens(folder, &file::times(modified))?;
        Ok(())
    }
}

/// The names that the layer at hand has made: what its whiteouts leave alone, wherever they stand
/// in it.
#[derive(Debug, Default)]
pub(super) struct Upper {
    /// The lowest layer has nothing below it that could be whited out.
    lowest: bool,
    names: HashSet<[u8; 16]>,
    /// Folders in which nothing of a lower layer is left, so that nobody looks a second time.
    cleared: HashSet<u64>,
}

impl Upper {
    pub(super) fn begin(&mut self, lowest: bool) {
        self.lowest = lowest;
        self.names.clear();
        self.cleared.clear();
    }

    pub(super) fn is_lowest(&self) -> bool {
        self.lowest
    }

    pub(super) fn add(&mut self, folder: u64, name: &[u8]) {
        if !self.lowest {
            self.names.insert(key(folder, name));
        }
    }

    pub(super) fn has(&self, folder: u64, name: &[u8]) -> bool {
        self.names.contains(&key(folder, name))
    }

    /// Marks a folder. False if it was marked already.
    pub(super) fn clear(&mut self, folder: u64) -> bool {
        self.lowest || self.cleared.insert(folder)
    }
}

/// A name of 255 bytes would take as many, and there may be a million of them.
fn key(folder: u64, name: &[u8]) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    hash.update(&folder.to_le_bytes());
    hash.update(name);
    let mut key = [0; 16];
    hash.finalize_xof().fill(&mut key);
    key
}
