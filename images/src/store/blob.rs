//! Content of the store, and content on its way there.

use super::Store;
use crate::digest::{Digest, Hashing};
use crate::document::Descriptor;
use crate::fault::Fault;
use cap_std::fs::{File, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{FlockOperation, flock};
use std::io::{Read, Seek as _, SeekFrom, Write as _};

/// Bytes that are read at once.
pub(crate) const PIECE_BYTES: usize = 128 * 1024;

/// How content is to come into the store.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is there already, perhaps because somebody else just took it in.
    Present,
    /// It is to be written, and nobody else writes it meanwhile.
    Incoming(Box<Incoming>),
}

/// Content on its way, perhaps with a part that an earlier brig wrote before it was ended.
pub(crate) struct Incoming {
    content: Descriptor,
    path: String,
    file: File,
    hashing: Hashing,
    written: u64,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Incoming({} {})", self.content.digest, self.written)
    }
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl Store {
    /// Whether content is there, of the length that it is said to have.
    pub(crate) fn has(&self, content: &Descriptor) -> bool {
        let metadata = self.dir.symlink_metadata(path_of(&content.digest));
        metadata.is_ok_and(|found| found.is_file() && found.len() == content.bytes)
    }

    /// Opens content. It was verified when it came; whoever obeys it checks it once more.
    pub(crate) fn blob(&self, digest: &Digest) -> Result<File, Fault> {
        let path = path_of(digest);
        self.dir.open(&path).map_err(Fault::store(&path))
    }

    /// Reads small content whole, and checks it once more.
    pub(crate) fn read_blob(&self, content: &Digest, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        let damaged = || Fault::Damaged { digest: *content };
        let mut bytes = Vec::new();
        let mut file = self.blob(content)?.take(bytes_max.saturating_add(1));
        file.read_to_end(&mut bytes)
            .map_err(Fault::store("blobs"))?;
        if bytes.len() as u64 > bytes_max || Digest::of(&bytes) != *content {
            return Err(damaged());
        }
        Ok(bytes)
    }

    /// Takes in small content that was verified.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        let digest = Digest::of(bytes);
        let content = Descriptor {
            media_type: String::new(),
            digest,
            bytes: bytes.len() as u64,
        };
        if !self.has(&content) {
            self.write_whole(&path_of(&digest), bytes)?;
        }
        Ok(digest)
    }

    /// Begins to take content in, or finds it there. Waits while somebody else takes it in.
    pub(crate) fn take(&self, content: &Descriptor) -> Result<Taken, Fault> {
        let path = format!("partial/{}", content.digest.hex());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        loop {
            if self.has(content) {
                return Ok(Taken::Present);
            }
            let file = self.dir.open_with(&path, &options);
            let file = file.map_err(Fault::store(&path))?;
            let locked = flock(&file, FlockOperation::LockExclusive);
            locked.map_err(|error| Fault::store(&path)(error.into()))?;
            // Whoever held the lock may have moved the file to its place, or taken it away.
            let opened = file.metadata().map_err(Fault::store(&path))?;
            let named = self.dir.symlink_metadata(&path);
            if !named.is_ok_and(|named| (named.dev(), named.ino()) == (opened.dev(), opened.ino()))
            {
                continue;
            }
            let mut incoming = Incoming {
                content: content.clone(),
                path,
                file,
                hashing: Hashing::default(),
                written: 0,
            };
            incoming.reread()?;
            return Ok(Taken::Incoming(Box::new(incoming)));
        }
    }

    /// Moves content to its place, if it is what its digest says.
    pub(crate) fn finish(&self, incoming: Incoming) -> Result<(), Fault> {
        let Incoming {
            content,
            path,
            file,
            hashing,
            written,
        } = incoming;
        let found = hashing.end();
        if written < content.bytes {
            return Err(Fault::BrokenOff {
                at: written,
                bytes: content.bytes,
            });
        }
        if found != content.digest {
            // What is wrong from its first byte on is nothing to resume from.
            self.dir.remove_file(&path).map_err(Fault::store(&path))?;
            return Err(Fault::OtherContent {
                wanted: content.digest,
                found,
            });
        }
        let to = path_of(&content.digest);
        file.sync_all().map_err(Fault::store(&path))?;
        let moved = self.dir.rename(&path, &self.dir, &to);
        moved.map_err(Fault::store(&to))?;
        self.sync_folder("blobs/sha256")
    }

    /// Takes away what was written of content, so that a full disk is not kept full.
    pub(crate) fn give_up(&self, incoming: &Incoming) {
        let _ = self.dir.remove_file(&incoming.path);
    }
}

impl Incoming {
    /// Where the next byte goes.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Begins anew.
    pub(crate) fn restart(&mut self) -> Result<(), Fault> {
        let told = |error| Fault::store(&self.path)(error);
        self.file.set_len(0).map_err(told)?;
        self.file
            .rewind()
            .map_err(|error| Fault::store(&self.path)(error))?;
        self.hashing = Hashing::default();
        self.written = 0;
        Ok(())
    }

    /// Writes the next bytes; more of them than were told are refused.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let after = self.written.saturating_add(bytes.len() as u64);
        if after > self.content.bytes {
            return Err(Fault::Longer {
                digest: self.content.digest,
                bytes: self.content.bytes,
            });
        }
        self.file
            .write_all(bytes)
            .map_err(Fault::store(&self.path))?;
        self.hashing.add(bytes);
        self.written = after;
        Ok(())
    }

    /// Reads what an earlier brig wrote. Whether it is right shows at the end: the digest is of
    /// all of it.
    fn reread(&mut self) -> Result<(), Fault> {
        let there = self
            .file
            .metadata()
            .map_err(Fault::store(&self.path))?
            .len();
        if there > self.content.bytes {
            return self.restart();
        }
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = self
                .file
                .read(&mut piece)
                .map_err(Fault::store(&self.path))?;
            if count == 0 {
                break;
            }
            self.hashing.add(&piece[..count]);
            self.written += count as u64;
        }
        self.file
            .seek(SeekFrom::Start(self.written))
            .map_err(Fault::store(&self.path))?;
        Ok(())
    }
}
