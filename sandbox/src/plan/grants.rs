//! Grants: what of the host appears in a cell, and what a component finds there.

use super::{Unplannable, obeyed};
use crate::cell::{Access, CellKind, Exec, GrantKind, Links, Mount, SECRETS_FOLDER, within};
use crate::component::Preopen;
use crate::facts::{HostFacts, SourceFact, SourceKind, WorkerFiles};
use crate::mechanism::{Isolated, cell_kind, container_kind};
use crate::seccomp::FileCalls;
use brig_policies::{
    FileGrant, Missing, Places, Policy, SecretForm, refused_source, refused_write,
};
use std::collections::BTreeMap;

/// One grant as a mount, and those over parts of it; none where its source is absent and may be.
pub(super) fn mounts(
    grant: &FileGrant,
    places: &Places,
    facts: &HostFacts,
    isolated: Isolated,
) -> Result<Vec<Mount>, Unplannable> {
    let host = grant.host().as_str();
    let Some(source) = facts.sources.get(host) else {
        return match grant.missing() {
            Missing::Skip => Ok(Vec::new()),
            Missing::Fault => Err(fault(
                grant,
                format!("`{host}` does not exist"),
                "make it, or write `optional = true` to start without it",
            )),
        };
    };
    check_source(grant, source, places)?;
    check_program(grant, source, &facts.worker)?;
    let kind = kind_of(grant, source)?;
    let cell = match isolated {
        Isolated::Component => cell_kind(facts),
        Isolated::Container => container_kind(facts),
    };
    if kind == GrantKind::File && isolated == Isolated::Component {
        check_file(grant, cell)?;
    }
    let exec = exec(grant.exec());
    let mut mounts = vec![Mount::Grant {
        source: source.canonical.clone(),
        at: grant.at().as_str().to_owned(),
        kind,
        access: access(grant.access()),
        exec,
        links: links(grant.links()),
    }];
    if is_looked_through(grant, source) {
        mounts.extend(obeyed::parts(grant, source, exec, facts, cell)?);
    }
    Ok(mounts)
}

/// The sources of all write grants in which something can be that the host obeys.
pub(super) fn looked_through<'a>(
    policy: &'a Policy,
    facts: &'a HostFacts,
) -> impl Iterator<Item = &'a SourceFact> {
    policy.files().iter().filter_map(|grant| {
        let source = facts.sources.get(grant.host().as_str())?;
        is_looked_through(grant, source).then_some(source)
    })
}

fn is_looked_through(grant: &FileGrant, source: &SourceFact) -> bool {
    access(grant.access()) == Access::Write && source.kind == SourceKind::Directory
}

pub(super) fn fault(grant: &FileGrant, message: String, help: &str) -> Unplannable {
    Unplannable::Grant {
        span: grant.span(),
        message,
        help: help.to_owned(),
    }
}

/// What the policy refused by name is refused again by where the name leads.
fn check_source(
    grant: &FileGrant,
    source: &SourceFact,
    places: &Places,
) -> Result<(), Unplannable> {
    let host = grant.host().as_str();
    let for_writing = || match access(grant.access()) {
        Access::Read => None,
        Access::Write => refused_write(&source.canonical, places),
    };
    let Some(refusal) = refused_source(&source.canonical, places).or_else(for_writing) else {
        return Ok(());
    };
    let through = if source.canonical == host {
        String::new()
    } else {
        format!(" (through symbolic links: `{}`)", source.canonical)
    };
    let message = format!("`{host}`{through} cannot be granted: {}", refusal.reason);
    Err(fault(grant, message, &refusal.help))
}

/// A server that could write brig's own files would be outside of every cell at brig's next start.
/// The policy's refusals know where a host keeps its programs, and not where this brig lies.
fn check_program(
    grant: &FileGrant,
    source: &SourceFact,
    worker: &WorkerFiles,
) -> Result<(), Unplannable> {
    let own = [&worker.program].into_iter().chain(&worker.loader);
    let mut own = own.chain(worker.libraries.values());
    match access(grant.access()) {
        Access::Read => Ok(()),
        Access::Write => own
            .find(|file| within(file, &source.canonical))
            .map_or(Ok(()), |file| {
                let host = grant.host();
                let message = format!("writing `{host}` would change `{file}`, which brig runs");
                let help = "grant it with `access = \"read\"`, or install brig elsewhere";
                Err(fault(grant, message, help))
            }),
    }
}

fn kind_of(grant: &FileGrant, source: &SourceFact) -> Result<GrantKind, Unplannable> {
    match source.kind {
        SourceKind::Directory => Ok(GrantKind::Directory),
        SourceKind::File => Ok(GrantKind::File),
        SourceKind::Special => Err(fault(
            grant,
            format!("`{}` is a socket, FIFO or device", grant.host()),
            "grant a directory or a regular file",
        )),
    }
}

