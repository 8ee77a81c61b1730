//! What samples say of every row: medians, intervals, differences, the price of each wall.

mod walls;

use super::samples::{Failure, Machine, Measure, Record, Role, Row, Samples};
use super::statistics::{
    Estimate, Rounds, Scale, Sorted, Verdict, difference, estimate, judge, noise,
};
use serde::Serialize;

pub use walls::{FailedRow, Known, Price, Prices};

/// Samples of one run or several, and what they say.
#[derive(Clone, Debug)]
pub struct Report {
    samples: Vec<Samples>,
    findings: Findings,
}

impl Report {
    /// Of runs in the order in which they are told; others are compared with the first.
    pub fn new(samples: Vec<Samples>) -> Self {
        let runs: Vec<Run> = samples.iter().map(|one| run(one.record())).collect();
        let comparisons = comparisons(&samples, &runs);
        let findings = Findings { runs, comparisons };
        Self { samples, findings }
    }

    /// What was measured.
    pub fn samples(&self) -> &[Samples] {
        &self.samples
    }

    /// What that says.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }
}

/// What all runs say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// One for each file of samples.
    pub runs: Vec<Run>,
    /// Of later runs with the first one.
    pub comparisons: Vec<Comparison>,
}

/// What one run says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What was measured.
    pub title: String,
    /// The command's words.
    pub command: Vec<String>,
    /// The version of brig.
    pub brig: String,
    /// Seconds since 1970.
    pub taken: u64,
    /// Rounds measured.
    pub rounds: u32,
    /// Rounds before them.
    pub warm_up: u32,
    /// Where.
    pub machine: Machine,
    /// The row that subjects are compared with.
    pub baseline: String,
    /// Rows that cannot be had there.
    pub absent: Vec<Absence>,
    /// In the order of [`Measure::ALL`], those of which any row has a series.
    pub measures: Vec<Table>,
    /// What walls cost, by each measure that adds up.
    pub prices: Vec<Prices>,
}

/// A row that cannot be had, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// The row.
    pub row: String,
    /// In one line.
    pub why: String,
}

/// All rows by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Which.
    pub measure: Measure,
    /// Of all values.
    pub unit: &'static str,
    /// How rows are compared.
    pub scale: Scale,
    /// The share by which the same thing differs from itself ([`noise`]), of all A/A rows the
    /// largest; none where there is no such row.
    pub noise: Option<f64>,
    /// In the order of the record.
    pub rows: Vec<Line>,
}

/// One row by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub row: String,
    /// What it is there for.
    pub role: Role,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of measuring a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was measured in all rounds.
    Measured(Measured),
    /// It failed, and of what came before nothing is concluded.
    Failed(Failure),
}

/// What the samples of one series say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Rounds that have a value.
    pub rounds: usize,
    /// Values in all.
    pub values: usize,
    /// Half of the values are below.
    pub median: Estimate,
    /// 9 of 10 are below; none where fewer than [`BEYOND_MIN`] lie beyond.
    pub p90: Option<Estimate>,
    /// 99 of 100 are below, under the same condition.
    pub p99: Option<Estimate>,
    /// Beside the row that its role names, where both were measured; the baseline has none.
    pub difference: Option<Compared>,
}

/// The fewest values that must lie beyond a quantile for it to be told.
pub const BEYOND_MIN: usize = 2;

/// A row beside another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The other row.
    pub with: String,
    /// How the medians differ, by the table's scale.
    pub by: Estimate,
    /// By how many rounds that is known.
    pub rounds: usize,
    /// Whether it may be claimed.
    pub verdict: Verdict,
}

/// A row of a later run beside the same row of the first one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Which later run, from 1.
    pub run: usize,
    /// By which measure.
    pub measure: Measure,
    /// The row of both; [`Compared::with`] is the first run's title.
    pub row: String,
    /// How they differ.
    pub compared: Compared,
}

fn run(record: &Record) -> Run {
    let tables = Measure::ALL.iter().map(|measure| table(record, *measure));
    let measures: Vec<Table> = tables.filter(|table| !table.rows.is_empty()).collect();
    let added = measures.iter().filter(|table| table.scale == Scale::Added);
    let prices = added.filter_map(|table| walls::prices(record, table));
    let prices = prices.collect();
    let absent = record.rows.iter().filter_map(|row| {
        let (row, why) = (row.name.clone(), row.absent.clone()?);
        Some(Absence { row, why })
    });
    Run {
        title: record.title.clone(),
        command: record.command.clone(),
        brig: record.brig.clone(),
        taken: record.taken,
        rounds: record.rounds,
        warm_up: record.warm_up,
        machine: record.machine.clone(),
        baseline: record.baseline.clone(),
        absent: absent.collect(),
        measures,
        prices,
    }
}

/// The values of a row, where it did not fail.
fn sorted(row: &Row, measure: Measure) -> Option<Sorted> {
    let series = row.series(measure)?;
    (series.failed.is_none()).then(|| Sorted::new(&series.rounds))
}

