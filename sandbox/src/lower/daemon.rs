//! A plan as dockerd and Podman's service take it: the request that makes a container (Docker
//! Engine API, `ContainerCreate`).
//!
//! init is the entry point. It connects to a socket that is mounted beside it, and gets its orders,
//! the server's variables among them, and the server's three streams from there: the engine sees
//! neither a value nor a byte of the session.

mod network;

use super::native::{InitMode, Mounted, SourceCheck};
use super::oci::{MASKED, seccomp_at_entry};
use crate::cell::{
    Access, Cell, ControlGroup, Identity, Mount, PROGRAM_FOLDER, Rlimit, SECRETS_TMPFS_BYTES,
    SECRETS_TMPFS_INODES,
};
use crate::engine::Engine;
use crate::plan::{ContainerPart, Plan};
use crate::seccomp::InvalidProfile;
use bollard_stubs::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    Mount as DaemonMount, MountBindOptions, MountBindOptionsPropagationEnum, MountType,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use std::collections::HashMap;

pub use network::{NETWORK_CHANNEL_FILE, joined, network_request};

/// The label with the server's name.
pub const SERVER_LABEL: &str = "dev.brig.server";
/// The label with the plan's digest.
pub const PLAN_LABEL: &str = "dev.brig.plan";
/// The label that tells which warden made a container.
pub const OWNER_LABEL: &str = "dev.brig.owner";

/// What a request names of the moment in which it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The image by its digest, as the engine has it.
    pub image: String,
    /// A folder of brig's own, in which [`DaemonRequest::files`] are written.
    pub folder: String,
    /// Which warden makes it.
    pub owner: String,
}

/// What an engine is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct DaemonRequest {
    /// The request's body.
    pub body: ContainerCreateBody,
    /// Files to write before, by their names in the folder, with their text.
    pub files: Vec<(String, String)>,
}

/// init's program in the folder.
pub const INIT_FILE: &str = "init";
/// init's end of the channel in the folder.
pub const CHANNEL_FILE: &str = "channel";
/// The seccomp profile in the folder, for Podman, which takes a path.
pub const PROFILE_FILE: &str = "seccomp.json";
/// An empty folder in the folder.
pub const EMPTY_FOLDER: &str = "empty";

/// The request for a container of this plan.
pub fn request(
    plan: &Plan,
    part: &ContainerPart,
    moment: &Moment,
) -> Result<DaemonRequest, InvalidProfile> {
    let profile = seccomp_at_entry(&plan.cell.calls_at_start)?.to_string();
    let mut files = Vec::new();
    let profile = match part.engine {
        Engine::Podman => {
            files.push((PROFILE_FILE.to_owned(), profile));
            format!("{}/{PROFILE_FILE}", moment.folder)
        }
        Engine::Docker | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => profile,
    };
    let host = host(plan, part, moment, &profile, &mut files);
    let body = ContainerCreateBody {
        user: Some(user(&plan.cell, part)),
        host_config: Some(host),
        ..of_init(plan, moment, InitMode::Connect)
    };
    Ok(DaemonRequest { body, files })
}

/// A container whose first program is init. It has none of the engine's streams, nothing of what
/// the image starts by itself, and no variable: those come with init's orders.
fn of_init(plan: &Plan, moment: &Moment, mode: InitMode) -> ContainerCreateBody {
    let labels = [
        (SERVER_LABEL, plan.server.clone()),
        (PLAN_LABEL, plan.digest()),
        (OWNER_LABEL, moment.owner.clone()),
    ];
    let init = format!("{PROGRAM_FOLDER}/{INIT_FILE}");
    ContainerCreateBody {
        hostname: Some("brig".to_owned()),
        attach_stdin: Some(false),
        attach_stdout: Some(false),
        attach_stderr: Some(false),
        tty: Some(false),
        // A pipe, which nobody writes to: of a device a runtime may change the owner.
        open_stdin: Some(true),
        env: Some(Vec::new()),
        entrypoint: Some(vec![init, mode.argument().to_owned()]),
        cmd: Some(Vec::new()),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        image: Some(moment.image.clone()),
        working_dir: Some("/".to_owned()),
        network_disabled: Some(true),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        ..ContainerCreateBody::default()
    }
}

