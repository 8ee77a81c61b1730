//! The file grants: each against the host's protected places, and all against each other.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::place;
use crate::fault::{FaultCode, Findings, Told};
use crate::manifest::{Entry, FileEntry, Manifest, Teach as _};
use crate::path::{GuestPath, HostPath, is_within};
use crate::places::Places;
use crate::policy::{Access, Exec, FileGrant, Links, Missing, Named, StateGrant};
use crate::source::{Refusal, holds_manifest, refused_source, refused_write};
use crate::wording::Quoted;

/// A grant by its place in the cell, which is compared with the others' even where the rest of
/// the grant is at fault.
struct Placed {
    at: GuestPath,
    /// Where the place is written.
    span: Range<usize>,
    grant: Result<Grant, Told>,
}

/// What can have a place in the cell.
enum Grant {
    Files(FileGrant),
    State(StateGrant),
}

/// Every grant, sorted by its place in the cell.
pub(super) fn resolve(
    manifest: &Manifest,
    places: &Places,
    findings: &mut Findings,
) -> Result<(Vec<FileGrant>, Vec<StateGrant>), Told> {
    // Every grant is resolved before the first fault is returned, so that all are told.
    let resolved: Vec<Result<Placed, Told>> = manifest
        .files
        .iter()
        .map(|entry| grant(entry, places, findings))
        .collect();
    let unplaced = resolved
        .iter()
        .find_map(|grant| grant.as_ref().err().copied());
    let kept = manifest.state.iter().map(|entry| Placed {
        at: entry.at.clone(),
        span: entry.span.clone(),
        grant: entry.grant.clone().map(Grant::State),
    });
    let mut sorted: Vec<Placed> = resolved.into_iter().flatten().chain(kept).collect();
    sorted.sort_by(|left, right| by_names(&left.at, &right.at));
    let apart = nested(sorted, &manifest.text, findings);
    if let Some(told) = unplaced {
        return Err(told);
    }
    let (mut files, mut state) = (Vec::new(), Vec::new());
    for placed in apart {
        match placed.grant? {
            Grant::Files(grant) => files.push(grant),
            Grant::State(grant) => state.push(grant),
        }
    }
    Ok((files, state))
}

fn grant(entry: &FileEntry, places: &Places, findings: &mut Findings) -> Result<Placed, Told> {
    let access = value_or(&entry.access, Access::Read);
    let written = entry.host.as_ref().map_err(|told| *told);
    let host = written.and_then(|written| {
        let host = place(written, places, findings)?;
        tell_refused(&host, access, &written.span, places, findings)?;
        Ok((host, &written.span))
    });
    let (at, span) = target(entry, &host, findings)?;
    let parts = || {
        Ok(Grant::Files(FileGrant {
            host: host?.0,
            at: at.clone(),
            access: access?,
            exec: value_or(&entry.exec, Exec::Denied)?,
            links: value_or(&entry.links, Links::Denied)?,
            missing: value_or(&entry.missing, Missing::Fault)?,
            named: Vec::new(),
            span: entry.span.clone(),
        }))
    };
    let grant = parts();
    Ok(Placed { at, span, grant })
}

/// The place in the cell: the same path as on the host unless another is written.
fn target(
    entry: &FileEntry,
    host: &Result<(HostPath, &Range<usize>), Told>,
    findings: &mut Findings,
) -> Result<(GuestPath, Range<usize>), Told> {
    if let Some(at) = entry.at.clone()? {
        return Ok((at.value, at.span));
    }
    let (host, span) = host.as_ref().map_err(|told| *told)?;
    let at = host.as_str().parse::<GuestPath>().map_err(|error| {
        let path = Quoted(host.as_str());
        let message = format!("{path} cannot be its own place in the cell: {error}");
        let help = "write where it appears with `at`".to_owned();
        findings.tell(error.code(), (*span).clone(), message, help)
    })?;
    Ok((at, (*span).clone()))
}

