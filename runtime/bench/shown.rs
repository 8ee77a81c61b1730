//! Findings in the units that people read. Programs get those of the samples.

use super::findings::{Compared, Findings, Known, Measured, Outcome, Prices, Table};
use super::samples::Measure;
use super::statistics::{Estimate, Scale};

/// The unit of texts and pages.
pub(super) const fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Memory | Measure::Density => "MiB PSS",
        Measure::StartCold
        | Measure::StartWarm
        | Measure::Call
        | Measure::Pipelined
        | Measure::Processor
        | Measure::Disk
        | Measure::Egress => measure.unit(),
    }
}

/// What a value of samples is multiplied by.
const fn factor(measure: Measure) -> f64 {
    match measure {
        Measure::Memory | Measure::Density => 1.0 / 1024.0,
        Measure::StartCold
        | Measure::StartWarm
        | Measure::Call
        | Measure::Pipelined
        | Measure::Processor
        | Measure::Disk
        | Measure::Egress => 1.0,
    }
}

/// Less is better of what is added up, more of rates.
pub(super) const fn better(scale: Scale) -> &'static str {
    match scale {
        Scale::Added => "less is better",
        Scale::Ratio => "more is better",
    }
}

/// The same findings with their values in these units.
pub(super) fn shown(findings: &Findings) -> Findings {
    let mut shown = findings.clone();
    for run in &mut shown.runs {
        run.measures.iter_mut().for_each(table);
        run.prices.iter_mut().for_each(prices);
    }
    for one in &mut shown.comparisons {
        compared(&mut one.compared, one.measure);
    }
    shown
}

fn table(table: &mut Table) {
    table.unit = unit(table.measure);
    for line in &mut table.rows {
        match &mut line.outcome {
            Outcome::Measured(found) => measured(found, table.measure),
            Outcome::Failed(_) => {}
        }
    }
}

fn measured(found: &mut Measured, measure: Measure) {
    let quantiles = [
        Some(&mut found.median),
        found.p90.as_mut(),
        found.p99.as_mut(),
    ];
    for quantile in quantiles.into_iter().flatten() {
        estimate(quantile, factor(measure));
    }
    if let Some(difference) = &mut found.difference {
        compared(difference, measure);
    }
}

fn prices(prices: &mut Prices) {
    let measure = prices.measure;
    prices.unit = unit(measure);
    let walls = prices.walls.iter_mut();
    let ways = walls.flat_map(|price| [&mut price.added, &mut price.left_out]);
    for known in ways.chain([&mut prices.together, &mut prices.left_out_sum]) {
        match known {
            Known::Measured(of) => compared(of, measure),
            Known::Failed(_) | Known::NotMeasured => {}
        }
    }
}

/// A ratio has no unit.
fn compared(of: &mut Compared, measure: Measure) {
    match measure.scale() {
        Scale::Added => estimate(&mut of.by, factor(measure)),
        Scale::Ratio => {}
    }
}

fn estimate(of: &mut Estimate, factor: f64) {
    for value in [&mut of.value, &mut of.low, &mut of.high] {
        *value *= factor;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::bench::findings::Report;
    use crate::bench::findings::tests::{grown, series};
    use crate::bench::samples::Samples;

    #[test]
    fn memory_is_told_in_mebibytes() {
        let mut record = grown();
        for (row, kib) in [(0, 2048.0), (3, 6144.0)] {
            record.rows[row].series = vec![series(Measure::Memory, kib, 1)];
        }
        let report = Report::new(vec![Samples::new(record).unwrap()]);
        let found = shown(report.findings());
        let [raw, told] = [report.findings(), &found].map(|findings| {
            let table = findings.runs[0].table(Measure::Memory).unwrap();
            let measured = table.rows[1].measured().unwrap();
            let by = measured.difference.as_ref().unwrap().by;
            let added = findings.runs[0].prices[1].walls[0].added.compared();
            (
                table.unit,
                [measured.median.high, by.low, added.unwrap().by.value],
            )
        });
        assert_eq!((raw.0, told.0), ("KiB PSS", "MiB PSS"));
        for (kib, mebibytes) in raw.1.iter().zip(told.1) {
            assert!((kib / 1024.0 - mebibytes).abs() < 1e-9, "{raw:?} {told:?}");
        }
        assert!((3.5..4.5).contains(&told.1[2]), "{told:?}");
    }
}
