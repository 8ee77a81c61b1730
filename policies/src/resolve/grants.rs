//! The file grants: each against the host's protected places, and all against each other.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::place;
use crate::fault::{FaultCode, Findings, Told};
use crate::manifest::{Entry, FileEntry, Manifest, Spanned, Teach as _};
use crate::path::{GuestPath, HostPath, is_within};
use crate::places::Places;
use crate::policy::{Access, Exec, FileGrant, Links, Missing};
use crate::source::{Refusal, holds_manifest, refused_source, refused_write};
use crate::wording::Quoted;

/// A grant, and where its place in the cell is written.
struct Placed {
    grant: FileGrant,
    at_span: Range<usize>,
}

/// Every grant, sorted by its place in the cell.
pub(super) fn resolve(
    manifest: &Manifest,
    places: &Places,
    findings: &mut Findings,
) -> Result<Vec<FileGrant>, Told> {
    // Every grant is resolved before the first fault is returned, so that all are told.
    let resolved: Vec<Result<Placed, Told>> = manifest
        .files
        .iter()
        .map(|entry| grant(entry, places, findings))
        .collect();
    let first_told = resolved
        .iter()
        .find_map(|grant| grant.as_ref().err().copied());
    let mut sorted: Vec<Placed> = resolved.into_iter().flatten().collect();
    sorted.sort_by(|left, right| by_names(&left.grant.at, &right.grant.at));
    tell_overlaps(&sorted, &manifest.text, findings);
    match first_told {
        Some(told) => Err(told),
        None => Ok(sorted.into_iter().map(|placed| placed.grant).collect()),
    }
}

fn grant(entry: &FileEntry, places: &Places, findings: &mut Findings) -> Result<Placed, Told> {
    let written = entry.host.as_ref().map_err(|told| *told)?;
    let access = value_or(&entry.access, Access::Read)?;
    let host = place(written, places, findings)?;
    tell_refused(&host, access, &written.span, places, findings)?;
    let (at, at_span) = target(entry, &host, written, findings)?;
    let grant = FileGrant {
        host,
        at,
        access,
        exec: value_or(&entry.exec, Exec::Denied)?,
        links: value_or(&entry.links, Links::Denied)?,
        missing: value_or(&entry.missing, Missing::Fault)?,
        span: entry.span.clone(),
    };
    Ok(Placed { grant, at_span })
}

/// The place in the cell: the same path as on the host unless another is written.
fn target(
    entry: &FileEntry,
    host: &HostPath,
    written: &Spanned<impl Sized>,
    findings: &mut Findings,
) -> Result<(GuestPath, Range<usize>), Told> {
    if let Some(at) = entry.at.clone()? {
        return Ok((at.value, at.span));
    }
    let span = written.span.clone();
    match host.as_str().parse::<GuestPath>() {
        Ok(at) => Ok((at, span)),
        Err(error) => {
            let message = format!(
                "{} cannot be its own place in the cell: {error}",
                Quoted(host.as_str())
            );
            let help = "write where it appears with `at`".to_owned();
            Err(findings.tell(error.code(), span, message, help))
        }
    }
}

fn tell_refused(
    host: &HostPath,
    access: Access,
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
        Access::Read => Ok(()),
        Access::Write => {
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

/// Tells of grants that share a place or lie inside another, at the one that stands later.
fn tell_overlaps(placed: &[Placed], text: &str, findings: &mut Findings) {
    let mut outer: Option<&Placed> = None;
    for inner in placed {
        match outer {
            Some(outer) if is_within(inner.grant.at.as_str(), outer.grant.at.as_str()) => {
                tell_overlap(outer, inner, text, findings);
            }
            Some(_) | None => outer = Some(inner),
        }
    }
}

fn tell_overlap(outer: &Placed, inner: &Placed, text: &str, findings: &mut Findings) {
    let (first, second) = if outer.at_span.start <= inner.at_span.start {
        (outer, inner)
    } else {
        (inner, outer)
    };
    let line = text[..first.at_span.start].matches('\n').count() + 1;
    let at = Quoted(second.grant.at.as_str());
    let span = second.at_span.clone();
    if outer.grant.at == inner.grant.at {
        let message = format!("{at} is already the place of the grant in line {line}");
        let help = "give one of them another `at`".to_owned();
        findings.tell(FaultCode::SameTarget, span, message, help);
        return;
    }
    let how = if second.grant.at == inner.grant.at {
        "lies inside"
    } else {
        "contains"
    };
    let message = format!("{at} {how} the place of the grant in line {line}");
    let help = "put them side by side, such as `/work/a` and `/work/b`: a place inside another \
        grant would have to be made in the host's own folder";
    findings.tell(FaultCode::NestedTarget, span, message, help.to_owned());
}

fn value_or<T: Clone>(entry: &Entry<T>, default: T) -> Result<T, Told> {
    match entry {
        Ok(Some(written)) => Ok(written.value.clone()),
        Ok(None) => Ok(default),
        Err(told) => Err(*told),
    }
}
