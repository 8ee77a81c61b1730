//! What a cell is without some of its mechanisms: edits of the orders that its warden gets.

use super::open::{off, variable};
use crate::launch::{FileIdentity, WardenOrders};
use brig_sandbox::cell::{Access, Exec, Identity, Namespace, PROGRAM_FOLDER, Rlimit};
use brig_sandbox::component::WorkerOrders;
use brig_sandbox::lower::native::{Mounted, NativeCell, Owner, RootOp};
use brig_sandbox::mechanism::Mechanism;
use std::os::unix::fs::MetadataExt;

/// landlock(7), `LANDLOCK_SCOPE_SIGNAL`.
const SCOPE_SIGNAL: u64 = 2;

/// Takes out of a server's cell what is left out.
pub(crate) fn edit(orders: &mut WardenOrders) {
    for mechanism in off() {
        edit_one(orders, mechanism);
    }
    keep_what_can_be_ruled(&mut orders.cell);
}

fn edit_one(orders: &mut WardenOrders, mechanism: Mechanism) {
    use Mechanism as M;
    let cell = &mut orders.cell;
    match mechanism {
        M::MountNamespace => without_root(cell),
        M::ReadOnlyMount => writable(cell),
        M::Landlock => cell.init.landlock = None,
        M::LandlockSignalScope => {
            if let Some(landlock) = &mut cell.init.landlock {
                landlock.scoped &= !SCOPE_SIGNAL;
            }
        }
        M::NetworkNamespace => leave_out(cell, Namespace::Network),
        M::IpcNamespace => leave_out(cell, Namespace::Ipc),
        M::UtsNamespace => leave_out(cell, Namespace::Uts),
        M::PidNamespace => without_processes(cell),
        M::CgroupNamespace => {
            leave_out(cell, Namespace::Cgroup);
            show_groups(orders);
        }
        M::UserNamespace => {
            leave_out(cell, Namespace::User);
            same_owners(cell);
        }
        M::UnprivilegedUser => {
            cell.identity = Identity::Caller {
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
                subordinate_gid: None,
            };
            same_owners(cell);
        }
        M::SeccompNoSocket | M::SeccompNoIpc | M::SeccompAllowList => {
            cell.init.filter_of_init.clear();
            cell.init.filter_of_server.clear();
        }
        M::EmptyEnvironment => cell.init.env.extend(std::env::vars()),
        M::ControlGroupMemory => cell.group.memory_bytes_max = None,
        M::ControlGroupPids => cell.group.processes_max = None,
        M::ControlGroupCpu => cell.group.processor_milli = None,
        M::ProcessorAffinity => cell.init.processors = None,
        M::RlimitData => unlimited(cell, Rlimit::Data),
        M::RlimitProcesses => unlimited(cell, Rlimit::Processes),
        M::RlimitOpenFiles => unlimited(cell, Rlimit::OpenFiles),
        M::RlimitCore => unlimited(cell, Rlimit::Core),
        // Left to whoever puts them up: the builder, the warden, init, the worker.
        M::EmptyCapabilities
        | M::NoNewPrivileges
        | M::NoSetIdMount
        | M::OwnSession
        | M::CloseRange
        | M::NotDumpable
        | M::ParentDeathSignal
        | M::ChannelEnd
        | M::ApplicationKernel
        | M::WasmLimiter
        | M::SeccompNoExecutableMemory
        | M::OneThread => {}
    }
}

fn without_processes(cell: &mut NativeCell) {
    leave_out(cell, Namespace::Pid);
    // The kernel gives a proc(5) to who owns the pid namespace that it shows.
    let is_proc = |op: &RootOp| matches!(op, RootOp::Processes { .. });
    cell.root.retain(|op| !is_proc(op));
}

/// Takes out of a worker what is left out. It is told the rest by the one variable that it gets.
pub(crate) fn edit_worker(orders: &mut WardenOrders, worker: &mut WorkerOrders) {
    edit(orders);
    let off = off();
    if off.contains(&Mechanism::WasmLimiter) {
        worker.limits.memory_bytes_max = u64::MAX;
    }
    let own = [Mechanism::NotDumpable, Mechanism::SeccompNoExecutableMemory];
    if own.iter().any(|mechanism| off.contains(mechanism)) {
        orders.cell.init.env.extend(variable());
    }
}

fn leave_out(cell: &mut NativeCell, namespace: Namespace) {
    cell.namespaces.retain(|one| *one != namespace);
}

/// The host's root with all of its paths, as in a narrow cell.
fn without_root(cell: &mut NativeCell) {
    leave_out(cell, Namespace::Mount);
    cell.root.clear();
    for check in &mut cell.checks {
        check.at.clone_from(&check.source);
        (check.read_only, check.no_exec, check.mounted) = (false, false, Mounted::Not);
    }
}

fn writable(cell: &mut NativeCell) {
    for op in &mut cell.root {
        if let RootOp::Bind { access, .. } = op {
            *access = Access::Write;
        }
    }
    for check in &mut cell.checks {
        check.read_only = false;
    }
}

/// Ids are translated to one that only the cell's user namespace has.
fn same_owners(cell: &mut NativeCell) {
    for op in &mut cell.root {
        if let RootOp::Bind { owner, .. } = op {
            *owner = Owner::Same;
        }
    }
}

fn unlimited(cell: &mut NativeCell, limit: Rlimit) {
    cell.init.rlimits.retain(|(one, _)| *one != limit);
}

/// Puts a file system of the host's control groups into the root.
fn show_groups(orders: &mut WardenOrders) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let found = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let is_groups = right.starts_with("cgroup");
        is_groups.then(|| left.split(' ').nth(4)).flatten()
    });
    let Some((source, file)) = found.and_then(|at| Some((at, std::fs::metadata(at).ok()?))) else {
        return;
    };
    let (device, inode) = (file.dev(), file.ino());
    let identity = FileIdentity { device, inode };
    orders.sources.insert(source.to_owned(), identity);
    let place = |at: &str| RootOp::Directory { at: at.to_owned() };
    if orders.cell.root.is_empty() {
        return;
    }
    let at = "/sys/fs/cgroup".to_owned();
    // What brig shows a program there is covered then, and a rule could not name it.
    if let Some(landlock) = orders.cell.init.landlock.as_mut() {
        landlock.rules.retain(|rule| !rule.at.starts_with(&at));
    }
    orders.cell.root.extend(["/sys", "/sys/fs", &at].map(place));
    orders.cell.root.push(RootOp::Bind {
        source: source.to_owned(),
        at,
        access: Access::Read,
        exec: Exec::Denied,
        owner: Owner::Same,
    });
}

/// On the host's root, rules name what the host has.
fn keep_what_can_be_ruled(cell: &mut NativeCell) {
    let own_root = cell.namespaces.contains(&Namespace::Mount);
    if let Some(landlock) = cell.init.landlock.as_mut().filter(|_| !own_root) {
        let there =
            |at: &str| !at.starts_with(PROGRAM_FOLDER) && std::fs::exists(at).is_ok_and(|is| is);
        landlock.rules.retain(|rule| there(&rule.at));
    }
}
