//! Plots of all rows by one measure.

use super::axis::Axis;
use super::markup::{Lane, element, failed, heads, legend};
use super::{is_subject, shade};
use crate::bench::figures::figure;
use crate::bench::findings::{Compared, Line, Measured, Outcome, Table};
use crate::bench::report::{brackets, difference, in_short};
use crate::bench::samples::Record;
use crate::bench::statistics::{Estimate, Scale, Verdict, floor, real};
use std::fmt::Write as _;

/// The most single values that are drawn of a row; of more, every so many.
const MARKS_MAX: usize = 200;
/// How many parts the axis of a distribution has.
const BINS: usize = 72;
/// The height of a distribution in pixels.
const CURVE: f64 = 30.0;

/// All subjects on one axis, each drawn by what is given, or told as failed.
fn plot(
    record: &Record,
    table: &Table,
    (axis, unit): (Axis, &str),
    height: &'static str,
    draw: impl Fn(&Line, &Measured, &'static str) -> String,
) -> String {
    let behind = axis.grid() + &reference(axis, record, table);
    let subjects = table.rows.iter().filter(|line| is_subject(&line.role));
    let lanes: String = subjects
        .map(|line| match &line.outcome {
            Outcome::Measured(measured) => {
                let shade = shade(line, &record.baseline);
                let beside = measured.difference.as_ref();
                let beside = beside.map(|of| compared(of, table.scale));
                let lane = Lane {
                    name: &line.row,
                    shade,
                    height,
                    behind: &behind,
                    drawn: draw(line, measured, shade),
                    value: figure(measured.median.value),
                    beside: Some(beside.unwrap_or_default()),
                    told: told(table, measured),
                };
                lane.markup()
            }
            Outcome::Failed(failure) => {
                let why = format!("failed in round {}: {}", failure.round, failure.why);
                failed(&line.row, &why)
            }
        })
        .collect();
    let heads = heads("median", &format!("beside {}", record.baseline));
    element("div", "plot", &(heads + &lanes + &axis.scale(unit)))
}

/// How two rows differ: what may be claimed stands out.
pub(super) fn compared(of: &Compared, scale: Scale) -> String {
    let short = in_short(of, scale);
    let tag = match of.verdict {
        Verdict::Differs => "b",
        Verdict::NotShown | Verdict::WithinNoise | Verdict::TooFewRounds => "span",
    };
    element(tag, "", &short) + &element("span", "interval", &brackets(of, scale))
}

/// Where the median of the baseline is, in every lane.
fn reference(axis: Axis, record: &Record, table: &Table) -> String {
    let mut rows = table.rows.iter();
    let baseline = rows.find(|line| line.row == record.baseline);
    let Some(measured) = baseline.and_then(Line::measured) else {
        return String::new();
    };
    let at = axis.at(measured.median.value);
    format!("<line class=\"reference\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"100%\"/>")
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

/// An interval as a line, `y` pixels below the middle.
pub(super) fn whisker(axis: Axis, of: Estimate, y: i32, shade: &str) -> String {
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
    let unit = format!("{}, log scale", table.unit);
    plot(record, table, (axis, &unit), "", |line, measured, shade| {
        let mut drawn = String::new();
        for value in values(record, line, table).step_by(measured.values / MARKS_MAX + 1) {
            let at = axis.at(value);
            let _ = write!(
                drawn,
                "<line class=\"mark {shade}\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"-6\" \
                 y2=\"6\"/>"
            );
        }
        drawn.push_str(&whisker(axis, measured.median, 0, shade));
        let at = axis.at(measured.median.value);
        let _ = write!(
            drawn,
            "<circle class=\"dot {shade}\" cx=\"{at:.2}%\" r=\"5\"/>"
        );
        drawn
    })
}

/// Medians as bars from 0, with their intervals.
pub(super) fn bars(record: &Record, table: &Table) -> String {
    let tops = table.rows.iter().filter(|line| is_subject(&line.role));
    let tops = tops.filter_map(Line::measured);
    let axis = Axis::linear(tops.map(|measured| measured.median.high));
    plot(
        record,
        table,
        (axis, table.unit),
        "",
        |_, measured, shade| {
            let (from, to) = (axis.at(0.0), axis.at(measured.median.value));
            let bar = format!(
                "<rect class=\"bar {shade}\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"-7\" \
             height=\"14\" \
             rx=\"2\"/>",
                to - from
            );
            bar + &whisker(axis, measured.median, 0, "over")
        },
    )
}

/// How values are spread, by factors, each row as high as its most frequent value.
pub(super) fn distributions(record: &Record, table: &Table) -> String {
    let axis = Axis::log(all_values(record, table));
    let unit = format!("{}, log scale", table.unit);
    let drawn = plot(
        record,
        table,
        (axis, &unit),
        "high",
        |line, measured, shade| {
            let mut counts = [0_usize; BINS];
            for value in values(record, line, table) {
                let bin = floor(axis.at(value) / 100.0 * real(BINS)).min(BINS - 1);
                counts[bin] += 1;
            }
            let most = real(counts.iter().copied().max().unwrap_or_default().max(1));
            let width = 100.0 / real(BINS);
            let mut drawn = String::new();
            for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                // What was seen once is still seen.
                let height = (real(*count) / most * CURVE).max(1.5);
                let (at, top) = (real(bin) * width, CURVE / 2.0 + 2.0 - height);
                let _ = write!(
                    drawn,
                    "<rect class=\"bin {shade}\" x=\"{at:.2}%\" width=\"{width:.2}%\" \
                 y=\"{top:.1}\" \
                 height=\"{height:.1}\"/>"
                );
            }
            drawn + &quantiles(axis, measured)
        },
    );
    let mark = |class: &str, name| (format!("tick {class}"), String::new(), name);
    let marks = [
        mark("p50", "half of the calls take less"),
        mark("p90", "90 % take less"),
        mark("p99", "99 % take less"),
    ];
    legend(&marks) + &drawn
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
            "<line class=\"tick {class}\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"-16\" y2=\"19\"/>"
        );
    }
    out
}
