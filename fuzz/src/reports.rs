//! Reports of a worker and a compiler: the right one counts, and no terminal obeys its words.

use brig_sandbox::component::CompileReport;

use crate::component::verdict::{CODE_UNFIT, compiled, ending_of, refusals};
use crate::is_harmful;
use crate::launch::End;
use crate::log::escape;

/// Bytes of a line that are shown, each at most as long as an escape, and brig's words around them.
const SHOWN_BYTES_MAX: usize = 2000 * "\\u{10ffff}".len() + 100;

/// Checks one stream of reports: the first byte says how the process ended.
pub fn check(bytes: &[u8]) {
    let Some((kind, reports)) = bytes.split_first() else {
        return;
    };
    let end = match kind % 5 {
        0 => End::Exit { status: 1 },
        1 => CODE_UNFIT,
        2 => End::Signal { signal: 9 },
        3 => End::OutOfMemory,
        _ => End::Killed,
    };
    check_worker(reports, end);
    check_compiler(reports);
    let shown = escape(reports);
    assert_harmless(&shown, "…\t");
    // Cut only where it is long: what is shown already is shown as it stands.
    if shown.len() <= 2000 {
        assert_eq!(escape(shown.as_bytes()), shown);
    }
}

fn check_worker(reports: &[u8], end: End) {
    let ending = ending_of(reports, end);
    assert_harmless(&ending.reason, "\t");
    if let Some(failure) = &ending.start_failure {
        assert_harmless(&failure.reason, "\t");
        assert_eq!(failure.help.is_some(), end == CODE_UNFIT);
        assert_eq!(ending.code, None, "what did not start has no status");
    }
    for asked in refusals(reports) {
        assert!(asked.is_one() && asked.shown().len() <= 300);
        assert_harmless(&asked.shown(), "");
        assert_harmless(&asked.right(), "");
    }
    // Whatever stands before it, the last report counts; what is no report does not.
    let last = [reports, b"\n{\"event\":\"exited\",\"status\":77}\n"].concat();
    assert_eq!(ending_of(&last, end).code, Some(77));
    let junk = [reports, b"\n{\"event\":\"exited\"}\n\xff"].concat();
    let told = ending_of(&junk, end);
    assert_eq!((told.reason, told.code), (ending.reason, ending.code));
    assert_eq!(told.start_failure, ending.start_failure);
    assert_eq!(told.is_out_of_memory, ending.is_out_of_memory);
}

fn check_compiler(report: &[u8]) {
    let told = compiled(report);
    if let Some(CompileReport::Refused { reason }) = &told {
        assert_harmless(reason, "\t");
    }
    let first = report.split(|byte| *byte == b'\n').next();
    assert_eq!(told, compiled(first.unwrap_or_default()));
    assert_eq!(told, compiled(&[report, b"\n{\"event\":1}"].concat()));
}

#[track_caller]
fn assert_harmless(words: &str, but: &str) {
    let harmful = |c: char| is_harmful(c) && !but.contains(c);
    assert!(!words.contains(harmful), "{words:?}");
    assert!(words.len() <= SHOWN_BYTES_MAX, "{} bytes", words.len());
}
