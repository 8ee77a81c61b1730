//! Names of the store, and what each leads to.

use super::{Image, Store, told};
use crate::digest::Digest;
use crate::fault::{Fault, ImageError};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// An image of the store, as a person looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The name by which it was pulled.
    pub name: String,
    /// What that name led to: the index, where it has one.
    pub named: Digest,
    /// The manifest for this host, which names the image in the store.
    pub manifest: Digest,
    /// When it was pulled, in seconds since 1970.
    pub pulled_s: u64,
    /// Bytes of its parts, of which other images may have some too.
    pub bytes: u64,
    /// Bytes of its files where it is unpacked.
    pub root_bytes: Option<u64>,
    /// Whether a server runs from it.
    pub in_use: bool,
    /// Whether it is a container image; a component otherwise.
    pub is_image: bool,
}

/// A name, as it lies in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct Ref {
    pub(super) name: String,
    named: String,
    manifest: String,
    pulled_s: u64,
}

/// Bytes of a file that brig wrote itself.
const REF_BYTES_MAX: u64 = 64 * 1024;

fn path_of(name: &str) -> String {
    format!("refs/{}", Digest::of(name.as_bytes()).hex())
}

impl Store {
    /// The image that a name leads to, without asking anybody.
    pub fn find(&self, name: &str) -> Result<Option<Image>, ImageError> {
        let told = |fault| ImageError::new("look up", name, fault);
        let Some(written) = self.read_ref(&path_of(name)).map_err(told)? else {
            return Ok(None);
        };
        let (named, manifest) = written.digests().map_err(told)?;
        self.image(named, manifest).map(Some).map_err(told)
    }

    /// All images that a name leads to, sorted by their names.
    pub fn list(&self) -> Result<Vec<Listed>, ImageError> {
        let told = |fault| told("list", fault);
        let mut listed = Vec::new();
        for written in self.refs().map_err(told)? {
            listed.extend(self.listed(written).map_err(told)?);
        }
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// Nothing for an image that is damaged: `verify` tells of it.
    fn listed(&self, written: Ref) -> Result<Option<Listed>, Fault> {
        let (named, manifest) = written.digests()?;
        let Ok(image) = self.image(named, manifest) else {
            return Ok(None);
        };
        Ok(Some(Listed {
            name: written.name,
            named,
            manifest,
            pulled_s: written.pulled_s,
            bytes: image.content.bytes(),
            root_bytes: self.record(&manifest)?.map(|record| record.bytes),
            in_use: self.unused(&manifest)?.is_none(),
            is_image: image.content.is_image(),
        }))
    }

    /// Lets a name lead to an image from now on; gives what it led to before.
    pub(crate) fn name(&self, name: &str, image: &Image) -> Result<Option<Digest>, Fault> {
        let path = path_of(name);
        let before = self.read_ref(&path)?;
        if before.is_none() && self.refs()?.len() >= self.limits.images_max {
            return Err(Fault::TooMuch {
                what: "the store",
                most: self.limits.images_max as u64,
                unit: "images",
            });
        }
        let written = Ref {
            name: name.to_owned(),
            named: image.named.to_string(),
            manifest: image.manifest.to_string(),
            pulled_s: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        };
        let bytes =
            serde_json::to_vec(&written).map_err(|error| Fault::store(&path)(error.into()))?;
        self.write_whole(&path, &bytes)?;
        before.map(|before| Ok(before.digests()?.0)).transpose()
    }

    /// Takes a name away; whether it was there.
    pub(super) fn unname(&self, name: &str) -> Result<(), Fault> {
        let path = path_of(name);
        self.dir.remove_file(&path).map_err(Fault::store(&path))
    }

    pub(super) fn refs(&self) -> Result<Vec<Ref>, Fault> {
        let mut found = Vec::new();
        for digest in self.digests_of("refs")? {
            found.extend(self.read_ref(&format!("refs/{}", digest.hex()))?);
        }
        Ok(found)
    }

    fn read_ref(&self, path: &str) -> Result<Option<Ref>, Fault> {
        let Some(bytes) = self.read_small(path, REF_BYTES_MAX)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Fault::store(path)(error.into()))
    }
}

impl Ref {
    pub(super) fn digests(&self) -> Result<(Digest, Digest), Fault> {
        Ok((self.named.parse()?, self.manifest.parse()?))
    }
}
