//! What was taken in, by its digest, shared by all brigs of one user.
//!
//! ```text
//! blobs/sha256/HEX   content, whole and verified: it comes here by a rename
//! partial/HEX        content on its way, locked by the brig that fetches it
//! refs/HEX           a name, and the manifest that it leads to
//! roots/HEX/root     an unpacked image, by its manifest; HEX/record says what it is
//! uses/HEX           locked by the runs of that image
//! building/HEX       locked by the brig that unpacks it
//! temp               what is not done yet; nothing in it counts
//! lock               shared by who adds, held alone by who removes
//! ```
//!
//! A process or a machine that ends at any point leaves parts that are whole and names that lead
//! to whole images, and what else it leaves is overwritten or pruned. Locks are the kernel's, so
//! that none outlives its holder.

mod blob;
mod image;
mod locks;
mod refs;
mod remove;
mod root;
mod verify;

use crate::digest::Digest;
use crate::fault::{Fault, ImageError};
use crate::limits::PullLimits;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, File, MetadataExt as _};
use cap_std::fs::{OpenOptions, OpenOptionsExt as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use blob::{Incoming, PIECE_BYTES, Taken};
pub use image::Image;
pub use refs::Listed;
pub use remove::Removed;
pub use root::{Filled, Root};
pub use verify::{Finding, Looked};

/// The store of one user.
#[derive(Debug)]
pub struct Store {
    dir: Dir,
    limits: PullLimits,
}

const FOLDERS: &[&str] = &[
    "blobs",
    "blobs/sha256",
    "partial",
    "refs",
    "roots",
    "uses",
    "building",
    "temp",
];

impl Store {
    /// Opens the store in this folder, which is made where it is missing, for its owner alone.
    pub fn open(folder: &Path, limits: PullLimits) -> Result<Self, ImageError> {
        let what = folder.display().to_string();
        let told = |fault| ImageError::new("open the store of images", &what, fault);
        let io = |error| told(Fault::store(&what)(error));
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder).map_err(io)?;
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(io)?;
        let metadata = dir.dir_metadata().map_err(io)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(told(Fault::StoreOwner));
        }
        if metadata.mode() & 0o7777 != 0o700 {
            let mode = cap_std::fs::PermissionsExt::from_mode(0o700);
            dir.set_permissions(".", mode).map_err(io)?;
        }
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        for name in FOLDERS {
            match dir.create_dir_with(name, &builder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Self { dir, limits })
    }

    /// Its bounds.
    pub fn limits(&self) -> &PullLimits {
        &self.limits
    }

    /// Bytes of all that it holds, unpacked roots too.
    pub fn bytes(&self) -> Result<u64, ImageError> {
        self.used().map_err(|fault| told("measure", fault))
    }

    fn used(&self) -> Result<u64, Fault> {
        let mut bytes = 0_u64;
        for folder in ["blobs/sha256", "partial"] {
            for entry in self.dir.read_dir(folder).map_err(Fault::store(folder))? {
                let entry = entry.map_err(Fault::store(folder))?;
                // What another brig takes away meanwhile no longer counts.
                bytes = bytes.saturating_add(entry.metadata().map_or(0, |metadata| metadata.len()));
            }
        }
        for manifest in self.digests_of("roots")? {
            let record = self.record(&manifest)?;
            bytes = bytes.saturating_add(record.map_or(0, |record| record.bytes));
        }
        Ok(bytes)
    }

    /// What the store may still take in.
    pub(crate) fn room(&self) -> Result<u64, Fault> {
        Ok(self.limits.store_bytes_max.saturating_sub(self.used()?))
    }

    /// The digests by which the entries of a folder are named; other names are nobody's.
    fn digests_of(&self, folder: &str) -> Result<Vec<Digest>, Fault> {
        let mut found = Vec::new();
        for entry in self.dir.read_dir(folder).map_err(Fault::store(folder))? {
            let name = entry.map_err(Fault::store(folder))?.file_name();
            found.extend(name.to_str().and_then(|hex| Digest::from_hex(hex).ok()));
        }
        found.sort();
        Ok(found)
    }

    /// A new file of `temp`, and its path.
    fn temporary(&self) -> Result<(String, File), Fault> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        // Threads share the count, processes of one namespace differ in their id, and the clock
        // tells namespaces apart that share a store.
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        let path = format!("temp/{}-{next}-{now}", std::process::id());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = self.dir.open_with(&path, &options);
        Ok((path.clone(), file.map_err(Fault::store(&path))?))
    }

    /// Writes a small file, which is there as a whole or not at all.
    fn write_whole(&self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let (temporary, mut file) = self.temporary()?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let moved = written.and_then(|()| self.dir.rename(&temporary, &self.dir, path));
        if moved.is_err() {
            let _ = self.dir.remove_file(&temporary);
        }
        moved.map_err(Fault::store(path))?;
        self.sync_folder(path.rsplit_once('/').map_or(".", |(folder, _)| folder))
    }

    /// Makes renames into a folder outlast a loss of power.
    fn sync_folder(&self, folder: &str) -> Result<(), Fault> {
        let opened = self.folder(folder).map_err(Fault::store(folder))?;
        rustix::fs::fsync(&opened).map_err(|error| Fault::store(folder)(error.into()))
    }

    /// Opens a folder for all that can be done with one; `open_dir` gives no more than its name,
    /// which neither lists nor syncs.
    fn folder(&self, path: &str) -> io::Result<Dir> {
        let opened = self.dir.open(path)?;
        Ok(Dir::from_std_file(opened.into_std()))
    }
}

fn told(act: &'static str, fault: Fault) -> ImageError {
    ImageError::new(act, "the store of images", fault)
}
