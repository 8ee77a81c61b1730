//! How much an image may take of this host while it is unpacked.

/// Bounds of one image. Each says what an attacker gains without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all archives, and as many of all files with their holes: else a small download
    /// fills the disk, or a file of nothing but a hole is read for days.
    pub bytes_max: u64,
    /// How many times its packed size a layer may grow to: else little traffic makes much work.
    pub ratio_max: u64,
    /// So many bytes of a layer may have any ratio: honest small ones have high ones.
    pub ratio_floor_bytes: u64,
    /// Layers: each is opened, and has a thread started.
    pub layers_max: usize,
    /// Entries, with the folders that none lists: else inodes and memory run out.
    pub entries_max: u64,
    /// Bytes of one name with its folders, and of where a link leads: what the kernel takes.
    pub path_bytes_max: usize,
    /// Folders in one another: else whoever walks the tree runs out of descriptors.
    pub depth_max: usize,
    /// Names of one file: file systems stop between 1,024 and 65,000 with an error of their own.
    pub links_max: u64,
    /// Bytes of the extended attributes of one entry, names and values: they take inodes' room.
    pub attribute_bytes_max: usize,
    /// How often a folder may be reached through a link: to follow one can take the kernel
    /// milliseconds, since forty can follow each other with thousands of parts each.
    pub through_links_max: u64,
}

impl Limits {
    /// What fits the images that people run, with room above the largest of them.
    pub const IMAGE: Self = Self {
        bytes_max: 16 * 1024 * 1024 * 1024,
        ratio_max: 100,
        ratio_floor_bytes: 64 * 1024 * 1024,
        layers_max: 1024,
        entries_max: 1_000_000,
        path_bytes_max: 4095,
        depth_max: 128,
        links_max: 32_000,
        attribute_bytes_max: 64 * 1024,
        through_links_max: 16_384,
    };
}
