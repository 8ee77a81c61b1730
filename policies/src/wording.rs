//! How a fault quotes what the author wrote, and finds what the author meant.

use alloc::vec::Vec;
use core::fmt;

/// The longest piece of the author's text that a message repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// The longest word for which a near word is sought: the search takes time by its square.
const SOUGHT_CHARS_MAX: usize = 40;

/// The author's text between backquotes, on one line, cut and made harmless to a terminal.
pub(crate) struct Quoted<'t>(pub(crate) &'t str);

/// The same and never cut: somebody decides by it, and what matters would be put behind the cut.
pub(crate) struct Whole<'t>(pub(crate) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, QUOTED_CHARS_MAX, out)
    }
}

impl fmt::Display for Whole<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(self.0, usize::MAX, out)
    }
}

fn quote(text: &str, chars_max: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("`")?;
    for (count, letter) in text.chars().enumerate() {
        if count == chars_max {
            out.write_str("…")?;
            break;
        }
        if is_hidden(letter) {
            write!(out, "{}", letter.escape_unicode())?;
        } else {
            write!(out, "{letter}")?;
        }
    }
    out.write_str("`")
}

/// The first character of a text that a reader cannot see, or that moves what the reader sees.
pub(crate) fn hidden(text: &str) -> Option<char> {
    text.chars().find(|letter| is_hidden(*letter))
}

/// Whether a character is a control, or rearranges or hides the text around it.
///
/// Joiners and variation selectors are let through: scripts and emoji need them, and they move
/// nothing.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control() || reorders(letter)
}

/// Whether a character changes how the rest of a line is drawn: what TOML lets stand in comments
/// and strings, though a reviewer would see another text than brig reads.
pub(crate) fn reorders(letter: char) -> bool {
    matches!(
        letter,
        '\u{061C}'
            | '\u{200B}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// The candidate that a mistyped word most likely meant, if any is near enough to be believed.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.chars().count() > SOUGHT_CHARS_MAX {
        return None;
    }
    candidates
        .into_iter()
        // Without this, a file of unknown keys takes seconds.
        .filter(|candidate| word.len().abs_diff(candidate.len()) <= allowed_edits(word, candidate))
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= allowed_edits(word, candidate))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// One edit per three letters of the longer word, and never all of a short one.
fn allowed_edits(word: &str, candidate: &str) -> usize {
    let longer = word.len().max(candidate.len());
    (longer / 3).clamp(1, 3)
}

/// How many letters must be added, dropped, changed or swapped with their neighbour; upper and
/// lower case count as one letter, and so do `_` and `-`.
fn distance(left: &str, right: &str) -> usize {
    let fold = |letter: char| match letter {
        '_' => '-',
        other => other.to_ascii_lowercase(),
    };
    let left: Vec<char> = left.chars().map(fold).collect();
    let right: Vec<char> = right.chars().map(fold).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(above.len());
        current.push(row + 1);
        for (column, other) in right.iter().enumerate() {
            let changed = above[column] + usize::from(letter != other);
            let mut best = changed.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && left[row - 1] == *other && right[column - 1] == *letter;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = core::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[track_caller]
    fn check_nearest(word: &str, want: Option<&str>) {
        let keys = ["memory", "cpus", "processes", "open-files", "at", "host"];
        assert_eq!(nearest(word, keys), want, "{word}");
    }

    #[test]
    fn a_near_key_is_found_and_a_far_one_is_not() {
        check_nearest("memmory", Some("memory"));
        check_nearest("mmeory", Some("memory"));
        check_nearest("Memory", Some("memory"));
        check_nearest("open_files", Some("open-files"));
        check_nearest("hots", Some("host"));
        check_nearest("ad", Some("at"));
        check_nearest("volume", None);
        check_nearest("", None);
        check_nearest(&"memory".repeat(20), None);
    }

    #[track_caller]
    fn check_quoted(text: &str, want: &str) {
        assert_eq!(Quoted(text).to_string(), want);
    }

    #[test]
    fn a_quote_stays_on_its_line_and_moves_no_cursor() {
        check_quoted("plain", "`plain`");
        check_quoted("a\nb\u{1b}[2J", "`a\\u{a}b\\u{1b}[2J`");
        check_quoted("x\u{202E}y", "`x\\u{202e}y`");
        check_quoted("größe", "`größe`");
        let long = "é".repeat(QUOTED_CHARS_MAX + 1);
        let cut = "é".repeat(QUOTED_CHARS_MAX);
        check_quoted(&long, &alloc::format!("`{cut}…`"));
        assert_eq!(Whole(&long).to_string(), alloc::format!("`{long}`"));
    }
}
