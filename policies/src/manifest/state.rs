//! `[[state]]`: what is kept for the server between runs.

use alloc::vec::Vec;
use core::ops::Range;

use super::entries::{Entries, parsed};
use super::limits::bounded;
use super::lists::tables;
use crate::fault::{Findings, Told};
use crate::grammar::state::{AT, GRANTS_MAX, SECTION, SIZE};
use crate::grammar::top;
use crate::limits::STATE;
use crate::path::GuestPath;
use crate::policy::{Mark, StateGrant};
use crate::quantity::Size;

/// One grant, and where its place is written.
#[derive(Clone, Debug)]
pub(crate) struct StateEntry {
    pub(crate) at: GuestPath,
    pub(crate) span: Range<usize>,
    pub(crate) grant: Result<StateGrant, Told>,
}

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Vec<StateEntry> {
    tables(top, &top::STATE, GRANTS_MAX, &SECTION, findings)
        .iter()
        .filter_map(|entries| read_one(entries, findings).ok())
        .collect()
}

fn read_one(entries: &Entries<'_>, findings: &mut Findings) -> Result<StateEntry, Told> {
    let at = entries.required(&AT, findings, parsed::<GuestPath>);
    let size = bounded(entries, &SIZE, &STATE, findings, parsed::<Size>);
    let at = at?;
    Ok(StateEntry {
        grant: size.map(|size| StateGrant {
            at: at.value.clone(),
            size_bytes: size.map_or(STATE.default, |written| written.value).0,
            mark: Mark::new(entries.header()),
        }),
        at: at.value,
        span: at.span,
    })
}
