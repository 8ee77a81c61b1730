//! Patterns with `*`, and JSON pointers.

mod contain;
mod pointer;

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::hidden;

pub(crate) use contain::{Containment, contained, overlap};
pub use pointer::{InvalidPointer, Pointer};

/// The longest pattern: what it costs to compare two grows with both.
const PATTERN_BYTES_MAX: usize = 256;

/// A pattern of texts: `*` stands for any text, the empty one and one with `/` and `.` in it
/// among them; every other character stands for itself, in its own case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text matches, from its start to its end.
    pub fn matches(&self, text: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(text) = text.strip_prefix(start) else {
            return false;
        };
        let Some(mut text) = text.strip_suffix(end) else {
            return false;
        };
        // The first place that fits leaves the most for what follows.
        for part in middle.split('*') {
            match text.split_once(part) {
                Some((_, after)) => text = after,
                None if part.is_empty() => {}
                None => return false,
            }
        }
        true
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Folds `**`, which stands for the same as `*`.
impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(InvalidPattern::TooLong);
        }
        if let Some(letter) = hidden(text) {
            return Err(InvalidPattern::Hidden(letter));
        }
        if text.contains("**") {
            return Err(InvalidPattern::Doubled);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Written for Pattern {
    const WHAT: &'static str = "a pattern";
}

/// A pattern of tools' names. What other dialects of patterns give a meaning (`?`, brackets,
/// braces, `!`, `\`) is refused, since no tool's name has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolPattern(Pattern);

impl ToolPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The pattern without the bound on its characters.
    pub(crate) fn pattern(&self) -> &Pattern {
        &self.0
    }

    /// Whether a tool's name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The characters that mean something in a pattern elsewhere, or that no tool's name has.
pub(crate) const NOT_IN_TOOLS: &[char] = &[
    '?', '[', ']', '{', '}', '!', '\\', '^', '$', '|', '+', '(', ')', ' ', '"', '\'', '`',
];

impl FromStr for ToolPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.chars().find(|letter| NOT_IN_TOOLS.contains(letter)) {
            Some(letter) => Err(InvalidPattern::Special(letter)),
            None => text.parse().map(Self),
        }
    }
}

impl Written for ToolPattern {
    const WHAT: &'static str = "a pattern of tools' names";
}

/// Why a text is not a [`Pattern`] or a [`ToolPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// There is no character.
    #[error("it is empty")]
    Empty,
    /// There are more than 256 bytes.
    #[error("it is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// A character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
    /// `**`, which would mean no more than `*`.
    #[error("it has `**`")]
    Doubled,
    /// A character of another dialect.
    #[error("it has {0:?}, which no tool's name has")]
    Special(char),
}

impl Teach for InvalidPattern {
    fn code(&self) -> FaultCode {
        match self {
            Self::TooLong => FaultCode::TooLong,
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Empty | Self::Doubled | Self::Special(_) => FaultCode::InvalidPattern,
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::Empty => "write a name, or a pattern such as `get_*`",
            Self::TooLong => "write a shorter pattern",
            Self::Hidden(_) => "type the pattern anew",
            Self::Doubled => "write `*`: it stands for any text, `/` and `.` among it",
            Self::Special(_) => {
                "`*` is the only wildcard; write one entry for each name or pattern"
            }
        };
        help.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: bool) {
        assert_eq!(
            Pattern(pattern.to_owned()).matches(text),
            want,
            "{pattern} on {text}"
        );
    }

    #[test]
    fn a_star_is_any_text() {
        check("get_*", "get_", true);
        check("get_*", "get_a/b.c", true);
        check("get_*", "Get_a", false);
        check("*", "", true);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("*b*b*", "b", false);
        check("*b*b*", "abab", true);
        check("a*bc*c", "abcc", true);
        check("a*bc*c", "abc", false);
        check("a?", "ab", false);
        check("exact", "exact", true);
        check("exact", "exactly", false);
    }

    #[track_caller]
    fn check_read(text: &str, want: Result<(), InvalidPattern>) {
        assert_eq!(
            (text, text.parse::<ToolPattern>().map(|_| ())),
            (text, want)
        );
    }

    #[test]
    fn other_dialects_are_refused() {
        check_read("list_*", Ok(()));
        check_read("fs/read.*", Ok(()));
        check_read("{get,list}_*", Err(InvalidPattern::Special('{')));
        check_read("get_?", Err(InvalidPattern::Special('?')));
        check_read("**", Err(InvalidPattern::Doubled));
        check_read("", Err(InvalidPattern::Empty));
        check_read("a\u{7}", Err(InvalidPattern::Hidden('\u{7}')));
        check_read(&"a".repeat(257), Err(InvalidPattern::TooLong));
    }
}
