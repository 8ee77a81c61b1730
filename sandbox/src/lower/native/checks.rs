//! What init compares of each mount.

use crate::cell::{Access, CellKind, Exec, Mount};
use serde::{Deserialize, Serialize};

/// A source that must be the same file inside as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCheck {
    /// Canonical host path.
    pub source: String,
    /// Path in the cell.
    pub at: String,
    /// Whether the mount must be read-only. In a narrow cell there is no mount to look at.
    pub read_only: bool,
    /// Whether the mount must keep programs from running.
    pub no_exec: bool,
    /// Whether it is a mount of its own.
    pub mounted: Mounted,
}

/// What kind of mount a source is in the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mounted {
    /// None: it is where it is on the host.
    Not,
    /// A mount without set-id bits and without devices.
    Files,
    /// A mount of one device, without set-id bits.
    Device,
}

/// What init compares of one mount, where it has a source on the host.
pub(super) fn check(mount: &Mount, kind: CellKind) -> Option<SourceCheck> {
    let (source, at, read_only, no_exec) = match mount {
        Mount::Program { source, at } | Mount::System { source, at, .. } => {
            (source, at, true, false)
        }
        Mount::Grant {
            source,
            at,
            access,
            exec,
            ..
        } => (source, at, *access == Access::Read, *exec == Exec::Denied),
        Mount::Held {
            source, at, exec, ..
        } => (source, at, true, *exec == Exec::Denied),
        Mount::Kept { source, at, exec } => (source, at, false, *exec == Exec::Denied),
        Mount::Device { at } => return Some(device_check(at)),
        // An overlay has a device of its own; which folder it shows is compared when it is made.
        Mount::Image { .. }
        | Mount::Folder { .. }
        | Mount::Scratch { .. }
        | Mount::Secrets { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        | Mount::Processes { .. } => return None,
    };
    let source = source.clone();
    Some(match kind {
        CellKind::Full => SourceCheck {
            source,
            at: at.clone(),
            read_only,
            no_exec,
            mounted: Mounted::Files,
        },
        CellKind::Narrow => SourceCheck {
            at: source.clone(),
            source,
            read_only: false,
            no_exec: false,
            mounted: Mounted::Not,
        },
    })
}

fn device_check(at: &str) -> SourceCheck {
    SourceCheck {
        source: at.to_owned(),
        at: at.to_owned(),
        read_only: false,
        no_exec: true,
        mounted: Mounted::Device,
    }
}
