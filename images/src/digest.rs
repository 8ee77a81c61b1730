//! Names of content: SHA-256, as registries write it.

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is no digest that brig checks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidDigest {
    /// Another algorithm. Content that cannot be checked is not taken.
    #[error("its digest is of the algorithm `{}`; brig checks sha256 alone", .0.escape_debug())]
    Algorithm(String),
    /// Not 64 lower-case hexadecimal digits.
    #[error("its digest is not `sha256:` and 64 lower-case hexadecimal digits")]
    Form,
}

const NAMED: &str = "sha256:";

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hexadecimal digits, which are safe as a file's name.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.0 {
            for half in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
        }
        hex
    }

    /// From 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, InvalidDigest> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(InvalidDigest::Form),
        };
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(InvalidDigest::Form);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Ok(Self(bytes))
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("sha256", hex)) => Self::from_hex(hex),
            Some((algorithm, _)) => Err(InvalidDigest::Algorithm(
                algorithm.chars().take(32).collect(),
            )),
            None => Err(InvalidDigest::Form),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{NAMED}{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest in the making.
#[derive(Clone, Default)]
pub(crate) struct Hashing(Sha256);

impl Hashing {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn end(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn check(text: &str, want: Option<&InvalidDigest>) {
        assert_eq!(text.parse::<Digest>().err().as_ref(), want, "{text}");
    }

    #[test]
    fn one_spelling_of_one_algorithm() {
        assert_eq!(Digest::of(b"").hex(), EMPTY);
        assert_eq!(Digest::from_hex(EMPTY), Ok(Digest::of(b"")));
        check(&format!("sha256:{EMPTY}"), None);
        check(
            &format!("sha256:{}", EMPTY.to_uppercase()),
            Some(&InvalidDigest::Form),
        );
        check(
            &format!("sha256:{}", &EMPTY[1..]),
            Some(&InvalidDigest::Form),
        );
        check("sha256:../../etc/passwd", Some(&InvalidDigest::Form));
        check(EMPTY, Some(&InvalidDigest::Form));
        check(
            "sha512:00",
            Some(&InvalidDigest::Algorithm("sha512".into())),
        );
        check("", Some(&InvalidDigest::Form));
    }
}
