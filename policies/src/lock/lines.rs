//! A change of a text as lines to be read: what went and what came, and nothing that hides.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::visible::{spelt, unseen, visible};

/// How much of a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// At most 20 lines of 400 characters for each side of each place, from the start and the
    /// end: a server that runs must not fill a log with its words.
    Short,
}

const HEAD_LINES: usize = 12;
const TAIL_LINES: usize = 8;
const HEAD_CHARS: usize = 280;
const TAIL_CHARS: usize = 120;

/// From here on a pair of lines is shown around its difference only.
const LONG_CHARS: usize = 160;

/// What is kept of the part that two long lines have in common, on each side.
const AROUND_CHARS: usize = 40;

/// The lines of a change, each with its sign and a blank.
pub(super) fn lines(before: Option<&str>, after: Option<&str>, extent: Extent) -> Vec<String> {
    let (old, new) = (split(before), split(after));
    let start = common(old.iter(), new.iter());
    let end = common(old[start..].iter().rev(), new[start..].iter().rev());
    let mut old: Vec<String> = shown(&old[start..old.len() - end]);
    let mut new: Vec<String> = shown(&new[start..new.len() - end]);
    if let ([one], [other]) = (old.as_mut_slice(), new.as_mut_slice()) {
        around(one, other);
    }
    let mut out = Vec::new();
    same(start, &mut out);
    put('-', &old, extent, &mut out);
    put('+', &new, extent, &mut out);
    same(end, &mut out);
    out.extend(after.and_then(warning));
    out
}

/// What a reader has to know of a text before believing their eyes.
fn warning(text: &str) -> Option<String> {
    let count = unseen(text);
    if count == 0 {
        return None;
    }
    let spelt = spelt(text);
    let spelling = if spelt.is_empty() {
        String::new()
    } else {
        format!("; some spell `{spelt}`")
    };
    let letters = if count == 1 {
        "character"
    } else {
        "characters"
    };
    Some(format!(
        "! it has {count} {letters} that cannot be seen{spelling}"
    ))
}

fn split(text: Option<&str>) -> Vec<&str> {
    text.map(|text| text.split('\n').collect())
        .unwrap_or_default()
}

fn shown(lines: &[&str]) -> Vec<String> {
    // A blank at the end is the one blank that cannot be seen.
    let shown = lines.iter().map(|line| match line.strip_suffix(' ') {
        Some(rest) if !line.trim().is_empty() => format!("{}\\u{{20}}", visible(rest)),
        Some(_) | None => visible(line),
    });
    shown.collect()
}

/// How many elements are the same from the start.
fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

fn same(count: usize, out: &mut Vec<String>) {
    if count > 0 {
        let lines = if count == 1 { "line" } else { "lines" };
        out.push(format!("  … {count} {lines} as before"));
    }
}

fn put(sign: char, lines: &[String], extent: Extent, out: &mut Vec<String>) {
    let told = |line: String| format!("{sign} {line}").trim_end().to_owned();
    let lines = without_gaps(lines);
    match extent {
        Extent::Whole => out.extend(lines.into_iter().map(told)),
        Extent::Short => {
            let (head, more, tail) = ends(&lines, HEAD_LINES, TAIL_LINES);
            out.extend(head.iter().map(|line| told(cut(line))));
            if more > 0 {
                out.push(format!("{sign} … {more} more …"));
            }
            out.extend(tail.iter().map(|line| told(cut(line))));
        }
    }
}

/// Lines with one in the place of each run of blank ones: text is pushed out of sight by these.
fn without_gaps(lines: &[String]) -> Vec<String> {
    let is_blank = |line: &String| line.trim().is_empty();
    let runs = lines.chunk_by(|one, other| is_blank(one) && is_blank(other));
    let runs = runs.map(|run| match run {
        [line] => line.clone(),
        blank => format!("… {} blank lines …", blank.len()),
    });
    runs.collect()
}

/// The start and the end of something long, since what matters may stand in either, and how much
/// lies between.
fn ends<T>(all: &[T], head: usize, tail: usize) -> (&[T], usize, &[T]) {
    let more = all.len().saturating_sub(head + tail);
    if more == 0 {
        return (all, 0, &[]);
    }
    (&all[..head], more, &all[all.len() - tail..])
}

