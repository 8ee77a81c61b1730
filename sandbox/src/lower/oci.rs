//! A plan as other runtimes take it: the seccomp profile of Docker's and Podman's engines, and the
//! configuration of an OCI runtime bundle (runtime-spec, config.md and config-linux.md).
//!
//! What only brig's own init and warden do has no words there: Landlock, the comparison of sources,
//! and the end of all that was started. [`Bundle::unsaid`] lists it.

use crate::cell::{Access, Cell, Exec, GrantKind, ID_INSIDE, Identity, Mount, Rlimit};
use crate::plan::{ContainerPart, Plan};
use crate::seccomp::{AT_ENTRY, InvalidProfile, Profile};
use serde_json::{Map, Value, json};

/// First of the host's ids that root's exported containers use.
const HOST_IDS: u32 = crate::cell::FIRST_UNUSED_HOST_ID;
/// How many ids a container knows of.
const IDS: u32 = 65_536;

/// A bundle: what stands in its folder beside the image's files.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// `config.json`.
    pub config: Value,
    /// Folders and empty files of the root that are mount points, with whether each is a file.
    pub places: Vec<(String, bool)>,
    /// Files of the root with their text.
    pub texts: Vec<(String, String)>,
    /// Links of the root, with where they lead.
    pub links: Vec<(String, String)>,
    /// What of the plan no bundle can say.
    pub unsaid: Vec<&'static str>,
}

/// The profile as an engine and a runtime read it (`linux.seccomp`).
pub fn seccomp(profile: &Profile) -> Result<Value, InvalidProfile> {
    with_always(profile, Vec::new())
}

/// The same for a container whose first program is brig's init, which puts the profile itself on
/// the server, as a second filter.
pub fn seccomp_at_entry(profile: &Profile) -> Result<Value, InvalidProfile> {
    with_always(profile, AT_ENTRY.iter().map(|call| call.name).collect())
}

/// Calls for which libraries use an older one where the kernel has none. Docker before 23 passes
/// over the errno of all others, and a program that is told EPERM for one of these gives up.
const FALLEN_BACK_FROM: &[&str] = &[
    "clone3",
    "close_range",
    "copy_file_range",
    "epoll_pwait2",
    "faccessat2",
    "fchmodat2",
    "futex_waitv",
    "io_uring_setup",
    "membarrier",
    "openat2",
    "pidfd_open",
    "rseq",
    "set_robust_list",
    "statx",
];

/// A profile with calls that are allowed whatever it says of them.
fn with_always(profile: &Profile, mut always: Vec<&str>) -> Result<Value, InvalidProfile> {
    let allow = "SCMP_ACT_ALLOW";
    let rules = profile.rules()?;
    let is_known = |name: &str| always.contains(&name) || rules.iter().any(|(c, _)| c.name == name);
    let mut refused = FALLEN_BACK_FROM.to_vec();
    refused.retain(|name| !is_known(name));
    let mut narrowed = Vec::new();
    for (call, rules) in rules {
        if always.contains(&call.name) {
            continue;
        }
        if rules.is_empty() {
            always.push(call.name);
        }
        for rule in rules {
            let args = rule.0.iter().map(|condition| {
                json!({
                    "index": condition.argument,
                    "op": "SCMP_CMP_MASKED_EQ",
                    "value": condition.mask,
                    "valueTwo": condition.value,
                })
            });
            let args: Vec<Value> = args.collect();
            narrowed.push(json!({ "names": [call.name], "action": allow, "args": args }));
        }
    }
    let mut syscalls = vec![json!({ "names": always, "action": allow })];
    syscalls.extend(narrowed);
    syscalls.push(json!({
        "names": refused, "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENOSYS,
    }));
    Ok(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": libc::ENOSYS,
        "architectures": [ARCHITECTURE],
        "syscalls": syscalls,
    }))
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: &str = "SCMP_ARCH_X86_64";
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: &str = "SCMP_ARCH_AARCH64";

