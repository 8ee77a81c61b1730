//! `[syscalls]`

use super::{Key, Section, Takes};

pub(crate) const ALLOW: Key = Key::new(
    "allow",
    Takes::Words(&["jit", "io-uring", "numa"]),
    "allow = [\"jit\"]",
    "Named groups of system calls; numbers would tie the file to one processor.",
)
.also(&["groups", "names", "syscalls"]);

pub(crate) const SECTION: Section = Section {
    title: "[syscalls]",
    keys: &[ALLOW],
};
