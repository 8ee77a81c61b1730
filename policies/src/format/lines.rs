//! A text of TOML, known to be one, cut into its lines; a value may take several.

use alloc::string::String;
use alloc::vec::Vec;

/// One line.
pub(super) enum Line<'t> {
    Blank,
    Comment(&'t str),
    Header {
        /// The dotted name within the brackets.
        path: &'t str,
        /// The header in its one spelling.
        text: String,
        comment: Option<&'t str>,
    },
    Entry {
        key: &'t str,
        value: &'t str,
        comment: Option<&'t str>,
    },
}

pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.trim_start_matches([' ', '\t']);
        let (line, after) = if start.starts_with('#') {
            let (comment, after) = to_end(start);
            (Line::Comment(comment), after)
        } else if start.starts_with('[') {
            header(start)
        } else if to_end(start).0.is_empty() {
            (Line::Blank, to_end(start).1)
        } else {
            entry(start)
        };
        lines.push(line);
        rest = after;
    }
    lines
}

/// What is left of a line without blanks at its end, and what follows it.
fn to_end(text: &str) -> (&str, &str) {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end(), after)
}

fn header(text: &str) -> (Line<'_>, &str) {
    let (open, close) = if text.starts_with("[[") {
        ("[[", "]]")
    } else {
        ("[", "]")
    };
    let inner = &text[open.len()..];
    let end = upto(inner, |rest| rest.starts_with(']'));
    let path = inner[..end].trim();
    let (after, next) = to_end(&inner[(end + close.len()).min(inner.len())..]);
    let line = Line::Header {
        path,
        text: alloc::format!("{open}{}{close}", super::value::key(path)),
        comment: comment(after),
    };
    (line, next)
}

fn entry(text: &str) -> (Line<'_>, &str) {
    let equals = upto(text, |rest| rest.starts_with('='));
    let key = text[..equals].trim();
    let after = text.get(equals + 1..).unwrap_or_default();
    let mut depth = 0_usize;
    let end = upto(after, |rest| {
        match rest.as_bytes().first() {
            Some(b'[' | b'{') => depth += 1,
            Some(b']' | b'}') => depth = depth.saturating_sub(1),
            Some(b'\n' | b'#') if depth == 0 => return true,
            Some(_) | None => {}
        }
        false
    });
    let (behind, next) = to_end(&after[end..]);
    let line = Line::Entry {
        key,
        value: after[..end].trim(),
        comment: comment(behind),
    };
    (line, next)
}

fn comment(text: &str) -> Option<&str> {
    let text = text.trim();
    text.starts_with('#').then_some(text)
}

/// The offset of the first place outside strings and inner comments at which the search ends.
pub(super) fn upto(text: &str, mut ends: impl FnMut(&str) -> bool) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if ends(rest) {
            return at;
        }
        at += match rest.as_bytes().first() {
            Some(b'"' | b'\'') => string(rest),
            Some(b'#') => rest.find('\n').unwrap_or(rest.len()),
            Some(_) | None => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    text.len()
}

/// How many bytes the string takes that a text starts with.
fn string(text: &str) -> usize {
    let quote = &text[..1];
    let long = quote.repeat(3);
    let mark = if text.starts_with(&long) {
        &long
    } else {
        quote
    };
    let mut at = mark.len();
    while at < text.len() {
        let rest = &text[at..];
        if quote == "\"" && rest.starts_with('\\') {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            at += 1 + escaped;
        } else if rest.starts_with(mark) {
            at += mark.len();
            // Up to two quotes may stand right before the three that close.
            let more = text[at..]
                .bytes()
                .take(2)
                .take_while(|byte| [*byte] == quote.as_bytes());
            return at + if mark.len() == 3 { more.count() } else { 0 };
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
