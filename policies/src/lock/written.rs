//! A lock as text: one layout, so that a change of a tool is the change of its lines.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use super::value::Value;
use super::visible::is_seen;
use super::{Era, Lock, LockedArtifact, LockedTool};
use crate::grammar::Key;
use crate::grammar::lock::{
    ANNOTATIONS, ARTIFACT, COMPONENT, DESCRIPTION, ERAS, HASH, IMAGE, INPUT, LOCK, MANIFEST, MORE,
    NAME, OUTPUT, TITLE, TOOL,
};
use crate::manifest::FORMAT;

const HEAD: &str = "\
# What was reviewed of this server. `brig lock` writes it; it grants nothing, and a server whose
# tools are not these is held back until somebody looks at them.
";

impl Lock {
    /// The text: what [`read_lock`](crate::read_lock) reads into an equal lock. Equal locks have
    /// one text, and no character stands in it that a reviewer could not see.
    pub fn to_text(&self) -> String {
        let mut out = String::from(HEAD);
        line(&mut out, &LOCK, FORMAT);
        line(&mut out, &MANIFEST, &single(self.manifest.as_str()));
        line(&mut out, &ERAS, &eras(&self.eras));
        if let Some(artifact) = &self.artifact {
            let (key, digest) = match artifact {
                LockedArtifact::Component(digest) => (COMPONENT, digest),
                LockedArtifact::Image(digest) => (IMAGE, digest),
            };
            let _ = write!(out, "\n{}\n", ARTIFACT.example);
            line(&mut out, &key, &single(digest.as_str()));
        }
        for tool in &self.tools {
            tool.write(&mut out);
        }
        out
    }
}

impl LockedTool {
    fn write(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{}\n", TOOL.example);
        let tool = &self.tool;
        line(out, &NAME, &single(&tool.name));
        line(out, &ERAS, &eras(&self.eras));
        line(out, &HASH, &single(self.digest.as_str()));
        for (key, text) in [(TITLE, &tool.title), (DESCRIPTION, &tool.description)] {
            if let Some(text) = text {
                line(out, &key, &string(text));
            }
        }
        let parts = [
            (INPUT, &tool.input),
            (OUTPUT, &tool.output),
            (ANNOTATIONS, &tool.annotations),
        ];
        for (key, value) in parts {
            if let Some(value) = value {
                line(out, &key, &json(value));
            }
        }
        if !tool.more.is_empty() {
            line(out, &MORE, &json(&Value::Object(tool.more.clone())));
        }
    }
}

fn line(out: &mut String, key: &Key, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{} = {value}", key.name);
}

fn eras<'e>(eras: impl IntoIterator<Item = &'e Era>) -> String {
    let names: alloc::vec::Vec<String> = eras.into_iter().map(|era| format!("\"{era}\"")).collect();
    format!("[{}]", names.join(", "))
}

/// JSON in lines between TOML's `'''`, which takes a backslash for itself.
fn json(value: &Value) -> String {
    format!("'''\n{}'''", value.pretty())
}

/// A text on one line, or as many as it has.
fn string(text: &str) -> String {
    if text.contains('\n') {
        lines(text)
    } else {
        single(text)
    }
}

fn single(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            _ => write_letter(letter, &mut out),
        }
    }
    out.push('"');
    out
}

/// Between TOML's `"""`, so that a review sees the lines that a model sees. A blank at the end of a
/// line is escaped: it cannot be seen there, and editors take it away.
fn lines(text: &str) -> String {
    let mut out = String::from("\"\"\"\n");
    let mut letters = text.chars().peekable();
    let mut before = '\n';
    while let Some(letter) = letters.next() {
        let is_last = letters.peek().is_none_or(|next| *next == '\n');
        match letter {
            '\n' => out.push('\n'),
            '"' if before == '"' || letters.peek().is_none() => out.push_str("\\\""),
            '"' => out.push('"'),
            ' ' if is_last => out.push_str("\\u0020"),
            _ => write_letter(letter, &mut out),
        }
        before = letter;
    }
    out.push_str("\"\"\"");
    out
}

/// A character of a basic string, other than a quote.
fn write_letter(letter: char, out: &mut String) {
    let code = u32::from(letter);
    match letter {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if is_seen(letter) => out.push(letter),
        // Writing to a String cannot fail, here and below.
        _ if code <= 0xFFFF => {
            let _ = write!(out, "\\u{code:04x}");
        }
        _ => {
            let _ = write!(out, "\\U{code:08x}");
        }
    }
}
