//! What passes between supervisor and warden.

use super::answer::End;
use super::group::GroupParents;
use super::records::FileIdentity;
use bollard::models::ContainerCreateBody;
use brig_sandbox::engine::Engine;
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
    /// What makes the server's own walls, where that is not the warden.
    pub(crate) by: Maker,
}

/// What makes a server's own walls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Maker {
    /// The warden.
    Warden,
    /// An OCI runtime, within namespaces that the warden makes.
    Runtime(RuntimeOrders),
    /// A daemon. The warden makes no namespace then.
    Daemon(Box<DaemonOrders>),
}

impl Maker {
    pub(crate) fn runtime(&self) -> Option<&RuntimeOrders> {
        match self {
            Self::Runtime(orders) => Some(orders),
            Self::Warden | Self::Daemon(_) => None,
        }
    }
}

/// What a runtime is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RuntimeOrders {
    /// Which.
    pub(crate) engine: Engine,
    /// Its program.
    pub(crate) program: PathBuf,
    /// The text of `config.json`.
    pub(crate) config: String,
    /// An ordinary user's subordinate ids, as which it works.
    pub(crate) setup: Option<(u32, u32)>,
}

/// What a daemon is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DaemonOrders {
    /// Which.
    pub(crate) engine: Engine,
    /// Its socket.
    pub(crate) socket: PathBuf,
    /// The version of its API that both know, major and minor.
    pub(crate) version: (usize, usize),
    /// The container.
    pub(crate) body: ContainerCreateBody,
    /// The container whose network it joins, where the server may reach anybody.
    pub(crate) network: Option<ContainerCreateBody>,
    /// The folder to make for it, below one of brig's own.
    pub(crate) folder: PathBuf,
    /// Files of that folder, with their text.
    pub(crate) files: Vec<(String, String)>,
    /// User and group of the server, as it sees them.
    pub(crate) ids: (u32, u32),
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
    /// An engine's init connected: this is its process, as the warden sees it.
    Met {
        /// Its id; 0 where it is not seen.
        init: u32,
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
