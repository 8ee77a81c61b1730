//! A plan as an OCI runtime takes it from brig: with init as its first program, in namespaces and
//! on a root that brig's warden makes (runtime-spec, config.md and config-linux.md).
//!
//! What the warden can make itself, it makes: the runtime gets a finished root, and adds the inner
//! namespaces, `/proc` and the devices, gives up rights, and puts a filter on.

use super::native::{InitMode, Mounted, NativeCell, Program, RootOp, native};
use super::oci::seccomp_at_entry;
use crate::cell::{Access, Cell, Exec, ID_INSIDE, Namespace, PROGRAM_FOLDER};
use crate::egress::Inside;
use crate::engine::Engine;
use crate::seccomp::InvalidProfile;
use serde_json::{Value, json};

/// The cell that a warden makes around a runtime, with what that runtime is told. Where there is
/// something in its network namespace, that one is the warden's.
pub fn runtime(
    cell: &Cell,
    program: Program,
    (engine, inside): (Engine, Option<Inside>),
    root: &str,
) -> Result<(NativeCell, Value), InvalidProfile> {
    let mut made = native(cell, program)?;
    made.inside = inside;
    let config = config(cell, &made, engine, root)?;
    made.root.retain(|op| is_made_around(op, engine));
    // After the folder of brig's own, which is the first step.
    let at = format!("{PROGRAM_FOLDER}/channel");
    made.root.insert(1, RootOp::File { at });
    for check in &mut made.checks {
        // Runtimes bind devices with flags of their own.
        if check.mounted == Mounted::Device {
            check.mounted = Mounted::Not;
            check.no_exec = false;
        }
    }
    made.init.mode = InitMode::Connect;
    if engine == Engine::Runsc {
        // Its kernel numbers files anew; the warden has compared them when it mounted them.
        made.checks.clear();
        made.init.landlock = None;
        // The namespaces that keep the runtime and its server together, and its sockets to itself.
        made.namespaces = vec![
            Namespace::Mount,
            Namespace::Pid,
            Namespace::Network,
            Namespace::Ipc,
            Namespace::Uts,
        ];
    } else {
        // The others are the runtime's own, within these.
        let inner = [Namespace::Network, Namespace::Ipc, Namespace::Uts];
        let shared = made.inside.as_ref().map(|_| Namespace::Network);
        made.namespaces
            .retain(|namespace| !inner.contains(namespace) || shared == Some(*namespace));
    }
    Ok((made, config))
}

/// Whether the warden does this step, and not the runtime.
fn is_made_around(op: &RootOp, engine: Engine) -> bool {
    match op {
        RootOp::Processes { .. } | RootOp::Device { .. } => false,
        RootOp::Scratch { at, .. } => !is_the_runtimes(at, engine),
        RootOp::Directory { .. }
        | RootOp::File { .. }
        | RootOp::Init { .. }
        | RootOp::Bind { .. }
        | RootOp::Image { .. }
        | RootOp::Link { .. }
        | RootOp::Text { .. }
        | RootOp::Over { .. } => true,
    }
}

/// crun and runc mount `/dev` anew, and lose what lies in it. gVisor's memory file systems are its
/// own, where a granted one would be the host's.
fn is_the_runtimes(at: &str, engine: Engine) -> bool {
    at.starts_with("/dev/") || engine == Engine::Runsc
}

