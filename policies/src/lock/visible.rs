//! Which characters a reviewer can see, and what stands in the place of the others.
//!
//! A manifest is text that its author wrote, so [`is_hidden`] suffices there. A tool's description
//! is written by whom brig does not trust and read by a model, to which each character is a word,
//! drawn or not. So here everything that most fonts draw as nothing, or as a blank, is shown.

use alloc::string::String;
use core::fmt::Write as _;

use crate::wording::is_hidden;

/// Whether a character is drawn, or is the one blank that everybody knows.
///
/// What is not: controls, what reorders, what Unicode lets a font ignore
/// (Default_Ignorable_Code_Point of DerivedCoreProperties.txt, Unicode 16), blanks other than
/// U+0020, private use, and what is no character. A line feed is a control: whoever shows lines
/// breaks at it first.
pub(super) fn is_seen(letter: char) -> bool {
    // Nearly all are ASCII, and a lock is looked through at each start.
    matches!(letter, ' '..='~')
        || !(is_hidden(letter)
            || is_ignorable(letter)
            || is_odd_blank(letter)
            || is_nothing(letter))
}

fn is_ignorable(letter: char) -> bool {
    matches!(
        letter,
        '\u{AD}'
            | '\u{34F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

fn is_odd_blank(letter: char) -> bool {
    matches!(
        letter,
        '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{2800}' | '\u{3000}'
    )
}

fn is_nothing(letter: char) -> bool {
    let code = u32::from(letter);
    let is_private = matches!(
        letter,
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}'
    );
    is_private || code & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code)
}

/// A line with what cannot be seen as `\u{202e}`.
///
/// A text that spells such an escape itself looks the same; the lock, where a backslash is doubled,
/// tells the two apart.
pub(super) fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for letter in line.chars() {
        if is_seen(letter) {
            out.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
        }
    }
    out
}

/// A tool's name with everything but ASCII shown by its number: `get_n\u{43e}te` looks like another
/// name otherwise, and honest names are of ASCII.
pub(super) fn visible_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            ' '..='~' => out.push(letter),
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
        }
    }
    out
}

/// How many characters of a text cannot be seen, line feeds and tabs apart.
pub(super) fn unseen(text: &str) -> usize {
    let blank = |letter: &char| matches!(letter, '\n' | '\t');
    let letters = text.chars().filter(|letter| !blank(letter));
    letters.filter(|letter| !is_seen(*letter)).count()
}

/// What the characters of a text spell that are drawn as nothing and stand for others all the same:
/// tags (U+E0020 to U+E007E, as ASCII), and variation selectors as bytes. Empty where nothing does.
///
/// This is how text is hidden from people and given to models.
pub(super) fn spelt(text: &str) -> String {
    let mut bytes = alloc::vec::Vec::new();
    for letter in text.chars() {
        let code = u32::from(letter);
        let byte = match code {
            0xE0020..=0xE007E => code - 0xE0000,
            0xE0100..=0xE01EF => code - 0xE0100 + 16,
            _ => continue,
        };
        bytes.extend(u8::try_from(byte));
    }
    visible(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str, count: usize) {
        assert_eq!(visible(text), want);
        assert_eq!(unseen(text), count);
    }

    #[test]
    fn what_is_drawn_as_nothing_is_shown() {
        check("plain größe 漢字 🙂", "plain größe 漢字 🙂", 0);
        check("\u{1b}[31mred", "\\u{1b}[31mred", 1);
        check("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c", 2);
        check("a\u{200b}\u{200d}\u{ad}b", "a\\u{200b}\\u{200d}\\u{ad}b", 3);
        check("\u{e0041}\u{fe0f}", "\\u{e0041}\\u{fe0f}", 2);
        check("a\u{a0}\u{3000}b", "a\\u{a0}\\u{3000}b", 2);
        check("\u{f8ff}\u{ffff}\u{fdd0}", "\\u{f8ff}\\u{ffff}\\u{fdd0}", 3);
        check("one\ttwo\n", "one\\u{9}two\\u{a}", 0);
    }

    #[test]
    fn a_name_that_looks_like_another_does_not() {
        assert_eq!(visible_name("get_note-1.x/y z"), "get_note-1.x/y z");
        assert_eq!(visible_name("get_n\u{43e}te\n"), "get_n\\u{43e}te\\u{a}");
    }

    #[track_caller]
    fn check_spelt(text: &str, want: &str) {
        assert_eq!(spelt(text), want);
    }

    #[test]
    fn what_tags_and_selectors_spell_is_read() {
        check_spelt("plain \u{200b}", "");
        check_spelt("a\u{e0053}\u{e0065}\u{e006e}\u{e0064}\u{e007f}b", "Send");
        // As those who hide bytes in selectors have it: VS17 is byte 16.
        check_spelt("\u{e0138}\u{e0159}", "Hi");
        check_spelt("\u{e0100}\u{e010b}", "\\u{10}\\u{1b}");
    }
}
