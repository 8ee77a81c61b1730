//! What passes between supervisor and warden.

use super::answer::End;
use super::group::GroupParents;
use super::records::FileIdentity;
use brig_sandbox::lower::native::NativeCell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the supervisor tells the warden, as JSON in a sealed memory file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WardenOrders {
    /// The cell to build.
    pub(crate) cell: NativeCell,
    /// Device and inode of every bound source, as the supervisor saw them when it decided.
    pub(crate) sources: BTreeMap<String, FileIdentity>,
    /// Where the cell's control group is made.
    pub(crate) groups: GroupParents,
    /// The compiled code that the worker gets. The warden removes it where it is unfit: the
    /// supervisor can no longer remove a file by then.
    pub(crate) code: Option<PathBuf>,
}

/// What the warden tells the supervisor, one JSON message each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum WardenEvent {
    /// What init found when it read its walls, before the server's first instruction: pairs of
    /// `init_wire::found` and a number.
    Read {
        /// At most `init_wire::found::PAIRS_MAX` of them.
        found: Vec<(u8, u64)>,
    },
    /// All walls stand, read back from inside, and the server runs.
    Started,
    /// The cell could not be built; nothing of it is left.
    Failed {
        /// The step, as it reads after "cannot".
        step: String,
        /// The kernel's reason.
        reason: String,
        /// What to do about it, where it is known.
        help: Option<String>,
    },
    /// The server ended, and the cell with it.
    Ended {
        /// How.
        end: End,
    },
}