fn tell_refused(
    host: &HostPath,
    access: Result<Access, Told>,
    span: &Range<usize>,
    places: &Places,
    findings: &mut Findings,
) -> Result<(), Told> {
    let path = host.as_str();
    let mut tell = |code, Refusal { reason, help }: Refusal| {
        let message = format!("{} cannot be granted: {reason}", Quoted(path));
        Err(findings.tell(code, span.clone(), message, help))
    };
    if let Some(refusal) = refused_source(path, places) {
        return tell(FaultCode::RefusedSource, refusal);
    }
    match access {
        Ok(Access::Read) | Err(_) => Ok(()),
        Ok(Access::Write) => {
            if let Some(refusal) = holds_manifest(path, places) {
                return tell(FaultCode::HoldsManifest, refusal);
            }
            match refused_write(path, places) {
                Some(refusal) => tell(FaultCode::RefusedSource, refusal),
                None => Ok(()),
            }
        }
    }
}

/// Sorts so that everything below a path follows it at once.
fn by_names(left: &GuestPath, right: &GuestPath) -> Ordering {
    left.as_str().split('/').cmp(right.as_str().split('/'))
}

/// Grants that lie side by side. One inside another becomes what it names there, or is told of, at
/// the one that stands later.
fn nested(sorted: Vec<Placed>, text: &str, findings: &mut Findings) -> Vec<Placed> {
    let newlines: Vec<usize> = text.match_indices('\n').map(|(offset, _)| offset).collect();
    let mut apart: Vec<Placed> = Vec::new();
    for inner in sorted {
        match apart.last_mut() {
            Some(outer) if is_within(inner.at.as_str(), outer.at.as_str()) => {
                match (&mut outer.grant, &inner.grant) {
                    (Ok(Grant::Files(around)), Ok(Grant::Files(grant)))
                        if names_anew(around, grant) =>
                    {
                        around.named.extend(names(around, grant));
                    }
                    (Ok(_) | Err(_), Ok(_) | Err(_)) => {
                        tell_overlap(outer, &inner, &newlines, findings);
                    }
                }
            }
            Some(_) | None => apart.push(inner),
        }
    }
    apart
}

fn names_anew(around: &FileGrant, inner: &FileGrant) -> bool {
    let is_new = |named: &Named| around.named.iter().all(|other| other.below != named.below);
    names(around, inner).as_ref().is_some_and(is_new)
}

/// What an entry names inside a grant, if it does no more than that: it is the same file on the
/// host and in the cell, so nothing has to be made, and its rights are those of the grant around
/// it, so no two of them can contradict each other.
fn names(around: &FileGrant, inner: &FileGrant) -> Option<Named> {
    let below_of = |path: &str, outer: &str| {
        let rest = path.strip_prefix(outer)?.strip_prefix('/')?;
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    let below = below_of(inner.host.as_str(), around.host.as_str())?;
    let place = below_of(inner.at.as_str(), around.at.as_str())?;
    let rights = |grant: &FileGrant| (grant.access, grant.exec, grant.links);
    let writes = around.access == Access::Write && rights(around) == rights(inner);
    (below == place && writes).then(|| Named {
        host: inner.host.clone(),
        below,
        missing: inner.missing,
        span: inner.span.clone(),
    })
}

fn tell_overlap(outer: &Placed, inner: &Placed, newlines: &[usize], findings: &mut Findings) {
    let (first, second) = if outer.span.start <= inner.span.start {
        (outer, inner)
    } else {
        (inner, outer)
    };
    let line = newlines.partition_point(|newline| *newline < first.span.start) + 1;
    let at = Quoted(second.at.as_str());
    let span = second.span.clone();
    if outer.at == inner.at {
        let message = format!("{at} is already the place of the grant in line {line}");
        let help = "give one of them another `at`".to_owned();
        findings.tell(FaultCode::SameTarget, span, message, help);
        return;
    }
    let how = if second.at == inner.at {
        "lies inside"
    } else {
        "contains"
    };
    let message = format!("{at} {how} the place of the grant in line {line}");
    let help = "put them side by side, such as `/data/a` and `/data/b`: a place inside another \
        grant would have to be made in the host's own folder";
    findings.tell(FaultCode::NestedTarget, span, message, help.to_owned());
}

fn value_or<T: Copy>(entry: &Entry<T>, default: T) -> Result<T, Told> {
    match entry {
        Ok(Some(written)) => Ok(written.value),
        Ok(None) => Ok(default),
        Err(told) => Err(*told),
    }
}
