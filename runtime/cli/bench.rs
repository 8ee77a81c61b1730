//! `brig bench`: what each way to run a server costs.

mod measuring;
mod report;

use super::arguments::{Bench, OfSamples};
use crate::exit::Exit;
use crate::report::Refused;

/// Measures, or reports on samples that were kept.
pub(super) fn bench(given: &Bench) -> Result<Exit, Refused> {
    match &given.report {
        Some(OfSamples::Report(asked)) => report::report(asked),
        None => measuring::measured(given),
    }
}
