//! Texts that people read before they decide: in lines of a screen, and never cut.

use crate::log::escape_whole;
use brig_policies::{Change, Explanation, Lowered, Right};
use std::fmt::Write as _;

/// The columns of a screen. A terminal that is narrower breaks the lines itself.
const COLUMNS: usize = 100;

/// What a server can, together and not at all, the most dangerous first.
pub(crate) fn rights(name: &str, explanation: &Explanation, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "`{}` can", escape_whole(name.as_bytes()));
    if explanation.rights.is_empty() {
        out.push_str("  talk to its client, and nothing else\n");
    }
    let alike =
        |one: &Right, other: &Right| (one.danger, &one.means) == (other.danger, &other.means);
    for rights in explanation.rights.chunk_by(alike) {
        for right in rights {
            let danger = format!("  {:<8} ", kebab(&right.danger));
            wrapped(out, &danger, MORE, &right.can);
        }
        if let [right, ..] = rights {
            wrapped(out, MEANS, MEANS, &right.means);
        }
    }
    if !explanation.together.is_empty() {
        out.push_str("\ntogether\n");
    }
    for together in &explanation.together {
        wrapped(
            out,
            "  ",
            "    ",
            &format!("{}: {}", together.name, together.means),
        );
    }
    out.push_str("\nit cannot\n");
    for impossible in &explanation.impossible {
        wrapped(out, "  ", "    ", impossible);
    }
}

/// What nobody wrote and the settings made lower.
pub(crate) fn narrowed(lowered: &[Lowered], out: &mut String) {
    if !lowered.is_empty() {
        out.push_str("\nlower than unless written, by the settings of this host\n");
    }
    for lowered in lowered {
        let (key, from, to, line) = (lowered.key, &lowered.from, &lowered.to, lowered.line);
        let path = escape_whole(lowered.path.as_bytes());
        let _ = writeln!(out, "  {key:<16} {to} and not {from}: {path} line {line}");
    }
}

/// A part of what a change changes, with its title, if there is any.
pub(crate) fn part(out: &mut String, sign: char, title: &str, list: &[Change]) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}");
    for change in list {
        let right = escape_whole(change.right.as_bytes());
        let _ = writeln!(out, "  {sign} {:<10} {right}", change.key);
        if let Some(unsure) = change.unsure {
            let _ = writeln!(out, "    {:<10} perhaps: {unsure}", "");
        }
    }
}

/// One named value.
pub(crate) fn line(out: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{name:<12} {}", escape_whole(value.as_bytes()));
}

/// What stands before the meaning of a right, in line with the right itself.
const MEANS: &str = "             ";

/// What stands before the rest of a right that is longer than a line.
const MORE: &str = "               ";

/// A text in lines of a screen, the first with one indent and the rest with another.
pub(crate) fn wrapped(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut line = String::from(first);
    let mut is_empty = true;
    for word in escape_whole(text.as_bytes()).split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            let _ = writeln!(out, "{line}");
            line = String::from(rest);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(out, "{line}");
}

/// A name as it stands in JSON.
pub(crate) fn kebab(name: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(name).ok();
    value
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
