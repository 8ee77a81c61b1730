//! Locks of the kernel, on files of the store.

use super::Store;
use crate::digest::Digest;
use crate::fault::Fault;
use cap_std::fs::{File, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A lock that is held until it is dropped, or until its process has ended.
#[derive(Debug)]
pub(super) struct Lock(pub(super) File);

impl Store {
    /// Whoever adds to the store or begins to use an image holds this for that long, together
    /// with others: nothing is removed meanwhile.
    pub(crate) fn adding(&self) -> Result<impl Sized + use<>, Fault> {
        self.lock("lock", FlockOperation::LockShared)
    }

    /// Whoever removes holds this alone.
    pub(super) fn removing(&self) -> Result<Lock, Fault> {
        let lock = self.try_lock("lock", FlockOperation::NonBlockingLockExclusive)?;
        lock.ok_or(Fault::StoreBusy)
    }

    /// A run of an image, which is not removed meanwhile.
    pub(super) fn using(&self, manifest: &Digest) -> Result<Lock, Fault> {
        let path = format!("uses/{}", manifest.hex());
        self.lock(&path, FlockOperation::LockShared)
    }

    /// Holds off runs of an image; nothing where there is one.
    pub(super) fn unused(&self, manifest: &Digest) -> Result<Option<Lock>, Fault> {
        let path = format!("uses/{}", manifest.hex());
        self.try_lock(&path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Whoever unpacks an image; others wait for the outcome.
    pub(super) fn building(&self, manifest: &Digest) -> Result<Lock, Fault> {
        let path = format!("building/{}", manifest.hex());
        self.lock(&path, FlockOperation::LockExclusive)
    }

    fn lock(&self, path: &str, how: FlockOperation) -> Result<Lock, Fault> {
        let lock = self.try_lock(path, how)?;
        // A lock that waits is never refused because of others.
        lock.ok_or(Fault::StoreBusy)
    }

    fn try_lock(&self, path: &str, how: FlockOperation) -> Result<Option<Lock>, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600);
        let file = self.dir.open_with(path, &options);
        let file = file.map_err(Fault::store(path))?;
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Some(Lock(file))),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Fault::store(path)(error.into())),
            }
        }
    }
}
