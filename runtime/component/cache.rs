//! Compiled code, kept between runs.
//!
//! Code from here runs as machine code in the worker, so whoever can change a file here can run
//! what they like in a server's cell. The directory is therefore private to the user, and each
//! entry ends with a hash under a key that only this user can read. The worker verifies that hash
//! on the memory that it then runs. What is looked up here is not verified yet.
//!
//! Not defended: another process of the same user. It could read the key, and brig's own memory.

mod files;
mod key;
mod trailer;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::io::Errno;

use self::files::{Listed, Unfit};
use self::key::Key;
use self::trailer::Trailer;

/// Bytes of all entries at most; the least recently used go first.
pub const CACHE_BYTES_MAX: u64 = 2 << 30;

/// How long a file that was never finished stays. Writing one takes seconds at most.
const UNFINISHED_SECONDS_MAX: i64 = 60 * 60;

/// An entry's time of last use is exact to this. It saves a write for each start.
const USE_SECONDS: i64 = 60 * 60;

/// Bytes copied at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Why the cache, or one entry of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory is open to others, or is none.
    #[error("use `{0}` for compiled code: {1}")]
    Directory(String, #[source] Unfit),
    /// The key is open to others, or damaged.
    #[error("use the key of the cache of compiled code: {0}")]
    Key(#[source] Unfit),
    /// An entry is open to others, or damaged.
    #[error("use the entry `{0}` of the cache of compiled code: {1}")]
    Entry(String, #[source] Unfit),
    /// The kernel refuses.
    #[error("{0} in the cache of compiled code: {1}")]
    Io(&'static str, #[source] io::Error),
}

/// What a WebAssembly file is, by its bytes: BLAKE3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(wasm: &[u8]) -> Self {
        Self(blake3::hash(wasm).into())
    }

    /// Of bytes that were hashed elsewhere.
    pub fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).to_hex().fmt(f)
    }
}

/// Compiled code, as the worker needs it.
pub struct Entry {
    /// Its name in the cache's folder.
    pub name: String,
    /// The code starts at offset 0.
    pub file: File,
    /// Its length. The file is a little longer.
    pub code_bytes: u64,
    /// Keyed BLAKE3 of the code, as the orders want it. The file says so: it is not verified.
    pub code_hash: String,
    /// The key of that hash. It verifies this entry and no other, so the worker may have it.
    pub code_key: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            file: _,
            code_bytes,
            code_hash,
            code_key: _,
        } = self;
        f.debug_struct("Entry")
            .field("name", name)
            .field("code_bytes", code_bytes)
            .field("code_hash", code_hash)
            .finish_non_exhaustive()
    }
}

/// One user's cache.
pub struct Cache {
    directory: OwnedFd,
    key: Key,
    bytes_max: u64,
}

impl Cache {
    /// Opens the cache in `directory`, and makes directory and key where there are none.
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        Self::open_bounded(directory, CACHE_BYTES_MAX)
    }

    /// Opens it with another bound on its size.
    pub fn open_bounded(directory: &Path, bytes_max: u64) -> Result<Self, CacheError> {
        let directory = files::private_directory(directory)
            .map_err(|unfit| CacheError::Directory(directory.display().to_string(), unfit))?;
        let key = Key::load_or_make(&directory).map_err(CacheError::Key)?;
        Ok(Self {
            directory,
            key,
            bytes_max,
        })
    }

    /// Finds the code of a file, if it is there. An entry that somebody changed is an error and
    /// not an absence, so that it can be told and is not healed in silence.
    pub fn lookup(&self, wasm: &Digest) -> Result<Option<Entry>, CacheError> {
        let name = entry_name(wasm);
        let unfit = |unfit| CacheError::Entry(name.clone(), unfit);
        let Some(file) = files::open_private(&self.directory, &name).map_err(unfit)? else {
            return Ok(None);
        };
        let trailer = Trailer::read(&file).map_err(unfit)?;
        files::mark_used(&file, USE_SECONDS);
        Ok(Some(self.entry(&name, file, &trailer)))
    }

    /// Keeps the first `code_bytes` bytes of `code`, and gives them back as an entry. Two that
    /// store the same at once both succeed.
    pub fn store(&self, wasm: &Digest, code: &File, code_bytes: u64) -> Result<Entry, CacheError> {
        let name = entry_name(wasm);
        let write = |error| CacheError::Io("write compiled code", error);
        let new = files::create(&self.directory).map_err(|errno| write(errno.into()))?;
        // The bytes that are hashed are the bytes that are written: the compiler may still hold
        // `code`, and reading it twice could give two answers.
        let hash = copy(code, &new.file, code_bytes, &self.key.of_entry(&name)).map_err(write)?;
        let trailer = Trailer { code_bytes, hash };
        new.file
            .write_all_at(&trailer.to_bytes(), code_bytes)
            .map_err(write)?;
        let file = new.keep_as(&name).map_err(|errno| write(errno.into()))?;
        self.sweep(&name)
            .map_err(|errno| CacheError::Io("make room", errno.into()))?;
        Ok(self.entry(&name, file, &trailer))
    }

    /// Forgets the code of a file, if it is there.
    pub fn remove(&self, wasm: &Digest) -> Result<(), CacheError> {
        files::remove(&self.directory, &entry_name(wasm))
            .map_err(|errno| CacheError::Io("remove compiled code", errno.into()))
    }

    fn entry(&self, name: &str, file: File, trailer: &Trailer) -> Entry {
        Entry {
            name: name.to_owned(),
            file,
            code_bytes: trailer.code_bytes,
            code_hash: blake3::Hash::from_bytes(trailer.hash).to_hex().to_string(),
            code_key: blake3::Hash::from_bytes(self.key.of_entry(name))
                .to_hex()
                .to_string(),
        }
    }

    /// Removes what was never finished, and the least recently used entries beyond the bound. Who
    /// runs one of them has it open and keeps it. The entry `newest` stays, however large it is:
    /// it is about to run.
    fn sweep(&self, newest: &str) -> Result<(), Errno> {
        let now = files::now();
        let (unfinished, mut entries): (Vec<Listed>, Vec<Listed>) = files::list(&self.directory)?
            .into_iter()
            .partition(|file| file.unfinished);
        for file in unfinished {
            if now.saturating_sub(file.used) > UNFINISHED_SECONDS_MAX {
                files::remove(&self.directory, &file.name)?;
            }
        }
        entries.sort_by_key(|entry| entry.used);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries.iter().filter(|entry| entry.name != newest) {
            if bytes <= self.bytes_max {
                break;
            }
            files::remove(&self.directory, &entry.name)?;
            bytes = bytes.saturating_sub(entry.bytes);
        }
        Ok(())
    }
}

fn copy(from: &File, to: &File, code_bytes: u64, key: &[u8; 32]) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_keyed(key);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < code_bytes {
        let wanted = usize::try_from(code_bytes - at)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let chunk = chunk.get_mut(..wanted).unwrap_or_default();
        from.read_exact_at(chunk, at)?;
        hasher.update(chunk);
        to.write_all_at(chunk, at)?;
        at += u64::try_from(wanted).unwrap_or(0);
    }
    Ok(hasher.finalize().into())
}

/// The name of the code of `wasm` on this machine and by this build of brig.
fn entry_name(wasm: &Digest) -> String {
    format!("{wasm}-{}", super::engine::fingerprint())
}

/// Whether a file of this name is an entry, of this build or another.
fn is_entry_name(name: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('-').is_some_and(|(wasm, build)| {
        wasm.len() == 64 && build.len() == 16 && hex(wasm) && hex(build)
    })
}

#[cfg(test)]
mod tests;