/// What no container of brig's has.
fn closed() -> HostConfig {
    HostConfig {
        init: Some(false),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        network_mode: Some("none".to_owned()),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        auto_remove: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        ipc_mode: Some("private".to_owned()),
        privileged: Some(false),
        publish_all_ports: Some(false),
        readonly_rootfs: Some(true),
        ..HostConfig::default()
    }
}

/// What the engine is told of the host's side. What it is not told is its default, of which this
/// overrides all that opens something.
fn host(
    plan: &Plan,
    part: &ContainerPart,
    moment: &Moment,
    profile: &str,
    files: &mut Vec<(String, String)>,
) -> HostConfig {
    let cell = &plan.cell;
    let ControlGroup {
        memory_bytes_max,
        processes_max,
        processor_milli,
    } = cell.group;
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let (mounts, mut memory) = mounts(cell, part.engine, moment, files);
    if part.engine == Engine::Podman {
        let free = |at: &&&str| !cell.mounts.iter().any(|mount| mount.at() == **at);
        let shut = OF_PODMAN.iter().filter(free);
        memory.extend(shut.map(|at| ((*at).to_owned(), "ro,size=4k".to_owned())));
    }
    let shared = cell.mounts.iter().find_map(|mount| {
        let Mount::Scratch { at, bytes_max, .. } = mount else {
            return None;
        };
        (at == SHARED_MEMORY).then(|| signed(*bytes_max))
    });
    HostConfig {
        memory: memory_bytes_max.map(signed),
        // Memory and swap together.
        memory_swap: memory_bytes_max.map(signed),
        nano_cpus: processor_milli.map(|milli| signed(milli * 1_000_000)),
        pids_limit: processes_max.map(signed),
        oom_kill_disable: Some(false),
        mounts: Some(mounts),
        tmpfs: Some(memory),
        ulimits: limits(cell, part),
        shm_size: shared,
        masked_paths: (part.engine == Engine::Docker).then(masked),
        security_opt: Some(vec![
            "no-new-privileges".to_owned(),
            format!("seccomp={profile}"),
        ]),
        userns_mode: users(part),
        ..closed()
    }
}

/// What of proc(5) and sysfs(5) is about the host and not about processes. Said at all, it stands
/// for the engine's own list, which has fewer.
fn masked() -> Vec<String> {
    let more = [
        "/proc/config.gz",
        "/proc/iomem",
        "/proc/ioports",
        "/proc/kallsyms",
        "/proc/modules",
    ];
    let all = MASKED.iter().chain(&more);
    all.map(|path| (*path).to_owned()).collect()
}

/// Podman raises the limits that a request does not name, which takes rights that it may lack. init
/// lowers them to the plan's.
fn limits(cell: &Cell, part: &ContainerPart) -> Option<Vec<ResourcesUlimits>> {
    if part.engine != Engine::Podman {
        return None;
    }
    let files = cell.rlimits.get(&Rlimit::OpenFiles).copied();
    let limit = |name: &str, value: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    };
    let files = files.map_or(ULIMIT, |files| i64::try_from(files).unwrap_or(ULIMIT));
    Some(vec![limit("nofile", files), limit("nproc", ULIMIT)])
}

/// Within what every host lets a service have.
const ULIMIT: i64 = 4096;
/// Memory that Podman makes beside a read-only root, unless it is asked for other.
const OF_PODMAN: &[&str] = &["/run", "/var/tmp"];

/// Where POSIX shared memory is (shm_overview(7)). An engine mounts it itself.
const SHARED_MEMORY: &str = "/dev/shm";

/// Podman without root's rights maps its caller to the server's id. dockerd that maps ids by itself
/// is asked not to: what its servers own on the host would be nobody's.
fn users(part: &ContainerPart) -> Option<String> {
    let inside = crate::cell::ID_INSIDE;
    match part.engine {
        Engine::Podman if part.rootless => Some(format!("keep-id:uid={inside},gid={inside}")),
        Engine::Docker => Some("host".to_owned()),
        Engine::Podman | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => None,
    }
}

fn user(cell: &Cell, part: &ContainerPart) -> String {
    let inside = crate::cell::ID_INSIDE;
    match (part.rootless, cell.identity) {
        (true, _) | (false, Identity::UnusedHostId | Identity::OfSentry) => {
            format!("{inside}:{inside}")
        }
        (false, Identity::ServersHostId { id }) => format!("{id}:{id}"),
        (false, Identity::Caller { uid, gid, .. }) => format!("{uid}:{gid}"),
    }
}

