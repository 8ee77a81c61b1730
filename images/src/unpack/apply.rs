//! What each entry of a layer does to the tree.

use super::fault::shown;
use super::made::{Made, UNLISTED, Upper};
use super::place::{FOLDER, Folder, Place, parts};
use super::whiteout::{OPAQUE, RESERVED, WHITEOUT, names};
use super::{EntryFault, LayerFault, LeftOut, Limits, UnpackError, file};
use crate::layer::tar::{Archive, Entry, Kind};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, fstat, futimens, linkat, openat, statat, symlinkat,
    utimensat,
};
use rustix::io::Errno;
use std::io::BufRead;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

/// A tree while layers are applied to it.
pub(super) struct Applying<'a> {
    pub(super) limits: &'a Limits,
    pub(super) place: Place,
    pub(super) made: Made,
    pub(super) upper: Upper,
    entries: u64,
    bytes: u64,
    left_out: LeftOut,
}

impl<'a> Applying<'a> {
    /// Starts with a folder that must be empty.
    pub(super) fn new(root: BorrowedFd<'_>, limits: &'a Limits) -> Result<Self, UnpackError> {
        let failed = |error: Errno| UnpackError::Folder(error.into());
        let place = Place::new(root).map_err(failed)?;
        if !names(&place.root.fd).map_err(failed)?.is_empty() {
            return Err(UnpackError::Occupied);
        }
        fchmod(&place.root, Mode::from_raw_mode(0o755)).map_err(failed)?;
        let mut made = Made::default();
        made.folder(place.root.inode, 0, UNLISTED);
        Ok(Self {
            limits,
            place,
            made,
            upper: Upper::default(),
            entries: 0,
            bytes: 0,
            left_out: LeftOut::default(),
        })
    }

    pub(super) fn into_parts(self) -> (Made, u64, u64, LeftOut) {
        (self.made, self.entries, self.bytes, self.left_out)
    }

    /// Applies all entries of a layer.
    pub(super) fn layer<B: BufRead>(
        &mut self,
        archive: &mut Archive<B>,
        index: usize,
    ) -> Result<(), UnpackError> {
        self.upper.begin(index == 0);
        let broken = |fault| {
            let fault = LayerFault::Tar(fault);
            UnpackError::Layer { index, fault }
        };
        while let Some(entry) = archive.next().map_err(broken)? {
            self.entry(&entry, archive)
                .map_err(|fault| UnpackError::Entry {
                    index,
                    entry: shown(&entry.path),
                    fault,
                })?;
        }
        self.left_out.global_headers += archive.global_headers;
        Ok(())
    }

    /// One more thing that takes an inode.
    pub(super) fn count(&mut self) -> Result<(), EntryFault> {
        let entries_max = self.limits.entries_max;
        if self.entries == entries_max {
            return Err(EntryFault::Entries { entries_max });
        }
        self.entries += 1;
        Ok(())
    }

    fn entry<B: BufRead>(
        &mut self,
        entry: &Entry,
        archive: &mut Archive<B>,
    ) -> Result<(), EntryFault> {
        self.count()?;
        self.check_attributes(entry)?;
        let path = parts(&entry.path, self.limits.path_bytes_max)?;
        let Some((name, above)) = path.split_last() else {
            return self.root(entry);
        };
        if path.iter().any(|part| part.starts_with(WHITEOUT)) {
            return self.whiteout(name, above);
        }
        let parent = self.folder(above)?;
        match entry.kind {
            Kind::Folder => self.listed_folder(&parent, entry, &path)?,
            Kind::File => self.file(&parent, name, entry, archive)?,
            Kind::Symlink => self.symlink(&parent, name, entry)?,
            Kind::HardLink => self.hard_link(&parent, name, &entry.link)?,
            Kind::Device | Kind::Fifo => {
                if entry.kind == Kind::Device {
                    self.left_out.devices += 1;
                } else {
                    self.left_out.fifos += 1;
                }
                // What it would have replaced is no part of the image either.
                self.vacate(&parent, name)?;
            }
        }
        self.upper.add(parent.inode, name);
        Ok(())
    }

    fn check_attributes(&self, entry: &Entry) -> Result<(), EntryFault> {
        let attribute_bytes_max = self.limits.attribute_bytes_max;
        let lengths = entry.attributes.iter();
        let bytes: usize = lengths.map(|(name, value)| name.len() + value.len()).sum();
        if bytes > attribute_bytes_max {
            return Err(EntryFault::Attributes {
                attribute_bytes_max,
            });
        }
        Ok(())
    }

    /// The root itself is listed by many archives.
    fn root(&mut self, entry: &Entry) -> Result<(), EntryFault> {
        if entry.kind != Kind::Folder {
            return Err(EntryFault::Root);
        }
        let root = Rc::clone(&self.place.root);
        self.dress_folder(&root, entry)
    }

