//! Layers: the archives of which an image's files are made.
//!
//! A layer is a tar, plain or compressed. This module takes it apart into entries, and changes
//! nothing on this host: what an entry does to a folder is in `unpack`.

pub(crate) mod stream;
pub(crate) mod tar;

/// One layer, as it lies in a store.
#[derive(Clone, Debug)]
pub struct Layer<R> {
    /// Its media type, by the image's manifest.
    pub media_type: String,
    /// Its bytes. How they are compressed is told by them, and not by the media type.
    pub packed: R,
}

/// The media types of layers whose content comes with the image.
///
/// Layers that are to be fetched from somewhere else (`nondistributable`, `foreign`) are missing
/// here on purpose.
pub const LAYER_MEDIA_TYPES: &[&str] = &[
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];
