//! Removal: of what an entry replaces, and of what a whiteout hides.

use super::EntryFault;
use super::apply::Applying;
use super::file;
use super::made::UNLISTED;
use super::place::{FOLDER, Folder};
use rustix::fs::{AtFlags, FileType, Mode, RawDir, fchmod, fstat, openat, unlinkat};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// What the reserved names start with.
pub(super) const WHITEOUT: &[u8] = b".wh.";

/// Hides all that lower layers have in its folder.
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";

/// Names of another way to stack layers, which mean nothing in an image.
pub(super) const RESERVED: &[u8] = b".wh..wh.";

impl Applying<'_> {
    /// Makes room for an entry: removes what has its name, whoever made it.
    pub(super) fn vacate(&mut self, parent: &Folder, name: &[u8]) -> Result<(), EntryFault> {
        // What is gone may have been a link or a folder on the way to the last folder.
        self.place.last = None;
        remove(parent, name)
    }

    /// Removes what lower layers have under a name, and leaves what this layer has.
    pub(super) fn hide(&mut self, parent: &Folder, name: &[u8]) -> Result<(), EntryFault> {
        if self.upper.is_lowest() {
            return Ok(());
        }
        self.place.last = None;
        let mine = self.upper.has(parent.inode, name);
        match openat(parent, name, FOLDER, Mode::empty()) {
            Ok(folder) => self.hide_folder(parent, name, &folder),
            // What is no folder, or a link. It has one maker.
            Err(Errno::NOTDIR | Errno::LOOP) if mine => Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => remove(parent, name),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes all that lower layers have in a folder.
    pub(super) fn hide_all(&mut self, folder: &OwnedFd, inode: u64) -> Result<(), EntryFault> {
        self.place.last = None;
        if !self.upper.clear(inode) || self.upper.is_lowest() {
            return Ok(());
        }
        for (name, _) in names(folder)? {
            let mine = self.upper.has(inode, &name);
            match openat(folder, name.as_slice(), FOLDER, Mode::empty()) {
                Ok(inner) => {
                    let inner_inode = fstat(&inner)?.st_ino;
                    self.hide_all(&inner, inner_inode)?;
                    self.unlist(folder, &name, &inner, (inner_inode, mine))?;
                }
                Err(Errno::NOTDIR | Errno::LOOP) if mine => {}
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    unlinkat(folder, name.as_slice(), AtFlags::empty())?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn hide_folder(
        &mut self,
        parent: &Folder,
        name: &[u8],
        folder: &OwnedFd,
    ) -> Result<(), EntryFault> {
        let inode = fstat(folder)?.st_ino;
        let mine = self.upper.has(parent.inode, name);
        self.hide_all(folder, inode)?;
        self.unlist(&parent.fd, name, folder, (inode, mine))
    }

    /// A folder of lower layers goes with its content. If it has some of this layer, it is as if
    /// it had been made for that alone.
    fn unlist(
        &mut self,
        parent: &OwnedFd,
        name: &[u8],
        folder: &OwnedFd,
        (inode, mine): (u64, bool),
    ) -> Result<(), EntryFault> {
        if mine {
            return Ok(());
        }
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) => return Ok(()),
            Err(Errno::NOTEMPTY) => {}
            Err(error) => return Err(error.into()),
        }
        fchmod(folder, Mode::from_raw_mode(0o755))?;
        file::remove_attributes(folder.as_fd());
        self.made.modified(inode, UNLISTED);
        Ok(())
    }
}

/// Removes a file, a link, or a folder with all that is in it.
fn remove(parent: impl AsFd, name: &[u8]) -> Result<(), EntryFault> {
    match unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = openat(&parent, name, FOLDER, Mode::empty())?;
    for (inner, kind) in names(&folder)? {
        if kind == FileType::Directory || kind == FileType::Unknown {
            remove(&folder, &inner)?;
        } else {
            unlinkat(&folder, inner.as_slice(), AtFlags::empty())?;
        }
    }
    unlinkat(&parent, name, AtFlags::REMOVEDIR)?;
    Ok(())
}

/// All names in a folder, but for itself and the one that it lies in.
pub(super) fn names(folder: &OwnedFd) -> Result<Vec<(Vec<u8>, FileType)>, Errno> {
    rustix::fs::seek(folder, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = [const { MaybeUninit::uninit() }; 16 * 1024];
    let mut entries = RawDir::new(folder, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((name.to_vec(), entry.file_type()));
        }
    }
    Ok(names)
}
