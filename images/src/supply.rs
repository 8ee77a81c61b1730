//! What an origin gives: manifests and parts, by digest, none of them believed.

pub(crate) mod archive;
pub(crate) mod docker;
pub(crate) mod layout;

use crate::digest::Digest;
use crate::document::Descriptor;
use crate::fault::Fault;
use std::io::Read;

/// A document as it came.
pub(crate) struct Fetched {
    pub(crate) bytes: Vec<u8>,
    /// What the registry says that it is.
    pub(crate) media_type: Option<String>,
}

/// Content on its way from an origin.
pub(crate) struct Coming {
    pub(crate) reader: Box<dyn Read + Send>,
    /// The place in the content at which it starts: not each origin can resume.
    pub(crate) at: u64,
}

/// One of the places that images come from.
pub(crate) trait Supply: Sync {
    /// What the reference leads to, and its digest if that is known without the document.
    fn top(&self) -> Result<(Fetched, Option<Digest>), Fault>;

    /// A manifest that an index names.
    fn document(&self, content: &Descriptor) -> Result<Fetched, Fault>;

    /// A part of the image, from this byte on if possible.
    fn part(&self, content: &Descriptor, from: u64) -> Result<Coming, Fault>;
}

/// Reads all of something that must not have more bytes than these.
pub(crate) fn read_bounded(
    reader: impl Read,
    bytes_max: u64,
    what: &'static str,
) -> Result<Result<Vec<u8>, std::io::Error>, Fault> {
    let mut bytes = Vec::new();
    let read = reader
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes);
    if bytes.len() as u64 > bytes_max {
        return Err(Fault::TooMuch {
            what,
            most: bytes_max,
            unit: "bytes",
        });
    }
    Ok(read.map(|_| bytes))
}
