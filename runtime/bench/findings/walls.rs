//! What each wall costs: what it adds where it comes, and what is saved where it alone is left out.

use super::{Compared, Table, beside, sorted};
use crate::bench::samples::{Failure, Measure, Record, Role};
use crate::bench::statistics::{judge, real, sum_of_differences};
use serde::Serialize;
use std::collections::BTreeSet;

/// What a sum of what is saved is beside.
const LEFT_OUT: &str = "each wall left out";

/// The price of walls by one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prices {
    /// Which.
    pub measure: Measure,
    /// Of all values.
    pub unit: &'static str,
    /// Each wall, in the order in which they are added.
    pub walls: Vec<Price>,
    /// What all walls together add: the last row with one more beside the first row with none.
    pub together: Known,
    /// The sum of what is saved by leaving each out that can be left out.
    pub left_out_sum: Known,
}

/// The price of one wall.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Price {
    /// Which.
    pub wall: String,
    /// What it adds to the row before it.
    pub added: Known,
    /// What the row with it has more than the same row without it.
    pub left_out: Known,
}

/// A price, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Known {
    /// Both rows were measured.
    Measured(Compared),
    /// One of the two rows failed.
    Failed(FailedRow),
    /// Nobody measured one of the two rows.
    NotMeasured,
}

/// Which row failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// Its name.
    pub row: String,
    /// Where and why.
    pub failure: Failure,
}

impl Known {
    /// The price, where it is known.
    pub fn compared(&self) -> Option<&Compared> {
        match self {
            Self::Measured(compared) => Some(compared),
            Self::Failed(_) | Self::NotMeasured => None,
        }
    }
}

/// By one measure; none where no row that is there for a wall was measured by it.
pub(super) fn prices(record: &Record, table: &Table) -> Option<Prices> {
    table.rows.iter().find(|line| line.role.wall().is_some())?;
    let mut seen = BTreeSet::new();
    let mut walls = Vec::new();
    let steps = record.rows.iter().filter_map(|row| row.role.wall());
    for wall in steps.filter(|wall| seen.insert(*wall)) {
        let mut price = Price {
            wall: wall.to_owned(),
            added: Known::NotMeasured,
            left_out: Known::NotMeasured,
        };
        for row in &record.rows {
            match &row.role {
                Role::Added { wall: of, after } if of == wall => {
                    price.added = compared(record, table, &row.name, after);
                }
                Role::LeftOut { wall: of, from } if of == wall => {
                    price.left_out = compared(record, table, from, &row.name);
                }
                Role::Subject | Role::Again { .. } | Role::Added { .. } | Role::LeftOut { .. } => {}
            }
        }
        walls.push(price);
    }
    Some(Prices {
        measure: table.measure,
        unit: table.unit,
        together: together(record, table),
        left_out_sum: left_out_sum(record, table, &walls),
        walls,
    })
}

fn compared(record: &Record, table: &Table, one: &str, other: &str) -> Known {
    let failed = [one, other].into_iter().find_map(|name| {
        let series = record.row(name)?.series(table.measure)?;
        let (row, failure) = (name.to_owned(), series.failed.clone()?);
        Some(Known::Failed(FailedRow { row, failure }))
    });
    let measured = || beside(record, table.measure, (one, other), table.noise);
    failed.unwrap_or_else(|| measured().map_or(Known::NotMeasured, Known::Measured))
}

/// What carries the walls cannot be left out alone, and is no part of it.
fn left_out_sum(record: &Record, table: &Table, walls: &[Price]) -> Known {
    let mut prices = walls.iter().map(|price| &price.left_out);
    if let Some(failed) = prices.find(|known| matches!(known, Known::Failed(_))) {
        return failed.clone();
    }
    let mut pairs = Vec::new();
    let mut whole = None;
    for row in &record.rows {
        let Role::LeftOut { from, .. } = &row.role else {
            continue;
        };
        let whole_row = record.row(from).and_then(|row| sorted(row, table.measure));
        let (Some(with), Some(without)) = (whole_row, sorted(row, table.measure)) else {
            return Known::NotMeasured;
        };
        whole = with.quantile(0.5);
        pairs.push((with, without));
    }
    let (Some((by, rounds)), Some(whole)) = (sum_of_differences(&pairs), whole) else {
        return Known::NotMeasured;
    };
    // Each of them may be off by as much as the same thing differs from itself.
    let noise = table.noise.unwrap_or(0.0) * real(pairs.len());
    Known::Measured(Compared {
        with: LEFT_OUT.to_owned(),
        by,
        rounds,
        verdict: judge(by, table.scale, rounds, noise, whole),
    })
}

/// From the row that the first wall was added to, to the row that the last was.
fn together(record: &Record, table: &Table) -> Known {
    let mut steps = record.rows.iter().filter_map(|row| match &row.role {
        Role::Added { after, .. } => Some((after, &row.name)),
        Role::Subject | Role::Again { .. } | Role::LeftOut { .. } => None,
    });
    let Some((first, with_one)) = steps.next() else {
        return Known::NotMeasured;
    };
    let last = steps.next_back().map_or(with_one, |(_, name)| name);
    compared(record, table, last, first)
}