/// Two rows of one run by their medians; none where one of them has none.
fn beside(
    record: &Record,
    measure: Measure,
    (one, with): (&str, &str),
    noise: Option<f64>,
) -> Option<Compared> {
    let [one, other] = [one, with].map(|name| sorted(record.row(name)?, measure));
    compared(
        &one?,
        (&other?, with),
        measure.scale(),
        Rounds::Interleaved,
        noise,
    )
}

fn compared(
    one: &Sorted,
    (other, with): (&Sorted, &str),
    scale: Scale,
    shared: Rounds,
    noise: Option<f64>,
) -> Option<Compared> {
    let (by, rounds) = difference(one, other, 0.5, scale, shared)?;
    let median = other.quantile(0.5)?;
    Some(Compared {
        with: with.to_owned(),
        by,
        rounds,
        verdict: judge(by, scale, rounds, noise.unwrap_or(0.0), median),
    })
}

/// How much rows differ from themselves, by the ratio of each A/A row.
fn noise_of(record: &Record, measure: Measure) -> Option<f64> {
    let again = record.rows.iter().filter_map(|row| match &row.role {
        Role::Again { of } => {
            let other = sorted(record.row(of)?, measure)?;
            noise(&sorted(row, measure)?, &other)
        }
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } => None,
    });
    again.reduce(f64::max)
}

fn table(record: &Record, measure: Measure) -> Table {
    let scale = measure.scale();
    let noise = noise_of(record, measure);
    let rows = record.rows.iter().filter_map(|row| {
        let series = row.series(measure)?;
        let outcome = match &series.failed {
            Some(failure) => Outcome::Failed(failure.clone()),
            None => Outcome::Measured(measured(record, row, measure, noise)?),
        };
        let (row, role) = (row.name.clone(), row.role.clone());
        Some(Line { row, role, outcome })
    });
    Table {
        measure,
        unit: measure.unit(),
        scale,
        noise,
        rows: rows.collect(),
    }
}

fn measured(record: &Record, row: &Row, measure: Measure, noise: Option<f64>) -> Option<Measured> {
    let values = sorted(row, measure)?;
    let beyond = |of: usize| (values.len() / of >= BEYOND_MIN).then_some(());
    let (with, noise) = match &row.role {
        Role::Subject => (&record.baseline, noise),
        // It cannot be told from noise by what it says of noise itself.
        Role::Again { of } => (of, None),
        Role::Added { after: with, .. } | Role::LeftOut { from: with, .. } => (with, noise),
    };
    let other = (*with != row.name).then_some((row.name.as_str(), with.as_str()));
    Some(Measured {
        rounds: values.measured().len(),
        values: values.len(),
        median: estimate(&values, 0.5)?,
        p90: beyond(10).and_then(|()| estimate(&values, 0.9)),
        p99: beyond(100).and_then(|()| estimate(&values, 0.99)),
        difference: other.and_then(|pair| beside(record, measure, pair, noise)),
    })
}

/// Later runs beside the first. What two machines differ by is no noise, but what each of them
/// scatters by is.
fn comparisons(samples: &[Samples], runs: &[Run]) -> Vec<Comparison> {
    let (Some((first, later)), Some(told)) = (samples.split_first(), runs.first()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (at, other) in later.iter().enumerate() {
        for table in &told.measures {
            let (measure, scale) = (table.measure, table.scale);
            let of_other = runs.get(at + 1).and_then(|run| run.table(measure));
            let noise = [table.noise, of_other.and_then(|table| table.noise)];
            let noise = noise.into_iter().flatten().reduce(f64::max);
            for row in &first.record().rows {
                let before = sorted(row, measure);
                let now = other.record().row(&row.name);
                let now = now.and_then(|row| sorted(row, measure));
                let (Some(before), Some(now)) = (before, now) else {
                    continue;
                };
                let before = (&before, told.title.as_str());
                let beside = compared(&now, before, scale, Rounds::Apart, noise);
                found.extend(beside.map(|compared| Comparison {
                    run: at + 1,
                    measure,
                    row: row.name.clone(),
                    compared,
                }));
            }
        }
    }
    found
}

impl Run {
    /// All rows by one measure.
    pub fn table(&self, measure: Measure) -> Option<&Table> {
        self.measures.iter().find(|table| table.measure == measure)
    }
}

impl Table {
    /// Whether the same thing measured twice differs by more than chance. Then the machine was
    /// busy with something else, or the order of rows matters.
    pub fn is_restless(&self) -> bool {
        self.rows.iter().any(|line| {
            let again = matches!(line.role, Role::Again { .. });
            again && line.measured().is_some_and(Measured::differs)
        })
    }
}

impl Line {
    /// What was measured, where it did not fail.
    pub fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(measured),
            Outcome::Failed(_) => None,
        }
    }
}

impl Measured {
    fn differs(&self) -> bool {
        let difference = self.difference.as_ref();
        difference.is_some_and(|compared| compared.verdict == Verdict::Differs)
    }
}

#[cfg(test)]
pub(super) mod tests;
