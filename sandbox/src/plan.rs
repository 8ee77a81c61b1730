//! Policy + facts + artifact → plan: everything that is decided, before anything is done.

mod bounds;
mod container;
mod grants;
mod network;
mod obeyed;
mod residuals;
mod variables;

use crate::cell::{Cell, CellKind, Identity, Mount, Namespace, PROGRAM_FOLDER, Rlimit};
use crate::component::{Preopen, WorkerLimits};
use crate::egress::Egress;
use crate::engine::Engine;
use crate::facts::{Artifact, Caller, HostFacts, WorkerFiles};
use crate::family::ProgramFamily;
use crate::image::Answered;
use crate::landlock;
use crate::mechanism::{Held, Isolated, Unenforceable, cell_kind, hold};
use crate::seccomp::{Family, FileCalls, Profile};
use bounds::{Bounds, group, processor_share, rlimits, worker_bounds, worker_limits};
pub use container::container;
pub use obeyed::PARTS_MAX;

use brig_policies::{Limits, Places, Policy, Rules};
use grants::{file_calls, mounts, preopens, scratch, secrets};
use residuals::residuals;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use thiserror::Error;
use variables::environment;
pub use variables::{Value, secret_path};

/// A decided sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The server's name.
    pub server: String,
    /// How it is isolated, and what runs.
    pub isolation: Isolation,
    /// Its arguments, without its own name.
    pub args: Vec<String>,
    /// Its whole environment. Values of the host are named here and read at the start.
    pub environment: BTreeMap<String, Value>,
    /// Whom it may reach; absent where nobody is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Its walls.
    pub cell: Cell,
    /// Thousandths of a processor that the manifest allows.
    pub processor_milli: u32,
    /// Bounds that the bridge holds.
    pub bridge: BridgeLimits,
    /// What the bridge lets pass.
    pub rules: Rules,
    /// Each denial with what holds it.
    pub held: Vec<Held>,
    /// What stays open, named.
    pub residuals: Vec<Residual>,
}

/// How a server is isolated, with what only that isolation has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A WebAssembly component in a worker in a cell.
    Component(ComponentPart),
    /// A program in a cell of its own.
    Container(ContainerPart),
}

impl Isolation {
    /// What only a component has, where this is one.
    pub fn component(&self) -> Option<&ComponentPart> {
        match self {
            Self::Component(part) => Some(part),
            Self::Container(_) => None,
        }
    }
}

/// What only a component has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentPart {
    /// What runs.
    pub artifact: Artifact,
    /// The directories that the guest finds.
    pub preopens: Vec<Preopen>,
    /// System calls of the worker while the guest runs.
    pub calls_once_loaded: Profile,
    /// Bounds that the worker holds.
    pub worker: WorkerLimits,
}

/// What only a container has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPart {
    /// What carries the plan out.
    #[serde(default, skip_serializing_if = "is_native")]
    pub engine: Engine,
    /// What of it runs without root's rights, under an engine that is a service.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub rootless: bool,
    /// The program's path in the cell, which is the one on the host.
    pub program: String,
    /// The program's own name, as the manifest has it.
    pub name: String,
    /// The folder in which it starts.
    pub directory: String,
    /// The signal that asks it to end, once its input has ended (signal(7)).
    pub stop_signal: u8,
    /// What kind of program it is.
    pub family: ProgramFamily,
    /// The groups of system calls that it has: its family's, and those that the manifest grants.
    pub groups: BTreeSet<String>,
    /// The image that is its root, where it is not this host's system.
    pub image: Option<ImagePart>,
    /// The runtimes that it needs, where they lie outside of the host's system.
    pub runtimes: Vec<RuntimePart>,
}

/// Plans of brig's own cells keep their digests.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_native(engine: &Engine) -> bool {
    *engine == Engine::Native
}

/// A runtime of this host in a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimePart {
    /// Its folder, on the host and in the cell.
    pub at: String,
    /// What its files say that it is.
    pub version: Option<String>,
}

/// The image that a container runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePart {
    /// As the manifest names it.
    pub reference: String,
    /// Its manifest's digest.
    pub digest: String,
    /// What it asks for, and what it gets.
    pub answered: Vec<Answered>,
}

