//! `[client]`

use super::{Key, Section, Takes};
use crate::fault::FaultCode;
use crate::policy::ClientRight;

const fn right(right: ClientRight, example: &'static str, about: &'static str) -> Key {
    Key::new(right.as_str(), Takes::Flag, example, about).unless("`false`")
}

pub(crate) const SAMPLING: Key = right(
    ClientRight::Sampling,
    "sampling = true",
    "Whether the server may have the client's model write text.",
)
.refused("sampling = \"yes\"", FaultCode::WrongType);
pub(crate) const ELICITATION: Key = right(
    ClientRight::Elicitation,
    "elicitation = true",
    "Whether the server may have the client ask its user, in a form of the client's own.",
)
.also(&["elicit"])
.refused("elicitation = {}", FaultCode::WrongType);
pub(crate) const ELICITATION_URL: Key = right(
    ClientRight::ElicitationUrl,
    "elicitation-url = true",
    "Whether the server may have the client send its user to a page of the web.",
)
.also(&["elicitation_url", "url-elicitation"])
.refused("elicitation-url = \"https\"", FaultCode::WrongType);
pub(crate) const ROOTS: Key = right(
    ClientRight::Roots,
    "roots = true",
    "Whether the server may ask which folders the client works in.",
)
.refused("roots = [\"~/notes\"]", FaultCode::WrongType);
pub(crate) const LOGGING: Key = right(
    ClientRight::Logging,
    "logging = true",
    "Whether the server may send the client messages for its log.",
)
.refused("logging = \"info\"", FaultCode::WrongType);

/// Each key with the right that it gives.
pub(crate) const RIGHTS: &[(Key, ClientRight)] = &[
    (SAMPLING, ClientRight::Sampling),
    (ELICITATION, ClientRight::Elicitation),
    (ELICITATION_URL, ClientRight::ElicitationUrl),
    (ROOTS, ClientRight::Roots),
    (LOGGING, ClientRight::Logging),
];

pub(crate) const SECTION: Section = Section {
    title: "[client]",
    keys: &[SAMPLING, ELICITATION, ELICITATION_URL, ROOTS, LOGGING],
    one_of: &[],
    whole: &[],
};
