//! How a plan reads.

mod network;

use crate::component::form::imports_of_network;
use crate::engine::{Chosen, Way};
use crate::log::escape;
use crate::prepare::Planned;
use brig_sandbox::cell::{Access, Cell, CellKind, Identity, Mount, Rlimit};
use brig_sandbox::plan::{ContainerPart, Isolation, Plan, Value, secret_path};
use network::network;
use std::fmt::Write as _;

/// The calls that the profile of moby allows without any condition (profiles/seccomp/default.json).
const MOBYS_CALLS: usize = 361;

/// For programs: the plan itself, with its digest.
pub(super) fn json(plan: &Plan) -> String {
    let value = serde_json::json!({ "digest": plan.digest(), "plan": plan });
    format!("{value:#}\n")
}

/// For people.
pub(super) fn text(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut out = String::new();
    rights(plan, &mut out);
    if let Some(words) = asks_in_vain(planned) {
        line(&mut out, "asks for", &words);
    }
    if let Isolation::Container(_) = plan.isolation {
        engine(&planned.chosen, &mut out);
    }
    bounds(plan, &mut out);
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "\ndenied, and what holds it here");
    for held in &plan.held {
        let by: Vec<String> = held.by.iter().map(kebab).collect();
        let _ = writeln!(out, "  {:<16} {}", held.denial.name(), by.join(", "));
    }
    let _ = writeln!(out, "\nstays open");
    for residual in &plan.residuals {
        let _ = writeln!(out, "  {:<22} {}", residual.name, residual.reason);
    }
    let _ = writeln!(out, "\ndigest       {}", plan.digest());
    out
}

fn rights(plan: &Plan, out: &mut String) {
    line(out, "server", &plan.server);
    let cell = match plan.cell.kind {
        CellKind::Full => format!("a full cell ({} namespaces)", plan.cell.namespaces.len()),
        CellKind::Narrow => "a narrow cell (this host has no user namespaces)".to_owned(),
    };
    match &plan.isolation {
        Isolation::Component(part) => {
            line(out, "isolation", &format!("component, in {cell}"));
            let (path, bytes) = (escape(part.artifact.path.as_bytes()), part.artifact.bytes);
            line(out, "artifact", &format!("{path} ({bytes} bytes)"));
            line(out, "", &format!("blake3 {}", part.artifact.digest));
        }
        Isolation::Container(part) => {
            line(out, "isolation", &format!("container, in {cell}"));
            if let Some(image) = &part.image {
                line(out, "image", &escape(image.reference.as_bytes()));
                line(out, "", &image.digest);
            }
            line(out, "program", &escape(part.program.as_bytes()));
            line(out, "family", &family(part));
            for runtime in &part.runtimes {
                let is = runtime.version.as_deref().unwrap_or("of no known version");
                let at = escape(runtime.at.as_bytes());
                let is = escape(is.as_bytes());
                line(out, "runtime", &format!("{at} of this host ({is})"));
            }
            if part.directory != "/" {
                line(out, "starts in", &escape(part.directory.as_bytes()));
            }
        }
    }
    line(out, "runs as", &identity(plan.cell.identity));
    if let Isolation::Container(part) = &plan.isolation {
        for answered in part.image.iter().flat_map(|image| &image.answered) {
            let asks = escape(answered.asks.as_bytes());
            line(
                out,
                "wish",
                &format!("{asks}: {}", escape(answered.gets.as_bytes())),
            );
        }
    }
    for text in plan.cell.mounts.iter().filter_map(grant) {
        line(out, "files", &text);
    }
    for text in plan.cell.mounts.iter().filter_map(part) {
        line(out, "stays", &text);
    }
    network(plan.egress.as_ref(), out);
    for (name, value) in &plan.environment {
        line(out, "variable", &variable(name, value));
    }
    for (about, text) in plan.rules.words() {
        line(out, about, &escape(text.as_bytes()));
    }
}

/// What a component imports and nobody answers, where no grant is.
fn asks_in_vain(planned: &Planned) -> Option<String> {
    let bytes = &planned.component.as_ref()?.bytes;
    let imported = imports_of_network(bytes);
    if planned.plan.egress.is_some() || imported.is_empty() {
        return None;
    }
    let names: Vec<&str> = imported
        .iter()
        .map(|name| name.trim_end_matches('/'))
        .collect();
    let names = names.join(" and ");
    Some(format!("{names}, in vain without a [[network]] entry"))
}

/// What makes the walls, why that one, and what is known against it.
fn engine(chosen: &Chosen, out: &mut String) {
    let engine = chosen.facts.engine;
    let told = match &chosen.way {
        Way::Own => "native: brig's own cell".to_owned(),
        Way::Program(program) => format!("{engine} ({})", program.display()),
        Way::Socket(socket, _) => {
            let rootless = if chosen.facts.rootless {
                ", without root's rights"
            } else {
                ""
            };
            let version = chosen.version.as_deref().unwrap_or("of no known version");
            format!("{engine} {version} on {}{rootless}", socket.display())
        }
    };
    line(out, "engine", &escape(told.as_bytes()));
    if let Some(reason) = &chosen.reason {
        line(out, "", reason);
    }
    for advisory in chosen.told_advisories() {
        line(out, "", &advisory);
    }
}