fn cut(line: &str) -> String {
    let letters: Vec<char> = line.chars().collect();
    let (head, more, tail) = ends(&letters, HEAD_CHARS, TAIL_CHARS);
    let (head, tail): (String, String) = (head.iter().collect(), tail.iter().collect());
    match more {
        0 => head,
        more => format!("{head}… {more} more …{tail}"),
    }
}

/// Two long lines without most of what they have in common, which was reviewed already.
fn around(one: &mut String, other: &mut String) {
    if one.chars().count().max(other.chars().count()) <= LONG_CHARS {
        return;
    }
    let start = common(one.chars(), other.chars());
    let shorter = one.chars().count().min(other.chars().count());
    let end = common(one.chars().rev(), other.chars().rev()).min(shorter - start);
    for line in [one, other] {
        *line = middle(line, start, end);
    }
}

fn middle(line: &str, start: usize, end: usize) -> String {
    let letters: Vec<char> = line.chars().collect();
    let from = start.saturating_sub(AROUND_CHARS);
    let to = letters.len() - end.saturating_sub(AROUND_CHARS);
    let kept: String = letters.get(from..to).unwrap_or_default().iter().collect();
    let mark = |is_cut: bool| if is_cut { "…" } else { "" }.to_owned();
    mark(from > 0) + &kept + &mark(to < letters.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: Option<&str>, after: Option<&str>, want: &[&str]) {
        assert_eq!(lines(before, after, Extent::Short), want);
    }

    #[test]
    fn a_change_is_told_line_by_line() {
        check(Some("a"), Some("b"), &["- a", "+ b"]);
        check(None, Some("a\nb"), &["+ a", "+ b"]);
        check(Some("a"), None, &["- a"]);
        check(
            Some("a\nb\nc"),
            Some("a\nx\nc"),
            &["  … 1 line as before", "- b", "+ x", "  … 1 line as before"],
        );
        check(
            Some("a\nb"),
            Some("a\nb\nc"),
            &["  … 2 lines as before", "+ c"],
        );
        check(Some(""), Some("a"), &["-", "+ a"]);
    }

    /// A tab is shown, and so are other blanks: only U+0020 is one.
    #[test]
    fn nothing_hides_in_it() {
        check(
            Some("a"),
            Some("a\u{202e}b\u{1b}[2J"),
            &[
                "- a",
                "+ a\\u{202e}b\\u{1b}[2J",
                "! it has 2 characters that cannot be seen",
            ],
        );
        check(
            Some("a"),
            Some("a\u{e0048}\u{e0069}"),
            &[
                "- a",
                "+ a\\u{e0048}\\u{e0069}",
                "! it has 2 characters that cannot be seen; some spell `Hi`",
            ],
        );
        check(
            Some("a \n"),
            Some("a\r\n"),
            &[
                "- a\\u{20}",
                "+ a\\u{d}",
                "  … 1 line as before",
                "! it has 1 character that cannot be seen",
            ],
        );
    }

    #[test]
    fn a_long_text_is_cut_where_it_was_and_where_it_goes_on() {
        let long = "x".repeat(200);
        let before = alloc::format!("{long}old{long}");
        let after = alloc::format!("{long}new{long}");
        let forty = "x".repeat(AROUND_CHARS);
        let want = [
            alloc::format!("- …{forty}old{forty}…"),
            alloc::format!("+ …{forty}new{forty}…"),
        ];
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        check(Some(&before), Some(&after), &want);
        let many: Vec<String> = (0..30).map(|count| alloc::format!("{count}")).collect();
        let many = many.join("\n");
        let told = lines(None, Some(&many), Extent::Short);
        assert_eq!(told[11..14], ["+ 11", "+ … 10 more …", "+ 22"]);
        assert_eq!(lines(None, Some(&many), Extent::Whole).len(), 30);
        let wide = alloc::format!("{}{}", "y".repeat(280), "z".repeat(121));
        let told = lines(None, Some(&wide), Extent::Short);
        assert!(told[0].contains("y… 1 more …z"), "{told:?}");
        check(
            None,
            Some("a\n\n \n\nb"),
            &["+ a", "+ … 3 blank lines …", "+ b"],
        );
    }
}
