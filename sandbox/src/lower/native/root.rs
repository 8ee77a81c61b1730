//! The steps that fill a full cell's root.

use crate::cell::{
    Access, Cell, Exec, GrantKind, Identity, Mount, PROGRAM_FOLDER, Readers, SECRETS_TMPFS_BYTES,
    SECRETS_TMPFS_INODES,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One step of filling the root. Every path is absolute, below the new root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum RootOp {
    /// Make a directory, 0755.
    Directory {
        /// Where.
        at: String,
    },
    /// Make an empty file as a mount point, 0444.
    File {
        /// Where.
        at: String,
    },
    /// Write init's program, 0555.
    Init {
        /// Where.
        at: String,
    },
    /// Mount a clone of a host path, without what is mounted below it.
    Bind {
        /// Canonical host path.
        source: String,
        /// Where.
        at: String,
        /// Whether it can be changed.
        access: Access,
        /// Whether programs in it can be run.
        exec: Exec,
        /// Whether ids are translated, so that what the owner of the source may do, the server may
        /// do, and what the server makes belongs to that owner. Only where root starts the cell.
        owner: Owner,
    },
    /// Make the root of a folder of the host and of all that was made so far, by a read-only
    /// overlay of both. It comes before all that mounts.
    Image {
        /// Canonical host path.
        source: String,
        /// Whether ids are translated.
        owner: Owner,
    },
    /// Make a symbolic link.
    Link {
        /// Where.
        at: String,
        /// Where it leads.
        to: String,
    },
    /// Write a file, 0444.
    Text {
        /// Where.
        at: String,
        /// Its whole content.
        text: String,
    },
    /// Mount a proc(5) that shows the cell's processes alone, read-only.
    Processes {
        /// Where.
        at: String,
    },
    /// Mount a clone of one device of the host.
    Device {
        /// Where, which is the same on the host.
        at: String,
    },
    /// Mount a part of the cell's root over itself. Its mount is a clone of the one that it lies
    /// in, with that one's flags and translated ids.
    Over {
        /// Host path, by which the part is known again.
        source: String,
        /// Where. No link is followed.
        at: String,
        /// Whether it can be changed.
        access: Access,
    },
    /// Mount a tmpfs: no set-id bits, no devices, not executable.
    Scratch {
        /// Where.
        at: String,
        /// Bytes at most.
        bytes_max: u64,
        /// Inodes at most.
        inodes_max: u64,
    },
}

impl RootOp {
    /// The source and the place of a mount whose ids are translated.
    pub fn translated(&self) -> Option<(&str, &str)> {
        match self {
            Self::Bind {
                source,
                at,
                owner: Owner::Server,
                ..
            } => Some((source, at)),
            Self::Image {
                source,
                owner: Owner::Server,
            } => Some((source, "/")),
            Self::Bind { .. }
            | Self::Image { .. }
            | Self::Directory { .. }
            | Self::File { .. }
            | Self::Init { .. }
            | Self::Link { .. }
            | Self::Text { .. }
            | Self::Processes { .. }
            | Self::Device { .. }
            | Self::Over { .. }
            | Self::Scratch { .. } => None,
        }
    }
}

/// How ids of a bound source appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// As on the host.
    Same,
    /// The source's owner is the server (mount_setattr(2), `MOUNT_ATTR_IDMAP`).
    Server,
}

pub(super) fn root(cell: &Cell) -> Vec<RootOp> {
    let mut made = BTreeSet::new();
    let mut ops = Vec::new();
    directories(&format!("{PROGRAM_FOLDER}/init"), &mut made, &mut ops);
    ops.push(RootOp::Init {
        at: format!("{PROGRAM_FOLDER}/init"),
    });
    for mount in &cell.mounts {
        let (at, kind) = match mount {
            Mount::Program { at, .. } | Mount::Device { at } => (at, Some(GrantKind::File)),
            Mount::Grant { at, kind, .. } | Mount::System { at, kind, .. } => (at, Some(*kind)),
            Mount::Scratch { at, .. } | Mount::Secrets { at } | Mount::Processes { at } => {
                (at, Some(GrantKind::Directory))
            }
            Mount::Folder { at } => {
                directories(&format!("{at}/"), &mut made, &mut ops);
                continue;
            }
            Mount::Link { at, .. } | Mount::Text { at, .. } => (at, None),
            // The first is made below, when everything has its place; no daemon's walls are here.
            Mount::Image { .. } | Mount::Shown { .. } | Mount::Volume { .. } => continue,
            // They lie over what a grant already shows.
            Mount::Held { .. } | Mount::Kept { .. } => {
                ops.extend(lower_mount(mount, cell.identity));
                continue;
            }
        };
        directories(at, &mut made, &mut ops);
        let place = |kind| match kind {
            GrantKind::File => RootOp::File { at: at.clone() },
            GrantKind::Directory => RootOp::Directory { at: at.clone() },
        };
        ops.extend(kind.map(place));
        // At once, so that a place below this one is made in what is mounted here.
        ops.extend(lower_mount(mount, cell.identity));
    }
    let image = cell.mounts.iter();
    let image = image.filter(|mount| matches!(mount, Mount::Image { .. }));
    match image
        .into_iter()
        .find_map(|image| lower_mount(image, cell.identity))
    {
        Some(image) => in_image(ops, image),
        None => ops,
    }
}