fn bounds(plan: &Plan, out: &mut String) {
    let start = plan.cell.calls_at_start.0.len();
    let calls = match &plan.isolation {
        Isolation::Component(part) => {
            let memory = size(part.worker.memory_bytes_max);
            line(
                out,
                "memory",
                &format!("{memory} for the guest, all its memories together"),
            );
            let loaded = part.calls_once_loaded.0.len();
            format!("{start} system calls at the start, {loaded} once the guest runs")
        }
        Isolation::Container(_) => {
            line(out, "memory", &memory(&plan.cell));
            format!("{start} system calls, where moby's default profile allows {MOBYS_CALLS}")
        }
    };
    line(out, "message", &size(plan.bridge.message_bytes_max));
    line(
        out,
        "start",
        &format!("{} ms to the first answer", plan.bridge.start_ms),
    );
    line(
        out,
        "call",
        &format!("{} ms, anew with each progress", plan.bridge.call_ms),
    );
    line(out, "calls", &calls);
}

/// What kind of program it is, and which groups of system calls it has.
fn family(part: &ContainerPart) -> String {
    let groups: Vec<&str> = part.groups.iter().map(String::as_str).collect();
    let groups = match groups.as_slice() {
        [] => "no group of system calls beyond those of every program".to_owned(),
        groups => format!("system calls of {}", groups.join(", ")),
    };
    format!("{}, with {groups}", part.family.name())
}

/// What bounds a program's memory here.
fn memory(cell: &Cell) -> String {
    match (cell.group.memory_bytes_max, cell.rlimits.get(&Rlimit::Data)) {
        (Some(bytes), _) => format!("{} for all its processes and /tmp together", size(bytes)),
        (None, Some(bytes)) => format!("{} for each of its processes", size(*bytes)),
        (None, None) => "unbounded".to_owned(),
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name:<12} {value}");
}

fn identity(identity: Identity) -> String {
    match identity {
        Identity::UnusedHostId => "a host id that nobody has, without capabilities".to_owned(),
        Identity::ServersHostId { id } => {
            format!("the host id {id}, which no account has, without capabilities")
        }
        Identity::OfSentry => {
            "a user of gVisor's kernel; what it makes belongs to the grant's owner".to_owned()
        }
        Identity::Caller { uid, gid, .. } => format!("you ({uid}:{gid}), without capabilities"),
    }
}

fn grant(mount: &Mount) -> Option<String> {
    match mount {
        Mount::Program { .. }
        | Mount::Image { .. }
        | Mount::Folder { .. }
        | Mount::Held { .. }
        | Mount::Kept { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Processes { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        | Mount::Device { .. } => None,
        Mount::Secrets { at } => Some(format!(
            "read {at}, memory with its secrets that ends with the server"
        )),
        Mount::System { at, .. } => Some(format!("read {at}, of this host's system")),
        Mount::Grant {
            source, at, access, ..
        } => {
            let access = match access {
                Access::Read => "read",
                Access::Write => "write",
            };
            let source = escape(source.as_bytes());
            Some(format!("{access} {source} as {}", escape(at.as_bytes())))
        }
        Mount::Scratch { at, bytes_max, .. } => Some(format!(
            "write {at}, memory of {} that ends with the server",
            size(*bytes_max)
        )),
    }
}

/// What of a write grant cannot be written.
fn part(mount: &Mount) -> Option<String> {
    match mount {
        Mount::Held { at, why, .. } => {
            let at = escape(at.as_bytes());
            Some(format!("read-only {at}, because {why}"))
        }
        Mount::Kept { at, .. } => {
            let at = escape(at.as_bytes());
            Some(format!("in place {at}, because what it holds is read-only"))
        }
        Mount::Program { .. }
        | Mount::Image { .. }
        | Mount::Folder { .. }
        | Mount::Grant { .. }
        | Mount::System { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Processes { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        | Mount::Device { .. }
        | Mount::Secrets { .. }
        | Mount::Scratch { .. } => None,
    }
}

fn variable(name: &str, value: &Value) -> String {
    match value {
        Value::Literal(text) => format!("{name} = {}", escape(text.as_bytes())),
        Value::Host(host) => format!("{name} from this host's {host}"),
        Value::Secret(secret) => format!("{name} from the secret {secret}"),
        Value::SecretFile(secret) => {
            format!("{name} = {} (the secret {secret})", secret_path(secret))
        }
    }
}

fn size(bytes: u64) -> String {
    for (unit, name) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << unit && bytes.is_multiple_of(1 << unit) {
            return format!("{} {name}", bytes >> unit);
        }
    }
    format!("{bytes} bytes")
}

/// A mechanism's stable name, the one that JSON has.
fn kebab(name: &impl serde::Serialize) -> String {
    serde_json::to_value(name)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}
