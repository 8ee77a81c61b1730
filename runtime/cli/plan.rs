//! How a plan reads.

use crate::log::escape;
use crate::prepare::Planned;
use brig_sandbox::cell::{Access, Identity, Mount};
use brig_sandbox::plan::{Plan, Value};
use std::fmt::Write as _;

/// For programs: the plan itself, with its digest.
pub(super) fn json(plan: &Plan) -> String {
    let value = serde_json::json!({ "digest": plan.digest(), "plan": plan });
    format!("{value:#}\n")
}

/// For people.
pub(super) fn text(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<12} {value}");
    };
    line("server", plan.server.clone());
    line("isolation", format!("component, in a full cell ({} namespaces)", plan.cell.namespaces.len()));
    line("artifact", format!("{} ({} bytes)", escape(plan.artifact.path.as_bytes()), plan.artifact.bytes));
    line("", format!("blake3 {}", plan.artifact.digest));
    line("runs as", identity(plan.cell.identity));
    for mount in &plan.cell.mounts {
        if let Some(text) = grant(mount) {
            line("files", text);
        }
    }
    line("network", "none".to_owned());
    for (name, value) in &plan.environment {
        line("variable", variable(name, value));
    }
    line("memory", format!("{} for the guest, all its memories together", size(plan.worker.memory_bytes_max)));
    line("message", size(plan.bridge.message_bytes_max));
    line("start", format!("{} ms to the first answer", plan.bridge.start_ms));
    line("call", format!("{} ms, anew with each progress", plan.bridge.call_ms));
    line("calls", format!(
        "{} system calls at the start, {} once the guest runs",
        plan.cell.calls_at_start.0.len(), plan.calls_once_loaded.0.len(),
    ));
    let _ = writeln!(out, "\ndenied, and what holds it here");
    for held in &plan.held {
        let by: Vec<String> = held.by.iter().map(|by| kebab(by)).collect();
        let _ = writeln!(out, "  {:<16} {}", held.denial.name(), by.join(", "));
    }
    let _ = writeln!(out, "\nstays open");
    for residual in &plan.residuals {
        let _ = writeln!(out, "  {:<22} {}", residual.name, residual.reason);
    }
    let _ = writeln!(out, "\ndigest       {}", plan.digest());
    out
}

fn identity(identity: Identity) -> String {
    match identity {
        Identity::UnusedHostId => "a host id that nobody has, without capabilities".to_owned(),
        Identity::Caller { uid, gid } => format!("you ({uid}:{gid}), without capabilities"),
    }
}

fn grant(mount: &Mount) -> Option<String> {
    match mount {
        Mount::Program { .. } => None,
        Mount::Grant { source, at, access, .. } => {
            let access = match access {
                Access::Read => "read",
                Access::Write => "write",
            };
            let source = escape(source.as_bytes());
            Some(format!("{access} {source} as {}", escape(at.as_bytes())))
        }
        Mount::Scratch { at, bytes_max, .. } => {
            Some(format!("write {at}, memory of {} that ends with the server", size(*bytes_max)))
        }
    }
}

fn variable(name: &str, value: &Value) -> String {
    match value {
        Value::Literal(text) => format!("{name} = {}", escape(text.as_bytes())),
        Value::Host(host) => format!("{name} from this host's {host}"),
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
    serde_json::to_value(name).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
