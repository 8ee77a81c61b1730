//! Looking at the host: whether what a server was refused is there at all.
//!
//! A thread of its own does it, after the call was answered. So a server cannot learn from the
//! time that an answer takes what lies on the host, and a file system that hangs stops nobody.

use super::report::{PATH_BYTES_MAX, Report, TOLD_MAX};
use brig_sandbox::cell::Mount;
use brig_sandbox::trace::{Lacking, RefusedCall, Standing, Walls, Want};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;

/// What the listener found, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A call named a path that may not be there.
    Path {
        /// By which it is counted.
        id: u32,
        /// The call.
        call: String,
        /// The path in the cell.
        path: String,
        /// What was wanted of it.
        want: Want,
        /// Who wanted it.
        thread: u32,
    },
    /// A call connects to where nothing leads.
    Address {
        /// By which it is counted.
        id: u32,
        /// `host:port`.
        to: String,
    },
    /// A call was refused.
    Call {
        /// By which it is counted.
        id: u32,
        /// Which.
        call: RefusedCall,
    },
    /// The server is gone: how often each was found, and what else was counted.
    End {
        /// By their ids.
        counts: Vec<u64>,
        /// The last report.
        ended: Report,
    },
}

/// Looks at what is found until the end, and reports to `out`.
pub(super) fn look(mounts: &[Mount], found: &Receiver<Found>, mut out: impl Write) {
    let mut told = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut untold = BTreeSet::new();
    while let Ok(one) = found.recv() {
        let (id, report) = match one {
            Found::Path {
                id,
                call,
                path,
                want,
                thread,
            } => (id, of_path((mounts, thread), id, call, &path, want)),
            Found::Address { id, to } => (id, Some(Report::Address { id, to })),
            Found::Call { id, call } => (id, Report::of_call(id, &call)),
            Found::End { counts, ended } => {
                let _ = end(&mut out, (&told, &untold), &counts, ended);
                return;
            }
        };
        let Some(report) = report else {
            continue;
        };
        // Two paths may lead to one file.
        let is_new = match &report {
            Report::Path {
                path,
                want,
                lacking,
                ..
            } => seen.insert((path.clone(), *want, *lacking)),
            Report::Address { .. }
            | Report::Call { .. }
            | Report::Again { .. }
            | Report::Ended { .. } => true,
        };
        if !is_new {
            continue;
        }
        if told.len() >= TOLD_MAX {
            untold.insert(id);
            continue;
        }
        told.insert(id);
        if put(&mut out, &report).is_err() {
            // The supervisor is gone, and this process is about to be.
            return;
        }
    }
}

fn end(
    out: &mut impl Write,
    (told, untold): (&BTreeSet<u32>, &BTreeSet<u32>),
    counts: &[u64],
    ended: Report,
) -> std::io::Result<()> {
    let count = |id: &u32| {
        let at = usize::try_from(*id).unwrap_or(usize::MAX);
        counts.get(at).copied().unwrap_or_default()
    };
    for id in told {
        let more = count(id).saturating_sub(1);
        if more > 0 {
            put(out, &Report::Again { id: *id, more })?;
        }
    }
    let more: u64 = untold.iter().map(count).sum();
    match ended {
        Report::Ended {
            calls,
            done_without,
            untold,
            unread,
        } => put(
            out,
            &Report::Ended {
                calls,
                done_without,
                untold: untold + more,
                unread,
            },
        ),
        Report::Path { .. }
        | Report::Address { .. }
        | Report::Call { .. }
        | Report::Again { .. } => put(out, &ended),
    }
}

fn put(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    out.write_all(&line)
}

fn of_path(
    (mounts, thread): (&[Mount], u32),
    id: u32,
    call: String,
    path: &str,
    want: Want,
) -> Option<Report> {
    let root = format!("/proc/{thread}/root");
    let (path, lacking) = refused((&Walls(mounts), &root), path, want)?;
    let is_short = path.len() <= PATH_BYTES_MAX;
    is_short.then_some(Report::Path {
        id,
        call,
        path,
        want,
        lacking,
    })
}

