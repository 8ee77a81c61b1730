//! `brig approve` and `brig approvals`: what this user approved on this machine.

use super::arguments::{Approvals, Approve};
use super::print;
use crate::consent::{Asked, Record, Start, Store, Terminal, date, screen};
use crate::exit::Exit;
use crate::log::escape_whole;
use crate::report::Refused;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The shortest part of a digest that stands for it.
const PREFIX_DIGITS_MIN: usize = 8;

/// Shows everything that a server may do, asks, and keeps the answer.
pub(super) fn approve(given: &Approve) -> Result<Exit, Refused> {
    let start = Start {
        manifest: &given.manifest,
        project: given.project.as_deref(),
        engine: given.engine.engine.as_deref(),
    };
    let asked = start.asked(true)?;
    asked.hold()?;
    let store = Store::open()?;
    if let Some(digest) = &given.digest {
        asked.by_digest(digest)?;
        asked.keep(&store, "digest")?;
    } else if store.find(asked.subject())? {
        let name = escape_whole(asked.policy.name().as_str().as_bytes());
        return print(&format!("`{name}` is approved as it is\n"));
    } else {
        by_person(&asked, &store, given.yes)?;
    }
    let name = escape_whole(asked.policy.name().as_str().as_bytes());
    let digest = asked.subject().digest();
    print(&format!("`{name}` is approved: {digest}\n"))
}

fn by_person(asked: &Asked, store: &Store, yes: bool) -> Result<(), Refused> {
    match Terminal::open() {
        Some(terminal) if !yes => {
            asked.ask(store, terminal, "Approve that it starts like this?")?;
        }
        Some(mut terminal) => {
            terminal.show(&screen(asked, store)?).map_err(|error| {
                let message = format!("cannot show what is approved: {error}");
                Refused::one(Exit::NotApproved, "not-approved", message, "")
            })?;
            asked.keep(store, "terminal")?;
        }
        None => {
            print(&screen(asked, store)?)?;
            return Err(no_terminal(&format!(
                "{} --digest {}",
                asked.command(),
                asked.subject().digest()
            )));
        }
    }
    Ok(())
}

/// Nobody could have read what there was to read.
pub(super) fn no_terminal(command: &str) -> Refused {
    let help = format!("whoever has read all of it says so by `{command}`");
    let message = "there is no terminal to ask at";
    Refused::one(Exit::NotApproved, "no-terminal", message, &help)
}

/// Lists approvals, or takes some back.
pub(super) fn approvals(given: &Approvals) -> Result<Exit, Refused> {
    let store = Store::open()?;
    let all = store.all()?;
    match given {
        Approvals::Ls { json } => print(&if *json {
            format!("{:#}\n", list(&all))
        } else {
            table(&all)
        }),
        Approvals::Revoke { all: true, .. } => revoke(&store, all.iter().map(|(name, _)| name)),
        Approvals::Revoke { what, all: false } => {
            let mut meant = Vec::new();
            for word in what {
                let found = all
                    .iter()
                    .filter(|(name, record)| is_meant(word, name, record));
                let found: Vec<&String> = found.map(|(name, _)| name).collect();
                if found.is_empty() {
                    let word = escape_whole(word.as_bytes());
                    let message = format!("nothing that is approved is called `{word}`");
                    let help = "name a manifest, a server or a digest that `brig approvals ls` has";
                    return Err(Refused::one(Exit::Usage, "approval-unknown", message, help));
                }
                meant.extend(found);
            }
            meant.dedup();
            revoke(&store, meant.into_iter())
        }
    }
}

fn revoke<'n>(store: &Store, names: impl Iterator<Item = &'n String>) -> Result<Exit, Refused> {
    let mut out = String::new();
    for name in names {
        store.remove(name)?;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "revoked {name}");
    }
    print(&out)
}

/// By its digest or the start of it, its server's name, or its manifest, there or gone.
fn is_meant(word: &str, name: &str, record: &Record) -> bool {
    let is_prefix = word.len() >= PREFIX_DIGITS_MIN && name.starts_with(word);
    let given = Path::new(word);
    let path = fs::canonicalize(given).or_else(|_| std::path::absolute(given));
    let is_path = path.is_ok_and(|path| path == Path::new(&record.manifest));
    is_prefix || record.server == word || is_path
}

fn list(all: &[(String, Record)]) -> serde_json::Value {
    let entry = |(name, record): &(String, Record)| {
        let mut entry = serde_json::json!(record);
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("text");
            entry.insert("digest".to_owned(), name.clone().into());
        }
        entry
    };
    all.iter().map(entry).collect()
}

fn table(all: &[(String, Record)]) -> String {
    if all.is_empty() {
        return "nothing is approved\n".to_owned();
    }
    let mut out = String::new();
    for (name, record) in all {
        let (day, server) = (
            date(record.at_ms / 1000),
            escape_whole(record.server.as_bytes()),
        );
        let short = name.get(..16).unwrap_or(name);
        let manifest = escape_whole(record.manifest.as_bytes());
        let project = record.project.as_ref().map(|project| {
            let project = escape_whole(project.as_bytes());
            format!(" in {project}")
        });
        let gone = if Path::new(&record.manifest).exists() {
            ""
        } else {
            " (gone)"
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{short}  {day}  {server:<16} {manifest}{}{gone}",
            project.unwrap_or_default()
        );
    }
    out
}
