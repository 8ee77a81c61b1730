//! `brig why`: what was refused in the last run of a server, and what would allow it.

use super::print;
use crate::consent::{date, quoted};
use crate::exit::Exit;
use crate::journal::{Past, Store, allowed_by, now_ms};
use crate::log::escape_whole;
use crate::places::whole;
use crate::report::Refused;
use crate::screen::{line, wrapped};
use brig_policies::{Digest, Entry, Kind, Remedy, Run, remedy};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What stands before the rest of a value that is longer than a line.
const MORE: &str = "             ";

/// Tells it.
pub(super) fn why(name: &str, json: bool) -> Result<Exit, Refused> {
    let store = Store::open()?;
    let manifest = manifest_of(name, &store)?;
    let runs = store.of_manifest(&manifest)?;
    if runs.is_empty() {
        let name = escape_whole(name.as_bytes());
        let message = format!("no run of `{name}` is known on this machine");
        let help = "name the manifest that was run by its path, or the server as its manifest does";
        return Err(Refused::one(Exit::Usage, "run-unknown", message, help));
    }
    if json {
        let runs: Vec<Value> = runs.iter().map(of_run).collect();
        return print(&format!("{:#}\n", json!(runs)));
    }
    let screens: Vec<String> = runs.iter().map(screen).collect();
    let manifest = quoted(&manifest);
    print(&format!(
        "{}\nWhat the kernel refuses to the server is not told to brig, but for a program that is \
         run with `brig run --trace`: `brig plan {manifest}` lists what it cannot do.\n",
        screens.join("\n")
    ))
}

/// A manifest by its path, or by the name of a server that ran.
pub(super) fn manifest_of(name: &str, store: &Store) -> Result<String, Refused> {
    let path = Path::new(name);
    if !name.contains('/') && !path.exists() {
        let manifests = store.manifests_of(name)?;
        match manifests.as_slice() {
            [] => {}
            [manifest] => return Ok(manifest.clone()),
            several => {
                let name = escape_whole(name.as_bytes());
                let message = format!("several manifests of a server called `{name}` ran here");
                let several: Vec<String> = several.iter().map(|it| quoted(it)).collect();
                let help = format!("name one by its path: {}", several.join(", "));
                return Err(Refused::one(Exit::Usage, "run-unknown", message, &help));
            }
        }
    }
    Ok(whole(path).display().to_string())
}

fn screen(past: &Past) -> String {
    let kept = &past.kept;
    let run = &kept.run;
    let mut out = String::new();
    if !run.server.is_empty() {
        line(&mut out, "server", &run.server);
    }
    line(&mut out, "manifest", &run.manifest);
    if let Some(project) = &run.project {
        line(&mut out, "project", project);
    }
    line(&mut out, "began", &moment(run.at_ms));
    match &kept.end {
        Some((how, at_ms)) => line(&mut out, "ended", &format!("{}: {how}", moment(*at_ms))),
        None if past.is_running => line(&mut out, "ended", "not yet"),
        None => line(
            &mut out,
            "ended",
            "brig was killed; the last counts are missing",
        ),
    }
    if is_changed(run) && kept.entries.iter().any(|it| it.incident.line.is_some()) {
        let note = "the manifest was changed since, and lines are counted in what it was";
        wrapped(&mut out, "note         ", MORE, note);
    }
    if kept.entries.is_empty() {
        out.push_str("\nnothing was refused\n");
    }
    for entry in &kept.entries {
        out.push('\n');
        refusal(entry, run, &mut out);
    }
    if kept.is_full {
        out.push_str("\nmore was refused than there was room for\n");
    }
    out
}

fn refusal(entry: &Entry, run: &Run, out: &mut String) {
    let incident = &entry.incident;
    let times = match entry.count {
        1 => "once".to_owned(),
        count => format!("{count} times, the last {}", moment(entry.last_ms)),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}: {times}", incident.kind.as_str());
    let why = if entry.is_rest {
        "further ones, each about something else"
    } else {
        &incident.why
    };
    wrapped(out, "  refused    ", MORE, why);
    if let Some(at) = incident.line {
        wrapped(
            out,
            "  decided by ",
            MORE,
            &format!("line {at} of the manifest"),
        );
    }
    // A start says itself what helps.
    if incident.kind != Kind::NotStarted {
        let words = allowed_by(&remedy(entry), incident.line);
        wrapped(out, "  allowed by ", MORE, &words);
    }
    if let Some(command) = command(entry, run) {
        let _ = writeln!(out, "  command    {}", escape_whole(command.as_bytes()));
    }
}

/// The command that would let it pass, as a shell takes it.
fn command(entry: &Entry, run: &Run) -> Option<String> {
    let manifest = quoted(&run.manifest);
    let project = run.project.as_ref();
    let project = project.map(|project| format!(" --project {}", quoted(project)));
    let project = project.unwrap_or_default();
    match remedy(entry) {
        Remedy::Grant {
            right, is_write, ..
        } => {
            let right = quoted(&right?);
            let write = if is_write { " --write" } else { "" };
            Some(format!("brig allow {manifest} {right}{write}{project}"))
        }
        Remedy::Review => Some(format!("brig lock {manifest}{project}")),
        Remedy::Change { .. } | Remedy::Nothing => None,
    }
}

/// Whether lines of the manifest may be others by now.
fn is_changed(run: &Run) -> bool {
    let now = fs::read(&run.manifest).ok().map(|text| Digest::of(&text));
    run.text.is_some() && run.text != now
}

fn of_run(past: &Past) -> Value {
    let kept = &past.kept;
    let run = &kept.run;
    let refused: Vec<Value> = kept.entries.iter().map(|it| of_entry(it, run)).collect();
    let (ended, ended_ms) = kept.end.clone().unzip();
    json!({
        "server": run.server, "manifest": run.manifest, "project": run.project,
        "began-ms": run.at_ms, "ended": ended, "ended-ms": ended_ms,
        "running": past.is_running, "manifest-changed": is_changed(run),
        "refused": refused, "full": kept.is_full,
    })
}

fn of_entry(entry: &Entry, run: &Run) -> Value {
    let incident = &entry.incident;
    let grant = match remedy(entry) {
        Remedy::Grant { section, line, .. } => Some(json!({ "section": section, "line": line })),
        Remedy::Change { section, keys } => Some(json!({ "section": section, "keys": keys })),
        Remedy::Review | Remedy::Nothing => None,
    };
    json!({
        "kind": incident.kind.as_str(), "by": incident.by.as_str(),
        "about": escape_whole(incident.about.as_bytes()), "cut": entry.is_cut,
        "rest": entry.is_rest, "why": incident.why, "line": incident.line, "count": entry.count,
        "first-ms": entry.first_ms, "last-ms": entry.last_ms,
        "remedy": { "manifest": grant, "command": command(entry, run) },
    })
}

/// A day and a time, with how long ago that was within the last hour.
fn moment(at_ms: u64) -> String {
    let seconds = at_ms / 1000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    let (day, second) = (date(seconds), seconds % 60);
    let ago = now_ms().saturating_sub(at_ms) / 60_000;
    let ago = match ago {
        0 => " (just now)".to_owned(),
        1..60 => format!(" ({ago} min ago)"),
        _ => String::new(),
    };
    format!("{day} {hours:02}:{minutes:02}:{second:02} UTC{ago}")
}
