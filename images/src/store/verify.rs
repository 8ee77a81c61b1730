//! Whether the store still is what was taken in.

use super::root::folder_of;
use super::{Image, Store, told};
use crate::digest::{Digest, Hashing};
use crate::fault::{Fault, ImageError};
use crate::store::blob::PIECE_BYTES;
use cap_std::fs::Dir;
use serde::Serialize;
use std::io::{self, Read as _};

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Contents whose digest was taken anew.
    pub contents: u64,
    /// Unpacked roots that were read.
    pub roots: u64,
    /// Nothing, where the store is whole.
    pub findings: Vec<Finding>,
}

/// Something that is not what was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Finding {
    /// Content whose bytes changed.
    Changed(Digest),
    /// Content that an image needs and that is not there.
    Missing {
        /// The image's name.
        name: String,
        /// The part.
        part: Digest,
    },
    /// An unpacked root that changed, or cannot be read.
    Root {
        /// Its manifest.
        manifest: Digest,
        /// What is wrong, harmless to a terminal.
        what: String,
    },
}

impl Store {
    /// Reads all contents and roots. `tree` gives the digest of a tree as [`Filled`] has it.
    ///
    /// [`Filled`]: super::Filled
    pub fn verify(
        &self,
        tree: impl Fn(&Dir) -> Result<String, String>,
    ) -> Result<Looked, ImageError> {
        self.look(&tree).map_err(|fault| told("verify", fault))
    }

    fn look(&self, tree: &dyn Fn(&Dir) -> Result<String, String>) -> Result<Looked, Fault> {
        let _adding = self.adding()?;
        let mut looked = Looked::default();
        for digest in self.digests_of("blobs/sha256")? {
            looked.contents += 1;
            if self.rehash(&digest).is_none_or(|found| found != digest) {
                looked.findings.push(Finding::Changed(digest));
            }
        }
        for one in self.refs()? {
            let (named, manifest) = one.digests()?;
            let missing = |part| Finding::Missing {
                name: crate::fault::harmless(&one.name),
                part,
            };
            match self.image(named, manifest) {
                Ok(Image { content, .. }) => {
                    let gone = content.parts().filter(|part| !self.has(part));
                    looked
                        .findings
                        .extend(gone.map(|part| missing(part.digest)));
                }
                Err(_) => looked.findings.push(missing(manifest)),
            }
        }
        for manifest in self.digests_of("roots")? {
            looked.roots += 1;
            if let Err(what) = self.look_at_root(&manifest, tree) {
                let what = crate::fault::harmless(&what);
                looked.findings.push(Finding::Root { manifest, what });
            }
        }
        Ok(looked)
    }

    fn look_at_root(
        &self,
        manifest: &Digest,
        tree: &dyn Fn(&Dir) -> Result<String, String>,
    ) -> Result<(), String> {
        let record = self.record(manifest).map_err(|fault| fault.to_string())?;
        let record = record.ok_or("it has no record")?;
        let root = self.folder(&format!("{}/root", folder_of(manifest)));
        let found = tree(&root.map_err(|error| error.to_string())?)?;
        if found == record.tree {
            Ok(())
        } else {
            Err("its files are not those that were unpacked".to_owned())
        }
    }

    fn rehash(&self, digest: &Digest) -> Option<Digest> {
        let mut file = self.blob(digest).ok()?;
        let mut hashing = Hashing::default();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Some(hashing.end()),
                Ok(count) => hashing.add(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}
