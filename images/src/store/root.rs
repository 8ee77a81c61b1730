//! Unpacked images.

use super::{Image, Store};
use crate::digest::Digest;
use crate::fault::{Fault, ImageError};
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, File};
use rustix::fs::syncfs;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// What was unpacked, by whoever did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// A digest of the whole tree, by which `verify` tells whether it changed.
    pub tree: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files, folders and links.
    pub entries: u64,
}

/// An unpacked image that is not removed while this is held.
///
/// The lock is on a descriptor: a process that is to keep the image needs a copy of it.
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    filled: Filled,
    manifest: Digest,
    held: File,
}

impl Root {
    /// The folder that is the image's `/`.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// What is in it.
    pub fn filled(&self) -> &Filled {
        &self.filled
    }

    /// Where it lies beneath the store's folder.
    pub fn path_in_store(&self) -> PathBuf {
        PathBuf::from(format!("roots/{}/root", self.manifest.hex()))
    }

    /// The descriptor that holds the image: while a copy of it is open, nobody removes it.
    pub fn held(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.held)
    }
}

const RECORD_BYTES_MAX: u64 = 4096;

impl Store {
    /// The unpacked root of an image. Where there is none yet, `fill` makes it in an empty folder
    /// and may make it so many bytes large; others who want it wait. What `fill` leaves on an
    /// error, or when its process is killed, counts for nothing and is removed.
    pub fn root<E: Display>(
        &self,
        image: &Image,
        fill: impl FnOnce(&Dir, u64) -> Result<Filled, E>,
    ) -> Result<Root, ImageError> {
        self.open_or_fill(image, fill)
            .map_err(|fault| ImageError::new("unpack", &image.named.to_string(), fault))
    }

    fn open_or_fill<E: Display>(
        &self,
        image: &Image,
        fill: impl FnOnce(&Dir, u64) -> Result<Filled, E>,
    ) -> Result<Root, Fault> {
        if !image.content.is_image() {
            return Err(Fault::OtherKind {
                found: "component",
                wanted: "container image",
                key: "component",
            });
        }
        // Taken first: nobody removes between the look at the root and the hold on it.
        let adding = self.adding()?;
        let held = self.using(&image.manifest)?;
        if self.record(&image.manifest)?.is_none() {
            let building = self.building(&image.manifest)?;
            if self.record(&image.manifest)?.is_none() {
                self.fill(image, fill)?;
            }
            drop(building);
        }
        drop(adding);
        let path = folder_of(&image.manifest);
        let filled = self.record(&image.manifest)?;
        let filled = filled.ok_or(Fault::Damaged {
            digest: image.manifest,
        })?;
        let root = format!("{path}/root");
        Ok(Root {
            dir: self.folder(&root).map_err(Fault::store(&root))?,
            filled,
            manifest: image.manifest,
            held,
        })
    }

    fn fill<E: Display>(
        &self,
        image: &Image,
        fill: impl FnOnce(&Dir, u64) -> Result<Filled, E>,
    ) -> Result<(), Fault> {
        let room = self.room()?;
        let folder = format!("temp/{}", image.manifest.hex());
        // Only who builds this image uses that name, so what is there is a dead builder's.
        self.remove_tree(&folder)?;
        let filled = self.fill_folder(&folder, room, fill);
        let moved = filled.and_then(|()| {
            let to = folder_of(&image.manifest);
            let moved = self.dir.rename(&folder, &self.dir, &to);
            moved.map_err(Fault::store(&to))
        });
        if moved.is_err() {
            self.remove_tree(&folder)?;
        }
        moved?;
        self.sync_folder("roots")
    }

    fn fill_folder<E: Display>(
        &self,
        folder: &str,
        room: u64,
        fill: impl FnOnce(&Dir, u64) -> Result<Filled, E>,
    ) -> Result<(), Fault> {
        let at = format!("{folder}/root");
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        for path in [folder, &at] {
            let made = self.dir.create_dir_with(path, &builder);
            made.map_err(Fault::store(path))?;
        }
        let dir = self.folder(&at).map_err(Fault::store(&at))?;
        let filled = fill(&dir, room).map_err(|error| Fault::Unpack(error.to_string()))?;
        if filled.bytes > room {
            return Err(Fault::StoreFull {
                bytes_max: self.limits.store_bytes_max,
            });
        }
        let record =
            serde_json::to_vec(&filled).map_err(|error| Fault::store(folder)(error.into()))?;
        self.write_whole(&format!("{folder}/record"), &record)?;
        // All files at once: one fsync(2) for each of ten thousand takes minutes.
        syncfs(&dir).map_err(|error| Fault::store(folder)(error.into()))
    }

    /// What was unpacked of a manifest, if it was.
    pub(super) fn record(&self, manifest: &Digest) -> Result<Option<Filled>, Fault> {
        let path = format!("{}/record", folder_of(manifest));
        let Some(bytes) = self.read_small(&path, RECORD_BYTES_MAX)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Fault::store(&path)(error.into()))
    }

    /// Removes a folder and all in it, if it is there.
    pub(super) fn remove_tree(&self, path: &str) -> Result<(), Fault> {
        match self.dir.remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::store(path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

pub(super) fn folder_of(manifest: &Digest) -> String {
    format!("roots/{}", manifest.hex())
}
