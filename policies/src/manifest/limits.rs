//! `[limits]`: what the server may use.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::entries::{Entries, Found, integer, parse, parsed, table};
use super::{Entry, Spanned};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, limits, settings, tools, top};
use crate::limits::{
    Bounds, CALL, CPUS, Limit, MEMORY, MESSAGE, OPEN_FILES, PROCESSES, SCRATCH, START,
};
use crate::quantity::{Count, Cpus, Period, Size};

/// Each limit as written, inside its range, in the unit that [`Limits`](crate::Limits) has.
#[derive(Clone, Debug)]
pub(crate) struct WrittenLimits {
    pub(crate) memory: Entry<Size>,
    pub(crate) cpus: Entry<Cpus>,
    pub(crate) processes: Entry<Count>,
    pub(crate) open_files: Entry<Count>,
    pub(crate) scratch: Entry<Size>,
    pub(crate) message: Entry<Size>,
    pub(crate) start: Entry<Period>,
    pub(crate) call: Entry<Period>,
}

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> WrittenLimits {
    let section = top.optional(&top::LIMITS, findings, table);
    let empty = toml::de::DeTable::new();
    let (table, span) = match &section {
        Ok(Some(section)) => (section.value, section.span.clone()),
        Ok(None) | Err(_) => (&empty, 0..0),
    };
    let entries = Entries::open(table, &limits::SECTION, span, findings);
    read_each(&entries, findings)
}

/// The limits among the entries of a table: a manifest's, or a ceiling's.
pub(crate) fn read_each(entries: &Entries<'_>, findings: &mut Findings) -> WrittenLimits {
    WrittenLimits {
        memory: bounded(entries, &limits::MEMORY, &MEMORY, findings, parsed),
        cpus: bounded(entries, &limits::CPUS, &CPUS, findings, read_cpus),
        processes: bounded(entries, &limits::PROCESSES, &PROCESSES, findings, count),
        open_files: bounded(entries, &limits::OPEN_FILES, &OPEN_FILES, findings, count),
        scratch: bounded(entries, &limits::SCRATCH, &SCRATCH, findings, parsed),
        message: bounded(entries, &limits::MESSAGE, &MESSAGE, findings, parsed),
        start: bounded(entries, &limits::START, &START, findings, parsed),
        call: bounded(entries, &limits::CALL_KEY, &CALL, findings, parsed),
    }
}

impl WrittenLimits {
    /// Those that are written, each with its value and its place.
    pub(crate) fn written(&self) -> Vec<(Limit, Spanned<u64>)> {
        fn one<T: Copy>(
            limit: Limit,
            entry: &Entry<T>,
            value: fn(T) -> u64,
        ) -> Option<(Limit, Spanned<u64>)> {
            let written = entry.as_ref().ok()?.as_ref()?;
            let span = written.span.clone();
            let value = value(written.value);
            Some((limit, Spanned { value, span }))
        }
        let size = |size: Size| size.0;
        let count = |count: Count| count.0.into();
        let period = |period: Period| period.0;
        let all = [
            one(Limit::Memory, &self.memory, size),
            one(Limit::Cpus, &self.cpus, |cpus| cpus.0.into()),
            one(Limit::Processes, &self.processes, count),
            one(Limit::OpenFiles, &self.open_files, count),
            one(Limit::Scratch, &self.scratch, size),
            one(Limit::Message, &self.message, size),
            one(Limit::Start, &self.start, period),
            one(Limit::Call, &self.call, period),
        ];
        all.into_iter().flatten().collect()
    }
}

/// One limit, and whether it lies in its range.
pub(super) fn bounded<T: Copy + Ord + fmt::Display>(
    entries: &Entries<'_>,
    key: &Key,
    bounds: &Bounds<T>,
    findings: &mut Findings,
    read: impl FnOnce(Found<'_>, &Key, &mut Findings) -> Result<T, Told>,
) -> Entry<T> {
    let Some(written) = entries.optional(key, findings, read)? else {
        return Ok(None);
    };
    if written.value >= bounds.least && written.value <= bounds.most {
        return Ok(Some(written));
    }
    let (side, bound) = if written.value < bounds.least {
        ("below", bounds.least)
    } else {
        ("above", bounds.most)
    };
    let message = format!("`{}` is {side} {bound}", key.name);
    let range = format!("write {} to {}", bounds.least, bounds.most);
    let help = if entries.are_of(&settings::CEILING_SECTION) {
        format!("{range}, or leave it out for no ceiling")
    } else if entries.are_of(&tools::LIMIT_SECTION) {
        format!("{range}, or leave it out for no bound")
    } else {
        format!("{range}, or leave it out for {}", bounds.default)
    };
    Err(findings.tell(FaultCode::OutOfRange, written.span, message, help))
}

pub(super) fn count(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Count, Told> {
    let digits = integer(found, key, findings)?;
    parse(digits, &found.span(), findings)
}

fn read_cpus(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Cpus, Told> {
    match found.get_ref().as_float() {
        Some(number) => parse(number.as_str(), &found.span(), findings),
        None => parse(integer(found, key, findings)?, &found.span(), findings),
    }
}
