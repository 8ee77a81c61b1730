//! The reference of the format, made from the same tables that the reader goes by.
//!
//! What a key means, takes and is without being written stands in its table; what a refused line
//! is told is asked of the reader itself, so that neither can differ from what brig does.

mod takes;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::fault::FaultCode;
use crate::grammar::{Key, SECTIONS, Section, Standing, never, top, variable};
use crate::places::Places;
use crate::resolve::check;

/// A key of the format with whole manifests that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The key with its section, such as `files.at`.
    pub path: String,
    /// A manifest that has it; `None` where the format only keeps the name.
    pub accepted: Option<String>,
    /// A manifest that has it wrong.
    pub refused: String,
    /// The only fault of that manifest.
    pub code: FaultCode,
}

/// Every key, with its examples.
pub fn examples() -> Vec<Example> {
    let example = |section: &Section, key: &Key| {
        let (refused, code) = key.refused?;
        Some(Example {
            path: path(section, key),
            accepted: key.is_read().then(|| whole(section, key, key.example)),
            refused: whole(section, key, refused),
            code,
        })
    };
    let keys = |section: &'static Section| section.keys.iter().map(move |key| (section, key));
    sections()
        .flat_map(keys)
        .filter_map(|(section, key)| example(section, key))
        .collect()
}

/// The reference of the whole format, as Markdown.
pub fn reference() -> String {
    let mut out = String::from(HEAD);
    for section in sections() {
        out.push_str(&chapter(section));
    }
    out.push_str("\n## What no manifest can say\n\n");
    for family in never::families() {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "- What {}: {}.", family.what, family.help);
    }
    out
}

/// The reference of one section (`files`) or of one key (`files.at`), as Markdown.
pub fn reference_of(asked: &str) -> Option<String> {
    if let Some(section) = sections().find(|section| slug(section) == asked) {
        return Some(chapter(section).trim_start().to_string());
    }
    sections().find_map(|section| {
        let key = section.keys.iter().find(|key| path(section, key) == asked);
        key.map(|key| entry(section, key).trim_start().to_string())
    })
}

const HEAD: &str = "# The manifest, key by key

`policies/src/manual.rs` makes this file from the tables that the reader itself goes by; a test
compares both, and `UPDATE=1` rewrites it. `brig reference` prints it, and `brig reference KEY` one
section or one key.

A manifest is one TOML file of at most 256 KiB. A key that is not written grants nothing, and a key
that is not below is a fault. What is not enforced yet is read and checked, and refused when a plan
is made. Values are data: nothing in them is expanded but the placeholders `~`, `{project}` and
`{config}` at the start of a path on the host. `brig explain-fault CODE` tells what a fault means.
";

fn sections() -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().copied().chain([&variable::SECTION])
}

fn is_top(section: &Section) -> bool {
    section.title == top::SECTION.title
}

/// The section as a path in the manifest.
fn slug(section: &Section) -> &'static str {
    match section.title {
        title if title == top::SECTION.title => "manifest",
        title if title == variable::SECTION.title => "env",
        title => title.trim_matches(['[', ']']),
    }
}

fn path(section: &Section, key: &Key) -> String {
    if is_top(section) {
        key.name.to_string()
    } else {
        format!("{}.{}", slug(section), key.name)
    }
}

fn chapter(section: &Section) -> String {
    let mut out = if is_top(section) {
        String::from("\n## The top of the file\n")
    } else if section.title == variable::SECTION.title {
        String::from("\n## `[env]`\n\nA variable is a string, or a table with these keys.\n")
    } else {
        let about = top::SECTION.key(slug(section)).map(|key| key.about);
        let about = about.map(|about| format!("\n{about}\n"));
        format!("\n## `{}`\n{}", section.title, about.unwrap_or_default())
    };
    for key in section.keys {
        out.push_str(&entry(section, key));
    }
    out
}

fn entry(section: &Section, key: &Key) -> String {
    let mut out = format!("\n### `{}`\n\n{}\n\n", path(section, key), key.about);
    if key.is_read() {
        let _ = writeln!(out, "- Takes {}.", takes::words(key.takes));
        let _ = writeln!(out, "- {}.", unless(section, key));
    }
    let _ = match standing(section, key) {
        Standing::Built => writeln!(out, "- Enforced: yes."),
        Standing::NotYet(meanwhile) => writeln!(out, "- Enforced: not yet; {meanwhile}."),
        Standing::Reserved(meanwhile) => writeln!(out, "- Not read yet; {meanwhile}."),
    };
    if key.is_read() {
        let _ = writeln!(out, "- Example: `{}`", key.example);
    }
    if let Some((refused, code)) = key.refused {
        let told = told(&whole(section, key, refused));
        let _ = writeln!(out, "- Refused: `{refused}` (`{code}`): {told}.");
    }
    out
}

/// The standing of a key, or of the section that it is part of.
fn standing(section: &Section, key: &Key) -> Standing {
    let outer = slug(section).split('.').next().unwrap_or_default();
    match top::SECTION.key(outer).map(|key| key.standing) {
        Some(Standing::NotYet(meanwhile)) => Standing::NotYet(meanwhile),
        Some(Standing::Built | Standing::Reserved(_)) | None => key.standing,
    }
}

/// What holds where the key is not written.
fn unless(section: &Section, key: &Key) -> String {
    if section.one_of.iter().any(|one| one.name == key.name) {
        let names: Vec<String> = section
            .one_of
            .iter()
            .map(|one| format!("`{}`", one.name))
            .collect();
        return format!("Exactly one of {} is written", names.join(", "));
    }
    if key.needed {
        return String::from("It has to be written");
    }
    let default = takes::default(key.takes);
    let default = default.unwrap_or_else(|| key.unless.to_string());
    format!("Unless written: {default}")
}

/// What the reader says of a manifest that is refused.
fn told(manifest: &str) -> String {
    let places = Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    };
    let faults = check(manifest, &places).err();
    let told = faults.iter().flat_map(|faults| faults.iter());
    let told: Vec<String> = told
        .map(|fault| format!("{}; {}", fault.message, fault.help))
        .collect();
    told.join("; ")
}

/// A manifest that has one line of a section, and otherwise as little as it can.
fn whole(section: &Section, key: &Key, line: &str) -> String {
    let server = "[server]\nname = \"notes\"\ncomponent = \"notes.wasm\"\n";
    let is_table = line.starts_with('[');
    if is_top(section) && !is_table {
        let format = if key.name == "brig" { "" } else { "brig = 1\n" };
        let server = if key.name == "server" { "" } else { server };
        return format!("{format}{line}\n\n{server}");
    }
    let server = if slug(section) == "server" || key.name == "server" {
        ""
    } else {
        server
    };
    let mut out = format!("brig = 1\n{server}");
    if is_table {
        let _ = writeln!(out, "\n{line}");
        let entry = SECTIONS.iter().find(|entry| entry.title == line);
        let lines = entry.map_or(&[][..], |entry| entry.whole);
        for line in lines {
            let _ = writeln!(out, "{line}");
        }
        return out;
    }
    let is_one = |name: &str| section.one_of.iter().any(|one| one.name == name);
    let stays = |other: &&&str| {
        let name = other.split(" =").next().unwrap_or_default();
        name != key.name && !(is_one(name) && is_one(key.name))
    };
    let header = match section.title {
        title if title == variable::SECTION.title => "[env]",
        title => title,
    };
    let _ = writeln!(out, "\n{header}");
    for other in section.whole.iter().filter(stays) {
        let _ = writeln!(out, "{other}");
    }
    let _ = writeln!(out, "{line}");
    out
}
