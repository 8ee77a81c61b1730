//! What would let pass what was refused.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString};

use super::{Entry, Kind};
use crate::admit::RefusalCode;
use crate::edit::quoted;
use crate::path::HostPath;
use crate::pattern::{Pattern, ToolPattern};
use crate::policy::{ClientRight, SyscallGroup};

/// What would let it pass the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A right more in the manifest.
    Grant {
        /// The section, as it is headed: `[tools]`.
        section: &'static str,
        /// The key in it, and what it is to have: `allow = […, "list_notes"]`.
        line: String,
        /// The right as `brig allow` takes it, where that can write it.
        right: Option<String>,
        /// Whether it is one to write as well: `brig allow --write`.
        is_write: bool,
    },
    /// Something that the manifest says, said otherwise.
    Change {
        /// The section, as it is headed.
        section: &'static str,
        /// The keys of which one decides.
        keys: &'static [&'static str],
    },
    /// Looking at the server's tools again, and locking them as they are now.
    Review,
    /// Nothing that a manifest can say.
    Nothing,
}

/// What would let it pass.
pub fn remedy(entry: &Entry) -> Remedy {
    let incident = &entry.incident;
    let is_named = !entry.is_cut && !entry.is_rest;
    match incident.kind {
        Kind::Refused(code) => of_code(code, is_named.then_some(incident.about.as_str())),
        Kind::TooLong => change("[limits]", &["message"]),
        Kind::Overdue => change("[limits]", &["call"]),
        Kind::StartOverdue => change("[limits]", &["start"]),
        Kind::OutOfMemory => change("[limits]", &["memory"]),
        Kind::HostNotGranted => host(is_named.then_some(incident.about.as_str())),
        Kind::AddressNotGranted => change("[[network]]", &["addresses"]),
        Kind::HandshakeNotGranted => change("[[network]]", &["host", "protocol", "ech"]),
        Kind::PathNotGranted => path(is_named, &incident.about, false),
        Kind::WriteNotGranted => path(is_named, &incident.about, true),
        Kind::PathReadOnly => change("[[files]]", &["access"]),
        Kind::PathNotRunnable => change("[[files]]", &["exec"]),
        Kind::CallNotGranted => group(&incident.about),
        Kind::SocketNotGranted => change("[[network]]", &["host", "ports"]),
        Kind::NameNotGiven
        | Kind::Unreachable
        | Kind::TooManyConnections
        | Kind::Unclear
        | Kind::Ambiguous
        | Kind::NotMessage
        | Kind::TooDeep
        | Kind::Unasked
        | Kind::Late
        | Kind::TooMany
        | Kind::NotStarted
        | Kind::PathProtected
        | Kind::PathOfSystem
        | Kind::CallRefused => Remedy::Nothing,
    }
}

/// A grant of this host on this port, `host:port`. An address of IPv6 has brackets there, which
/// its grant does without.
fn host(about: Option<&str>) -> Remedy {
    let granted = about.and_then(|about| {
        let (host, port) = about.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port: u16 = port.parse().ok()?;
        let _: crate::host::Destination = host.parse().ok()?;
        Some((host, port))
    });
    let Some((host, port)) = granted else {
        return change("[[network]]", &["host", "ports"]);
    };
    let protocol = match port {
        80 | 443 => "",
        _ => ", protocol = \"tcp\"",
    };
    Remedy::Grant {
        section: "[[network]]",
        line: format!("host = {}, ports = [{port}]{protocol}", quoted(host)),
        right: about.map(ToString::to_string),
        is_write: false,
    }
}

fn of_code(code: RefusalCode, about: Option<&str>) -> Remedy {
    match code {
        RefusalCode::ToolNotAllowed => {
            let tool = about.filter(|name| is_literal::<ToolPattern>(name));
            let right = tool.filter(|name| is_told_as_tool(name));
            let right = right.map(ToString::to_string);
            allow("[tools]", tool, right)
        }
        RefusalCode::ResourceNotAllowed => allow(
            "[resources]",
            about.filter(|it| is_literal::<Pattern>(it)),
            None,
        ),
        RefusalCode::PromptNotAllowed => allow(
            "[prompts]",
            about.filter(|it| is_literal::<Pattern>(it)),
            None,
        ),
        RefusalCode::ArgumentMissing | RefusalCode::ArgumentNotAllowed => {
            change("[[tools.rule]]", &["equals", "matches", "within", "max"])
        }
        RefusalCode::RateLimited => change("[[tools.limit]]", &["calls-per-minute"]),
        RefusalCode::TooManyAtOnce => change("[[tools.limit]]", &["concurrency"]),
        RefusalCode::ResultTooLarge => change("[[tools.limit]]", &["result"]),
        RefusalCode::ToolNotReviewed | RefusalCode::ToolChanged => Remedy::Review,
        RefusalCode::RightNotGranted => {
            let rights = ClientRight::ALL.iter().map(|right| right.as_str());
            let right = about.and_then(|about| rights.into_iter().find(|name| *name == about));
            right.map_or(Remedy::Nothing, |right| Remedy::Grant {
                section: "[client]",
                line: format!("{right} = true"),
                right: None,
                is_write: false,
            })
        }
    }
}

fn change(section: &'static str, keys: &'static [&'static str]) -> Remedy {
    Remedy::Change { section, keys }
}

/// A name more in a list, or the list where the name cannot be written as itself.
fn allow(section: &'static str, name: Option<&str>, right: Option<String>) -> Remedy {
    name.map_or(change(section, &["allow"]), |name| Remedy::Grant {
        section,
        line: format!("allow = [..., {}]", quoted(name)),
        right,
        is_write: false,
    })
}

/// A file or folder more, where its name can be written as itself.
fn path(is_named: bool, path: &str, is_write: bool) -> Remedy {
    let is_plain = is_named && path.parse::<HostPath>().is_ok_and(|it| it.as_str() == path);
    if !is_plain {
        return change("[[files]]", &["host"]);
    }
    let more = if is_write { ", access = \"write\"" } else { "" };
    Remedy::Grant {
        section: "[[files]]",
        line: format!("host = {}{more}", quoted(path)),
        right: Some(path.to_owned()),
        is_write,
    }
}

/// A group of system calls more.
fn group(name: &str) -> Remedy {
    let known = SyscallGroup::ALL.iter().any(|group| group.as_str() == name);
    allow("[syscalls]", known.then_some(name), None)
}

/// Whether a name is a pattern that matches itself alone. What somebody else chose must not come to
/// stand for more in a manifest.
fn is_literal<P: core::str::FromStr>(name: &str) -> bool {
    !name.contains('*') && name.is_ascii() && name.parse::<P>().is_ok()
}

/// Whether `brig allow` takes a word for a tool wherever it is run: it starts like no path and no
/// option, has no folder in it, and ends like no port of a host.
fn is_told_as_tool(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !name.starts_with(['-', '.']) && name.bytes().all(is_plain)
}
