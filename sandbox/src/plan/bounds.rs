//! Bounds: how much a cell may take, by group, by process and by wasmtime.

use crate::cell::{ControlGroup, Rlimit};
use crate::component::WorkerLimits;
use crate::facts::{Controller, HostFacts};
use crate::mechanism::{Denial, Held, Mechanism, Unenforceable};
use std::collections::{BTreeMap, BTreeSet};

/// What wasmtime itself takes beside the guest's memory: code, stacks, tables of types.
const WORKER_OVERHEAD_BYTES: u64 = 96 << 20;
/// The worker's own descriptors: streams, orders, code, report, and what waiting needs.
const WORKER_OPEN_FILES: u64 = 32;
/// init, the worker, and the worker's thread that ends time slices.
const WORKER_PROCESSES: u64 = 4;

/// How much a cell may take, by group and by process.
pub(super) struct Bounds {
    pub(super) group: ControlGroup,
    pub(super) rlimits: BTreeMap<Rlimit, u64>,
    pub(super) processors: Option<u32>,
}

pub(super) fn worker_bounds(limits: &brig_policies::Limits, facts: &HostFacts) -> Bounds {
    let data = limits.memory_bytes.saturating_add(WORKER_OVERHEAD_BYTES);
    let processes = u64::from(limits.processes) + WORKER_PROCESSES;
    let open_files = u64::from(limits.open_files) + WORKER_OPEN_FILES;
    let memory = data.saturating_add(limits.scratch_bytes);
    Bounds {
        group: group(
            &facts.controllers,
            memory,
            processes,
            Some(u64::from(limits.cpus_milli)),
        ),
        rlimits: rlimits(&[
            (Rlimit::Data, data),
            (Rlimit::OpenFiles, open_files),
            (Rlimit::Processes, processes),
        ]),
        processors: None,
    }
}

pub(super) fn group(
    controllers: &BTreeSet<Controller>,
    memory_bytes_max: u64,
    processes_max: u64,
    processor_milli: Option<u64>,
) -> ControlGroup {
    let offered = |controller| controllers.contains(&controller);
    ControlGroup {
        memory_bytes_max: offered(Controller::Memory).then_some(memory_bytes_max),
        processes_max: offered(Controller::Pids).then_some(processes_max),
        processor_milli: processor_milli.filter(|_| offered(Controller::Cpu)),
    }
}

pub(super) fn rlimits(own: &[(Rlimit, u64)]) -> BTreeMap<Rlimit, u64> {
    let closed = [
        // 0 keeps core files away and not what a pipe in core_pattern gets; 1 keeps both (core(5)).
        (Rlimit::Core, 1),
        (Rlimit::LockedMemory, 0),
        (Rlimit::MessageQueues, 0),
        (Rlimit::Nice, 0),
        (Rlimit::RealTimePriority, 0),
        (Rlimit::Stack, 8 << 20),
    ];
    closed.into_iter().chain(own.iter().copied()).collect()
}

/// A component has one thread, so it can never use more than one processor: larger shares hold by
/// themselves. A smaller one needs a control group, and the one thread is no claim to it.
pub(super) fn processor_share(
    cpus_milli: u32,
    controllers: &BTreeSet<Controller>,
    held: &mut [Held],
) -> Option<Unenforceable> {
    if cpus_milli >= 1000 {
        return None;
    }
    for held in held {
        if held.denial == Denial::ProcessorShare {
            held.by
                .retain(|by| !matches!(by, Mechanism::OneThread | Mechanism::ProcessorAffinity));
        }
    }
    (!controllers.contains(&Controller::Cpu)).then(|| Unenforceable {
        denial: Denial::ProcessorShare.name(),
        reason: "a share below one processor needs a control group with the cpu controller, which \
                 is not the caller's to use here"
            .to_owned(),
        remedy: "write `cpus = 1.0` under [limits] or leave it out, or run brig in a delegated \
                 control group (systemd-run --user --scope -p Delegate=yes brig …)"
            .to_owned(),
    })
}

pub(super) fn worker_limits(memory_bytes_max: u64) -> WorkerLimits {
    WorkerLimits {
        memory_bytes_max,
        memories_max: 8,
        tables_max: 64,
        instances_max: 128,
        host_call_bytes_max: 16 << 20,
        handles_max: 10_000,
        random_bytes_max: 1 << 20,
    }
}
