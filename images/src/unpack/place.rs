//! Where an entry belongs: its folder, opened beneath the root and nowhere else.

use super::EntryFault;
use super::apply::Applying;
use super::made::{Time, UNLISTED};
use rustix::fs::{Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat, openat2};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A folder of the tree.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) inode: u64,
    /// How many folders it lies in.
    pub(super) depth: usize,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The root, and the folder that was used last: archives have what lies together together.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: Rc<Folder>,
    pub(super) last: Option<(Vec<u8>, Rc<Folder>)>,
    through_links: u64,
}

/// How a folder is opened for what is done in it.
pub(super) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What a folder that no layer lists gets.
const MODE_UNLISTED: u32 = 0o755;

/// The longest name of a file, on every file system of Linux.
const NAME_BYTES_MAX: usize = 255;

/// The kernel gives up where something moves meanwhile. Nothing should, in a folder of our own.
const TRIES_MAX: usize = 64;

impl Place {
    pub(super) fn new(root: BorrowedFd<'_>) -> Result<Self, Errno> {
        // The caller's descriptor may be one that is good for paths alone.
        let fd = openat(root, c".", FOLDER, Mode::empty())?;
        let inode = fstat(&fd)?.st_ino;
        let root = Rc::new(Folder {
            fd,
            inode,
            depth: 0,
        });
        Ok(Self {
            root,
            last: None,
            through_links: 0,
        })
    }
}

/// The parts of a name. A leading `/`, `.` and empty parts mean nothing; `..` is refused, since no
/// honest archive has it.
pub(super) fn parts(path: &[u8], path_bytes_max: usize) -> Result<Vec<&[u8]>, EntryFault> {
    if path.len() > path_bytes_max {
        return Err(EntryFault::Name);
    }
    let mut parts = Vec::with_capacity(16);
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(EntryFault::Upwards),
            part if part.len() > NAME_BYTES_MAX || part.contains(&0) => {
                return Err(EntryFault::Name);
            }
            part => parts.push(part),
        }
    }
    Ok(parts)
}

impl Applying<'_> {
    /// The folder with these parts. It is made where it is missing, with all above it.
    pub(super) fn folder(&mut self, parts: &[&[u8]]) -> Result<Rc<Folder>, EntryFault> {
        match self.existing_folder(parts)? {
            Some(folder) => Ok(folder),
            None => self.make_folders(parts),
        }
    }

    /// The folder with these parts, if it is there.
    pub(super) fn existing_folder(
        &mut self,
        parts: &[&[u8]],
    ) -> Result<Option<Rc<Folder>>, EntryFault> {
        if parts.is_empty() {
            return Ok(Some(Rc::clone(&self.place.root)));
        }
        let path = parts.join(&b'/');
        if let Some((last, folder)) = &self.place.last
            && *last == path
        {
            return Ok(Some(Rc::clone(folder)));
        }
        let folder = self.reach(&path)?;
        if let Some(folder) = &folder {
            self.place.last = Some((path, Rc::clone(folder)));
        }
        Ok(folder)
    }

    fn make_folders(&mut self, parts: &[&[u8]]) -> Result<Rc<Folder>, EntryFault> {
        let mut folder = Rc::clone(&self.place.root);
        for (end, name) in (1..).zip(parts) {
            let path = parts[..end].join(&b'/');
            folder = if let Some(folder) = self.reach(&path)? {
                folder
            } else {
                self.count()?;
                self.make_folder(&folder, name, MODE_UNLISTED, UNLISTED)?
                    .ok_or(EntryFault::BelowDeadLink)?
            };
            self.place.last = Some((path, Rc::clone(&folder)));
        }
        Ok(folder)
    }

    /// Makes one folder. None if something has its name.
    pub(super) fn make_folder(
        &mut self,
        parent: &Folder,
        name: &[u8],
        mode: u32,
        modified: Time,
    ) -> Result<Option<Rc<Folder>>, EntryFault> {
        let depth = parent.depth.saturating_add(1);
        let depth_max = self.limits.depth_max;
        if depth > depth_max {
            return Err(EntryFault::TooDeep { depth_max });
        }
        match mkdirat(parent, name, Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let fd = openat(parent, name, FOLDER, Mode::empty())?;
        fchmod(&fd, Mode::from_raw_mode(mode))?;
        let inode = fstat(&fd)?.st_ino;
        self.made.folder(inode, depth, modified);
        self.upper.add(parent.inode, name);
        self.upper.clear(inode);
        Ok(Some(Rc::new(Folder { fd, inode, depth })))
    }

    /// Opens a folder by its whole name. None if it is not there.
    fn reach(&mut self, path: &[u8]) -> Result<Option<Rc<Folder>>, EntryFault> {
        let mut opened = self.open(path, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS);
        if let Err(Errno::LOOP) = opened {
            let through_links_max = self.limits.through_links_max;
            if self.place.through_links == through_links_max {
                return Err(EntryFault::ThroughLinks { through_links_max });
            }
            self.place.through_links += 1;
            opened = self.open(path, ResolveFlags::IN_ROOT);
        }
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR) => return Err(EntryFault::BelowFile),
            Err(Errno::LOOP) => return Err(EntryFault::BelowDeadLink),
            Err(error) => return Err(error.into()),
        };
        let inode = fstat(&fd)?.st_ino;
        let depth = self.made.depth(inode);
        Ok(Some(Rc::new(Folder { fd, inode, depth })))
    }

    /// With `IN_ROOT`, a link that is absolute or leads upwards is resolved as it would be after
    /// chroot(2), so that it ends within the tree.
    fn open(&self, path: &[u8], how: ResolveFlags) -> Result<OwnedFd, Errno> {
        let flags = FOLDER.difference(OFlags::NOFOLLOW);
        let how = how | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let mut tries = 0;
        loop {
            match openat2(&self.place.root, path, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }
}