fn config(
    cell: &Cell,
    made: &NativeCell,
    engine: Engine,
    root: &str,
) -> Result<Value, InvalidProfile> {
    let none: [&str; 0] = [];
    let (user, group) = cell.ids_inside().unwrap_or((ID_INSIDE, ID_INSIDE));
    // The user namespace is the warden's, in which the runtime is root.
    let kinds = ["mount", "pid", "network", "ipc", "uts", "cgroup"];
    let namespaces = kinds
        .iter()
        .filter(|kind| engine != Engine::Runsc || **kind != "cgroup");
    let namespaces = namespaces.filter(|kind| made.inside.is_none() || **kind != "network");
    let namespaces: Vec<Value> = namespaces.map(|kind| json!({ "type": kind })).collect();
    let init = format!("{PROGRAM_FOLDER}/init");
    let args = [init, InitMode::Connect.argument().to_owned()];
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": user, "gid": group },
            "args": args,
            "env": none,
            "cwd": "/",
            "capabilities": {
                "bounding": none, "effective": none, "permitted": none,
                "inheritable": none, "ambient": none,
            },
            "noNewPrivileges": true,
        },
        "root": { "path": root, "readonly": true },
        "hostname": "brig",
        "mounts": mounts(made, engine, root, (user, group)),
        "linux": {
            "namespaces": namespaces,
            "seccomp": seccomp_at_entry(&cell.calls_at_start)?,
            "rootfsPropagation": "private",
        },
    }))
}

fn mounts(made: &NativeCell, engine: Engine, root: &str, owner: (u32, u32)) -> Vec<Value> {
    let mut mounts = Vec::new();
    if engine != Engine::Runsc {
        // A `/dev` that is bound is one in which runtimes make nothing of their own.
        mounts.push(json!({
            "destination": "/dev", "type": "bind", "source": format!("{root}/dev"),
            "options": ["rbind", "ro", "nosuid", "nodev"],
        }));
    }
    for op in &made.root {
        match op {
            RootOp::Device { at } if engine != Engine::Runsc => mounts.push(json!({
                "destination": at, "type": "bind", "source": at,
                "options": ["bind", "nosuid", "noexec"],
            })),
            RootOp::Processes { at } => mounts.push(processes(at, engine)),
            RootOp::Scratch {
                at,
                bytes_max,
                inodes_max,
            } if is_the_runtimes(at, engine) => {
                mounts.push(scratch(at, *bytes_max, *inodes_max, owner));
            }
            // gVisor shows all of a root as one read-only mount.
            RootOp::Bind {
                at, access, exec, ..
            } if engine == Engine::Runsc => mounts.push(bind(root, at, *access, *exec)),
            RootOp::Over { at, access, .. } if engine == Engine::Runsc => {
                mounts.push(bind(root, at, *access, Exec::Denied));
            }
            RootOp::Device { .. }
            | RootOp::Scratch { .. }
            | RootOp::Directory { .. }
            | RootOp::File { .. }
            | RootOp::Init { .. }
            | RootOp::Bind { .. }
            | RootOp::Image { .. }
            | RootOp::Link { .. }
            | RootOp::Text { .. }
            | RootOp::Over { .. } => {}
        }
    }
    mounts
}

/// gVisor's `/proc` shows its own processes alone, and knows no options.
fn processes(at: &str, engine: Engine) -> Value {
    let mut options = vec!["ro", "nosuid", "nodev", "noexec"];
    if engine != Engine::Runsc {
        options.extend(["subset=pid", "hidepid=invisible"]);
    }
    json!({ "destination": at, "type": "proc", "source": "proc", "options": options })
}

/// What the warden has mounted in the root, by its place there.
fn bind(root: &str, at: &str, access: Access, exec: Exec) -> Value {
    let mut options = vec!["bind", if access == Access::Read { "ro" } else { "rw" }];
    if exec == Exec::Denied {
        options.push("noexec");
    }
    json!({
        "destination": at, "type": "bind", "source": format!("{root}{at}"), "options": options,
    })
}

/// It is the server's: runtimes give it the mode of the folder in which it is mounted.
fn scratch(at: &str, bytes_max: u64, inodes_max: u64, owner: (u32, u32)) -> Value {
    let (user, group) = (format!("uid={}", owner.0), format!("gid={}", owner.1));
    let (size, inodes) = (
        format!("size={bytes_max}"),
        format!("nr_inodes={inodes_max}"),
    );
    json!({
        "destination": at, "type": "tmpfs", "source": "tmpfs",
        "options": ["rw", "nosuid", "nodev", "noexec", "mode=1777", size, inodes, user, group],
    })
}