/// What the bridge bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeLimits {
    /// One message, in bytes.
    pub message_bytes_max: u64,
    /// From the start to the first answer, in milliseconds.
    pub start_ms: u64,
    /// One call, in milliseconds.
    pub call_ms: u64,
}

/// Something that no mechanism closes here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// A stable name.
    pub name: String,
    /// What stays open and why.
    pub reason: String,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unplannable {
    /// A denial that nothing holds here.
    #[error(transparent)]
    Unenforceable(#[from] Unenforceable),
    /// A grant that cannot be given, with the place in the manifest.
    #[error("{message}")]
    Grant {
        /// Byte range of the grant in the manifest.
        span: Range<usize>,
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// The program that the manifest names cannot be run.
    #[error("{0}")]
    Program(String),
}

impl Plan {
    /// A name for exactly this plan: BLAKE3 over its canonical JSON. Everything that it was decided
    /// from by path stands in it, so it is the same on every start until something changes.
    pub fn digest(&self) -> String {
        match serde_json::to_vec(self) {
            Ok(json) => blake3::hash(&json).to_hex().to_string(),
            // A plan has only string keys and finite numbers, so there is no JSON that fails; the
            // debug form is as exact and keeps this total.
            Err(_) => blake3::hash(format!("{self:?}").as_bytes())
                .to_hex()
                .to_string(),
        }
    }
}

/// Decides the sandbox of a component, or names everything that stands in the way.
pub fn component(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
    artifact: &Artifact,
) -> Result<Plan, Vec<Unplannable>> {
    let limits = policy.limits();
    let mut faults = beyond(policy);
    let mut held = hold(facts, Isolated::Component).unwrap_or_else(|open| {
        faults.extend(open.into_iter().map(Unplannable::from));
        Vec::new()
    });
    let mut grants = Vec::new();
    for grant in policy.files() {
        match mounts(grant, places, facts, Isolated::Component) {
            Ok(mounts) => grants.extend(mounts),
            Err(fault) => faults.push(fault),
        }
    }
    let kind = cell_kind(facts);
    let secrets = secrets(policy, kind, &mut faults);
    let egress = network::network(policy, facts, (Isolated::Component, kind), &mut faults);
    let reached = egress.as_ref();
    let offered = &facts.controllers;
    let open = processor_share(limits.cpus_milli, offered, &mut held);
    faults.extend(open.map(Unplannable::from));
    if !faults.is_empty() {
        return Err(faults);
    }
    grants.splice(0..0, secrets);
    if kind == CellKind::Full {
        grants.splice(0..0, scratch("/tmp", limits.scratch_bytes));
    }
    let preopens = preopens(&grants, kind);
    let files = file_calls(&preopens);
    let mut residuals = residuals(facts, files, Isolated::Component);
    residuals.extend(obeyed::residuals(grants::looked_through(policy, facts)));
    residuals.extend(network::residuals(reached));
    let mut cell = cell(facts, grants, files, worker_bounds(limits, facts));
    cell.calls_at_start = network::calls_of_worker(reached, cell.calls_at_start);
    Ok(Plan {
        server: policy.name().as_str().to_owned(),
        isolation: Isolation::Component(ComponentPart {
            artifact: artifact.clone(),
            preopens,
            calls_once_loaded: network::calls_of_worker(
                reached,
                Profile::of(Family::WorkerLoaded, files),
            ),
            worker: worker_limits(limits.memory_bytes),
        }),
        args: policy.args().to_vec(),
        environment: environment(policy),
        cell: network::connected(reached, cell),
        processor_milli: limits.cpus_milli,
        bridge: bridge(limits),
        rules: Rules::new(policy),
        held: network::opened(reached, held),
        egress,
        residuals,
    })
}

/// What the policy grants and no plan can hold yet.
fn beyond(policy: &Policy) -> Vec<Unplannable> {
    let told = policy.not_enforceable().into_iter();
    told.map(|told| Unplannable::Grant {
        span: told.span,
        message: format!("`{}` is not enforceable yet", told.key),
        help: told.help.to_owned(),
    })
    .collect()
}

fn bridge(limits: &Limits) -> BridgeLimits {
    BridgeLimits {
        message_bytes_max: limits.message_bytes,
        start_ms: limits.start_ms,
        call_ms: limits.call_ms,
    }
}

/// The cell in which a component is compiled: bytes in, code out, no grants.
pub fn compiler_cell(facts: &HostFacts) -> Result<Cell, Vec<Unenforceable>> {
    hold(facts, Isolated::Component)?;
    let bounds = Bounds {
        group: group(&facts.controllers, COMPILE_BYTES_MAX, 64, None),
        rlimits: rlimits(&[
            (Rlimit::Cpu, COMPILE_SECONDS_MAX),
            (Rlimit::Data, COMPILE_BYTES_MAX),
            (Rlimit::OpenFiles, 64),
            (Rlimit::Processes, 64),
        ]),
        processors: None,
    };
    Ok(cell(facts, Vec::new(), FileCalls::None, bounds))
}

/// Processor seconds that one compilation may take. A component that needs more is more likely an
/// attack on the compiler than a server.
pub const COMPILE_SECONDS_MAX: u64 = 120;
/// Bytes of data that the compiler may hold. The largest component seen (14 MB of JavaScript
/// engine) takes 0.4 GB.
pub const COMPILE_BYTES_MAX: u64 = 2 << 30;
/// Bytes of WebAssembly that are compiled at most.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of compiled code at most.
pub const CODE_BYTES_MAX: u64 = 512 << 20;

/// brig's own programs, and what is granted beside them.
fn cell(facts: &HostFacts, grants: Vec<Mount>, files: FileCalls, bounds: Bounds) -> Cell {
    let mut mounts = program_mounts(&facts.worker);
    mounts.extend(grants);
    let calls = Profile::of(Family::WorkerStart, files);
    let kind = cell_kind(facts);
    let who = identity(facts, kind);
    walls(facts, (kind, namespaces(kind), who), mounts, calls, bounds)
}

/// Who a server of brig's own cells is.
fn identity(facts: &HostFacts, kind: CellKind) -> Identity {
    if facts.caller.is_root() {
        return Identity::UnusedHostId;
    }
    let Caller { uid, gid, .. } = facts.caller;
    let groups = facts.caller.supplementary_groups > 0 && kind == CellKind::Full;
    let subordinate_gid = facts.caller.subordinate_gid.filter(|_| groups);
    Identity::Caller {
        uid,
        gid,
        subordinate_gid,
    }
}

/// A cell of these mounts.
fn walls(
    facts: &HostFacts,
    (kind, namespaces, identity): (CellKind, BTreeSet<Namespace>, Identity),
    mounts: Vec<Mount>,
    calls: Profile,
    bounds: Bounds,
) -> Cell {
    Cell {
        kind,
        namespaces,
        identity,
        landlock: landlock::ruleset(facts.landlock_abi, kind, &mounts),
        mounts,
        group: bounds.group,
        rlimits: bounds.rlimits,
        processors: bounds.processors,
        calls_of_init: Profile::of(Family::Init, FileCalls::None),
        calls_at_start: calls,
    }
}

fn namespaces(kind: CellKind) -> BTreeSet<Namespace> {
    match kind {
        CellKind::Full => BTreeSet::from([
            Namespace::User,
            Namespace::Mount,
            Namespace::Pid,
            Namespace::Network,
            Namespace::Ipc,
            Namespace::Uts,
            Namespace::Cgroup,
            Namespace::Time,
        ]),
        CellKind::Narrow => BTreeSet::new(),
    }
}

fn program_mounts(worker: &WorkerFiles) -> Vec<Mount> {
    let program = |source: &String, name: &str| Mount::Program {
        source: source.clone(),
        at: format!("{PROGRAM_FOLDER}/{name}"),
    };
    let mut mounts = vec![program(&worker.program, "worker")];
    mounts.extend(worker.loader.iter().map(|loader| program(loader, "loader")));
    mounts.extend(
        worker
            .libraries
            .iter()
            .map(|(name, library)| program(library, name)),
    );
    mounts
}
