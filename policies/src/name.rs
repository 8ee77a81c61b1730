//! Names: of a server, and of the variables that it sees.

pub(crate) mod variable;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};

/// The longest name of a server: it becomes part of file and cgroup names.
const SERVER_NAME_BYTES_MAX: usize = 64;

/// The longest name of a variable.
const ENV_NAME_BYTES_MAX: usize = 256;

/// What people call a server: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, the first a letter or
/// a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerName(String);

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for ServerName {
    type Err = InvalidServerName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidServerName::Empty);
        }
        if text.len() > SERVER_NAME_BYTES_MAX {
            return Err(InvalidServerName::TooLong);
        }
        let allowed = |letter: &char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
        if let Some(bad) = text.chars().find(|letter| !allowed(letter)) {
            return Err(InvalidServerName::Character(bad));
        }
        if text.starts_with(['-', '_', '.']) {
            return Err(InvalidServerName::Start);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text is not a [`ServerName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerName {
    /// There is no character.
    #[error("it is empty")]
    Empty,
    /// There are more than 64 characters.
    #[error("it is longer than {SERVER_NAME_BYTES_MAX} characters")]
    TooLong,
    /// A character that no server's name has.
    #[error("it has {0:?}")]
    Character(char),
    /// It starts like an option or a hidden file.
    #[error("it starts with punctuation")]
    Start,
}

impl Teach for InvalidServerName {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidName
    }

    fn help(&self) -> String {
        "use 1 to 64 of a-z, 0-9, `-`, `_` and `.`, starting with a letter or a digit".to_owned()
    }
}

impl Written for ServerName {
    const WHAT: &'static str = "a server name";
}

/// What a secret is called in brig's store: written as a server's name is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(ServerName);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(InvalidSecretName)
    }
}

/// Why a text is not a [`SecretName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidSecretName(InvalidServerName);

impl Teach for InvalidSecretName {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidName
    }

    fn help(&self) -> String {
        "write the secret's name and never its value: 1 to 64 of a-z, 0-9, `-`, `_` and `.`"
            .to_owned()
    }
}

impl Written for SecretName {
    const WHAT: &'static str = "a secret's name";
}

/// A variable's name: a letter or `_`, then letters, digits and `_`; never one that makes a
/// program load or run something else, such as `LD_PRELOAD`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvName(String);

impl EnvName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for EnvName {
    type Err = InvalidEnvName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(first) = text.chars().next() else {
            return Err(InvalidEnvName::Empty);
        };
        if text.len() > ENV_NAME_BYTES_MAX {
            return Err(InvalidEnvName::TooLong);
        }
        let allowed = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        if let Some(bad) = text.chars().find(|letter| !allowed(letter)) {
            return Err(InvalidEnvName::Character(bad));
        }
        if first.is_ascii_digit() {
            return Err(InvalidEnvName::Digit);
        }
        match variable::refusal(text) {
            Some(reason) => Err(InvalidEnvName::Refused(reason)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Why a text is not an [`EnvName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvName {
    /// There is no character.
    #[error("it is empty")]
    Empty,
    /// There are more than 256 characters.
    #[error("it is longer than {ENV_NAME_BYTES_MAX} characters")]
    TooLong,
    /// A character that no variable's name has.
    #[error("it has {0:?}")]
    Character(char),
    /// It starts with a digit.
    #[error("it starts with a digit")]
    Digit,
    /// It is one that programs obey, for this reason.
    #[error("{0}")]
    Refused(&'static str),
}

impl Teach for InvalidEnvName {
    fn code(&self) -> FaultCode {
        match self {
            Self::Empty | Self::TooLong | Self::Character(_) | Self::Digit => {
                FaultCode::InvalidName
            }
            Self::Refused(_) => FaultCode::RefusedVariable,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Empty | Self::TooLong | Self::Character(_) | Self::Digit => format!(
                "use a letter or `_`, then letters, digits and `_`, at most {ENV_NAME_BYTES_MAX}"
            ),
            Self::Refused(_) => {
                "leave it out; no manifest can set it, whatever its value".to_owned()
            }
        }
    }
}

impl Written for EnvName {
    const WHAT: &'static str = "a variable that a manifest may set";
}