/// What of the host a server was refused at a path of its cell, with what it lacks where something
/// is shown there.
fn refused(
    (walls, root): (&Walls<'_>, &str),
    path: &str,
    want: Want,
) -> Option<(String, Option<Lacking>)> {
    let none = |path: String| (path, None);
    match walls.standing(path, want) {
        Standing::Own => None,
        Standing::Memory => {
            // What the server made there has the same name and is its own.
            let is_made = |path: &str| fs::symlink_metadata(format!("{root}{path}")).is_ok();
            let is_own = is_made(path) || want == Want::Write && folder(path).is_some_and(is_made);
            on_host(path, want).filter(|_| !is_own).map(none)
        }
        Standing::Absent => on_host(path, want).map(none),
        Standing::Shown {
            host,
            lacking: Some(lacking),
            ..
        } => on_host(&host, want).map(|_| (host, Some(lacking))),
        Standing::Shown {
            host,
            source,
            lacking: None,
        } => match canonical(&host) {
            Some(there) if Path::new(&there).starts_with(&source) => None,
            // A link leads out of what is shown, to what may be shown elsewhere.
            Some(there) => {
                let standing = walls.standing(&there, want);
                let is_gone = matches!(standing, Standing::Absent | Standing::Memory);
                is_gone.then_some((there, None))
            }
            None if want == Want::Write => None,
            None if host == path => None,
            None => canonical(path).map(none),
        },
    }
}

/// A path of the host as it is there, or the folder in which one to be made would be.
fn on_host(path: &str, want: Want) -> Option<String> {
    canonical(path).or_else(|| {
        let folder = folder(path).filter(|_| want == Want::Write)?;
        canonical(folder)
    })
}

fn folder(path: &str) -> Option<&str> {
    Path::new(path).parent()?.to_str()
}

fn canonical(path: &str) -> Option<String> {
    fs::canonicalize(path).ok()?.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use brig_sandbox::cell::{Access, Exec, GrantKind, Links};
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_the_host_has_is_told() {
        use Want::{Read, Run, Write};

        let name = format!("brig-look-{}", std::process::id());
        let folder = fs::canonicalize(std::env::temp_dir()).unwrap().join(name);
        fs::create_dir_all(folder.join("granted/below")).unwrap();
        fs::write(folder.join("other"), "").unwrap();
        fs::write(folder.join("granted/a"), "").unwrap();
        symlink("../other", folder.join("granted/out")).unwrap();
        symlink("a", folder.join("granted/in")).unwrap();
        let at = |path: &str| folder.join(path).to_str().unwrap().to_owned();
        let mounts = [Mount::Grant {
            source: at("granted"),
            at: "/notes".to_owned(),
            kind: GrantKind::Directory,
            access: Access::Read,
            exec: Exec::Denied,
            links: Links::Denied,
        }];
        let check = |path: &str, want, expected: Option<(&str, Option<Lacking>)>| {
            let found = refused((&Walls(&mounts), "/proc/0/root"), path, want);
            let expected = expected.map(|(path, lacking)| (at(path), lacking));
            assert_eq!(found, expected, "{path} {want:?}");
        };
        check("/notes/a", Read, None);
        check("/notes/in", Read, None);
        check("/notes/absent", Read, None);
        check("/notes/out", Read, Some(("other", None)));
        check("/notes/a", Write, Some(("granted/a", Some(Lacking::Write))));
        check(
            "/notes/new",
            Write,
            Some(("granted/new", Some(Lacking::Write))),
        );
        check("/notes/no/where", Write, None);
        check("/notes/a", Run, Some(("granted/a", Some(Lacking::Run))));
        check(&at("other"), Read, Some(("other", None)));
        check(&at("absent"), Read, None);
        check(&at("granted/new"), Write, Some(("granted", None)));
        fs::remove_dir_all(folder).unwrap();
    }
}
