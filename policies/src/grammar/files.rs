//! `[[files]]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

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
.also(&["path", "source", "src", "from", "folder", "uri", "hostpath"])
.refused("host = \"~/.ssh\"", FaultCode::RefusedSource);

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
])
.refused("at = \"/proc/notes\"", FaultCode::ReservedTarget)
.unless("the same path as on the host");

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
])
.refused("access = \"rw\"", FaultCode::UnknownValue)
.unless("`read`");

pub(crate) const EXEC: Key = Key::new(
    "exec",
    Takes::Flag,
    "exec = false",
    "Whether what is there may be run.",
)
.also(&["execute", "executable"])
.refused("exec = \"yes\"", FaultCode::WrongType)
.unless("`false`");

pub(crate) const LINKS: Key = Key::new(
    "links",
    Takes::Flag,
    "links = false",
    "Whether links, pipes, sockets and devices may be made there.",
)
.also(&["symlinks", "special"])
.refused("links = 1", FaultCode::WrongType)
.unless("`false`");

pub(crate) const OPTIONAL: Key = Key::new(
    "optional",
    Takes::Flag,
    "optional = false",
    "Whether the server starts without the grant when the source is missing.",
)
.also(&["required", "missing"])
.refused("required = true", FaultCode::UnknownKey)
.unless("`false`: a missing source is told, and nothing starts");

pub(crate) const SECTION: Section = Section {
    title: "[[files]]",
    keys: &[HOST, AT, ACCESS, EXEC, LINKS, OPTIONAL],
    one_of: &[],
    whole: &["host = \"~/notes\""],
};
