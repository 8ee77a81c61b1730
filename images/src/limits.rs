//! How much may be taken in from others.

/// Bounds of one pull and of the store. Each says what an attacker gains without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimits {
    /// Bytes of a manifest or an index, which are read into memory.
    pub manifest_bytes_max: u64,
    /// Bytes of an image's config, which is read into memory.
    pub config_bytes_max: u64,
    /// Manifests that one index names.
    pub index_entries_max: usize,
    /// Indexes in one another: each costs a request.
    pub index_depth_max: usize,
    /// Layers of an image.
    pub layers_max: usize,
    /// Bytes of all parts of an image as they are fetched: else one image fills the disk.
    pub image_bytes_max: u64,
    /// Bytes of a component and of its author's wish, which are read into memory.
    pub component_bytes_max: u64,
    /// Entries of an archive that is looked into.
    pub archive_entries_max: usize,
    /// Bytes of all that the store holds, unpacked roots too.
    pub store_bytes_max: u64,
    /// Images of the store.
    pub images_max: usize,
}

impl PullLimits {
    /// What fits the images that people run, with room above the largest of them.
    pub const STANDARD: Self = Self {
        manifest_bytes_max: 4 * 1024 * 1024,
        config_bytes_max: 4 * 1024 * 1024,
        index_entries_max: 1024,
        index_depth_max: 3,
        layers_max: 1024,
        image_bytes_max: 16 * 1024 * 1024 * 1024,
        component_bytes_max: 256 * 1024 * 1024,
        archive_entries_max: 65_536,
        store_bytes_max: 64 * 1024 * 1024 * 1024,
        images_max: 4096,
    };
}
