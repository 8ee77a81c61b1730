//! Digests, as a lock writes them.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};

/// A digest with its algorithm: `blake3:` or `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes, by BLAKE3.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("blake3:{}", blake3::hash(bytes).to_hex()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = ["blake3:", "sha256:"]
            .iter()
            .find_map(|algorithm| text.strip_prefix(algorithm))
            .ok_or(InvalidDigest::Algorithm)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == 64 && digits.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDigest::Digits)
        }
    }
}

/// Why a text is not a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// It names neither algorithm.
    #[error("it starts with neither `blake3:` nor `sha256:`")]
    Algorithm,
    /// What follows is not 64 lower-case hexadecimal digits.
    #[error("64 digits of 0-9 and a-f follow the algorithm")]
    Digits,
}

impl Teach for InvalidDigest {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidRecord
    }

    fn help(&self) -> String {
        "`brig lock` writes it".to_owned()
    }
}

impl Written for Digest {
    const WHAT: &'static str = "a digest";
}
