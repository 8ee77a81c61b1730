//! What is written into a file that was made for an entry: content, attributes, time.

use super::made::Time;
use super::{EntryFault, LeftOut};
use crate::layer::tar::{Archive, Entry, Sparse};
use rustix::fs::{
    Timespec, Timestamps, XattrFlags, flistxattr, flistxattr_query, fremovexattr, fsetxattr,
    ftruncate,
};
use rustix::io::{Errno, pwrite, write};
use std::io::BufRead;
use std::os::fd::BorrowedFd;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Copies an entry's content into its file, and gives its hash.
pub(super) fn fill<B: BufRead>(
    archive: &mut Archive<B>,
    entry: &Entry,
    file: BorrowedFd<'_>,
) -> Result<[u8; 32], EntryFault> {
    let mut hash = blake3::Hasher::new();
    match &entry.sparse {
        None => archive.content(|piece| {
            hash.update(piece);
            write_all(file, piece)
        })?,
        Some(sparse) => {
            let mut regions = Regions::new(sparse);
            archive.content(|piece| regions.write(file, piece, &mut hash))?;
            zeros(sparse.size.saturating_sub(regions.end), &mut hash);
            ftruncate(file, sparse.size)?;
        }
    }
    Ok(hash.finalize().into())
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), EntryFault> {
    while !bytes.is_empty() {
        match write(file, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The regions of a sparse file, as they fill.
struct Regions<'s> {
    rest: &'s [(u64, u64)],
    /// Bytes of the first one that are written.
    done: u64,
    /// Up to where the file is hashed.
    end: u64,
}

impl<'s> Regions<'s> {
    fn new(sparse: &'s Sparse) -> Self {
        Self {
            rest: &sparse.regions,
            done: 0,
            end: 0,
        }
    }

    fn write(
        &mut self,
        file: BorrowedFd<'_>,
        mut piece: &[u8],
        hash: &mut blake3::Hasher,
    ) -> Result<(), EntryFault> {
        while !piece.is_empty() {
            // The regions take exactly what is stored: that was checked with the map.
            let Some(((start, length), later)) = self.rest.split_first() else {
                return Ok(());
            };
            let at = start + self.done;
            zeros(at.saturating_sub(self.end), hash);
            self.end = self.end.max(at);
            let left = length - self.done;
            let count = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let mut written = 0;
            while written < count {
                match pwrite(file, &piece[written..count], at + written as u64) {
                    Ok(more) => written += more,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            hash.update(&piece[..count]);
            piece = &piece[count..];
            self.done += count as u64;
            self.end += count as u64;
            if self.done == *length {
                (self.rest, self.done) = (later, 0);
            }
        }
        Ok(())
    }
}

fn zeros(mut count: u64, hash: &mut blake3::Hasher) {
    while count > 0 {
        let piece = usize::try_from(count).map_or(ZEROS.len(), |n| n.min(ZEROS.len()));
        hash.update(&ZEROS[..piece]);
        count -= piece as u64;
    }
}

/// Sets the attributes that are kept, and counts the others.
pub(super) fn attributes(
    file: Option<BorrowedFd<'_>>,
    attributes: &[(Vec<u8>, Vec<u8>)],
    left_out: &mut LeftOut,
) {
    for (name, value) in attributes {
        if name == b"security.capability" {
            left_out.capabilities += 1;
            continue;
        }
        let set = file.filter(|_| is_kept(name)).is_some_and(|file| {
            // Not every file system has them, and each has a bound of its own.
            fsetxattr(file, name.as_slice(), value, XattrFlags::empty()).is_ok()
        });
        if !set {
            left_out.attributes += 1;
        }
    }
}

/// overlayfs obeys some attributes of users where it is mounted by one.
fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
}

/// Takes away what an earlier entry set.
pub(super) fn remove_attributes(file: BorrowedFd<'_>) {
    // Nearly no folder has any.
    let length = flistxattr_query(file).unwrap_or_default();
    let mut names = vec![0; length];
    let Ok(end) = flistxattr(file, names.as_mut_slice()) else {
        return;
    };
    names.truncate(end);
    for name in names.split(|byte| *byte == 0).filter(|name| is_kept(name)) {
        let _ = fremovexattr(file, name);
    }
}

pub(super) fn times((seconds, nanoseconds): Time) -> Timestamps {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
