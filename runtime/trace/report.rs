//! What the tracer reports, one JSON object a line, and what that is to people.
//!
//! *Nothing here has an effect*: reports come in, and what they say goes out.

use brig_policies::{Incident, Kind, Party, Places, SyscallGroup, refused_source, refused_write};
use brig_sandbox::trace::{Lack, Lacking, RefusedCall, Want};
use serde::{Deserialize, Serialize};

/// The longest path that is told, in bytes.
pub(super) const PATH_BYTES_MAX: usize = 1024;
/// The longest report, in bytes: a path in which each byte is an escape.
pub(super) const LINE_BYTES_MAX: usize = 8 << 10;
/// How many things are told of one run, each once. A journal has room for more, so that a traced
/// server leaves some to what else is refused.
pub(super) const TOLD_MAX: usize = 40;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Report {
    /// A path was refused for the first time.
    Path {
        /// By which it is spoken of later.
        id: u32,
        /// The call.
        call: String,
        /// The path on the host, or in the cell where it is not shown.
        path: String,
        /// What was wanted of it.
        want: Want,
        /// What may not be done with what is shown there; none where nothing is.
        lacking: Option<Lacking>,
    },
    /// A connection to where nothing leads, for the first time.
    Address {
        /// By which it is spoken of later.
        id: u32,
        /// `host:port`.
        to: String,
    },
    /// A call was refused for the first time.
    Call {
        /// By which it is spoken of later.
        id: u32,
        /// Its name.
        call: String,
        /// What of it was refused, where that is not all.
        argument: Option<String>,
        /// What would allow it.
        allowed_by: AllowedBy,
    },
    /// How often it was refused beyond the first time.
    Again {
        /// Which.
        id: u32,
        /// How often.
        more: u64,
    },
    /// The server is gone.
    Ended {
        /// Calls that waited.
        calls: u64,
        /// Calls that libraries do without, with how often each was refused.
        done_without: Vec<(String, u64)>,
        /// Refused calls and paths that had no room to be told.
        untold: u64,
        /// Calls whose path could not be read.
        unread: u64,
    },
}

/// What would allow a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AllowedBy {
    /// A group of system calls, by its name.
    Group(String),
    /// A grant of the network.
    Network,
    /// A grant in which links can be made.
    Links,
    /// Nothing.
    Nothing,
}

impl Report {
    /// The report of a call; none for one that its caller does without.
    pub(super) fn of_call(id: u32, call: &RefusedCall) -> Option<Self> {
        let allowed_by = match call.lack {
            Lack::FallsBack => return None,
            Lack::Group(group) => AllowedBy::Group(group.as_str().to_owned()),
            Lack::Network => AllowedBy::Network,
            Lack::Links => AllowedBy::Links,
            Lack::Nothing => AllowedBy::Nothing,
        };
        Some(Self::Call {
            id,
            call: call.name.clone(),
            argument: call.argument.clone(),
            allowed_by,
        })
    }

    /// By which it is spoken of later, and what it is to whoever asks why; none for a count.
    pub(super) fn incident(&self, places: &Places) -> Option<(u32, Incident)> {
        let (id, (kind, about, why)) = match self {
            Self::Path {
                id,
                call,
                path,
                want,
                lacking,
            } => (*id, of_path(call, path, *want, *lacking, places)),
            Self::Address { id, to } => {
                let why = format!("`connect` to `{to}`: no grant covers it");
                (*id, (Kind::HostNotGranted, to.clone(), why))
            }
            Self::Call {
                id,
                call,
                argument,
                allowed_by,
            } => (*id, of_call(call, argument.as_deref(), allowed_by)),
            Self::Again { .. } | Self::Ended { .. } => return None,
        };
        let incident = Incident {
            kind,
            by: Party::Server,
            about,
            why,
            line: None,
        };
        Some((id, incident))
    }
}

fn of_path(
    call: &str,
    path: &str,
    want: Want,
    lacking: Option<Lacking>,
    places: &Places,
) -> (Kind, String, String) {
    let to = match want {
        Want::Read => "",
        Want::Write => " to write there",
        Want::Run => " to run it",
    };
    let refusal = refused_source(path, places);
    let is_written = want == Want::Write;
    let refusal = refusal.or_else(|| refused_write(path, places).filter(|_| is_written));
    let (kind, why) = match (lacking, refusal) {
        (None, Some(refusal)) => (
            Kind::PathProtected,
            format!(
                "it is on this host, and cannot be granted: {}",
                refusal.reason
            ),
        ),
        (None, None) if is_written => (
            Kind::WriteNotGranted,
            "it is on this host, and no grant has it".to_owned(),
        ),
        (None, None) => (
            Kind::PathNotGranted,
            "it is on this host, and no grant has it".to_owned(),
        ),
        (Some(Lacking::Write), _) => (
            Kind::PathReadOnly,
            "it is there for reading alone".to_owned(),
        ),
        (Some(Lacking::Run), _) => (
            Kind::PathNotRunnable,
            "its grant lets nothing be run".to_owned(),
        ),
        (Some(Lacking::System), _) => (
            Kind::PathOfSystem,
            "it is of the system or the image, which nobody writes".to_owned(),
        ),
    };
    let why = format!("`{call}` of `{path}`{to}: {why}");
    (kind, path.to_owned(), why)
}