    fn whiteout(&mut self, name: &[u8], above: &[&[u8]]) -> Result<(), EntryFault> {
        let reserved = |part: &&[u8]| part.starts_with(RESERVED);
        if name != OPAQUE && name.starts_with(RESERVED) || above.iter().any(reserved) {
            self.left_out.reserved_names += 1;
            return Ok(());
        }
        let hidden = name.strip_prefix(WHITEOUT);
        let hidden = hidden.filter(|hidden| !matches!(*hidden, b"" | b"." | b".."));
        let hidden = hidden.ok_or(EntryFault::Whiteout)?;
        if above.iter().any(|part| part.starts_with(WHITEOUT)) {
            return Err(EntryFault::Whiteout);
        }
        let parent = match self.existing_folder(above) {
            Ok(Some(parent)) => parent,
            // There is nothing to hide.
            Ok(None) | Err(EntryFault::BelowFile | EntryFault::BelowDeadLink) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        if name == OPAQUE {
            self.hide_all(&parent.fd, parent.inode)
        } else {
            self.hide(&parent, hidden)
        }
    }

    fn listed_folder(
        &mut self,
        parent: &Folder,
        entry: &Entry,
        path: &[&[u8]],
    ) -> Result<(), EntryFault> {
        let name = path.last().copied().unwrap_or_default();
        let mode = folder_mode(entry.mode);
        let mut folder = self.make_folder(parent, name, mode, entry.modified)?;
        if folder.is_none() {
            folder = match openat(parent, name, FOLDER, Mode::empty()) {
                Ok(fd) => {
                    let inode = fstat(&fd)?.st_ino;
                    let depth = self.made.depth(inode);
                    Some(Rc::new(Folder { fd, inode, depth }))
                }
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    self.vacate(parent, name)?;
                    self.make_folder(parent, name, mode, entry.modified)?
                }
                Err(error) => return Err(error.into()),
            };
        }
        let folder = folder.ok_or(EntryFault::Io(Errno::EXIST.into()))?;
        self.dress_folder(&folder, entry)?;
        self.place.last = Some((path.join(&b'/'), folder));
        Ok(())
    }

    /// Gives a folder what its entry says.
    fn dress_folder(&mut self, folder: &Folder, entry: &Entry) -> Result<(), EntryFault> {
        if entry.mode & 0o6000 != 0 {
            self.left_out.set_id_bits += 1;
        }
        fchmod(folder, Mode::from_raw_mode(folder_mode(entry.mode)))?;
        file::remove_attributes(folder.as_fd());
        file::attributes(Some(folder.as_fd()), &entry.attributes, &mut self.left_out);
        self.made.modified(folder.inode, entry.modified);
        Ok(())
    }

    fn file<B: BufRead>(
        &mut self,
        parent: &Folder,
        name: &[u8],
        entry: &Entry,
        archive: &mut Archive<B>,
    ) -> Result<(), EntryFault> {
        let bytes_max = self.limits.bytes_max;
        let bytes = self.bytes.checked_add(entry.size());
        self.bytes = bytes
            .filter(|bytes| *bytes <= bytes_max)
            .ok_or(EntryFault::Bytes { bytes_max })?;
        if entry.mode & 0o7000 != 0 {
            self.left_out.set_id_bits += 1;
        }
        // Never an existing file: it may have other names, which this entry does not change.
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || openat(parent, name, flags, Mode::RUSR | Mode::WUSR);
        let file = match create() {
            Err(Errno::EXIST) => {
                self.vacate(parent, name)?;
                create()?
            }
            created => created?,
        };
        let hash = file::fill(archive, entry, file.as_fd())?;
        self.made.file(fstat(&file)?.st_ino, hash);
        file::attributes(Some(file.as_fd()), &entry.attributes, &mut self.left_out);
        fchmod(&file, Mode::from_raw_mode(file_mode(entry.mode)))?;
        futimens(&file, &file::times(entry.modified))?;
        Ok(())
    }

    fn symlink(&mut self, parent: &Folder, name: &[u8], entry: &Entry) -> Result<(), EntryFault> {
        let target = entry.link.as_slice();
        if target.is_empty() || target.len() > self.limits.path_bytes_max || target.contains(&0) {
            return Err(EntryFault::Name);
        }
        if let Err(error) = symlinkat(target, parent, name) {
            if error != Errno::EXIST {
                return Err(error.into());
            }
            self.vacate(parent, name)?;
            symlinkat(target, parent, name)?;
        }
        file::attributes(None, &entry.attributes, &mut self.left_out);
        let times = file::times(entry.modified);
        utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Another name of a file of this layer or a lower one. A link can have one too; it is not
    /// followed.
    fn hard_link(&mut self, parent: &Folder, name: &[u8], target: &[u8]) -> Result<(), EntryFault> {
        let target = parts(target, self.limits.path_bytes_max)?;
        let (target, above) = target.split_last().ok_or(EntryFault::LinkKind)?;
        let folder = self.existing_folder(above)?;
        let folder = folder.ok_or(EntryFault::LinkTarget)?;
        let stat = |folder: &Folder, name: &[u8]| {
            statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| match error {
                Errno::NOENT => EntryFault::LinkTarget,
                error => error.into(),
            })
        };
        let found = stat(&folder, target)?;
        let kind = FileType::from_raw_mode(found.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::Symlink) {
            return Err(EntryFault::LinkKind);
        }
        let links_max = self.limits.links_max;
        if found.st_nlink >= links_max {
            return Err(EntryFault::Links { links_max });
        }
        let link = || linkat(&*folder, *target, parent, name, AtFlags::empty());
        match link() {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        // To remove a file in order to give it the name that it has would lose it.
        if stat(parent, name)?.st_ino == found.st_ino {
            return Ok(());
        }
        self.vacate(parent, name)?;
        link().map_err(|error| match error {
            Errno::NOENT => EntryFault::LinkTarget,
            error => error.into(),
        })
    }
}

/// Nobody but the owner can write; the owner can read.
fn file_mode(mode: u32) -> u32 {
    mode & 0o755 | 0o400
}

/// Nobody but the owner can write; the owner can do all, or could not remove the tree.
fn folder_mode(mode: u32) -> u32 {
    mode & 0o1755 | 0o700
}
