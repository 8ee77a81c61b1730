//! The two ends of the contract that worker and compiler share: orders in, reports out.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Orders come from the supervisor, so this bounds brig's own mistakes and no attacker.
const ORDERS_BYTES_MAX: u64 = 16 << 20;

/// What orders usually need: one read then takes them all.
const ORDERS_BYTES: usize = 16 << 10;

/// Text in a report at most. A guest chooses part of it, by the names of its functions.
const TEXT_BYTES_MAX: usize = 2_000;

/// Why orders cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrdersError {
    /// Descriptor 3 is not there.
    #[error("descriptor 3 is not open")]
    Missing,
    /// The descriptor fails.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Not the JSON that was agreed.
    #[error(transparent)]
    Parse(#[from] serde_json::Error),
}

/// Reads orders to the end of `from`, and closes it.
pub(super) fn read_orders<T: DeserializeOwned>(from: Option<OwnedFd>) -> Result<T, OrdersError> {
    let mut text = Vec::with_capacity(ORDERS_BYTES);
    let from = File::from(from.ok_or(OrdersError::Missing)?);
    from.take(ORDERS_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The descriptor on which reports leave.
pub(super) struct Reports(File);

impl Reports {
    pub(super) fn new(to: OwnedFd) -> Self {
        Self(File::from(to))
    }

    /// Writes one report as one line.
    pub(super) fn send(&self, report: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        (&self.0).write_all(&line)
    }
}

/// Bounds `text` and escapes what could drive a terminal or reorder a line on it: whoever wrote
/// the WebAssembly chose some of the words.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let room = TEXT_BYTES_MAX - out.len();
        let escaped = if character.is_control() || reorders(character) {
            character.escape_unicode().to_string()
        } else {
            character.to_string()
        };
        if escaped.len() > room {
            break;
        }
        out.push_str(&escaped);
    }
    out
}

/// Bidirectional controls and line separators, which are no control characters by Unicode's word.
fn reorders(character: char) -> bool {
    matches!(character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(printable(text), want);
    }

    #[test]
    fn words_pass_and_controls_do_not() {
        check("unreachable in `größe`", "unreachable in `größe`");
        check("a\u{1b}[2Jb\nc", "a\\u{1b}[2Jb\\u{a}c");
        check("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}");
    }

    #[test]
    fn text_is_bounded_at_a_whole_character() {
        check(&"a".repeat(2_001), &"a".repeat(2_000));
        check(&format!("{}é", "a".repeat(1_999)), &"a".repeat(1_999));
        check(&format!("{}\u{1b}", "a".repeat(1_999)), &"a".repeat(1_999));
    }
}
