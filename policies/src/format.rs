//! A manifest's text in its canonical layout: sections and keys in the order of the grammar, one
//! spelling for spaces and quotes, every comment kept beside what it is about.

mod lines;
mod value;

use alloc::string::String;
use alloc::vec::Vec;

use crate::fault::Faults;
use crate::grammar::{SECTIONS, Section, top};
use crate::manifest::read;
use lines::{Line, lines};
use value::{key, value};

/// Lays a manifest out anew. What it says stays the same, and so does every comment.
///
/// # Errors
///
/// Every fault of the text: what cannot be read cannot be moved about.
pub fn format(text: &str) -> Result<String, Faults> {
    read(text)?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut parts = parts(text);
    parts.sort_by_key(|part| part.rank);
    let mut out = String::with_capacity(text.len());
    for part in &parts {
        part.write(&mut out);
    }
    Ok(out)
}

/// A header with what stands below it; the first part has no header.
struct Part<'t> {
    rank: usize,
    /// The comments above the header.
    above: Vec<&'t str>,
    header: Option<(String, Option<&'t str>)>,
    entries: Vec<Entry<'t>>,
    /// Comments that are followed by nothing of the part.
    below: Vec<&'t str>,
}

/// One key with its value and its comments.
struct Entry<'t> {
    rank: usize,
    above: Vec<&'t str>,
    is_apart: bool,
    text: String,
    comment: Option<&'t str>,
}

/// Cuts a text at its headers. A comment goes with what follows it at once; one that a blank line
/// parts from what follows stays where it is.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::from([Part::new(0)]);
    let mut above: Vec<&str> = Vec::new();
    let mut is_apart = false;
    for line in lines(text) {
        let Some(part) = parts.last_mut() else {
            break;
        };
        match line {
            Line::Blank => {
                part.below.append(&mut above);
                is_apart = true;
            }
            Line::Comment(comment) => above.push(comment),
            Line::Header {
                path,
                text,
                comment,
            } => {
                let section = rank(&top::SECTION, path).saturating_add(1);
                let mut next = Part::new(section);
                next.above = core::mem::take(&mut above);
                next.header = Some((text, comment));
                parts.push(next);
                is_apart = false;
            }
            Line::Entry {
                key: name,
                value: written,
                comment,
            } => {
                let mut comments = core::mem::take(&mut part.below);
                comments.append(&mut above);
                part.entries.push(Entry {
                    rank: rank_of(part.header.as_ref(), name),
                    above: comments,
                    is_apart: core::mem::take(&mut is_apart),
                    text: alloc::format!("{} = {}", key(name), value(written)),
                    comment,
                });
            }
        }
    }
    if let Some(part) = parts.last_mut() {
        part.below.append(&mut above);
    }
    for part in &mut parts {
        part.entries.sort_by_key(|entry| entry.rank);
    }
    parts
}

/// Where a key stands among those of its section; variables stay in their author's order.
fn rank_of(header: Option<&(String, Option<&str>)>, name: &str) -> usize {
    let title = header.map_or(top::SECTION.title, |(text, _)| text);
    let section = SECTIONS.iter().find(|section| section.title == title);
    section.map_or(0, |section| rank(section, name))
}

fn rank(section: &Section, name: &str) -> usize {
    let first = name.split('.').next().unwrap_or(name).trim();
    let first = first.trim_matches(['"', '\'']);
    let place = section.keys.iter().position(|key| key.name == first);
    place.unwrap_or(section.keys.len())
}

impl Part<'_> {
    const fn new(rank: usize) -> Self {
        Self {
            rank,
            above: Vec::new(),
            header: None,
            entries: Vec::new(),
            below: Vec::new(),
        }
    }

    fn write(&self, out: &mut String) {
        let is_empty = self.header.is_none() && self.entries.is_empty() && self.below.is_empty();
        if is_empty {
            return;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        write_lines(&self.above, out);
        if let Some((header, comment)) = &self.header {
            write_line(header, *comment, out);
        }
        for (count, entry) in self.entries.iter().enumerate() {
            if entry.is_apart && count > 0 {
                out.push('\n');
            }
            write_lines(&entry.above, out);
            write_line(&entry.text, entry.comment, out);
        }
        if !self.below.is_empty() {
            if !self.entries.is_empty() {
                out.push('\n');
            }
            write_lines(&self.below, out);
        }
    }
}

fn write_lines(lines: &[&str], out: &mut String) {
    for line in lines {
        write_line(line, None, out);
    }
}

fn write_line(text: &str, comment: Option<&str>, out: &mut String) {
    out.push_str(text);
    if let Some(comment) = comment {
        out.push_str("  ");
        out.push_str(comment);
    }
    out.push('\n');
}
