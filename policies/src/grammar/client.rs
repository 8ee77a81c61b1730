//! `[client]`

use super::{Key, Section, Takes};
use crate::policy::ClientRight;

const fn right(right: ClientRight, example: &'static str, about: &'static str) -> Key {
    Key::new(right.as_str(), Takes::Flag, example, about)
}

pub(crate) const SAMPLING: Key = right(
    ClientRight::Sampling,
    "sampling = true",
    "Whether the server may have the client's model write text.",
);
pub(crate) const ELICITATION: Key = right(
    ClientRight::Elicitation,
    "elicitation = true",
    "Whether the server may have the client ask its user.",
);
pub(crate) const ROOTS: Key = right(
    ClientRight::Roots,
    "roots = true",
    "Whether the server may ask which folders the client works in.",
);
pub(crate) const LOGGING: Key = right(
    ClientRight::Logging,
    "logging = true",
    "Whether the server may send the client messages for its log.",
);

/// Each key with the right that it gives.
pub(crate) const RIGHTS: &[(Key, ClientRight)] = &[
    (SAMPLING, ClientRight::Sampling),
    (ELICITATION, ClientRight::Elicitation),
    (ROOTS, ClientRight::Roots),
    (LOGGING, ClientRight::Logging),
];

pub(crate) const SECTION: Section = Section {
    title: "[client]",
    keys: &[SAMPLING, ELICITATION, ROOTS, LOGGING],
};
