//! A broken text without its broken lines, so that what else is wrong can be told too.
//!
//! The parser recovers from some mistakes and stops at others, and one bracket that is never
//! closed makes it complain about every line that follows. So a broken text is cut into its
//! sections, at the lines that look like headers, and in each section the line of the first
//! complaint is blanked until none is left. Blanks keep every byte in its place.
//!
//! A line within a long string that looks like a header is cut at as well. That can add a fault
//! to a text that is broken elsewhere; it cannot make a broken text pass, since the faults that
//! led here stay.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::ops::Range;

use toml::de::Error;

use super::syntax::{Document, tell_broken};
use crate::fault::Findings;

/// The most bytes that are read again. Each complaint costs one more reading of its section, so
/// a long and thoroughly broken text would otherwise take seconds.
const REREAD_BYTES_MAX: usize = 2 << 20;

/// Tells of each broken place and gives the text without them.
pub(super) fn mend(text: &str, findings: &mut Findings) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut budget = REREAD_BYTES_MAX;
    for section in sections(text) {
        let start = section.start;
        mended.push_str(&mend_section(&text[section], start, &mut budget, findings));
    }
    mended
}

/// A complaint about something that is opened and never closed, which the parser makes only
/// where the section ends.
struct Unclosed {
    error: Error,
    /// Where the complaint was made first.
    place: Range<usize>,
    /// The line that was blanked last; when no complaint is left, it is the one that opens.
    line: Range<usize>,
}

impl Unclosed {
    fn tell(self, section: &str, offset: usize, findings: &mut Findings) {
        let is_here = self.line.contains(&self.place.start) || self.line.end == self.place.start;
        let span = if is_here {
            self.place
        } else {
            trimmed(section, self.line)
        };
        tell_broken(&self.error, shifted(&span, offset), findings);
    }
}

fn mend_section(
    section: &str,
    offset: usize,
    budget: &mut usize,
    findings: &mut Findings,
) -> String {
    let mut text = section.to_owned();
    let mut unclosed: Option<Unclosed> = None;
    loop {
        let broken = Document::parse(&text).first_break().cloned();
        let said = broken.as_ref().map(Error::message);
        let place = broken
            .as_ref()
            .map_or(text.len()..text.len(), |error| place(error, &text));
        let is_last = said.is_some() && is_blank_after(&text, place.start);
        if let Some(done) = unclosed.take_if(|it| !is_last && said != Some(it.error.message())) {
            done.tell(section, offset, findings);
        }
        let Some(error) = broken else {
            return text;
        };
        let line = last_line_at(&text, place.start);
        *budget = budget.saturating_sub(text.len());
        if *budget == 0 || is_header(&section[line.clone()]) {
            // Without its header nobody knows what the rest of a section means.
            tell_broken(&error, shifted(&place, offset), findings);
            return blank(&text, 0..text.len());
        }
        text = blank(&text, line.clone());
        if is_last || unclosed.is_some() {
            let (error, place) = unclosed.map_or((error, place), |it| (it.error, it.place));
            unclosed = Some(Unclosed { error, place, line });
        } else {
            tell_broken(&error, shifted(&place, offset), findings);
        }
    }
}

/// Whether nothing but blanks stands on the lines after a place.
fn is_blank_after(text: &str, at: usize) -> bool {
    text[line_around(text, at).end..].trim().is_empty()
}

/// The parts of a text that start with a header, and what stands before the first.
fn sections(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let mut offset = 0;
    let mut lines = text.split_inclusive('\n');
    core::iter::from_fn(move || {
        for line in lines.by_ref() {
            let line_start = offset;
            offset += line.len();
            if is_header(line) && line_start > start {
                let section = start..line_start;
                start = line_start;
                return Some(section);
            }
        }
        let section = start..offset;
        start = offset;
        (!section.is_empty()).then_some(section)
    })
}

/// Whether a line starts as a header does; an array's line starts with a value, not with a name.
fn is_header(line: &str) -> bool {
    let after = line.strip_prefix("[[").or_else(|| line.strip_prefix('['));
    after.is_some_and(|after| {
        after
            .trim_start()
            .starts_with(|letter: char| letter.is_ascii_alphabetic())
    })
}

fn place(error: &Error, text: &str) -> Range<usize> {
    error.span().unwrap_or(text.len()..text.len())
}

fn shifted(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}

/// The line around a place, without its newline.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    let start = bytes[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |found| found + 1);
    let end = bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |n| at + n);
    start..end
}

/// The line around a place, or the last one before it that is not blank; all of the text if there
/// is none.
fn last_line_at(text: &str, at: usize) -> Range<usize> {
    let line = line_around(text, at);
    match text[..line.end].trim_end() {
        "" => 0..text.len(),
        upto => line_around(text, upto.len()),
    }
}

/// A line without the blanks around its text.
fn trimmed(text: &str, line: Range<usize>) -> Range<usize> {
    let whole = &text[line.clone()];
    let start = line.start + (whole.len() - whole.trim_start().len());
    start..start + whole.trim().len()
}

/// Blanks a part, and keeps its line ends. A carriage return is one only before a newline: kept
/// where it is none, it would be complained about again at every reading.
fn blank(text: &str, part: Range<usize>) -> String {
    let bytes = text.as_bytes();
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(&text[..part.start]);
    blanked.extend(part.clone().map(|at| match bytes[at] {
        b'\n' => '\n',
        b'\r' if bytes.get(at + 1) == Some(&b'\n') => '\r',
        _ => ' ',
    }));
    blanked.push_str(&text[part.end..]);
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line is blanked at most once, so a section is read once for each and once more.
    #[track_caller]
    fn check(section: &str) {
        let mut budget = REREAD_BYTES_MAX;
        let mended = mend_section(section, 0, &mut budget, &mut Findings::new());
        assert_eq!(mended.len(), section.len());
        let read = (REREAD_BYTES_MAX - budget) / section.len();
        assert!(read <= section.lines().count() + 1, "read {read} times");
    }

    #[test]
    fn each_complaint_costs_one_reading() {
        check("a = 1\n");
        check("b\n= 1\n\"\n");
        check("b\rc\n");
        check("b\r\r\r]\r\n= 1\r\n\"\r");
        check("\r");
        check("a = \"\"\"\r");
        check("\u{c}\n\u{a0}\n\0\u{7f}\n");
    }
}