fn of_call(call: &str, argument: Option<&str>, allowed_by: &AllowedBy) -> (Kind, String, String) {
    let argument = argument.map(|argument| format!(", {argument}"));
    let what = format!("the system call `{call}`{}", argument.unwrap_or_default());
    match allowed_by {
        AllowedBy::Group(name) => {
            let group = SyscallGroup::ALL
                .iter()
                .find(|group| group.as_str() == name);
            let reason = group.map_or("", |group| group.reason());
            let why = format!("{what}: of `{name}` ({reason})");
            (Kind::CallNotGranted, name.clone(), why)
        }
        AllowedBy::Network => {
            let why = format!("{what}: no grant of the network");
            (Kind::SocketNotGranted, what, why)
        }
        AllowedBy::Links => {
            let why = format!("{what}: `links = true` of a grant has it");
            (Kind::CallRefused, what, why)
        }
        AllowedBy::Nothing => {
            let why = format!("{what}: no program has it");
            (Kind::CallRefused, what, why)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn places() -> Places {
        Places {
            home: Some("/home/me".to_owned()),
            project: None,
            manifest_folder: "/home/me/servers".to_owned(),
            own_folders: Vec::new(),
            manifest_path: "/home/me/servers/brig.toml".to_owned(),
        }
    }

    #[track_caller]
    fn check(report: &Report, kind: Kind, about: &str, why: &str) {
        let line = serde_json::to_string(report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), *report);
        let (id, incident) = report.incident(&places()).unwrap();
        assert_eq!((id, incident.kind), (7, kind));
        assert_eq!((&*incident.about, &*incident.why), (about, why));
    }

    fn path(path: &str, want: Want, lacking: Option<Lacking>) -> Report {
        Report::Path {
            id: 7,
            call: "openat".to_owned(),
            path: path.to_owned(),
            want,
            lacking,
        }
    }

    #[test]
    fn a_report_becomes_a_refusal_of_its_kind() {
        check(
            &path("/srv/a", Want::Read, None),
            Kind::PathNotGranted,
            "/srv/a",
            "`openat` of `/srv/a`: it is on this host, and no grant has it",
        );
        check(
            &path("/srv/a", Want::Write, None),
            Kind::WriteNotGranted,
            "/srv/a",
            "`openat` of `/srv/a` to write there: it is on this host, and no grant has it",
        );
        check(
            &path("/srv/a", Want::Write, Some(Lacking::Write)),
            Kind::PathReadOnly,
            "/srv/a",
            "`openat` of `/srv/a` to write there: it is there for reading alone",
        );
        check(
            &path("/srv/a", Want::Run, Some(Lacking::Run)),
            Kind::PathNotRunnable,
            "/srv/a",
            "`openat` of `/srv/a` to run it: its grant lets nothing be run",
        );
    }

    #[test]
    fn a_report_of_what_nothing_grants_says_so() {
        let ssh = path("/home/me/.ssh/id_x", Want::Read, None);
        let (_, incident) = ssh.incident(&places()).unwrap();
        assert_eq!(incident.kind, Kind::PathProtected);
        assert!(
            incident.why.contains("cannot be granted"),
            "{}",
            incident.why
        );
        let to = "10.0.0.5:5432".to_owned();
        check(
            &Report::Address { id: 7, to },
            Kind::HostNotGranted,
            "10.0.0.5:5432",
            "`connect` to `10.0.0.5:5432`: no grant covers it",
        );
        let call = |argument: Option<&str>, allowed_by| Report::Call {
            id: 7,
            call: "mprotect".to_owned(),
            argument: argument.map(str::to_owned),
            allowed_by,
        };
        check(
            &call(
                Some("memory that can be run"),
                AllowedBy::Group("jit".to_owned()),
            ),
            Kind::CallNotGranted,
            "jit",
            "the system call `mprotect`, memory that can be run: of `jit` (memory that is \
             written can then be run as code)",
        );
        check(
            &call(None, AllowedBy::Nothing),
            Kind::CallRefused,
            "the system call `mprotect`",
            "the system call `mprotect`: no program has it",
        );
    }
}
