//! Why an image cannot be unpacked.

use super::{DiffId, PackedFault, TarFault};
use crate::tree::TreeError;
use std::io;
use thiserror::Error;

/// Why an image was not unpacked. The first fault ends it.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// The folder is not empty, so that what is in it could be taken for the image's.
    #[error("unpack an image into a folder that holds something")]
    Occupied,
    /// The folder itself does not work.
    #[error("unpack an image: {0}")]
    Folder(#[source] io::Error),
    /// One layer as a whole.
    #[error("unpack layer {}: {fault}", .index + 1)]
    Layer {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        fault: LayerFault,
    },
    /// One entry of a layer.
    #[error("unpack `{entry}` of layer {}: {fault}", .index + 1)]
    Entry {
        /// The layer's place, from 0.
        index: usize,
        /// The entry's name, harmless for a terminal, shortened.
        entry: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// The config names more layers than there are.
    #[error("unpack an image: {missing} of its layers are missing")]
    LayersMissing {
        /// How many.
        missing: usize,
    },
    /// What was made could not be read back.
    #[error("unpack an image: {0}")]
    Tree(#[source] TreeError),
}

/// What is wrong with a layer.
#[derive(Debug, Error)]
pub enum LayerFault {
    /// It could not be opened.
    #[error("{0}")]
    Open(#[source] io::Error),
    /// It is of a kind that this brig does not know, or whose content is elsewhere.
    #[error("its media type `{}` is not one that brig unpacks", .0.escape_debug())]
    MediaType(String),
    /// Its bytes are not what was packed.
    #[error("{0}")]
    Packed(#[source] PackedFault),
    /// It is no archive.
    #[error("{0}")]
    Tar(#[source] TarFault),
    /// The config does not name it.
    #[error("the image's config has no digest of it")]
    NoDiffId,
    /// The config names another.
    #[error("its content has the digest {found}, and the image's config wants {wanted}")]
    DiffId {
        /// What it is.
        found: DiffId,
        /// What the config says.
        wanted: DiffId,
    },
    /// More layers than the bound.
    #[error("an image can have {layers_max} layers")]
    TooMany {
        /// The bound.
        layers_max: usize,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Error)]
pub enum EntryFault {
    /// `..` in a name.
    #[error("its name leads upwards")]
    Upwards,
    /// A name, or a target, above the bound or that no file can have.
    #[error("a name in it is too long, or empty")]
    Name,
    /// Folders in one another above the bound.
    #[error("it lies in more than {depth_max} folders")]
    TooDeep {
        /// The bound.
        depth_max: usize,
    },
    /// Below a file, or below a link to one.
    #[error("it lies below something that is not a folder")]
    BelowFile,
    /// Below a link that leads nowhere, or in a circle.
    #[error("it lies below a link that leads nowhere")]
    BelowDeadLink,
    /// More such entries than the bound.
    #[error("more than {through_links_max} entries lie below links")]
    ThroughLinks {
        /// The bound.
        through_links_max: u64,
    },
    /// The root as something else than a folder.
    #[error("it would replace the root")]
    Root,
    /// A whiteout of nothing, of `.` or of `..`, or one that is a folder of others.
    #[error("it is a whiteout of nothing")]
    Whiteout,
    /// A hard link to a name that is not there.
    #[error("it is a link to a file that is not there")]
    LinkTarget,
    /// A hard link to something that can have one name only.
    #[error("it is a link to something that is not a file")]
    LinkKind,
    /// More names of a file than the bound.
    #[error("its file has more than {links_max} names")]
    Links {
        /// The bound.
        links_max: u64,
    },
    /// More entries than the bound.
    #[error("the image has more than {entries_max} entries")]
    Entries {
        /// The bound.
        entries_max: u64,
    },
    /// More bytes of files than the bound.
    #[error("the image's files are larger than {bytes_max} bytes")]
    Bytes {
        /// The bound.
        bytes_max: u64,
    },
    /// More bytes of extended attributes than the bound.
    #[error("it has more than {attribute_bytes_max} bytes of extended attributes")]
    Attributes {
        /// The bound.
        attribute_bytes_max: usize,
    },
    /// The archive ends or breaks within it.
    #[error("{0}")]
    Tar(#[from] TarFault),
    /// The file system said no.
    #[error("{0}")]
    Io(#[source] io::Error),
}

impl From<rustix::io::Errno> for EntryFault {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Characters of a name that a message has.
const SHOWN_CHARS_MAX: usize = 200;

/// A name for a message: whatever its bytes are, they drive no terminal.
pub(super) fn shown(name: &[u8]) -> String {
    let mut escaped = name.escape_ascii().map(char::from);
    let mut shown: String = escaped.by_ref().take(SHOWN_CHARS_MAX).collect();
    if escaped.next().is_some() {
        shown.push('…');
    }
    shown
}
