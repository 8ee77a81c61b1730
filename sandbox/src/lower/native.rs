//! A cell as the operations that the warden and init perform, in their order.

mod checks;
mod root;

use crate::cell::{
    Cell, CellKind, ControlGroup, Identity, Landlock, Namespace, PROGRAM_FOLDER, Rlimit,
};
use crate::egress::Inside;
use crate::facts::WorkerFiles;
use crate::image::SIGTERM;
use crate::seccomp::InvalidProfile;
use checks::check;
pub use checks::{Mounted, SourceCheck};
use root::root;
pub use root::{Owner, RootOp};
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
    /// What is made in its network namespace, where the server may reach anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// What init is told.
    pub init: InitOrders,
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
    /// The folder in which it starts.
    pub directory: String,
    /// The signal that asks it to end (signal(7)).
    pub stop_signal: u8,
    /// Whether the server's filter has a listener, for a tracer.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub traced: bool,
    /// How init and the warden speak.
    #[serde(default)]
    pub mode: InitMode,
}

/// How init speaks with the warden, and who sees to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitMode {
    /// Over a descriptor that it was born with, and the warden is its parent.
    #[default]
    Child,
    /// Over a socket to which it connects, by which it gets its streams too.
    Connect,
    /// Likewise, and it starts nothing: it makes the network that another container joins.
    Network,
}

impl InitMode {
    /// init's argument; none where it needs no other.
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Child => "",
            Self::Connect => "connect",
            Self::Network => "network",
        }
    }
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
    /// The folder in which it starts.
    pub directory: String,
    /// The signal that asks it to end (signal(7)).
    pub stop_signal: u8,
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
        inside: None,
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
            directory: program.directory,
            stop_signal: program.stop_signal,
            traced: false,
            mode: InitMode::Child,
        },
    })
}

/// What init compares with the supervisor's view.
pub fn checks(cell: &Cell) -> Vec<SourceCheck> {
    let mounts = cell.mounts.iter();
    mounts.filter_map(|mount| check(mount, cell.kind)).collect()
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
        directory: "/".to_owned(),
        stop_signal: SIGTERM,
    }
}
