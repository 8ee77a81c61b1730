//! One image of the store.

use super::Store;
use crate::digest::Digest;
use crate::document::{Descriptor, Document, Manifest, read};
use crate::fault::{Fault, ImageError};
use cap_std::fs::File;
use serde::Serialize;
use std::io::{self, Read as _};

/// An image or a component, all parts of which are in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// What its reference led to: an index, where it has one for several platforms. This is what
    /// a lock records.
    pub named: Digest,
    /// The manifest for this host.
    pub manifest: Digest,
    /// What that manifest says.
    pub content: Manifest,
}

impl Image {
    /// Its layers, lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        &self.content.layers
    }
}

impl Store {
    /// The image of a manifest that is in the store.
    pub(crate) fn image(&self, named: Digest, manifest: Digest) -> Result<Image, Fault> {
        let bytes = self.read_blob(&manifest, self.limits.manifest_bytes_max)?;
        match read(&bytes, None, &self.limits)? {
            Document::Manifest(content) => Ok(Image {
                named,
                manifest,
                content,
            }),
            Document::Index(_) => Err(Fault::Damaged { digest: manifest }),
        }
    }

    /// The bytes of an image's config, checked against its digest.
    pub fn config(&self, image: &Image) -> Result<Vec<u8>, ImageError> {
        let config = &image.content.config;
        self.read_blob(&config.digest, self.limits.config_bytes_max)
            .map_err(|fault| ImageError::new("read the config of", &image.named.to_string(), fault))
    }

    /// One part of an image, to be read from its start. Whoever obeys it checks it: layers by
    /// the config's `diff_ids`.
    pub fn part(&self, part: &Descriptor) -> Result<std::fs::File, ImageError> {
        let opened = self.blob(&part.digest).map(File::into_std);
        opened.map_err(|fault| ImageError::new("read", &part.digest.to_string(), fault))
    }

    /// A small file of brig's own, if it is there.
    pub(super) fn read_small(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Fault> {
        let file = match self.dir.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::store(path)(error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(bytes_max).read_to_end(&mut bytes);
        read.map_err(Fault::store(path))?;
        Ok(Some(bytes))
    }
}
