//! JSON values as text: in one form to be hashed, in another to be reviewed.

use alloc::string::String;
use core::fmt::Write as _;

use super::value::Value;
use super::visible::is_seen;

/// The columns within which a list of plain values stands on one line.
const COLUMNS: usize = 80;

impl Value {
    /// On one line without a blank, names in the order of their bytes, each character as it is but
    /// those that JSON must escape. Equal values have this text in common.
    pub(super) fn compact(&self) -> String {
        let mut out = String::new();
        self.write_compact(&mut out);
        out
    }

    /// In lines, with two blanks for each level, and with every character escaped that a reviewer
    /// could not see. No three quotes stand side by side, so that TOML's `'''` can hold it.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(0, &mut out);
        out
    }

    fn write_compact(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => write_text(text, Seen::AsItIs, out),
            Self::List(elements) => {
                out.push('[');
                for (count, element) in elements.iter().enumerate() {
                    if count > 0 {
                        out.push(',');
                    }
                    element.write_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (count, (name, value)) in members.iter().enumerate() {
                    if count > 0 {
                        out.push(',');
                    }
                    write_text(name, Seen::AsItIs, out);
                    out.push(':');
                    value.write_compact(out);
                }
                out.push('}');
            }
        }
    }

    fn write_pretty(&self, level: usize, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, Seen::Always, out),
            Self::Null | Self::Flag(_) | Self::Number(_) => self.write_compact(out),
            Self::List(elements) => {
                if let Some(line) = one_line(elements) {
                    out.push_str(&line);
                } else {
                    let elements = elements.iter().map(|element| (None, element));
                    write_lines(['[', ']'], elements, level, out);
                }
            }
            Self::Object(members) if members.is_empty() => out.push_str("{}"),
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| (Some(name), value));
                write_lines(['{', '}'], members, level, out);
            }
        }
    }
}

/// A list of plain values that is short enough.
fn one_line(elements: &[Value]) -> Option<String> {
    let mut line = String::from("[");
    for (count, element) in elements.iter().enumerate() {
        if matches!(element, Value::List(_) | Value::Object(_)) {
            return None;
        }
        if count > 0 {
            line.push_str(", ");
        }
        element.write_pretty(0, &mut line);
        if line.len() > COLUMNS {
            return None;
        }
    }
    line.push(']');
    Some(line)
}

fn write_lines<'v>(
    [open, close]: [char; 2],
    parts: impl Iterator<Item = (Option<&'v String>, &'v Value)>,
    level: usize,
    out: &mut String,
) {
    out.push(open);
    for (count, (name, value)) in parts.enumerate() {
        if count > 0 {
            out.push(',');
        }
        indent(level + 1, out);
        if let Some(name) = name {
            write_text(name, Seen::Always, out);
            out.push_str(": ");
        }
        value.write_pretty(level + 1, out);
    }
    indent(level, out);
    out.push(close);
}

fn indent(level: usize, out: &mut String) {
    out.push('\n');
    (0..level).for_each(|_| out.push_str("  "));
}

/// Whether a text is written to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Each character as it is.
    AsItIs,
    /// What cannot be seen as an escape, and so is every third of three quotes.
    Always,
}

fn write_text(text: &str, seen: Seen, out: &mut String) {
    let is_written = |letter: char| match letter {
        '"' | '\\' | '\u{0}'..='\u{1f}' => true,
        '\'' => seen == Seen::Always,
        _ => seen == Seen::Always && !is_seen(letter),
    };
    out.push('"');
    let mut rest = text;
    let mut quotes = 0;
    while let Some(at) = rest.find(is_written) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut letters = from.chars();
        if let Some(letter) = letters.next() {
            let run = if plain.is_empty() { quotes + 1 } else { 1 };
            quotes = if letter == '\'' && run < 3 { run } else { 0 };
            write_letter(letter, run, out);
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// A character that does not stand for itself, but for quotes that are not the third in a row.
fn write_letter(letter: char, run: usize, out: &mut String) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\'' if run < 3 => out.push(letter),
        _ => write_units(letter, out),
    }
}

/// As JSON escapes it: by its units of UTF-16.
fn write_units(letter: char, out: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}
