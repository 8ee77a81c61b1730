//! `brig lock`: a record of what a server says of its tools, made from an instance of its own.

mod offer;

use super::approve::no_terminal;
use super::arguments::LockArguments;
use super::print;
use super::review::unwritten;
use crate::consent::{Answer, Asked, Start, Store, Terminal, screen};
use crate::exit::Exit;
use crate::lock::{artifact, text_of};
use crate::log::escape_whole;
use crate::replace::replace;
use crate::report::Refused;
use brig_policies::{Comparison, Lock, read_lock};
use offer::{Offered, offered};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Writes the lock anew, or tells how the server differs from it.
pub(super) fn lock(given: &LockArguments) -> Result<Exit, Refused> {
    let start = Start {
        manifest: &given.manifest,
        project: given.project.as_deref(),
        engine: given.engine.engine.as_deref(),
    };
    let asked = start.asked(false)?;
    let path = asked.places.lock_path();
    let before = before(&path, given.check)?;
    may_run(&asked, given)?;
    let digest = asked.subject().digest();
    let found = offered(start, &digest, &asked.policy)?;
    let now = Lock::new(
        asked.subject().says.clone(),
        artifact(&asked.planned.plan),
        found.offers(),
    );
    tell_unreadable(&found)?;
    if given.check {
        return checked(before.as_ref(), &now, given.json);
    }
    let now = match &before {
        Some(before) if given.keep => now.beside(before),
        Some(_) | None => now,
    };
    let text = now.to_text();
    replace(Path::new(&path), text.as_bytes(), None).map_err(|error| unwritten(&path, &error))?;
    let told = told(&path, before.as_ref(), &now);
    print(&told)?;
    approve(start, given.yes)
}

/// The lock as it is. One that nobody could have made is only in the way of a check: what is
/// written anew is reviewed as a whole.
fn before(path: &str, is_check: bool) -> Result<Option<Lock>, Refused> {
    let Some(text) = text_of(path)? else {
        if is_check {
            let message = format!("there is no lock `{path}` to check");
            let help = "`brig lock` writes it";
            return Err(Refused::one(Exit::Drifted, "lock-missing", message, help));
        }
        return Ok(None);
    };
    match read_lock(&text) {
        Ok(lock) => Ok(Some(lock)),
        Err(faults) if is_check => Err(Refused::lock(faults, path, &text)),
        Err(_) => Ok(None),
    }
}

/// A server runs only with consent, even to be looked at. The lock has no part in this one, since
/// it is what may have to be made anew.
fn may_run(asked: &Asked, given: &LockArguments) -> Result<(), Refused> {
    if !asked.is_asked() {
        return Ok(());
    }
    if let Some(digest) = &given.digest {
        asked.by_digest(digest)?;
        return Ok(());
    }
    let store = Store::open()?;
    if store.has_plan(asked.subject())? {
        return Ok(());
    }
    let screen = screen(asked, &store)?;
    let Some(mut terminal) = Terminal::open() else {
        print(&screen)?;
        let mut command = asked.command().replacen("approve", "lock", 1);
        if given.check {
            command.push_str(" --check");
        }
        let digest = asked.subject().digest();
        return Err(no_terminal(&format!("{command} --digest {digest}")));
    };
    let question = "Start it once, to ask for its tools?";
    if given.yes && terminal.show(&screen).is_ok()
        || !given.yes && terminal.ask(&screen, question) == Answer::Yes
    {
        return Ok(());
    }
    let message = "you did not let it start, so its tools are not known";
    Err(Refused::one(Exit::NotApproved, "not-approved", message, ""))
}

fn tell_unreadable(found: &Offered) -> Result<(), Refused> {
    if found.eras.is_empty() {
        let why = found
            .silent
            .as_deref()
            .unwrap_or("it answered in no era of the protocol");
        let message = format!("cannot ask the server for its tools: {why}");
        return Err(Refused::one(Exit::Failure, "lock-failed", message, ""));
    }
    let mut text = String::new();
    for (era, error) in &found.unreadable {
        let error = escape_whole(error.to_string().as_bytes());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "note: a tool of the {era} era is left out: {error}");
    }
    // Where standard error is closed there is nobody to tell; in a session each is told again.
    let _ = std::io::stderr().write_all(text.as_bytes());
    Ok(())
}

fn checked(before: Option<&Lock>, now: &Lock, as_json: bool) -> Result<Exit, Refused> {
    let Some(before) = before else {
        return Ok(Exit::Drifted);
    };
    let comparison = before.compare(now);
    print(&if as_json {
        format!("{:#}\n", json!(comparison))
    } else if comparison.is_empty() {
        format!(
            "the server is what was reviewed, {} tools\n",
            now.tools().len()
        )
    } else {
        lines(&comparison)
    })?;
    Ok(if comparison.is_empty() {
        Exit::Success
    } else {
        Exit::Drifted
    })
}

fn lines(comparison: &Comparison) -> String {
    let mut out = String::new();
    for line in comparison.lines() {
        let _ = writeln!(out, "{}", escape_whole(line.as_bytes()));
    }
    out
}

/// What was written, and in what it is new: everything where there was no lock.
fn told(path: &str, before: Option<&Lock>, now: &Lock) -> String {
    let path = escape_whole(path.as_bytes());
    let comparison = before.map_or_else(
        || {
            let nothing = now.eras().iter().map(|era| (*era, Vec::new()));
            Lock::new(now.manifest().clone(), now.artifact().cloned(), nothing).compare(now)
        },
        |before| before.compare(now),
    );
    let count = counted(now);
    let changes = lines(&comparison);
    if before.is_some() && changes.is_empty() {
        return format!("wrote {path}: {count}, all as before\n");
    }
    format!("{changes}wrote {path}: {count}\n")
}

/// How many tools there are, each variant counted.
fn counted(lock: &Lock) -> String {
    match lock.tools().len() {
        1 => "1 tool".to_owned(),
        count => format!("{count} tools"),
    }
}

/// The lock is another now, so what was approved is not what would start. Whoever made it at a
/// terminal is asked at once.
fn approve(start: Start<'_>, yes: bool) -> Result<Exit, Refused> {
    let asked = start.asked(true)?;
    let store = Store::open()?;
    if !asked.is_asked() || store.find(asked.subject())? {
        return Ok(Exit::Success);
    }
    let question = "Approve that it starts with this lock?";
    match Terminal::open() {
        Some(_) if yes => asked.keep(&store, "terminal").map(|_| ())?,
        Some(terminal) => asked.ask(&store, terminal, question).map(|_| ())?,
        None => {
            let command = escape_whole(asked.command().as_bytes());
            return print(&format!("next: review it, then `{command}`\n"));
        }
    }
    Ok(Exit::Success)
}
