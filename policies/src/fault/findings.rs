//! The faults found so far, on the way to [`Faults`].

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Fault, FaultCode, Faults};

/// Proof that a fault was recorded. Only [`Findings::tell`] makes one, so what is missing because
/// it was at fault cannot be confused with what is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told(());

/// A fault without its line and column, which are found for all faults at once.
struct Finding {
    code: FaultCode,
    span: Range<usize>,
    message: String,
    help: String,
}

/// Collects the faults of one manifest.
pub(crate) struct Findings {
    list: Vec<Finding>,
    /// Set when the text is not TOML: what is missing may then be merely unreadable.
    recovering: Option<Told>,
}

impl Findings {
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::new(),
            recovering: None,
        }
    }

    /// Records a fault.
    pub(crate) fn tell(
        &mut self,
        code: FaultCode,
        span: Range<usize>,
        message: String,
        help: String,
    ) -> Told {
        self.list.push(Finding {
            code,
            span,
            message,
            help,
        });
        Told(())
    }

    /// Records that part of the text is not TOML and was left out.
    pub(crate) fn tell_syntax(&mut self, span: Range<usize>, message: String, help: String) {
        self.recovering = Some(self.tell(FaultCode::Syntax, span, message, help));
    }

    /// Whether parts of the text could not be read, so that absence proves nothing.
    pub(crate) fn recovering(&self) -> Option<Told> {
        self.recovering
    }

    /// Where the faults of one kind are, sorted.
    pub(crate) fn places_of(&self, code: FaultCode) -> Vec<Range<usize>> {
        let of_kind = self.list.iter().filter(|finding| finding.code == code);
        let mut places: Vec<Range<usize>> = of_kind.map(|finding| finding.span.clone()).collect();
        places.sort_by_key(|span| (span.start, span.end));
        places
    }

    /// Hands the value out if nothing was found, else everything that was found.
    pub(crate) fn end<T>(self, text: &str, value: Result<T, Told>) -> Result<T, Faults> {
        match value {
            Ok(value) if self.list.is_empty() => Ok(value),
            Ok(_) | Err(Told(())) => Err(Faults(placed(text, self.list))),
        }
    }
}

/// Sorts by place and gives each finding its line and column, in one walk over the text.
fn placed(text: &str, mut list: Vec<Finding>) -> Vec<Fault> {
    for finding in &mut list {
        finding.span = within(text, finding.span.clone());
    }
    list.sort_by_key(|finding| (finding.span.start, finding.span.end, finding.code));
    let mut walk = Walk {
        text: text.as_bytes(),
        offset: 0,
        line: 1,
        column: 1,
    };
    let mut faults: Vec<Fault> = list
        .into_iter()
        .map(|finding| {
            walk.go_to(finding.span.start);
            Fault {
                code: finding.code,
                span: finding.span,
                line: walk.line,
                column: walk.column,
                message: finding.message,
                help: finding.help,
            }
        })
        .collect();
    faults.dedup();
    faults
}

/// A place in the text that only moves forward, so that a line of many faults is counted once.
struct Walk<'t> {
    text: &'t [u8],
    offset: usize,
    line: usize,
    column: usize,
}

impl Walk<'_> {
    fn go_to(&mut self, target: usize) {
        for byte in &self.text[self.offset..target] {
            if *byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else if !is_inside_character(*byte) {
                self.column += 1;
            }
        }
        self.offset = target;
    }
}

/// Whether a byte of UTF-8 goes on with the character before it.
const fn is_inside_character(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The span, held inside the text and widened to whole characters.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
