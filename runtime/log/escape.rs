//! Words of a server, made harmless to whoever reads them on a terminal.

use std::fmt::Write as _;

/// Bytes of one line that are shown.
pub(super) const LINE_BYTES_MAX: usize = 2000;

/// Text that no terminal obeys: control characters, and those that reorder or hide text, as
/// escapes.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let cut = bytes.len() > LINE_BYTES_MAX;
    let mut text = escape_whole(bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes));
    if cut {
        text.push('…');
    }
    text
}

/// The same of a text that must be seen to its end, since somebody decides by it.
pub(crate) fn escape_whole(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        if c == '\t' || !(c.is_control() || is_deceptive(c)) {
            text.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
    }
    text
}

/// Bidirectional controls, invisible and line-separating characters (Unicode UAX #9, UTS #39).
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: &str) {
        assert_eq!(escape(bytes), want);
    }

    #[test]
    fn no_terminal_obeys_a_server() {
        check(b"plain \xc3\xa9\t!", "plain é\t!");
        check(b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}");
        check(b"a\rb\0", "a\\u{d}b\\u{0}");
        check("x\u{202e}y\u{200b}".as_bytes(), "x\\u{202e}y\\u{200b}");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        check("\u{9b}31m".as_bytes(), "\\u{9b}31m");
    }

    #[test]
    fn a_long_line_is_cut_on_a_character() {
        let text = escape("é".repeat(4000).as_bytes());
        assert!(text.ends_with('…') && text.len() <= LINE_BYTES_MAX + 3);
    }
}
