//! A runtime outside of the host's system: it is in the cell at its own path, read-only.

use crate::cell::{Access, Exec, GrantKind, Mount, Readers, within};
use crate::facts::{HostFacts, RuntimeKind, RuntimePlace};
use crate::plan::{RuntimePart, Unplannable};
use brig_policies::{Places, Policy, refused_source};

/// What of Homebrew programs need. Its `etc` and `var` have settings and databases of services.
const OF_HOMEBREW: &[&str] = &["bin", "Cellar", "lib", "opt"];

/// The runtimes of a program.
#[derive(Default)]
pub(super) struct Runtimes {
    /// What the plan says of them.
    pub(super) parts: Vec<RuntimePart>,
    /// In which grants lie, or which lie in no grant.
    pub(super) before: Vec<Mount>,
    /// Which lie in a grant, over it: what is granted for writing is no way to change them.
    pub(super) after: Vec<Mount>,
}

impl Runtimes {
    /// The folders of their programs, in the order in which names are looked up.
    pub(super) fn programs(&self) -> impl Iterator<Item = String> {
        self.parts.iter().map(|part| format!("{}/bin", part.at))
    }
}

/// Decides how the runtimes that the probe found appear.
pub(super) fn runtimes(
    policy: &Policy,
    places: &Places,
    facts: &HostFacts,
    system: &[Mount],
    grants: &[Mount],
) -> Result<Runtimes, Vec<Unplannable>> {
    let mut found = Runtimes::default();
    let mut faults = Vec::new();
    for place in &facts.runtimes {
        if of_system(place, system) {
            continue;
        }
        if let Some(fault) = refused(place, places) {
            faults.push(fault);
            continue;
        }
        for folder in shown_by(place) {
            faults.extend(in_the_way(&folder, policy, grants));
            let shown = found.before.iter().chain(&found.after);
            if !shown.into_iter().any(|mount| shows(mount, &folder)) {
                let group = if grants.iter().any(|grant| holds(grant, &folder.at)) {
                    &mut found.after
                } else {
                    &mut found.before
                };
                group.push(Mount::System {
                    source: folder.source,
                    at: folder.at,
                    kind: GrantKind::Directory,
                    readers: Readers::Owner,
                });
            }
        }
        if !found.parts.iter().any(|part| part.at == place.at) {
            found.parts.push(RuntimePart {
                at: place.at.clone(),
                version: place.version.clone(),
            });
        }
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(faults)
    }
}

/// One folder of the host, and where it is to appear.
struct Folder {
    source: String,
    at: String,
}

/// The path as written and the canonical one: a link may lead to either.
fn shown_by(place: &RuntimePlace) -> Vec<Folder> {
    let mut paths = vec![&place.at];
    paths.extend((place.at != place.canonical).then_some(&place.canonical));
    let folder = |at: &&String, below: &str| Folder {
        source: format!("{}{below}", place.canonical),
        at: format!("{at}{below}"),
    };
    match place.is {
        RuntimeKind::Environment | RuntimeKind::Runtime => {
            paths.iter().map(|at| folder(at, "")).collect()
        }
        RuntimeKind::Homebrew => {
            let parts = OF_HOMEBREW.iter().map(|name| format!("/{name}"));
            let parts: Vec<String> = parts.collect();
            let of = |at| parts.iter().map(move |part| folder(at, part));
            paths.iter().flat_map(of).collect()
        }
    }
}

fn of_system(place: &RuntimePlace, system: &[Mount]) -> bool {
    system.iter().any(|mount| holds(mount, &place.at))
}

/// Nobody grants a runtime, so nobody was asked about what else lies in its folder.
fn refused(place: &RuntimePlace, places: &Places) -> Option<Unplannable> {
    let mut paths = [&place.at, &place.canonical].into_iter();
    let (path, refusal) = paths.find_map(|path| Some((path, refused_source(path, places)?)))?;
    let what = place.version.as_deref().unwrap_or("a runtime");
    Some(Unplannable::Program(format!(
        "`{path}` has {what}, and cannot be shown to a server: {}; install it in a folder of its \
         own",
        refusal.reason
    )))
}

fn holds(mount: &Mount, path: &str) -> bool {
    matches!(mount, Mount::System { at, .. } | Mount::Grant { at, .. } if within(path, at))
}

/// Whether a mount shows the very folder at its place, as something that can be run.
fn shows(mount: &Mount, folder: &Folder) -> bool {
    matches!(mount, Mount::System { source, at, .. } if same(source, at, folder))
}

/// Whether a folder lies in one that is shown, and is the same folder there as on the host.
fn same(source: &str, at: &str, folder: &Folder) -> bool {
    let below = folder.at.strip_prefix(at);
    within(&folder.at, at) && below == folder.source.strip_prefix(source)
}

/// A grant and a runtime can be at one place only if they are the same on the host. In a runtime
/// nothing can be written: what runs there could be changed by itself.
fn in_the_way(folder: &Folder, policy: &Policy, grants: &[Mount]) -> Vec<Unplannable> {
    let fault = |at: &str, message: String, help: &str| {
        let grant = policy
            .files()
            .iter()
            .find(|grant| grant.at().as_str() == at)?;
        Some(Unplannable::Grant {
            span: grant.span(),
            message,
            help: help.to_owned(),
        })
    };
    let stands = |grant: &Mount| {
        let Mount::Grant {
            source, at, access, ..
        } = grant
        else {
            return None;
        };
        let other = Folder {
            source: source.clone(),
            at: at.clone(),
        };
        if within(&folder.at, at) && !same(source, at, folder) {
            let message = format!("`{at}` would hide `{}`, which the program needs", folder.at);
            return fault(at, message, "write another `at`, such as one below `/data`");
        }
        let inside = at != &folder.at && within(at, &folder.at);
        let is_same = same(&folder.source, &folder.at, &other);
        if inside && (*access == Access::Write || !is_same) {
            let message = format!("`{at}` lies in `{}`, which the program needs", folder.at);
            return fault(
                at,
                message,
                "keep what the server works on in another folder",
            );
        }
        None
    };
    grants.iter().filter_map(stands).collect()
}

/// Whether a mount shows a program where it can be run.
pub(super) fn runs_in(mount: &Mount, program: &str) -> bool {
    let granted = matches!(
        mount,
        Mount::Grant { source, at, exec: Exec::Allowed, .. } if source == at && within(program, at)
    );
    granted || matches!(mount, Mount::System { at, .. } if within(program, at))
}
