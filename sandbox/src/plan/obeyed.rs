//! What the host obeys inside write grants: a read-only mount over each, or no plan.

use super::grants::fault;
use super::{Residual, Unplannable};
use crate::cell::{CellKind, Exec, Mount};
use crate::facts::{HostFacts, LOOKED_THROUGH_MAX, SourceFact};
use brig_policies::{FileGrant, Missing, Named};
use std::collections::BTreeMap;

/// Mounts over parts of one grant. Each costs a start some time; what holds more of them is better
/// granted in parts.
pub const PARTS_MAX: usize = 1024;

/// The mounts over parts of a write grant, each behind those that it lies in.
///
/// Every folder on the way to a held part is a mount of its own as well: a mount point can be
/// neither renamed nor removed (rename(2), `EBUSY`), and a folder above one can. A server that may
/// move such a folder away puts its own in its place.
pub(super) fn parts(
    grant: &FileGrant,
    source: &SourceFact,
    exec: Exec,
    facts: &HostFacts,
    cell: CellKind,
) -> Result<Vec<Mount>, Unplannable> {
    for named in grant.named() {
        check_named(grant, named, facts)?;
    }
    let held = held(grant, source);
    if !held.is_empty() && cell == CellKind::Narrow {
        return Err(unheld(grant, &held));
    }
    let mut parts: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for (below, why) in held {
        for (end, _) in below.match_indices('/') {
            parts.entry(below.split_at(end).0).or_insert(None);
        }
        parts.insert(below, Some(why));
    }
    if parts.len() > PARTS_MAX {
        return Err(too_many(grant, parts.len()));
    }
    let part = |(below, why): (&str, Option<&str>)| {
        let source = format!("{}/{below}", source.canonical);
        let at = format!("{}/{below}", grant.at());
        match why {
            Some(why) => Mount::Held {
                source,
                at,
                exec,
                why: why.to_owned(),
            },
            None => Mount::Kept { source, at, exec },
        }
    };
    // A folder's name sorts before all that lies in it.
    Ok(parts.into_iter().map(part).collect())
}

/// What is not named, without what lies in another such part.
fn held<'a>(grant: &FileGrant, source: &'a SourceFact) -> BTreeMap<&'a str, &'a str> {
    let named = |below: &str| grant.named().iter().any(|named| named.below() == below);
    let held: BTreeMap<&str, &str> = source
        .obeyed
        .iter()
        .map(|(below, why)| (below.as_str(), why.as_str()))
        .filter(|(below, _)| !named(below))
        .collect();
    let covered = |below: &str| {
        let mut above = below.match_indices('/').map(|(end, _)| below.split_at(end));
        above.any(|(above, _)| held.contains_key(above))
    };
    let outermost = held.iter().filter(|(below, _)| !covered(below));
    outermost.map(|(below, why)| (*below, *why)).collect()
}

fn check_named(grant: &FileGrant, named: &Named, facts: &HostFacts) -> Result<(), Unplannable> {
    let host = named.host().as_str();
    match named.missing() {
        Missing::Fault if !facts.sources.contains_key(host) => Err(Unplannable::Grant {
            span: named.span(),
            message: format!(
                "`{host}`, which is named inside `{}`, does not exist",
                grant.host()
            ),
            help: "make it, or write `optional = true`".to_owned(),
        }),
        Missing::Fault | Missing::Skip => Ok(()),
    }
}

/// Landlock's rights only add up: what a rule allows beneath a folder, no other takes back.
fn unheld(grant: &FileGrant, places: &BTreeMap<&str, &str>) -> Unplannable {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = places
        .keys()
        .take(SHOWN)
        .map(|below| format!("`{below}`"))
        .collect();
    if let Some(more) = places.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let names = names.join(", ");
    let message = format!(
        "`{}` cannot be granted for writing here: the host obeys {names} in it, which only a full \
         cell holds read-only",
        grant.host()
    );
    let help = "grant it with `access = \"read\"`, grant the folders beside them, name each by a \
                `[[files]]` entry with `access = \"write\"`, or make user namespaces possible: \
                `brig doctor` tells how";
    fault(grant, message, help)
}

fn too_many(grant: &FileGrant, count: usize) -> Unplannable {
    let message = format!(
        "`{}` cannot be granted for writing: to hold what the host obeys in it takes {count} \
         mounts, and {PARTS_MAX} are the most",
        grant.host()
    );
    fault(
        grant,
        message,
        "grant only the folders that the server changes",
    )
}

/// What stays open in the write grants that were looked through.
pub(super) fn residuals<'a>(looked_through: impl Iterator<Item = &'a SourceFact>) -> Vec<Residual> {
    let residual = |name: &str, reason: String| Residual {
        name: name.to_owned(),
        reason,
    };
    let mut residuals = Vec::new();
    let mut beyond = Vec::new();
    for source in looked_through {
        if residuals.is_empty() {
            let reason = "in a write grant, what the host obeys stays as it is only where it is \
                          when the server starts: a server can make such a file where there is \
                          none, can change one that the host replaces meanwhile (as editors do \
                          when they save), and can change a script elsewhere that such a file runs";
            residuals.push(residual("obeyed-files", reason.to_owned()));
        }
        if source.beyond {
            beyond.push(format!("`{}`", source.canonical));
        }
    }
    if !beyond.is_empty() {
        let reason = format!(
            "{} could not be looked through to the end ({LOOKED_THROUGH_MAX} entries over all \
             grants, from the outermost on, and no folder that the caller may not list): what the \
             host obeys beyond that is not held",
            beyond.join(", ")
        );
        residuals.push(residual("obeyed-files-beyond", reason));
    }
    residuals
}
