//! Taking images out of the store again.

use super::root::folder_of;
use super::{Store, told};
use crate::digest::Digest;
use crate::document::{Document, read};
use crate::fault::{Fault, ImageError};
use serde::Serialize;
use std::collections::BTreeSet;

/// What was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Contents, whole and begun.
    pub contents: u64,
    /// Unpacked roots.
    pub roots: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Roots that nothing leads to and that a server runs from: they stay until it has ended.
    pub in_use: u64,
}

impl Store {
    /// Takes a name away, and what only it led to. Refused while a server runs from it.
    pub fn remove(&self, name: &str) -> Result<Removed, ImageError> {
        self.remove_name(name)
            .map_err(|fault| ImageError::new("remove", name, fault))
    }

    fn remove_name(&self, name: &str) -> Result<Removed, Fault> {
        let _alone = self.removing()?;
        let refs = self.refs()?;
        let named = refs.iter().find(|one| one.name == name);
        let (_, manifest) = named.ok_or(Fault::NotStored)?.digests()?;
        let mut others = refs.iter().filter(|one| one.name != name);
        let shared = others.any(|one| one.digests().is_ok_and(|(_, other)| other == manifest));
        // Kept until the root is gone: whoever begins a run waits for the whole store anyway.
        let unused = self.unused_soon(&manifest)?;
        if !shared && unused.is_none() {
            return Err(Fault::InUse);
        }
        drop(unused);
        self.unname(name)?;
        self.sweep(Partials::Stay)
    }

    /// Takes away all that no name leads to, and what pulls that were ended left.
    pub fn prune(&self) -> Result<Removed, ImageError> {
        let removing = self.removing();
        removing
            .and_then(|_alone| self.sweep(Partials::Go))
            .map_err(|fault| told("prune", fault))
    }

    /// The caller holds the store alone.
    fn sweep(&self, partials: Partials) -> Result<Removed, Fault> {
        let (manifests, contents) = self.led_to()?;
        let mut removed = Removed::default();
        for manifest in self.digests_of("roots")? {
            if !manifests.contains(&manifest) {
                self.remove_root(&manifest, &mut removed)?;
            }
        }
        for digest in self.digests_of("blobs/sha256")? {
            if !contents.contains(&digest) {
                self.remove_content("blobs/sha256", &digest, &mut removed)?;
            }
        }
        if partials == Partials::Go {
            for digest in self.digests_of("partial")? {
                self.remove_content("partial", &digest, &mut removed)?;
            }
            self.remove_leavings()?;
        }
        Ok(removed)
    }

    /// The manifests, and all contents, that names lead to.
    fn led_to(&self) -> Result<(BTreeSet<Digest>, BTreeSet<Digest>), Fault> {
        let mut manifests = BTreeSet::new();
        let mut contents = BTreeSet::new();
        for one in self.refs()? {
            let (named, manifest) = one.digests()?;
            manifests.insert(manifest);
            contents.extend([named, manifest]);
            let bytes = self.read_blob(&manifest, self.limits.manifest_bytes_max);
            // A damaged manifest leads to nothing that could still be used.
            let Ok(bytes) = bytes else { continue };
            if let Ok(Document::Manifest(content)) = read(&bytes, None, &self.limits) {
                contents.extend(content.parts().map(|part| part.digest));
            }
        }
        Ok((manifests, contents))
    }

    fn remove_root(&self, manifest: &Digest, removed: &mut Removed) -> Result<(), Fault> {
        let Some(unused) = self.unused_soon(manifest)? else {
            removed.in_use += 1;
            return Ok(());
        };
        let bytes = self.record(manifest)?.map_or(0, |record| record.bytes);
        // Moved first: a root that is half gone must not be found.
        let aside = format!("temp/{}", manifest.hex());
        self.remove_tree(&aside)?;
        let from = folder_of(manifest);
        let moved = self.dir.rename(&from, &self.dir, &aside);
        moved.map_err(Fault::store(&from))?;
        self.remove_tree(&aside)?;
        for folder in ["uses", "building"] {
            let _ = self.dir.remove_file(format!("{folder}/{}", manifest.hex()));
        }
        drop(unused);
        removed.roots += 1;
        removed.bytes = removed.bytes.saturating_add(bytes);
        Ok(())
    }

    fn remove_content(
        &self,
        folder: &str,
        digest: &Digest,
        removed: &mut Removed,
    ) -> Result<(), Fault> {
        let path = format!("{folder}/{}", digest.hex());
        let metadata = self.dir.symlink_metadata(&path);
        let bytes = metadata.map_or(0, |metadata| metadata.len());
        self.dir.remove_file(&path).map_err(Fault::store(&path))?;
        removed.contents += 1;
        removed.bytes = removed.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Whoever made them is dead: the living hold the store's lock.
    fn remove_leavings(&self) -> Result<(), Fault> {
        for entry in self.dir.read_dir("temp").map_err(Fault::store("temp"))? {
            let entry = entry.map_err(Fault::store("temp"))?;
            let removed = if entry.file_type().map_err(Fault::store("temp"))?.is_dir() {
                self.dir
                    .open_dir("temp")
                    .and_then(|temp| temp.remove_dir_all(entry.file_name()))
            } else {
                entry.remove_file()
            };
            removed.map_err(Fault::store("temp"))?;
        }
        Ok(())
    }
}

/// Whether content that is not whole goes too: `prune` alone gives up what could be resumed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Partials {
    Stay,
    Go,
}
