//! References to packages of npm and PyPI, each with one version.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::{Quoted, hidden};

/// The longest name and the longest version.
const NAME_BYTES_MAX: usize = 214;
const VERSION_BYTES_MAX: usize = 128;

/// An npm package with its version: `name@1.2.3` or `@scope/name@1.2.3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NpmPackage {
    text: String,
    at: usize,
}

impl NpmPackage {
    /// The package and its version as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The package's name, with its scope.
    pub fn name(&self) -> &str {
        &self.text[..self.at]
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl fmt::Display for NpmPackage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for NpmPackage {
    type Err = InvalidPackage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        visible(text)?;
        let at = text.rfind('@').filter(|at| *at > 0);
        let (name, version) = at.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        let parts = match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/'),
            None => Some(("x", name)),
        };
        let is_name = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        };
        let is_named = parts.is_some_and(|(scope, name)| is_name(scope) && is_name(name));
        if !is_named || name.len() > NAME_BYTES_MAX {
            return Err(InvalidPackage::Name(NPM_EXAMPLE));
        }
        let at = at.ok_or(InvalidPackage::Version(NPM_EXAMPLE))?;
        if !is_semantic(version) {
            return Err(InvalidPackage::Version(NPM_EXAMPLE));
        }
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }
}

/// Three numbers, and what may follow them.
fn is_semantic(version: &str) -> bool {
    let (core, rest) = version
        .find(['-', '+'])
        .map_or((version, ""), |at| version.split_at(at));
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    version.len() <= VERSION_BYTES_MAX
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && rest.len() != 1
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'+'))
}

impl Written for NpmPackage {
    const WHAT: &'static str = "an npm package with its version";
}

/// A PyPI package with its version: `name==1.2.3`, or `name[extra]==1.2.3`; the name in the
/// spelling that the index itself uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PypiPackage {
    text: String,
    at: usize,
}

impl PypiPackage {
    /// The package and its version as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The package's name, with its extras.
    pub fn name(&self) -> &str {
        &self.text[..self.at]
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.text[self.at + 2..]
    }
}

impl fmt::Display for PypiPackage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for PypiPackage {
    type Err = InvalidPackage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        visible(text)?;
        let at = text.find("==");
        let (named, version) = at.map_or((text, ""), |at| (&text[..at], &text[at + 2..]));
        let (name, extras) = match named.split_once('[') {
            Some((name, extras)) => (name, extras.strip_suffix(']')),
            None => (named, Some("x")),
        };
        if is_name(&name.to_ascii_lowercase().replace(['_', '.'], "-")) && !is_name(name) {
            let spelling = name.to_ascii_lowercase().replace(['_', '.'], "-");
            let rest = &text[name.len()..];
            return Err(InvalidPackage::Spelling(format!("{spelling}{rest}")));
        }
        let are_extras = extras.is_some_and(|extras| extras.split(',').all(is_name));
        if !is_name(name) || !are_extras || named.len() > NAME_BYTES_MAX {
            return Err(InvalidPackage::Name(PYPI_EXAMPLE));
        }
        let is_version = version.starts_with(|c: char| c.is_ascii_digit())
            && version.len() <= VERSION_BYTES_MAX
            && version
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'!' | b'+' | b'-'));
        let at = at.ok_or(InvalidPackage::Version(PYPI_EXAMPLE))?;
        if !is_version {
            return Err(InvalidPackage::Version(PYPI_EXAMPLE));
        }
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }
}

/// Runs of lower-case letters and digits with one dash between them.
fn is_name(name: &str) -> bool {
    name.split('-').all(|run| {
        !run.is_empty()
            && run
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

impl Written for PypiPackage {
    const WHAT: &'static str = "a PyPI package with its version";
}

const NPM_EXAMPLE: &str = "@scope/server@1.2.0";
const PYPI_EXAMPLE: &str = "server==1.2.0";

fn visible(text: &str) -> Result<(), InvalidPackage> {
    hidden(text).map_or(Ok(()), |letter| Err(InvalidPackage::Hidden(letter)))
}

/// Why a text is not a package with its version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPackage {
    /// It has a character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
    /// The name is malformed; this is an example.
    #[error("it does not start with a package's name")]
    Name(&'static str),
    /// The name has another spelling; this is the whole with it.
    #[error("its name is not in its one spelling")]
    Spelling(String),
    /// The version is missing, or may mean several; this is an example.
    #[error("it does not end in one version")]
    Version(&'static str),
}

impl Teach for InvalidPackage {
    fn code(&self) -> FaultCode {
        match self {
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Name(_) | Self::Spelling(_) | Self::Version(_) => FaultCode::InvalidReference,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Hidden(_) => "type the name anew".to_owned(),
            Self::Name(example) => format!("write it like `{example}`"),
            Self::Spelling(spelling) => format!("write {}", Quoted(spelling)),
            Self::Version(example) => {
                format!("write the one version that was reviewed, like `{example}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = InvalidPackage>>(text: &str, want: Result<(), InvalidPackage>) {
        assert_eq!((text, text.parse::<T>().map(|_| ())), (text, want));
    }

    #[test]
    fn a_package_has_one_version() {
        let (name, version) = (
            InvalidPackage::Name(NPM_EXAMPLE),
            InvalidPackage::Version(NPM_EXAMPLE),
        );
        check::<NpmPackage>("server@1.2.3", Ok(()));
        check::<NpmPackage>("@scope/server@2026.8.31-rc.1+x", Ok(()));
        check::<NpmPackage>("@scope/server", Err(version.clone()));
        check::<NpmPackage>("server@latest", Err(version.clone()));
        check::<NpmPackage>("server@^1.2.3", Err(version.clone()));
        check::<NpmPackage>("server@1.2", Err(version.clone()));
        check::<NpmPackage>("server@1.2.3-", Err(version));
        check::<NpmPackage>("@scope@1.2.3", Err(name.clone()));
        check::<NpmPackage>("../x@1.2.3", Err(name.clone()));
        check::<NpmPackage>("", Err(name));
        let (name, version) = (
            InvalidPackage::Name(PYPI_EXAMPLE),
            InvalidPackage::Version(PYPI_EXAMPLE),
        );
        check::<PypiPackage>("mcp-server-git==1", Ok(()));
        check::<PypiPackage>("server[a,b-c]==1!2.0.post1+local", Ok(()));
        check::<PypiPackage>("server>=1", Err(name.clone()));
        check::<PypiPackage>("server", Err(version.clone()));
        check::<PypiPackage>("server==1.*", Err(version));
        check::<PypiPackage>("server[]==1", Err(name));
        check::<PypiPackage>(
            "My_Server==1",
            Err(InvalidPackage::Spelling("my-server==1".into())),
        );
    }
}
