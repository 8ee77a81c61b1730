//! Plots of all rows by one measure.

use super::axis::Axis;
use super::is_subject;
use super::markup::{element, failed, lane, legend};
use crate::bench::figures::figure;
use crate::bench::findings::{Line, Measured, Outcome, Run, Table};
use crate::bench::report::difference;
use crate::bench::samples::{Record, Role};
use crate::bench::statistics::{Estimate, floor, real};
use std::fmt::Write as _;

/// The most single values that are drawn of a row; of more, every so many.
const MARKS_MAX: usize = 200;
/// How many parts the axis of a distribution has.
const BINS: usize = 72;
/// The height of a distribution in pixels, and of the room above it.
const CURVE: f64 = 30.0;

/// The subjects, each drawn by what is given, or told as failed.
fn rows(table: &Table, draw: impl Fn(&Line, &Measured) -> String) -> String {
    let subjects = table.rows.iter().filter(|line| is_subject(&line.role));
    subjects
        .map(|line| match &line.outcome {
            Outcome::Measured(measured) => draw(line, measured),
            Outcome::Failed(failure) => {
                let why = format!("failed in round {}: {}", failure.round, failure.why);
                failed(&line.row, &why)
            }
        })
        .collect()
}

/// What is told of a row beside its drawing.
fn told(table: &Table, measured: &Measured) -> String {
    let Estimate { value, low, high } = measured.median;
    let [value, low, high] = [value, low, high].map(figure);
    let beside = measured.difference.as_ref().map_or_else(String::new, |of| {
        format!("; beside {}: {}", of.with, difference(of, table.scale))
    });
    format!("{value} {}, {low} to {high}{beside}", table.unit)
}

/// Plain rows grey: they are there to be compared with.
fn shade(line: &Line, baseline: &str) -> &'static str {
    match line.role {
        Role::Again { .. } => "quiet",
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } if line.row == baseline => {
            "quiet"
        }
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } => "main",
    }
}

/// An interval as a line, `y` pixels from the top.
pub(super) fn whisker(axis: Axis, of: Estimate, y: u32, shade: &str) -> String {
    let [low, high] = [of.low, of.high].map(|end| axis.at(end));
    format!(
        "<line class=\"whisker {shade}\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"{y}\" y2=\"{y}\"/>"
    )
}

/// Values of a row as they were measured.
fn values<'r>(record: &'r Record, line: &Line, table: &Table) -> impl Iterator<Item = f64> + 'r {
    let series = record
        .row(&line.row)
        .and_then(|row| row.series(table.measure));
    let rounds = series.into_iter().flat_map(|series| &series.rounds);
    rounds.flatten().copied()
}

/// Of all rows that did not fail.
fn all_values<'r>(record: &'r Record, table: &'r Table) -> impl Iterator<Item = f64> + 'r {
    let drawn = table.rows.iter().filter(|line| is_subject(&line.role));
    let drawn = drawn.filter(|line| line.measured().is_some());
    drawn.flat_map(move |line| values(record, line, table))
}

/// Every value as a faint stroke, the median as a dot on its interval, by factors.
pub(super) fn dots(record: &Record, table: &Table) -> String {
    let axis = Axis::log(all_values(record, table));
    let drawn = rows(table, |line, measured| {
        let shade = shade(line, &record.baseline);
        let mut drawn = axis.grid();
        for value in values(record, line, table).step_by(measured.values / MARKS_MAX + 1) {
            let at = axis.at(value);
            let _ = write!(
                drawn,
                "<line class=\"mark {shade}\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"9\" y2=\"21\"/>"
            );
        }
        drawn.push_str(&whisker(axis, measured.median, 15, shade));
        let at = axis.at(measured.median.value);
        let _ = write!(
            drawn,
            "<circle class=\"dot {shade}\" cx=\"{at:.2}%\" cy=\"15\" r=\"5\"/>"
        );
        let told = told(table, measured);
        lane(&line.row, 30, &drawn, &figure(measured.median.value), &told)
    });
    element(
        "div",
        "plot",
        &(drawn + &axis.scale(&format!("{}, log", table.unit))),
    )
}

/// Medians as bars from 0, with their intervals.
pub(super) fn bars(run: &Run, table: &Table) -> String {
    let tops = table.rows.iter().filter(|line| is_subject(&line.role));
    let tops = tops.filter_map(Line::measured);
    let axis = Axis::linear(tops.map(|measured| measured.median.high));
    let drawn = rows(table, |line, measured| {
        let shade = shade(line, &run.baseline);
        let (from, to) = (axis.at(0.0), axis.at(measured.median.value));
        let bar = format!(
            "<rect class=\"bar {shade}\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"7\" height=\"16\" \
             rx=\"2\"/>",
            to - from
        );
        let whisker = whisker(axis, measured.median, 15, "over");
        let drawn = axis.grid() + &bar + &whisker;
        let told = told(table, measured);
        lane(&line.row, 30, &drawn, &figure(measured.median.value), &told)
    });
    element("div", "plot", &(drawn + &axis.scale(table.unit)))
}

/// How values are spread, by factors, each row as high as its most frequent value.
pub(super) fn distributions(record: &Record, table: &Table) -> String {
    let axis = Axis::log(all_values(record, table));
    let drawn = rows(table, |line, measured| {
        let shade = shade(line, &record.baseline);
        let mut counts = [0_usize; BINS];
        for value in values(record, line, table) {
            let bin = floor(axis.at(value) / 100.0 * real(BINS)).min(BINS - 1);
            counts[bin] += 1;
        }
        let most = real(counts.iter().copied().max().unwrap_or_default().max(1));
        let width = 100.0 / real(BINS);
        let mut drawn = axis.grid();
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // What was seen once is still seen.
            let height = (real(*count) / most * CURVE).max(1.5);
            let (at, top) = (real(bin) * width, CURVE + 4.0 - height);
            let _ = write!(
                drawn,
                "<rect class=\"bin {shade}\" x=\"{at:.2}%\" width=\"{width:.2}%\" y=\"{top:.1}\" \
                 height=\"{height:.1}\"/>"
            );
        }
        drawn.push_str(&quantiles(axis, measured));
        lane(
            &line.row,
            40,
            &drawn,
            &tail(measured),
            &told(table, measured),
        )
    });
    let marks = [
        ("tick p50".to_owned(), "median"),
        ("tick p90".to_owned(), "p90"),
        ("tick p99".to_owned(), "p99"),
    ];
    let scale = axis.scale(&format!("{}, log", table.unit));
    legend(&marks) + &element("div", "plot", &(drawn + &scale))
}

fn quantiles(axis: Axis, measured: &Measured) -> String {
    let marks = [
        ("p50", Some(measured.median)),
        ("p90", measured.p90),
        ("p99", measured.p99),
    ];
    let mut out = String::new();
    for (class, estimate) in marks {
        let Some(estimate) = estimate else { continue };
        let at = axis.at(estimate.value);
        let _ = write!(
            out,
            "<line class=\"tick {class}\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"38\"/>"
        );
    }
    out
}

fn tail(measured: &Measured) -> String {
    let parts = [Some(measured.median), measured.p90, measured.p99];
    let known: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(|estimate| figure(estimate.value))
        .collect();
    known.join(" · ")
}
