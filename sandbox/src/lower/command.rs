//! A plan as the command line that starts its container by hand (docker-run(1), podman-run(1)).
//!
//! Nothing of brig is in it: no init, no Landlock, no bridge. [`UNSAID`] lists what it lacks.

use crate::cell::{Access, Cell, Exec, Identity, Mount, Rlimit};
use crate::engine::Engine;
use crate::plan::{ContainerPart, Plan, Value, secret_path};

/// What brig holds and no command line can say.
pub const UNSAID: &[&str] = &[
    "Landlock: mounts hold alone what it holds a second time, and an engine shows more of /proc \
     and /sys than a cell does",
    "each source is compared with the file that was decided on: an engine takes what is there",
    "links = false, and exec = false where the engine has no such mount",
    "the bounds are read back before the server starts",
    "the server ends with whoever started it: one that ignores the end of its input runs on",
    "nothing of the protocol is checked",
];

/// The words of the command. `image` is what to run, `profile` the path of the seccomp profile.
pub fn words(plan: &Plan, part: &ContainerPart, image: &str, profile: &str) -> Vec<String> {
    let cell = &plan.cell;
    let name = if part.engine == Engine::Podman {
        "podman"
    } else {
        "docker"
    };
    let mut words: Vec<String> = [name, "run", "--interactive", "--rm"]
        .map(str::to_owned)
        .into();
    let mut flag = |name: &str, value: String| words.push(format!("--{name}={value}"));
    flag("pull", "never".to_owned());
    flag("network", "none".to_owned());
    flag("read-only", "true".to_owned());
    flag("cap-drop", "ALL".to_owned());
    flag("security-opt", "no-new-privileges".to_owned());
    flag("security-opt", format!("seccomp={profile}"));
    flag("ipc", "private".to_owned());
    flag("cgroupns", "private".to_owned());
    flag("hostname", "brig".to_owned());
    flag("log-driver", "none".to_owned());
    flag("user", user(cell.identity));
    flag("workdir", part.directory.clone());
    bounds(cell, &mut flag);
    for mount in &cell.mounts {
        mounted(mount, part.engine, &mut flag);
    }
    for (name, value) in &plan.environment {
        flag(
            "env",
            match value {
                Value::Literal(text) => format!("{name}={text}"),
                // Its own value, as the shell has it.
                Value::Host(host) if host == name => name.clone(),
                Value::Host(host) => format!("{name}=${{{host}-}}"),
                // A secret's value stands in no command line: docker takes it from its own
                // environment, where whoever runs this puts it.
                Value::Secret(_) => name.clone(),
                Value::SecretFile(secret) => format!("{name}={}", secret_path(secret)),
            },
        );
    }
    flag("entrypoint", part.program.clone());
    words.push(image.to_owned());
    words.extend(plan.args.iter().cloned());
    words
}

fn user(identity: Identity) -> String {
    match identity {
        Identity::ServersHostId { id } => format!("{id}:{id}"),
        Identity::Caller { uid, gid, .. } => format!("{uid}:{gid}"),
        Identity::UnusedHostId | Identity::OfSentry => {
            let inside = crate::cell::ID_INSIDE;
            format!("{inside}:{inside}")
        }
    }
}

fn bounds(cell: &Cell, flag: &mut impl FnMut(&str, String)) {
    if let Some(bytes) = cell.group.memory_bytes_max {
        flag("memory", format!("{bytes}b"));
        flag("memory-swap", format!("{bytes}b"));
    }
    if let Some(count) = cell.group.processes_max {
        flag("pids-limit", count.to_string());
    }
    if let Some(milli) = cell.group.processor_milli {
        flag("cpus", format!("{}.{:03}", milli / 1000, milli % 1000));
    }
    for (limit, name) in [(Rlimit::OpenFiles, "nofile"), (Rlimit::Core, "core")] {
        if let Some(value) = cell.rlimits.get(&limit) {
            flag("ulimit", format!("{name}={value}:{value}"));
        }
    }
}

fn mounted(mount: &Mount, engine: Engine, flag: &mut impl FnMut(&str, String)) {
    match mount {
        Mount::Grant {
            source,
            at,
            access,
            exec,
            ..
        } => flag("mount", bind(source, at, *access, *exec, engine)),
        Mount::Held { source, at, .. } => {
            flag(
                "mount",
                bind(source, at, Access::Read, Exec::Allowed, engine),
            );
        }
        Mount::Kept { source, at, .. } => {
            flag(
                "mount",
                bind(source, at, Access::Write, Exec::Allowed, engine),
            );
        }
        Mount::Scratch { at, bytes_max, .. } if at == "/dev/shm" => {
            flag("shm-size", format!("{bytes_max}b"));
        }
        Mount::Scratch { at, bytes_max, .. } => {
            let how = format!("{at}:rw,nosuid,nodev,noexec,mode=1777,size={bytes_max}");
            flag("tmpfs", how);
        }
        Mount::Secrets { at } => flag("tmpfs", format!("{at}:ro,size=4k")),
        Mount::Volume { at } => flag("tmpfs", format!("{at}:ro,size=4k")),
        // The image's own, or the engine's.
        Mount::Image { .. }
        | Mount::Program { .. }
        | Mount::System { .. }
        | Mount::Folder { .. }
        | Mount::Text { .. }
        | Mount::Link { .. }
        | Mount::Processes { .. }
        | Mount::Device { .. }
        | Mount::Shown { .. } => {}
    }
}

/// The value of `--mount`, which is a line of CSV (RFC 4180).
fn bind(source: &str, at: &str, access: Access, exec: Exec, engine: Engine) -> String {
    let field = |name: &str, value: &str| {
        let text = format!("{name}={value}");
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    let mut fields = vec![
        "type=bind".to_owned(),
        field("source", source),
        field("destination", at),
    ];
    if access == Access::Read {
        fields.push("readonly".to_owned());
    }
    if engine == Engine::Podman && exec == Exec::Denied {
        fields.push("noexec".to_owned());
    }
    fields.push("bind-propagation=rprivate".to_owned());
    fields.join(",")
}
