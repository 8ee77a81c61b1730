//! From layers to a folder that can be a cell's root.
//!
//! Layers are applied in their order, as the OCI image specification says: an entry replaces what
//! has its name, `.wh.NAME` removes NAME of the layers below, `.wh..wh..opq` all that they have in
//! its folder. What is hostile is refused or left out:
//!
//! - Nothing is made, changed or removed outside the folder. Each entry's parent is opened by
//!   openat2(2) beneath it; a link on the way leads on within it, as it will in the cell; and the
//!   last name is never followed.
//! - Everything belongs to the calling user. Set-id bits go, and so does the right to write of
//!   everybody but the owner, who can read every file and do all in every folder.
//! - Devices and FIFOs are left out and counted: many images have entries of `/dev`, and a cell
//!   brings its own. Nothing here can make one.
//! - Of the extended attributes only those of users are kept, but not those that overlayfs obeys.
//!
//! The tree is the same wherever it is unpacked, times included: a folder that no layer lists is
//! of 1970. Its digest tells later whether it still is.

mod apply;
mod fault;
mod file;
mod limits;
mod made;
mod place;
mod whiteout;

use crate::layer::stream::{Decoded, StreamFault, decode, stream};
use crate::layer::tar::Archive;
use crate::layer::{LAYER_MEDIA_TYPES, Layer};
use crate::tree::{self, TreeDigest};
use apply::Applying;
use serde::Serialize;
use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::str::FromStr;
use std::thread;
use thiserror::Error;

pub use crate::layer::stream::StreamFault as PackedFault;
pub use crate::layer::tar::TarFault;
pub use fault::{EntryFault, LayerFault, UnpackError};
pub use limits::Limits;

/// SHA-256 of a layer's tar, by which an image's config names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiffId([u8; 32]);

/// A text that is no digest of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not `sha256:` and 64 hexadecimal digits", .0.escape_debug())]
pub struct InvalidDiffId(String);

/// What was made, and what was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unpacked {
    /// Of the whole tree, for a later look at whether it still is what it was.
    pub tree: TreeDigest,
    /// Entries that were applied, and folders that none lists.
    pub entries: u64,
    /// Bytes of files, with their holes.
    pub bytes: u64,
    /// Bytes of the layers' archives.
    pub layer_bytes: u64,
    /// What the image asks for and does not get.
    pub left_out: LeftOut,
}

/// Parts of an image that are not carried out, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Character and block devices.
    pub devices: u64,
    /// FIFOs.
    pub fifos: u64,
    /// Entries that had set-user-id, set-group-id, or a sticky bit on a file.
    pub set_id_bits: u64,
    /// File capabilities.
    pub capabilities: u64,
    /// Other extended attributes, those that the file system does not take among them.
    pub attributes: u64,
    /// Headers for all that follows, which no engine applies.
    pub global_headers: u64,
    /// Entries with a name that is reserved for another way to stack layers.
    pub reserved_names: u64,
}

/// Makes the tree of these layers, lowest first, in an empty folder.
///
/// `diff_ids` are those of the image's config; layers that are others are refused. On an error
/// the folder has some of the tree, and is to be removed by the caller.
pub fn unpack<R: Read + Send>(
    layers: impl IntoIterator<Item = io::Result<Layer<R>>>,
    diff_ids: &[DiffId],
    into: impl AsFd,
    limits: &Limits,
) -> Result<Unpacked, UnpackError> {
    let root = into.as_fd();
    let mut applying = Applying::new(root, limits)?;
    let mut layer_bytes = 0;
    let mut diff_ids_left = diff_ids.iter();
    for (index, layer) in layers.into_iter().enumerate() {
        let told = |fault| UnpackError::Layer { index, fault };
        if index >= limits.layers_max {
            return Err(told(LayerFault::TooMany {
                layers_max: limits.layers_max,
            }));
        }
        let layer = layer.map_err(|error| told(LayerFault::Open(error)))?;
        let diff_id = diff_ids_left
            .next()
            .ok_or_else(|| told(LayerFault::NoDiffId))?;
        let bytes_left = limits.bytes_max.saturating_sub(layer_bytes);
        let decoded = one(layer, bytes_left, &mut applying, index)?;
        if decoded.diff_id != diff_id.0 {
            return Err(told(LayerFault::DiffId {
                found: DiffId(decoded.diff_id),
                wanted: *diff_id,
            }));
        }
        layer_bytes += decoded.bytes;
    }
    let missing = diff_ids_left.len();
    if missing > 0 {
        return Err(UnpackError::LayersMissing { missing });
    }
    finish(root, applying, layer_bytes)
}

/// Applies one layer, which another thread decompresses meanwhile.
fn one<R: Read + Send>(
    layer: Layer<R>,
    bytes_left: u64,
    applying: &mut Applying<'_>,
    index: usize,
) -> Result<Decoded, UnpackError> {
    let told = |fault| UnpackError::Layer { index, fault };
    if !LAYER_MEDIA_TYPES.contains(&layer.media_type.as_str()) {
        return Err(told(LayerFault::MediaType(layer.media_type)));
    }
    let (sink, stream) = stream();
    let limits = applying.limits;
    thread::scope(|scope| {
        let decoding = scope.spawn(move || decode(layer.packed, bytes_left, limits, &sink));
        let mut archive = Archive::new(stream);
        let applied = applying.layer(&mut archive, index);
        // Without a reader the other side stops.
        drop(archive);
        let decoded = decoding.join().unwrap_or(Err(StreamFault::Panic));
        // A stream that failed looks to the archive as if it were cut: the cause comes first.
        let decoded = decoded.map_err(|fault| told(LayerFault::Packed(fault)))?;
        applied?;
        Ok(decoded)
    })
}

/// Sets the times that later entries would have changed, and digests what there is now.
fn finish(
    root: BorrowedFd<'_>,
    applying: Applying<'_>,
    layer_bytes: u64,
) -> Result<Unpacked, UnpackError> {
    let (mut made, entries, bytes, left_out) = applying.into_parts();
    let tree = tree::digest(root, &mut made).map_err(UnpackError::Tree)?;
    Ok(Unpacked {
        tree,
        entries,
        bytes,
        layer_bytes,
        left_out,
    })
}

impl FromStr for DiffId {
    type Err = InvalidDiffId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:");
        let bytes = digits.and_then(tree::from_hexadecimal);
        bytes
            .map(Self)
            .ok_or_else(|| InvalidDiffId(text.chars().take(100).collect()))
    }
}

impl DiffId {
    /// Whether it is this digest.
    pub(crate) fn is(&self, digest: &[u8; 32]) -> bool {
        self.0 == *digest
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiffId({self})")
    }
}

impl Serialize for DiffId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
