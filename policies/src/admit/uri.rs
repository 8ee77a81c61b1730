//! Whether a resource's URI is one of those that may be read.
//!
//! A pattern compares letters, and servers take URIs apart: `file:///notes/../etc` starts with
//! `file:///notes/` and names a file elsewhere. So a URI with a name of dots, in any spelling that
//! some server resolves, passes by no wildcard. It passes where it is written out.

use alloc::borrow::Cow;
use alloc::string::String;

use super::patterns::{NAME_BYTES_MAX, Patterns};

pub(super) fn hold(patterns: &Patterns, uri: &str) -> bool {
    if patterns.is_named(uri) {
        return true;
    }
    // Undoing codes again and again takes time by the square of the length.
    uri.len() <= NAME_BYTES_MAX && !has_dots(uri) && patterns.hold(uri)
}

/// Whether a part between slashes is `.` or `..` once percent-encoding is undone, as often as that
/// changes anything, and a backslash is a slash.
fn has_dots(uri: &str) -> bool {
    let mut text = Cow::Borrowed(uri);
    while let Some(next) = decoded(&text) {
        text = Cow::Owned(next);
    }
    let mut parts = text.split(['/', '\\', '?', '#', ':', ';', '\0']);
    parts.any(|part| matches!(part.trim(), "." | ".."))
}

/// The text with the codes of the characters that matter here undone once; `None` where there are
/// none. Each round is shorter, so it ends.
fn decoded(text: &str) -> Option<String> {
    const CODES: &[(&str, char)] = &[
        ("25", '%'),
        ("2e", '.'),
        ("2f", '/'),
        ("5c", '\\'),
        ("00", '\0'),
    ];
    let code = |after: &str| {
        let digits = after.get(..2)?;
        let found = CODES
            .iter()
            .find(|(code, _)| code.eq_ignore_ascii_case(digits))?;
        Some(found.1)
    };
    let mut parts = text.split('%');
    let mut out = String::from(parts.next().unwrap_or_default());
    let mut changed = false;
    for after in parts {
        if let Some(letter) = code(after) {
            changed = true;
            out.push(letter);
            out.push_str(&after[2..]);
        } else {
            out.push('%');
            out.push_str(after);
        }
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(uri: &str, want: bool) {
        let patterns = ["file:///notes/*", "file:///odd/../x", "note:*"];
        let patterns = Patterns::new(patterns.map(|text| text.parse().unwrap()));
        assert_eq!(hold(&patterns, uri), want, "{uri}");
    }

    #[test]
    fn dots_pass_by_no_wildcard() {
        check("file:///notes/a", true);
        check("file:///notes/a.b..c/...", true);
        check("file:///notes/100%", true);
        check("file:///notes/%41%zz", true);
        check("FILE:///notes/a", false);
        check("file:///note", false);
        for dots in [
            "..",
            "../etc",
            "a/../../etc",
            ".",
            "%2e%2e/x",
            "%2E./x",
            "..%2fx",
            "..%5cx",
            "..\\x",
            "%252e%252e/x",
            "%25252e./x",
            "a%2f%2e%2e%2fb",
            "..?x",
            "..;v=1/x",
            "..%00",
            " ../x",
        ] {
            check(&alloc::format!("file:///notes/{dots}"), false);
        }
        check("note:..", false);
        // Written out, it is what a reviewer saw.
        check("file:///odd/../x", true);
        check("file:///odd/../y", false);
        let long = "a".repeat(NAME_BYTES_MAX);
        check(&alloc::format!("file:///notes/{long}"), false);
    }
}
