//! `[[files]]`

use super::{Form, Key, Section, Takes};

/// The most grants: the mount table of a cell is walked at each start.
pub(crate) const GRANTS_MAX: usize = 1024;

pub(crate) const HOST: Key = Key::new(
    "host",
    Takes::Text(Form::Anchored),
    "host = \"~/notes\"",
    "The source on this host: an absolute path, or one that starts with `~`, `{project}` or \
     `{config}`.",
)
.needed()
.also(&["path", "source", "src", "from", "folder", "uri", "hostpath"]);

pub(crate) const AT: Key = Key::new(
    "at",
    Takes::Text(Form::GuestPath),
    "at = \"/notes\"",
    "Where the server finds it; the same path as on the host unless written.",
)
.also(&[
    "target",
    "mount",
    "to",
    "dest",
    "destination",
    "guest",
    "mountpath",
]);

pub(crate) const ACCESS: Key = Key::new(
    "access",
    Takes::Word(&["read", "write"]),
    "access = \"read\"",
    "`read`, or `write`: also create, change and delete.",
)
.also(&[
    "mode",
    "permissions",
    "rights",
    "readonly",
    "read-only",
    "ro",
    "writable",
    "write",
]);

pub(crate) const EXEC: Key = Key::new(
    "exec",
    Takes::Flag,
    "exec = false",
    "Whether what is there may be run.",
)
.also(&["execute", "executable"]);

pub(crate) const LINKS: Key = Key::new(
    "links",
    Takes::Flag,
    "links = false",
    "Whether links, pipes, sockets and devices may be made there.",
)
.also(&["symlinks", "special"]);

pub(crate) const OPTIONAL: Key = Key::new(
    "optional",
    Takes::Flag,
    "optional = false",
    "Whether the server starts without the grant when the source is missing.",
)
.also(&["required", "missing"]);

pub(crate) const SECTION: Section = Section {
    title: "[[files]]",
    keys: &[HOST, AT, ACCESS, EXEC, LINKS, OPTIONAL],
};