/// An image is read-only, so whatever is to lie in it is made beside it first and shown over it.
/// What a mount needs in another mount is made a second time, where it will be found.
fn in_image(ops: Vec<RootOp>, image: RootOp) -> Vec<RootOp> {
    let is_place = |op: &RootOp| matches!(op, RootOp::Directory { .. } | RootOp::File { .. });
    let is_made = |op: &RootOp| {
        is_place(op)
            || matches!(
                op,
                RootOp::Init { .. } | RootOp::Text { .. } | RootOp::Link { .. }
            )
    };
    let made: Vec<RootOp> = ops.iter().filter(|op| is_made(op)).cloned().collect();
    let mounted = ops.into_iter().filter(|op| is_place(op) || !is_made(op));
    made.into_iter().chain([image]).chain(mounted).collect()
}

/// The directories above a mount point, each once.
fn directories(at: &str, made: &mut BTreeSet<String>, ops: &mut Vec<RootOp>) {
    for (end, _) in at.match_indices('/').skip(1) {
        if let Some(folder) = at
            .get(..end)
            .filter(|folder| made.insert((*folder).to_owned()))
        {
            ops.push(RootOp::Directory {
                at: folder.to_owned(),
            });
        }
    }
}

fn read_by(readers: Readers, owner: Owner) -> Owner {
    match readers {
        Readers::All => Owner::Same,
        Readers::Owner => owner,
    }
}

fn system(source: &str, at: &str, owner: Owner) -> RootOp {
    RootOp::Bind {
        source: source.to_owned(),
        at: at.to_owned(),
        access: Access::Read,
        exec: Exec::Allowed,
        owner,
    }
}

/// Where root starts a cell, ids are translated.
fn owner(identity: Identity) -> Owner {
    match identity {
        Identity::UnusedHostId | Identity::ServersHostId { .. } | Identity::OfSentry => {
            Owner::Server
        }
        Identity::Caller { .. } => Owner::Same,
    }
}

fn lower_mount(mount: &Mount, identity: Identity) -> Option<RootOp> {
    let owner = owner(identity);
    Some(match mount {
        Mount::Image { source, .. } => RootOp::Image {
            source: source.clone(),
            owner,
        },
        Mount::Program { source, at } => system(source, at, Owner::Same),
        Mount::System {
            source,
            at,
            readers,
            ..
        } => system(source, at, read_by(*readers, owner)),
        Mount::Folder { at } => RootOp::Directory { at: at.clone() },
        Mount::Link { at, to } => RootOp::Link {
            at: at.clone(),
            to: to.clone(),
        },
        Mount::Text { at, text } => RootOp::Text {
            at: at.clone(),
            text: text.clone(),
        },
        Mount::Processes { at } => RootOp::Processes { at: at.clone() },
        Mount::Device { at } => RootOp::Device { at: at.clone() },
        Mount::Grant {
            source,
            at,
            access,
            exec,
            ..
        } => RootOp::Bind {
            source: source.clone(),
            at: at.clone(),
            access: *access,
            exec: *exec,
            owner,
        },
        Mount::Held { source, at, .. } => RootOp::Over {
            source: source.clone(),
            at: at.clone(),
            access: Access::Read,
        },
        Mount::Kept { source, at, .. } => RootOp::Over {
            source: source.clone(),
            at: at.clone(),
            access: Access::Write,
        },
        Mount::Scratch {
            at,
            bytes_max,
            inodes_max,
        } => RootOp::Scratch {
            at: at.clone(),
            bytes_max: *bytes_max,
            inodes_max: *inodes_max,
        },
        Mount::Secrets { at } => RootOp::Scratch {
            at: at.clone(),
            bytes_max: SECRETS_TMPFS_BYTES,
            inodes_max: SECRETS_TMPFS_INODES,
        },
        Mount::Shown { .. } | Mount::Volume { .. } => return None,
    })
}
