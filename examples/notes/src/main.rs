//! An MCP server that keeps notes: it reads those of one folder and writes drafts into another.
//!
//! The folders are `/notes` and `/drafts`, where its manifest puts them; `NOTES_DIR` and
//! `NOTES_DRAFTS` name others, for a run without brig. Without a folder for drafts, they go
//! among the notes.

mod folder;

use folder::{Folder, Name};
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Server, Tool};

/// How long `wait_for_change` waits at most, so that a client is never held for good.
const WAIT_MS_MAX: u64 = 60_000;
/// How often `wait_for_change` looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const NAME: Argument = Argument::required("name", Kind::Text, "The note's name, without .md");

const TOOLS: &[Tool] = &[
    Tool {
        name: "list_notes",
        description: "Lists the names of all notes",
        arguments: &[],
        call: list_notes,
    },
    Tool {
        name: "read_note",
        description: "Reads one note",
        arguments: &[NAME],
        call: read_note,
    },
    Tool {
        name: "write_note",
        description: "Writes a draft, over an older draft of the same name",
        arguments: &[
            NAME,
            Argument::required("text", Kind::Text, "The whole text of the note"),
        ],
        call: write_note,
    },
    Tool {
        name: "search_notes",
        description: "Finds the lines that hold a text, whatever its case",
        arguments: &[Argument::required("text", Kind::Text, "What to look for")],
        call: search_notes,
    },
    Tool {
        name: "wait_for_change",
        description: "Waits until a note is added, removed or changed",
        arguments: &[Argument::required(
            "ms",
            Kind::Integer,
            "How long to wait, up to 60000",
        )],
        call: wait_for_change,
    },
];

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    stdio_server::run(&Server {
        name: "notes",
        version,
        tools: &[TOOLS],
    })
}

fn list_notes(_call: &mut Call<'_, '_>) -> Outcome {
    let names: Vec<_> = all_notes()?
        .into_iter()
        .map(|(_, name)| name.to_string())
        .collect();
    Ok(Answer::Text(names.join("\n")))
}

fn read_note(call: &mut Call<'_, '_>) -> Outcome {
    let name: Name = call.text("name")?.parse()?;
    let found = folders().into_iter().find(|folder| folder.has(&name));
    Ok(Answer::Text(found.unwrap_or_else(notes).read(&name)?))
}

fn write_note(call: &mut Call<'_, '_>) -> Outcome {
    let name: Name = call.text("name")?.parse()?;
    drafts()
        .unwrap_or_else(notes)
        .write(&name, call.text("text")?)?;
    Ok(Answer::Text(format!("wrote {name}")))
}

fn search_notes(call: &mut Call<'_, '_>) -> Outcome {
    let wanted = call.text("text")?.to_lowercase();
    let mut hits = Vec::new();
    for (folder, name) in all_notes()? {
        let text = folder.read(&name)?;
        let lines = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| line.to_lowercase().contains(&wanted));
        hits.extend(lines.map(|(line, number)| format!("{name}:{number}: {line}")));
    }
    Ok(Answer::Text(hits.join("\n")))
}

fn wait_for_change(call: &mut Call<'_, '_>) -> Outcome {
    let wait = Duration::from_millis(call.integer("ms")?.min(WAIT_MS_MAX));
    let (start, before) = (Instant::now(), state()?);
    while start.elapsed() < wait {
        thread::sleep(LOOK_EVERY.min(wait.saturating_sub(start.elapsed())));
        if state()? != before {
            return Ok(Answer::Text("the notes have changed".into()));
        }
    }
    Ok(Answer::Text("nothing has changed".into()))
}

fn notes() -> Folder {
    Folder::new(env::var_os("NOTES_DIR").map_or_else(|| PathBuf::from("/notes"), PathBuf::from))
}

fn drafts() -> Option<Folder> {
    let path = env::var_os("NOTES_DRAFTS").map_or_else(|| PathBuf::from("/drafts"), PathBuf::from);
    path.is_dir().then(|| Folder::new(path))
}

/// Where notes are looked for: a draft hides the note that it is to replace.
fn folders() -> Vec<Folder> {
    drafts().into_iter().chain([notes()]).collect()
}

fn all_notes() -> Result<Vec<(Folder, Name)>, folder::Unusable> {
    let mut found: Vec<(Folder, Name)> = Vec::new();
    for folder in folders() {
        for name in folder.names()? {
            if !found.iter().any(|(_, known)| *known == name) {
                found.push((folder.clone(), name));
            }
        }
    }
    found.sort_by(|(_, one), (_, other)| one.cmp(other));
    Ok(found)
}

/// All notes with their text, to be compared. Times would be cheaper, but a file system may keep
/// them to the second.
fn state() -> Result<Vec<(Name, String)>, folder::Unusable> {
    let notes = all_notes()?.into_iter();
    notes
        .map(|(folder, name)| folder.read(&name).map(|text| (name, text)))
        .collect()
}
