//! What a person reads before a server starts for the first time, or in another way than before.
//!
//! Nothing is cut: whoever writes a manifest would put what matters behind the cut.

use super::{Asked, Store};
use crate::lock::FoundLock;
use crate::log::escape_whole;
use crate::prepare::check_text;
use crate::report::Refused;
use crate::screen::{line, narrowed, part, rights, wrapped};
use brig_policies::{Digest, Lock, explain, read_lock, widen};
use brig_sandbox::plan::{ContainerPart, Isolation};
use std::fmt::Write as _;
use std::path::Path;

/// The exact program, every right with the most dangerous first, and what is new in it.
///
/// A lock with faults is no lock that anybody could approve.
pub(crate) fn screen(asked: &Asked, store: &Store) -> Result<String, Refused> {
    let lock = asked.read()?;
    let name = escape_whole(asked.policy.name().as_str().as_bytes());
    let mut out = format!("brig is to start `{name}`, which nobody approved like this.\n\n");
    what_runs(asked, &mut out);
    out.push('\n');
    rights(&name, &explain(&asked.policy), &mut out);
    narrowed(&asked.lowered, &mut out);
    tools(asked, lock.as_ref(), &mut out);
    out.push_str("\nstays open\n");
    for residual in &asked.planned.plan.residuals {
        let text = format!("{}: {}", residual.name, residual.reason);
        wrapped(&mut out, "  ", "    ", &text);
    }
    out.push_str(&changes(asked, lock.as_ref(), store));
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\ndigest       {}\n", asked.subject().digest());
    Ok(out)
}

fn what_runs(asked: &Asked, out: &mut String) {
    let plan = &asked.planned.plan;
    line(out, "manifest", &asked.subject().manifest);
    if let Some(project) = &asked.subject().project {
        line(out, "project", project);
    }
    match &plan.isolation {
        Isolation::Component(part) => {
            line(
                out,
                "runs",
                &format!("the WebAssembly of {}", part.artifact.path),
            );
            line(out, "", &format!("blake3 {}", part.artifact.digest));
        }
        Isolation::Container(part) => program(part, out),
    }
    for argument in &plan.args {
        line(out, "argument", argument);
    }
}

fn program(part: &ContainerPart, out: &mut String) {
    match &part.image {
        Some(image) => {
            line(out, "runs", &format!("the image {}", image.reference));
            line(out, "", &image.digest);
            line(out, "program", &part.program);
        }
        None => line(
            out,
            "runs",
            &format!("{}, a program of this host", part.program),
        ),
    }
    line(out, "as", &part.name);
}

/// What is known of the server's tools beforehand.
fn tools(asked: &Asked, lock: Option<&Lock>, out: &mut String) {
    out.push_str("\nits tools\n");
    let (Some(lock), Some(found)) = (lock, &asked.lock) else {
        let text = "are not locked: what they say they do may change at any time; `brig lock` \
                    makes a record to review, and holds the server to it";
        return wrapped(out, "  ", "  ", text);
    };
    let mut names: Vec<String> = lock
        .tools()
        .iter()
        .map(|locked| locked.tool().shown_name())
        .collect();
    names.dedup();
    let text = format!("are held to {}: {}", found.path, names.join(", "));
    wrapped(out, "  ", "    ", &text);
    let says = &asked.subject().says;
    if lock.manifest() != says {
        let text = "the manifest said something else when this lock was made; `brig lock --check` \
                    tells whether the tools are still the same";
        wrapped(out, "  ", "    ", text);
    }
}

/// What is another than what was approved last, of the same manifest and project.
fn changes(asked: &Asked, lock: Option<&Lock>, store: &Store) -> String {
    let Some((record, lock_before)) = store.last(asked.subject()) else {
        return String::new();
    };
    let mut out = format!("\nsince it was approved on {}\n", date(record.at_ms / 1000));
    let start = out.len();
    rights_changed(asked, &record.text, &mut out);
    let texts = (lock_before.as_deref(), asked.lock.as_ref());
    lock_changed(texts, lock, &mut out);
    let known = record.subject();
    let plan = known.map(|known| known.plan);
    if out.len() == start && plan.as_deref() == Some(&asked.subject().plan) {
        out.push_str("  no right changed; the manifest says the same in other words\n");
    } else if out.len() == start {
        out.push_str("  no right changed; this host, brig or what is run did\n");
    }
    out
}

fn rights_changed(asked: &Asked, before: &str, out: &mut String) {
    let manifest = Path::new(&asked.subject().manifest);
    let project = asked.places.project.as_deref().map(Path::new);
    let policy = |text: &str| check_text(manifest, text.to_owned(), project);
    let (Ok(before), Ok(now)) = (policy(before), policy(&asked.planned.manifest.1)) else {
        out.push_str("  what it was allowed then cannot be read any more\n");
        return;
    };
    let changes = widen(&before.policy, &now.policy);
    part(out, '+', "  it can also", &changes.widened);
    part(out, '-', "  it can no longer", &changes.narrowed);
    part(
        out,
        '~',
        "  and it is started in another way",
        &changes.other,
    );
}

fn lock_changed(
    (before, found): (Option<&str>, Option<&FoundLock>),
    now: Option<&Lock>,
    out: &mut String,
) {
    let digest = |text: &str| Digest::of(text.as_bytes());
    if before.map(digest) == found.map(FoundLock::digest) {
        return;
    }
    match (before.map(read_lock), now) {
        (Some(Ok(before)), Some(now)) => {
            out.push_str("  its lock\n");
            let lines = before.compare(now).lines();
            for line in &lines {
                let _ = writeln!(out, "    {}", escape_whole(line.as_bytes()));
            }
            if lines.is_empty() {
                out.push_str("    is another text that holds the same\n");
            }
        }
        (None | Some(Err(_)), Some(_)) => out.push_str("  a lock was put beside it\n"),
        (Some(_), None) => out.push_str("  its lock is gone\n"),
        (None, None) => {}
    }
}

/// The day of a moment, in UTC.
pub(crate) fn date(seconds: u64) -> String {
    // Days are counted from the first of March of the year 0, so that a leap day ends its year.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: u64, want: &str) {
        assert_eq!(date(seconds), want);
    }

    #[test]
    fn a_moment_has_its_day() {
        check(0, "1970-01-01");
        check(86_399, "1970-01-01");
        check(951_782_400, "2000-02-29");
        check(951_868_800, "2000-03-01");
        check(1_709_164_800, "2024-02-29");
        check(1_767_225_599, "2025-12-31");
        check(1_767_225_600, "2026-01-01");
        check(4_107_542_400, "2100-03-01");
    }
}
