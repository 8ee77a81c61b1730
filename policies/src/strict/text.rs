//! Strings of JSON, and names that somebody else chose.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write as _;

/// The longest name that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// The characters of a string in quotes, borrowed where it has no escape. `None` where it is none,
/// or names half of a surrogate pair.
pub(super) fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let letter = escape.chars().next()?;
        rest = &escape[letter.len_utf8()..];
        let meant = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (letter, after) = by_number(rest)?;
                rest = after;
                letter
            }
            _ => return None,
        };
        text.push(meant);
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The character of `XXXX`, or of `XXXX\uXXXX`, and what follows it.
fn by_number(text: &str) -> Option<(char, &str)> {
    let (first, after) = unit(text)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first)?, after));
    }
    let (second, after) = unit(after.strip_prefix("\\u")?)?;
    let is_pair = first < 0xdc00 && (0xdc00..0xe000).contains(&second);
    let both = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
    Some((char::from_u32(both).filter(|_| is_pair)?, after))
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
    Some((number, &text[4..]))
}

/// A name that a server or a client chose, so that it can stand in a message for a person or a
/// model: letters and digits of ASCII and the signs that names of tools have stay, all else is
/// written by its number, and a long one is cut. What is left forms no sentence, no markup and no
/// command.
pub fn shown(name: &str) -> String {
    let mut out = String::new();
    for (count, letter) in name.chars().enumerate() {
        if count == SHOWN_CHARS_MAX {
            out.push('…');
            break;
        }
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | ':') {
            out.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", letter.escape_unicode());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, want: Option<&str>) {
        assert_eq!(unescaped(raw).as_deref(), want, "{raw}");
    }

    #[test]
    fn escapes_are_resolved_as_json_has_them() {
        check(r#""plain é""#, Some("plain é"));
        check(r#""""#, Some(""));
        check(
            r#""\"\\\/\b\f\n\r\t\u0061""#,
            Some("\"\\/\u{8}\u{c}\n\r\ta"),
        );
        check(r#""\u006E\u006e""#, Some("nn"));
        check(r#""\ud83e\udd80x""#, Some("🦀x"));
        check(r#""\u0000""#, Some("\0"));
        for broken in [
            r#""\ud800""#,
            r#""\ud800x""#,
            r#""\udc00\ud800""#,
            r#""\ud800\ud800""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\x""#,
            r#""\"#,
            "1",
            "\"",
            "",
        ] {
            check(broken, None);
        }
    }

    #[test]
    fn a_name_that_is_shown_says_nothing() {
        assert_eq!(shown("fs/read.text-2_x"), "fs/read.text-2_x");
        assert_eq!(
            shown("run `rm`\n\u{202e}é"),
            "run\\u{20}\\u{60}rm\\u{60}\\u{a}\\u{202e}\\u{e9}"
        );
        assert_eq!(shown(&"a".repeat(65)).chars().count(), 65);
        assert_eq!(shown(&"a".repeat(64)), "a".repeat(64));
    }
}
