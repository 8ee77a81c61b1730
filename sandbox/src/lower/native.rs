//! A cell as the operations that the warden and init perform, in their order.

mod checks;

use crate::cell::{
    Access, Cell, CellKind, ControlGroup, Exec, GrantKind, Identity, Landlock, Mount, Namespace,
    PROGRAM_FOLDER, Rlimit,
};
use crate::facts::WorkerFiles;
use crate::seccomp::InvalidProfile;
use checks::check;
pub use checks::{Mounted, SourceCheck};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Bytes of the tmpfs that is the cell's root: it holds mount points and init, nothing else, and is
/// read-only before init starts.
pub const ROOT_BYTES_MAX: u64 = 4 << 20;

/// What the warden builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeCell {
    /// Which cell.
    pub kind: CellKind,
    /// Namespaces to make.
    pub namespaces: Vec<Namespace>,
    /// Who the server is on the host.
    pub identity: Identity,
    /// Bounds of the control group that all of the cell is in.
    pub group: ControlGroup,
    /// How the root is filled, in this order. The warden stops at the first that fails.
    pub root: Vec<RootOp>,
    /// What init compares with the supervisor's view, before anything of the server runs.
    pub checks: Vec<SourceCheck>,
    /// What init is told.
    pub init: InitOrders,
}

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

/// How ids of a bound source appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// As on the host.
    Same,
    /// The source's owner is the server (mount_setattr(2), `MOUNT_ATTR_IDMAP`).
    Server,
}

/// What init does to itself before the server starts, and what it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitOrders {
    /// setrlimit(2), soft and hard.
    pub rlimits: Vec<(Rlimit, u64)>,
    /// How many processors the server is tied to (sched_setaffinity(2)).
    pub processors: Option<u32>,
    /// landlock(7).
    pub landlock: Option<Landlock>,
    /// init's own filter, put on after the server's start.
    pub filter_of_init: Vec<u64>,
    /// The server's filter, put on right before its exec.
    pub filter_of_server: Vec<u64>,
    /// The server's program, in the cell.
    pub program: String,
    /// Its arguments, from argv\[0\] on.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// How many descriptors it gets, from 0 on.
    pub descriptors: u32,
}

/// The server that init starts, decided by what the cell is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Path in the cell.
    pub path: String,
    /// Arguments, from argv\[0\] on.
    pub args: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// How many descriptors it gets, from 0 on.
    pub descriptors: u32,
}

/// Lowers a cell.
pub fn native(cell: &Cell, program: Program) -> Result<NativeCell, InvalidProfile> {
    let full = cell.kind == CellKind::Full;
    Ok(NativeCell {
        kind: cell.kind,
        checks: checks(cell),
        namespaces: cell.namespaces.iter().copied().collect(),
        identity: cell.identity,
        group: cell.group,
        root: if full { root(cell) } else { Vec::new() },
        init: InitOrders {
            rlimits: cell
                .rlimits
                .iter()
                .map(|(limit, value)| (*limit, *value))
                .collect(),
            processors: cell.processors,
            landlock: cell.landlock.clone(),
            filter_of_init: cell.calls_of_init.compile()?,
            filter_of_server: cell.calls_at_start.compile()?,
            program: program.path,
            args: program.args,
            env: program.env,
            descriptors: program.descriptors,
        },
    })
}

/// What init compares with the supervisor's view.
pub fn checks(cell: &Cell) -> Vec<SourceCheck> {
    let mounts = cell.mounts.iter();
    mounts.filter_map(|mount| check(mount, cell.kind)).collect()
}

fn root(cell: &Cell) -> Vec<RootOp> {
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
            Mount::Scratch { at, .. } | Mount::Processes { at } => (at, Some(GrantKind::Directory)),
            Mount::Link { at, .. } | Mount::Text { at, .. } => (at, None),
            // They lie over what a grant already shows.
            Mount::Held { .. } | Mount::Kept { .. } => {
                ops.push(lower_mount(mount, cell.identity));
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
        ops.push(lower_mount(mount, cell.identity));
    }
    ops
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

fn lower_mount(mount: &Mount, identity: Identity) -> RootOp {
    match mount {
        Mount::Program { source, at } | Mount::System { source, at, .. } => RootOp::Bind {
            source: source.clone(),
            at: at.clone(),
            access: Access::Read,
            exec: Exec::Allowed,
            owner: Owner::Same,
        },
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
            owner: match identity {
                Identity::UnusedHostId => Owner::Server,
                Identity::Caller { .. } => Owner::Same,
            },
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
    }
}

/// Which of brig's programs runs in a component's cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentRole {
    /// The guest's worker.
    Worker,
    /// The compiler.
    Compiler,
}

impl ComponentRole {
    /// The hidden first argument that makes an exec of brig this program.
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Worker => "__worker",
            Self::Compiler => "__compile",
        }
    }
}

/// brig itself as the program of a cell. A dynamic brig is started by its loader, by path, so that
/// in a full cell all its files lie in [`PROGRAM_FOLDER`] and can meet no grant.
pub fn component_program(worker: &WorkerFiles, kind: CellKind, role: ComponentRole) -> Program {
    let below = |name: &str| format!("{PROGRAM_FOLDER}/{name}");
    let (own, loader, libraries) = match kind {
        CellKind::Full => {
            let loader = worker.loader.as_ref().map(|_| below("loader"));
            (below("worker"), loader, PROGRAM_FOLDER.to_owned())
        }
        CellKind::Narrow => {
            let folders = worker
                .libraries
                .values()
                .filter_map(|path| path.rsplit_once('/'));
            let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
            let folders: Vec<&str> = folders.into_iter().collect();
            (
                worker.program.clone(),
                worker.loader.clone(),
                folders.join(":"),
            )
        }
    };
    let mut args = match loader {
        Some(loader) => vec![loader, "--library-path".to_owned(), libraries, own.clone()],
        None => vec![own.clone()],
    };
    args.push(role.argument().to_owned());
    let path = args.first().cloned().unwrap_or(own);
    // Streams, then orders, code and report (component.rs).
    Program {
        path,
        args,
        env: Vec::new(),
        descriptors: 6,
    }
}
