//! JSON pointers (RFC 6901).

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::{Quoted, hidden};

/// The longest pointer.
const POINTER_BYTES_MAX: usize = 256;

/// A place in a call's arguments: names, each after a `/`, in which `~1` stands for `/` and `~0`
/// for `~`. The empty pointer, which is all arguments together, is none: a rule is about one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names, unescaped.
    pub fn names(&self) -> impl Iterator<Item = String> {
        // `~01` stands for `~1`, so `~1` has to go first.
        let names = self.0.split('/').skip(1);
        names.map(|name| name.replace("~1", "/").replace("~0", "~"))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > POINTER_BYTES_MAX {
            return Err(InvalidPointer::TooLong);
        }
        if let Some(letter) = hidden(text) {
            return Err(InvalidPointer::Hidden(letter));
        }
        if text.is_empty() || text == "/" {
            return Err(InvalidPointer::Empty);
        }
        if !text.starts_with('/') {
            return Err(InvalidPointer::NoSlash(format!(
                "/{}",
                text.replace('.', "/")
            )));
        }
        if text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPointer::Tilde)
        }
    }
}

/// Why a text is not a [`Pointer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPointer {
    /// It points at all arguments, or at one without a name.
    #[error("it names no argument")]
    Empty,
    /// It does not start with `/`; this is with it.
    #[error("it does not start with `/`")]
    NoSlash(String),
    /// A `~` that escapes nothing.
    #[error("it has a `~` that is neither `~0` nor `~1`")]
    Tilde,
    /// There are more than 256 bytes.
    #[error("it is longer than {POINTER_BYTES_MAX} bytes")]
    TooLong,
    /// A character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
}

impl Teach for InvalidPointer {
    fn code(&self) -> FaultCode {
        match self {
            Self::TooLong => FaultCode::TooLong,
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Empty | Self::NoSlash(_) | Self::Tilde => FaultCode::InvalidPointer,
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::Empty => "write the argument's name after a slash, such as `/path`",
            Self::NoSlash(pointer) => return format!("write {}", Quoted(pointer)),
            Self::Tilde => "write `~0` for a `~`, and `~1` for a `/` within a name",
            Self::TooLong => "write a shorter pointer",
            Self::Hidden(_) => "type the pointer anew",
        };
        help.to_owned()
    }
}

impl Written for Pointer {
    const WHAT: &'static str = "a JSON pointer";
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[track_caller]
    fn check(text: &str, want: Result<&[&str], InvalidPointer>) {
        let got = text.parse::<Pointer>();
        let got = got.map(|pointer| pointer.names().collect::<Vec<_>>());
        let want = want.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn a_pointer_names_one_argument() {
        check("/path", Ok(&["path"]));
        check("/a/0/b~1c~0~01", Ok(&["a", "0", "b/c~~1"]));
        check("", Err(InvalidPointer::Empty));
        check("/", Err(InvalidPointer::Empty));
        check("a.b", Err(InvalidPointer::NoSlash("/a/b".to_owned())));
        check("/a~2", Err(InvalidPointer::Tilde));
        check("/a~", Err(InvalidPointer::Tilde));
        check("/\u{7}", Err(InvalidPointer::Hidden('\u{7}')));
    }
}