/// Mounts, and memory file systems.
fn mounts(
    cell: &Cell,
    engine: Engine,
    moment: &Moment,
    files: &mut Vec<(String, String)>,
) -> (Vec<DaemonMount>, HashMap<String, String>) {
    let own = |name: &str| format!("{}/{name}", moment.folder);
    let inside = |name: &str| format!("{PROGRAM_FOLDER}/{name}");
    let shown = |name: &str| bind(&own(name), &inside(name), Access::Read);
    let (mut mounts, mut memory) = (vec![shown(INIT_FILE), shown(CHANNEL_FILE)], HashMap::new());
    for mount in &cell.mounts {
        match mount {
            Mount::Grant {
                source, at, access, ..
            } => mounts.push(bind(source, at, *access)),
            Mount::Held { source, at, .. } | Mount::System { source, at, .. } => {
                mounts.push(bind(source, at, Access::Read));
            }
            Mount::Kept { source, at, .. } => mounts.push(bind(source, at, Access::Write)),
            Mount::Text { at, text } => {
                let name = format!("text-{}", files.len());
                mounts.push(bind(&own(&name), at, Access::Read));
                files.push((name, text.clone()));
            }
            Mount::Folder { at } => mounts.push(bind(&own(EMPTY_FOLDER), at, Access::Read)),
            Mount::Scratch {
                at,
                bytes_max,
                inodes_max,
            } if at != SHARED_MEMORY => {
                let own = Scratch {
                    bytes_max: *bytes_max,
                    inodes_max: *inodes_max,
                };
                memory.insert(at.clone(), own.how(engine, cell));
            }
            Mount::Secrets { at } => {
                let own = Scratch {
                    bytes_max: SECRETS_TMPFS_BYTES,
                    inodes_max: SECRETS_TMPFS_INODES,
                };
                memory.insert(at.clone(), own.how(engine, cell));
            }
            // No engine makes an anonymous volume read-only; memory in its place is.
            Mount::Volume { at } => {
                memory.insert(at.clone(), "ro,size=4k".to_owned());
            }
            // The image is the root, and the engine's own are processes, devices, links to them,
            // shared memory and bounds.
            Mount::Image { .. }
            | Mount::Program { .. }
            | Mount::Processes { .. }
            | Mount::Device { .. }
            | Mount::Link { .. }
            | Mount::Scratch { .. }
            | Mount::Shown { .. } => {}
        }
    }
    (mounts, memory)
}

/// A memory file system of the server's.
struct Scratch {
    bytes_max: u64,
    inodes_max: u64,
}

impl Scratch {
    fn how(&self, engine: Engine, cell: &Cell) -> String {
        let Self {
            bytes_max,
            inodes_max,
        } = self;
        // Runtimes give a memory file system the mode of the image's own folder, in which then
        // nobody but its owner could write.
        let owner = match (engine, cell.ids_inside()) {
            (Engine::Docker, Some((user, group))) => format!(",uid={user},gid={group}"),
            _ => String::new(),
        };
        // Podman knows no bound of inodes: there the group's memory bounds them.
        let inodes = match engine {
            Engine::Podman => String::new(),
            Engine::Docker | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => {
                format!(",nr_inodes={inodes_max}")
            }
        };
        format!("rw,nosuid,nodev,noexec,mode=1777,size={bytes_max}{inodes}{owner}")
    }
}

/// A part of the host, without what is mounted below it. Of a mount's flags an engine is told no
/// more than whether it can be changed; Landlock holds what its mounts do not.
fn bind(source: &str, at: &str, access: Access) -> DaemonMount {
    DaemonMount {
        source: Some(source.to_owned()),
        target: Some(at.to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(access == Access::Read),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            non_recursive: Some(true),
            ..MountBindOptions::default()
        }),
        ..DaemonMount::default()
    }
}

/// What init compares of a daemon's mounts: which file each is, and whether it can be changed.
/// Their other flags are the engine's.
pub fn checks(cell: &Cell) -> Vec<SourceCheck> {
    let mut checks = super::native::checks(cell);
    checks.retain(|check| check.mounted == Mounted::Files);
    for check in &mut checks {
        check.mounted = Mounted::Not;
        check.no_exec = false;
    }
    checks
}
