//! Locks of the kernel, on files of the store.

use super::Store;
use crate::digest::Digest;
use crate::fault::Fault;
use cap_std::fs::{File, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A lock that is held until it is dropped, or until its process has ended.
///
/// It is let go by name: another thread may be starting a program just then, which has a copy of
/// the descriptor for a moment, and others would see a lock that nobody holds any more.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// How long a run may seem to go on after its end, for the same reason.
const LINGER: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(10);

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

    /// A run of an image, which is not removed while this or a copy of it is open.
    pub(super) fn using(&self, manifest: &Digest) -> Result<File, Fault> {
        let path = format!("uses/{}", manifest.hex());
        let file = self.locked(&path, FlockOperation::LockShared)?;
        // A lock that waits is never refused because of others.
        file.ok_or(Fault::StoreBusy)
    }

    /// Holds off runs of an image; nothing where there is one that goes on.
    pub(super) fn unused_soon(&self, manifest: &Digest) -> Result<Option<Lock>, Fault> {
        let deadline = Instant::now() + LINGER;
        loop {
            let unused = self.unused(manifest)?;
            if unused.is_some() || Instant::now() >= deadline {
                return Ok(unused);
            }
            sleep(PAUSE);
        }
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
        Ok(self.locked(path, how)?.map(Lock))
    }

    fn locked(&self, path: &str, how: FlockOperation) -> Result<Option<File>, Fault> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600);
        let file = self.dir.open_with(path, &options);
        let file = file.map_err(Fault::store(path))?;
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Some(file)),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Fault::store(path)(error.into())),
            }
        }
    }
}