/// A component opens beneath folders, so a file needs one that shows nothing else.
fn check_file(grant: &FileGrant, cell: CellKind) -> Result<(), Unplannable> {
    let at = grant.at().as_str();
    if cell == CellKind::Narrow {
        return Err(fault(
            grant,
            format!(
                "`{}` is a single file, which only a full cell can show alone",
                grant.host()
            ),
            "grant its folder, or make user namespaces possible: `brig doctor` tells how",
        ));
    }
    if at.matches('/').count() < 2 {
        return Err(fault(
            grant,
            format!("`{at}` puts a file at the top of a component's root"),
            "a component opens files beneath a folder: write `at` with a folder of its own",
        ));
    }
    Ok(())
}

fn access(access: brig_policies::Access) -> Access {
    match access {
        brig_policies::Access::Read => Access::Read,
        brig_policies::Access::Write => Access::Write,
    }
}

fn exec(exec: brig_policies::Exec) -> Exec {
    match exec {
        brig_policies::Exec::Denied => Exec::Denied,
        brig_policies::Exec::Allowed => Exec::Allowed,
    }
}

fn links(links: brig_policies::Links) -> Links {
    match links {
        brig_policies::Links::Denied => Links::Denied,
        brig_policies::Links::Allowed => Links::Allowed,
    }
}

/// Memory of the cell. An inode for each 4 KiB, so that many empty files take no more than the
/// bytes.
pub(super) fn scratch(at: &str, bytes_max: u64) -> Option<Mount> {
    (bytes_max > 0).then(|| Mount::Scratch {
        at: at.to_owned(),
        bytes_max,
        inodes_max: (bytes_max / 4096).max(16),
    })
}

/// Where secrets are as files, where the policy has one so. In a cell without a root of its own
/// there is no place that is the server's alone.
pub(super) fn secrets(
    policy: &Policy,
    kind: CellKind,
    faults: &mut Vec<Unplannable>,
) -> Option<Mount> {
    let mut files = policy.secrets().values();
    let first = files.find(|grant| grant.form() == SecretForm::File)?;
    if kind == CellKind::Narrow {
        let secret = first.secret();
        faults.push(Unplannable::Grant {
            span: first.mark().span(),
            message: format!(
                "the secret `{secret}` as a file needs a root of the server's own, which this host \
                 does not let brig make"
            ),
            help: "write `as = \"env\"`; `brig doctor` says what is missing".to_owned(),
        });
    }
    for grant in policy.files() {
        let at = grant.at().as_str();
        if within(at, SECRETS_FOLDER) || within(SECRETS_FOLDER, at) {
            faults.push(Unplannable::Grant {
                span: grant.span(),
                message: format!("secrets lie as files in `{SECRETS_FOLDER}`, which `{at}` meets"),
                help: "write another `at`, such as one below `/data`".to_owned(),
            });
        }
    }
    Some(Mount::Secrets {
        at: SECRETS_FOLDER.to_owned(),
    })
}

/// What the guest finds: each granted directory, and the folder of each granted file.
pub(super) fn preopens(mounts: &[Mount], cell: CellKind) -> Vec<Preopen> {
    let mut found: BTreeMap<&str, (&str, Access)> = BTreeMap::new();
    for mount in mounts {
        let (source, at, access) = match mount {
            Mount::Program { .. }
            | Mount::Image { .. }
            | Mount::Folder { .. }
            | Mount::Held { .. }
            | Mount::Kept { .. }
            | Mount::System { .. }
            | Mount::Link { .. }
            | Mount::Text { .. }
            | Mount::Processes { .. }
            | Mount::Shown { .. }
            | Mount::Volume { .. }
            | Mount::Device { .. } => continue,
            Mount::Scratch { at, .. } => (at.as_str(), at.as_str(), Access::Write),
            Mount::Secrets { at } => (at.as_str(), at.as_str(), Access::Read),
            Mount::Grant {
                source,
                at,
                kind,
                access,
                ..
            } => {
                let at = match kind {
                    GrantKind::Directory => at.as_str(),
                    GrantKind::File => at.rsplit_once('/').map_or("/", |(folder, _)| folder),
                };
                (source.as_str(), at, *access)
            }
        };
        let source = match cell {
            CellKind::Full => at,
            CellKind::Narrow => source,
        };
        let (_, most) = found.entry(at).or_insert((source, access));
        *most = access.max(*most);
    }
    let preopen = |(at, (source, access)): (&str, (&str, Access))| Preopen {
        source: source.to_owned(),
        at: at.to_owned(),
        access,
    };
    found.into_iter().map(preopen).collect()
}

pub(super) fn file_calls(preopens: &[Preopen]) -> FileCalls {
    match preopens.iter().map(|preopen| preopen.access).max() {
        None => FileCalls::None,
        Some(Access::Read) => FileCalls::Read,
        Some(Access::Write) => FileCalls::Write,
    }
}
