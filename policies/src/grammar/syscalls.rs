//! `[syscalls]`

use super::{Key, Section, Takes};
use crate::fault::FaultCode;

pub(crate) const ALLOW: Key = Key::new(
    "allow",
    Takes::Words(&["jit", "io-uring", "numa"]),
    "allow = [\"jit\"]",
    "Named groups of system calls; numbers would tie the file to one processor.",
)
.also(&["groups", "names", "syscalls"])
.refused("allow = [\"ptrace\"]", FaultCode::UnknownValue)
.unless("none");

pub(crate) const SECTION: Section = Section {
    title: "[syscalls]",
    keys: &[ALLOW],
    one_of: &[],
    whole: &[],
};
