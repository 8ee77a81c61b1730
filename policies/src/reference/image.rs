//! References to container images.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::{Quoted, hidden};

const NAME_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;
const DIGEST: &str = "sha256:";

/// A container image: the registry, the name in it, and a tag, a digest, or both. Nothing is
/// filled in, since what a missing registry or tag stands for differs between tools.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    text: String,
    /// Bytes of `text` that are the registry, and the registry and the name.
    ends: (usize, usize),
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageReference {
    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of the registry, with its port if one is written.
    pub fn registry(&self) -> &str {
        &self.text[..self.ends.0]
    }

    /// The name in the registry.
    pub fn path(&self) -> &str {
        &self.text[self.ends.0 + 1..self.ends.1]
    }

    /// The tag, which may come to mean another image.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, which never does: `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for ImageReference {
    type Err = InvalidImageReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(letter) = hidden(text) {
            return Err(InvalidImageReference::Hidden(letter));
        }
        if let Some((_, after)) = text.split_once("://") {
            return Err(InvalidImageReference::Scheme(after.to_owned()));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[last..].split_once(':') {
            Some((end, tag)) => (&named[..last + end.len()], Some(tag)),
            None => (named, None),
        };
        let (registry, path) = name
            .split_once('/')
            .ok_or(InvalidImageReference::NoRegistry)?;
        if !registry.contains(['.', ':']) && registry != "localhost" {
            return Err(InvalidImageReference::NoRegistry);
        }
        if !is_registry(registry) || !is_path(path) || name.len() > NAME_BYTES_MAX {
            return Err(InvalidImageReference::Name);
        }
        if !tag.is_none_or(is_tag) {
            return Err(InvalidImageReference::Tag);
        }
        if !digest.is_none_or(is_digest) {
            return Err(InvalidImageReference::Digest);
        }
        if tag.is_none() && digest.is_none() {
            return Err(InvalidImageReference::Unversioned(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            ends: (registry.len(), name.len()),
            tag: tag.map(ToOwned::to_owned),
            digest: digest.map(ToOwned::to_owned),
        })
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    host.split('.').all(is_label)
        && (1..=5).contains(&port.len())
        && port.bytes().all(|b| b.is_ascii_digit())
}

/// Names of lower-case letters and digits, with `.`, one or two `_`, or dashes between them.
fn is_path(text: &str) -> bool {
    let inner = |c: char| matches!(c, 'a'..='z' | '0'..='9');
    text.split('/').all(|name| {
        name.starts_with(inner)
            && name.ends_with(inner)
            && name.split(inner).all(|between| {
                matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
            })
    })
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=TAG_BYTES_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix(DIGEST).is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Why a text is not an [`ImageReference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImageReference {
    /// It has a character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
    /// It starts with a scheme; this follows.
    #[error("it has a scheme")]
    Scheme(String),
    /// It does not start with a registry's host name.
    #[error("it names no registry, and tools differ in which one they take then")]
    NoRegistry,
    /// The registry or the name in it is malformed.
    #[error("its registry or its name is not one")]
    Name,
    /// The tag is malformed.
    #[error("its tag is not one")]
    Tag,
    /// The digest is malformed.
    #[error("its digest is not one")]
    Digest,
    /// Neither a tag nor a digest.
    #[error("it has neither a tag nor a digest")]
    Unversioned(String),
}

impl Teach for InvalidImageReference {
    fn code(&self) -> FaultCode {
        match self {
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Scheme(_)
            | Self::NoRegistry
            | Self::Name
            | Self::Tag
            | Self::Digest
            | Self::Unversioned(_) => FaultCode::InvalidReference,
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::Hidden(_) => "type the reference anew",
            Self::Scheme(after) => return format!("write {}", Quoted(after)),
            Self::NoRegistry => {
                "start it with the registry's host, such as `registry.example.com/notes:1.2.0`"
            }
            Self::Name => "use lower-case letters, digits, and single `.`, `_` or `-` between them",
            Self::Tag => "a tag is 1 to 128 letters, digits, `_`, `.` and `-`",
            Self::Digest => "write `@sha256:` and the 64 lower-case hexadecimal digits",
            Self::Unversioned(text) => {
                return format!(
                    "write a version, such as {}, or a digest",
                    Quoted(&format!("{text}:1.2.0"))
                );
            }
        };
        help.to_owned()
    }
}

impl Written for ImageReference {
    const WHAT: &'static str = "a container image";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(), InvalidImageReference>) {
        assert_eq!(
            (text, text.parse::<ImageReference>().map(|_| ())),
            (text, want)
        );
    }

    #[test]
    fn a_reference_says_all_of_it() {
        let digest = alloc::format!("@sha256:{}", "0a".repeat(32));
        check("registry.example.com/a/b-c__d:v1.0", Ok(()));
        check(&alloc::format!("localhost:5000/a{digest}"), Ok(()));
        check(&alloc::format!("r.example/a:1{digest}"), Ok(()));
        let parsed = "r.example:5/a/b:1".parse::<ImageReference>();
        let parts = parsed
            .as_ref()
            .map(|image| (image.registry(), image.path()));
        assert_eq!(parts, Ok(("r.example:5", "a/b")));
        check("a:1", Err(InvalidImageReference::NoRegistry));
        check("library/a:1", Err(InvalidImageReference::NoRegistry));
        check("r.example/A:1", Err(InvalidImageReference::Name));
        check("r.example/a..b:1", Err(InvalidImageReference::Name));
        check("r.example/a:", Err(InvalidImageReference::Tag));
        check("r.example/a@sha256:00", Err(InvalidImageReference::Digest));
        check(
            "r.example/a",
            Err(InvalidImageReference::Unversioned("r.example/a".into())),
        );
        check(
            "docker://r.example/a:1",
            Err(InvalidImageReference::Scheme("r.example/a:1".into())),
        );
    }
}
