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

    /// Records that the text is not TOML.
    pub(crate) fn tell_syntax(
        &mut self,
        code: FaultCode,
        span: Range<usize>,
        message: String,
        help: String,
    ) {
        let told = self.tell(code, span, message, help);
        self.recovering = Some(told);
    }

    /// Whether parts of the text could not be read, so that absence proves nothing.
    pub(crate) fn recovering(&self) -> Option<Told> {
        self.recovering
    }

    /// Whether a fault of this kind was recorded that covers any of these bytes.
    pub(crate) fn covers(&self, code: FaultCode, span: &Range<usize>) -> bool {
        self.list.iter().any(|finding| {
            finding.code == code && finding.span.start < span.end && span.start < finding.span.end
        })
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
///
/// Where the text is not TOML, what else is wrong on the same line follows from that: it is left
/// out, since it would send the author after a value that was never written.
fn placed(text: &str, mut list: Vec<Finding>) -> Vec<Fault> {
    list.sort_by(|left, right| {
        (left.span.start, left.span.end, left.code).cmp(&(
            right.span.start,
            right.span.end,
            right.code,
        ))
    });
    let mut at = Walk {
        text,
        offset: 0,
        line: 1,
        line_start: 0,
    };
    let mut faults: Vec<Fault> = Vec::with_capacity(list.len());
    for finding in list {
        let span = within(text, finding.span);
        at.go_to(span.start);
        faults.push(Fault {
            code: finding.code,
            line: at.line,
            column: text[at.line_start..span.start].chars().count() + 1,
            span,
            message: finding.message,
            help: finding.help,
        });
    }
    faults.dedup();
    without_echoes(faults)
}

fn without_echoes(faults: Vec<Fault>) -> Vec<Fault> {
    let broken: Vec<usize> = faults
        .iter()
        .filter(|fault| fault.code == FaultCode::Syntax)
        .map(|fault| fault.line)
        .collect();
    faults
        .into_iter()
        .filter(|fault| {
            fault.code == FaultCode::Syntax || broken.binary_search(&fault.line).is_err()
        })
        .collect()
}

/// A place in the text that only moves forward.
struct Walk<'t> {
    text: &'t str,
    offset: usize,
    line: usize,
    line_start: usize,
}

impl Walk<'_> {
    fn go_to(&mut self, target: usize) {
        let passed = &self.text.as_bytes()[self.offset..target];
        for (count, byte) in passed.iter().enumerate() {
            if *byte == b'\n' {
                self.line += 1;
                self.line_start = self.offset + count + 1;
            }
        }
        self.offset = target;
    }
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
