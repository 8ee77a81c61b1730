//! Characters that make a manifest look other than it is read.

use alloc::borrow::ToOwned as _;
use alloc::format;

use crate::fault::{FaultCode, Findings};

/// The most faults of this kind; a text full of such characters says nothing more by its end.
const FAULTS_MAX: usize = 64;

/// Tells of every such character, in comments and layout too: a right could hide in what looks
/// like a remark. Values that were told of already are passed over.
pub(super) fn tell(text: &str, is_shown: fn(char) -> bool, findings: &mut Findings) {
    let told = findings.places_of(FaultCode::HiddenCharacter);
    let within_told = |start: usize| {
        let before = told.partition_point(|span| span.start <= start);
        told[..before].last().is_some_and(|span| start < span.end)
    };
    // An editor's mark at the very start moves nothing.
    let hidden = text
        .char_indices()
        .filter(|(start, letter)| !is_shown(*letter) && (*start, *letter) != (0, '\u{FEFF}'))
        .filter(|(start, _)| !within_told(*start));
    for (start, letter) in hidden.take(FAULTS_MAX) {
        let message = format!("the text has the hidden character {letter:?}");
        let help = "remove it".to_owned();
        let span = start..start + letter.len_utf8();
        findings.tell(FaultCode::HiddenCharacter, span, message, help);
    }
}