/// The bundle of a container's plan. `env` is its whole environment, with the host's values as they
/// are now.
pub fn bundle(
    plan: &Plan,
    part: &ContainerPart,
    env: &[(String, String)],
) -> Result<Bundle, InvalidProfile> {
    let cell = &plan.cell;
    let mut bundle = Bundle {
        config: Value::Null,
        places: Vec::new(),
        texts: Vec::new(),
        links: Vec::new(),
        unsaid: UNSAID.to_vec(),
    };
    let mut mounts = vec![devices(&mut bundle)];
    mounts.extend(
        cell.mounts
            .iter()
            .filter_map(|mount| mounted(mount, &mut bundle)),
    );
    let env: Vec<String> = env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut args = vec![part.program.clone()];
    args.extend(plan.args.iter().cloned());
    let none: [&str; 0] = [];
    bundle.config = json!({
        "ociVersion": "1.1.0",
        "process": {
            "terminal": false,
            "user": { "uid": ID_INSIDE, "gid": ID_INSIDE, "umask": 0o022 },
            "args": args,
            "env": env,
            "cwd": part.directory,
            "capabilities": {
                "bounding": none, "effective": none, "permitted": none,
                "inheritable": none, "ambient": none,
            },
            "rlimits": rlimits(cell),
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "brig",
        "mounts": mounts,
        "annotations": { "dev.brig.server": plan.server, "dev.brig.plan": plan.digest() },
        "linux": linux(cell)?,
    });
    Ok(bundle)
}

/// What a runtime is not told, because it knows no such thing.
const UNSAID: &[&str] = &[
    "Landlock: mounts and namespaces hold alone what it holds a second time",
    "each source is compared with the file that was decided on: a runtime takes what is there",
    "links = false within a write grant",
    "translated owners: where root exports, a write grant must be writable for the container's id",
    "a time namespace, and a root whose parts nobody can list",
    "the server ends with whoever started it",
];

fn linux(cell: &Cell) -> Result<Value, InvalidProfile> {
    // Not that of time, which runtimes of 2023 refuse to know.
    let kinds = ["user", "mount", "pid", "network", "ipc", "uts", "cgroup"];
    let namespaces: Vec<Value> = kinds.iter().map(|kind| json!({ "type": kind })).collect();
    Ok(json!({
        "namespaces": namespaces,
        "uidMappings": ids(cell.identity, true),
        "gidMappings": ids(cell.identity, false),
        "resources": resources(cell),
        "seccomp": seccomp(&cell.calls_at_start)?,
        "rootfsPropagation": "private",
        "maskedPaths": MASKED,
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    }))
}

/// What of proc(5) is about the host and not about processes. brig's own cells have none of it
/// (`subset=pid`), for which a bundle has an option as well; these are for runtimes that drop it.
pub(super) const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// A runtime needs the root of the user namespace to set up; the server is another id.
fn ids(identity: Identity, users: bool) -> Value {
    match identity {
        Identity::UnusedHostId | Identity::ServersHostId { .. } | Identity::OfSentry => {
            json!([{ "containerID": 0, "hostID": HOST_IDS, "size": IDS }])
        }
        Identity::Caller { uid, gid, .. } => {
            let own = if users { uid } else { gid };
            json!([{ "containerID": ID_INSIDE, "hostID": own, "size": 1 }])
        }
    }
}

fn resources(cell: &Cell) -> Value {
    let mut resources = Map::new();
    if let Some(bytes) = cell.group.memory_bytes_max {
        // The second number is memory and swap together (config-linux.md, "Memory").
        resources.insert(
            "memory".to_owned(),
            json!({ "limit": bytes, "swap": bytes }),
        );
    }
    if let Some(count) = cell.group.processes_max {
        resources.insert("pids".to_owned(), json!({ "limit": count }));
    }
    if let Some(milli) = cell.group.processor_milli {
        let cpu = json!({ "quota": milli * 100, "period": 100_000 });
        resources.insert("cpu".to_owned(), cpu);
    }
    resources.insert(
        "devices".to_owned(),
        json!([{ "allow": false, "access": "rwm" }]),
    );
    Value::Object(resources)
}

fn rlimits(cell: &Cell) -> Vec<Value> {
    let limit = |(limit, value): (&Rlimit, &u64)| {
        let kind = resource(*limit);
        json!({ "type": kind, "soft": value, "hard": value })
    };
    cell.rlimits.iter().map(limit).collect()
}

fn resource(limit: Rlimit) -> &'static str {
    match limit {
        Rlimit::Core => "RLIMIT_CORE",
        Rlimit::Cpu => "RLIMIT_CPU",
        Rlimit::Data => "RLIMIT_DATA",
        Rlimit::LockedMemory => "RLIMIT_MEMLOCK",
        Rlimit::MessageQueues => "RLIMIT_MSGQUEUE",
        Rlimit::Nice => "RLIMIT_NICE",
        Rlimit::OpenFiles => "RLIMIT_NOFILE",
        Rlimit::Processes => "RLIMIT_NPROC",
        Rlimit::RealTimePriority => "RLIMIT_RTPRIO",
        Rlimit::Stack => "RLIMIT_STACK",
    }
}

