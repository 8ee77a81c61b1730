//! `[[state]]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;
use crate::limits::STATE;

/// The most folders: a server that needs more makes folders inside one.
pub(crate) const GRANTS_MAX: usize = 16;

pub(crate) const AT: Key = Key::new(
    "at",
    Takes::Text(Form::GuestPath),
    "at = \"/data\"",
    "Where the server finds the folder.",
)
.needed()
.also(&["path", "target", "mount", "to"])
.refused("at = \"data\"", FaultCode::InvalidPath);

pub(crate) const SIZE: Key = Key::new(
    "size",
    Takes::Size(&STATE),
    "size = \"1GiB\"",
    "What it may hold; over it, the server is ended.",
)
.also(&["limit", "quota", "max-size"])
.refused("size = \"1GB\"", FaultCode::InvalidSize);

pub(crate) const SECTION: Section = Section {
    title: "[[state]]",
    keys: &[AT, SIZE],
    one_of: &[],
    whole: &["at = \"/data\""],
};
