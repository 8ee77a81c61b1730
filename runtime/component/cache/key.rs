//! The secret that tells brig's own code from anybody else's.

use std::fmt;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

use super::files::{self, Unfit};

const NAME: &str = "key";

/// The key of one cache.
pub(super) struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    pub(super) fn load_or_make(directory: &OwnedFd) -> Result<Self, Unfit> {
        match Self::load(directory)? {
            Some(key) => Ok(key),
            None => Self::make(directory),
        }
    }

    /// The key of one entry. Bound to the name, so that an entry cannot stand in for another, and
    /// so that a worker that is taken over has learnt nothing about the others.
    pub(super) fn of_entry(&self, name: &str) -> [u8; 32] {
        blake3::keyed_hash(&self.0, name.as_bytes()).into()
    }

    fn load(directory: &OwnedFd) -> Result<Option<Self>, Unfit> {
        let Some(file) = files::open_private(directory, NAME)? else {
            return Ok(None);
        };
        let mut key = [0; 32];
        if file.metadata()?.len() != 32 {
            return Err(Unfit::Damaged);
        }
        file.read_exact_at(&mut key, 0)?;
        Ok(Some(Self(key)))
    }

    /// Makes a key, unless somebody else does at the same time: then theirs counts, because they
    /// may have stored an entry under it already.
    fn make(directory: &OwnedFd) -> Result<Self, Unfit> {
        let mut key = [0; 32];
        if rustix::rand::getrandom(&mut key, GetRandomFlags::empty())? != key.len() {
            return Err(Unfit::Kernel(Errno::IO));
        }
        let mut new = files::create(directory)?;
        new.file.write_all(&key)?;
        // Once in the cache's life: after a power cut, an empty key would close it for good.
        new.file.sync_all()?;
        match new.keep_as_first(NAME) {
            Ok(()) => Ok(Self(key)),
            Err(Errno::EXIST) => Self::load(directory)?.ok_or(Unfit::Damaged),
            Err(error) => Err(Unfit::Kernel(error)),
        }
    }
}