/// A folder for the runtime's devices.
fn devices(bundle: &mut Bundle) -> Value {
    bundle.places.push(("/dev".to_owned(), false));
    json!({
        "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
        "options": ["nosuid", "noexec", "mode=755", "size=65536"],
    })
}

/// One mount of the configuration; what is no mount is noted in the bundle.
fn mounted(mount: &Mount, bundle: &mut Bundle) -> Option<Value> {
    let mut place = |at: &str, kind: GrantKind| {
        bundle.places.push((at.to_owned(), kind == GrantKind::File));
    };
    match mount {
        // The image's files are the root itself, brig's own program is not there, and a runtime
        // makes devices of its own: these and a terminal (config-linux.md, "Default Devices").
        Mount::Image { .. }
        | Mount::Program { .. }
        | Mount::Device { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        // No export has secrets.
        | Mount::Secrets { .. } => None,
        Mount::Folder { at } => {
            place(at, GrantKind::Directory);
            None
        }
        Mount::Text { at, text } => {
            bundle.texts.push((at.clone(), text.clone()));
            None
        }
        Mount::Link { at, to } => {
            // A runtime makes those of /dev itself (config-linux.md, "Default Devices").
            if !at.starts_with("/dev/") {
                bundle.links.push((at.clone(), to.clone()));
            }
            None
        }
        Mount::System {
            source, at, kind, ..
        } => {
            place(at, *kind);
            Some(bind(source, at, Access::Read, Exec::Allowed))
        }
        Mount::Grant {
            source,
            at,
            kind,
            access,
            exec,
            ..
        } => {
            place(at, *kind);
            Some(bind(source, at, *access, *exec))
        }
        Mount::Held {
            source, at, exec, ..
        } => Some(bind(source, at, Access::Read, *exec)),
        Mount::Kept { source, at, exec } => Some(bind(source, at, Access::Write, *exec)),
        Mount::Processes { at } => {
            place(at, GrantKind::Directory);
            Some(processes(at))
        }
        Mount::Scratch {
            at,
            bytes_max,
            inodes_max,
        } => {
            place(at, GrantKind::Directory);
            Some(scratch(at, *bytes_max, *inodes_max))
        }
    }
}

fn processes(at: &str) -> Value {
    json!({
        "destination": at, "type": "proc", "source": "proc",
        "options": ["ro", "nosuid", "nodev", "noexec", "subset=pid", "hidepid=invisible"],
    })
}

fn scratch(at: &str, bytes_max: u64, inodes_max: u64) -> Value {
    let (size, inodes) = (
        format!("size={bytes_max}"),
        format!("nr_inodes={inodes_max}"),
    );
    json!({
        "destination": at, "type": "tmpfs", "source": "tmpfs",
        "options": ["rw", "nosuid", "nodev", "noexec", "mode=1777", size, inodes],
    })
}

fn bind(source: &str, at: &str, access: Access, exec: Exec) -> Value {
    let access = match access {
        Access::Read => "ro",
        Access::Write => "rw",
    };
    let mut options = vec!["bind", access, "nosuid", "nodev", "private"];
    if exec == Exec::Denied {
        options.push("noexec");
    }
    json!({ "destination": at, "type": "bind", "source": source, "options": options })
}
