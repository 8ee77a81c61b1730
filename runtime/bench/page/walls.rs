//! Plots of what a start consists of, and of what each wall costs.

use super::axis::Axis;
use super::heading;
use super::markup::{Lane, element, escaped, failed, heads, legend};
use super::plots::whisker;
use crate::bench::figures::{compared, figure};
use crate::bench::findings::{Compared, Known, Prices};
use crate::bench::report::difference;
use crate::bench::samples::{Record, Row, Stage, Whose};
use crate::bench::shown::better;
use crate::bench::statistics::{Scale, Sorted, Verdict};
use std::fmt::Write as _;
use std::slice;

/// Colours that tell stages apart; of more stages, the last ones share one.
const COLOURS: usize = 8;
/// The narrowest stage, in per cent of a plot, that has room for its number on a phone.
const NUMBER_MIN: f64 = 5.0;

/// The stages of a row in order, each with its median in milliseconds.
pub(super) fn parts(row: &Row) -> Vec<(&Stage, f64)> {
    let medians = row.stages.iter().filter_map(|stage| {
        let values = Sorted::new(slice::from_ref(&stage.ms));
        Some((stage, values.quantile(0.5)?))
    });
    medians.collect()
}

fn sum(parts: &[(&Stage, f64)]) -> f64 {
    parts.iter().map(|(_, ms)| ms).sum()
}

/// What brig adds to starts, of all rows that somebody took apart; nothing where nobody did.
pub(super) fn stages(record: &Record) -> String {
    let apart = record.rows.iter().filter(|row| !row.stages.is_empty());
    let apart: Vec<_> = apart
        .map(|row| {
            let of = |(stage, _): &(&Stage, f64)| stage.whose == Whose::Brig;
            let (brig, program) = parts(row).into_iter().partition::<Vec<_>, _>(of);
            (row.name.as_str(), brig, program)
        })
        .collect();
    if apart.is_empty() {
        return String::new();
    }
    let mut names: Vec<&str> = Vec::new();
    for (stage, _) in apart.iter().flat_map(|(_, brig, _)| brig) {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    let axis = Axis::linear(apart.iter().map(|(_, brig, _)| sum(brig)));
    let behind = axis.grid();
    let drawn: String = apart
        .iter()
        .map(|(name, brig, program)| {
            let mut value = figure(sum(brig));
            if !program.is_empty() {
                let _ = write!(value, " + {}", figure(sum(program)));
            }
            let drawn = stacked(axis, brig, &names);
            let all = brig.iter().chain(program);
            let words: Vec<String> = all
                .map(|(stage, ms)| format!("{} {} ms", stage.name, figure(*ms)))
                .collect();
            let lane = Lane {
                name,
                shade: "brigs",
                height: "middling",
                behind: &behind,
                drawn,
                value,
                beside: None,
                told: words.join(", "),
            };
            lane.markup()
        })
        .collect();
    let entries: Vec<(String, String, &str)> = names
        .iter()
        .map(|name| {
            let (colour, number) = colour(name, &names);
            (format!("swatch {colour}"), number.to_string(), *name)
        })
        .collect();
    let note = "Medians; what comes after “+” is what the program takes by itself, bare too.";
    heading("what brig adds to a start", "ms, less is better")
        + &legend(&entries)
        + &element("div", "plot plain", &(drawn + &axis.scale("ms")))
        + &element("p", "note", note)
}

/// The colour of a stage, and its number: nobody has to tell eight colours apart.
fn colour(name: &str, names: &[&str]) -> (String, usize) {
    let at = names.iter().position(|known| *known == name);
    let at = at.unwrap_or_default();
    (format!("s{}", at.min(COLOURS - 1)), at + 1)
}

/// One stage after the other.
fn stacked(axis: Axis, parts: &[(&Stage, f64)], names: &[&str]) -> String {
    let mut drawn = String::new();
    let mut from = 0.0;
    for (stage, ms) in parts {
        let (left, right) = (axis.at(from), axis.at(from + ms));
        from += ms;
        let (colour, number) = colour(&stage.name, names);
        let _ = write!(
            drawn,
            "<rect class=\"stage {colour}\" x=\"{left:.2}%\" width=\"{:.2}%\" y=\"-11\" \
             height=\"22\"><title>{}: {} ms</title></rect>",
            right - left,
            escaped(&stage.name),
            figure(*ms)
        );
        if right - left >= NUMBER_MIN {
            let middle = f64::midpoint(left, right);
            let _ = write!(
                drawn,
                "<text class=\"on\" x=\"{middle:.2}%\" y=\"4\" text-anchor=\"middle\">{number}\
                 </text>"
            );
        }
    }
    drawn
}

/// Each wall by both ways on one axis, and all of them together.
pub(super) fn prices(prices: &Prices) -> String {
    let known = prices
        .walls
        .iter()
        .flat_map(|price| [&price.added, &price.left_out]);
    let known = known.chain([&prices.together]).filter_map(Known::compared);
    let axis = Axis::linear(known.flat_map(|one| [one.by.low, one.by.high]));
    let mut drawn: String = prices
        .walls
        .iter()
        .map(|price| wall(axis, &price.wall, &[&price.added, &price.left_out]))
        .collect();
    drawn.push_str(&wall(axis, "all of them", &[&prices.together]));
    let told = match &prices.left_out_sum {
        Known::Measured(sum) => difference(sum, Scale::Added),
        other @ (Known::Failed(_) | Known::NotMeasured) => unknown(other),
    };
    let sum = element(
        "p",
        "note",
        &format!(
            "What is saved by leaving each out alone, in sum: {}. It differs from what all add \
             together by what walls share.",
            escaped(&told)
        ),
    );
    let mark = |class: &str, name| (format!("key {class}"), String::new(), name);
    let marks = [
        mark("brigs", "added where it comes"),
        mark("hollow", "saved where it alone is left out"),
        mark("faint", "no difference shown"),
    ];
    let unit = format!("{}, {}", prices.unit, better(prices.measure.scale()));
    let drawn = heads("added", "saved") + &drawn + &axis.scale(prices.unit);
    heading(prices.measure.title(), &unit)
        + &legend(&marks)
        + &element("div", "plot walls", &drawn)
        + &sum
}

fn wall(axis: Axis, name: &str, ways: &[&Known]) -> String {
    if ways.iter().all(|way| way.compared().is_none()) {
        return failed(
            name,
            &ways
                .iter()
                .map(|way| unknown(way))
                .collect::<Vec<_>>()
                .join("; "),
        );
    }
    let none = axis.at(0.0);
    let none =
        format!("<line class=\"none\" x1=\"{none:.2}%\" x2=\"{none:.2}%\" y1=\"0\" y2=\"100%\"/>");
    let behind = axis.grid() + &none;
    let mut drawn = String::new();
    let mut words = Vec::new();
    let mut values = Vec::new();
    // What stands alone stands in the middle.
    let places: [(&str, i32); 2] = match ways.iter().filter_map(|way| way.compared()).count() {
        1 => [("brigs", 0), ("hollow", 0)],
        _ => [("brigs", -6), ("hollow", 6)],
    };
    for (way, (kind, y)) in ways.iter().zip(places) {
        let Some(of) = way.compared() else {
            words.push(unknown(way));
            values.push(mark(way));
            continue;
        };
        drawn.push_str(&way_drawn(axis, of, kind, y));
        words.push(difference(of, Scale::Added));
        let value = compared(of.by.value, Scale::Added);
        values.push(match of.verdict {
            Verdict::Differs => value,
            Verdict::NotShown | Verdict::WithinNoise | Verdict::TooFewRounds => {
                format!("<span class=\"unclaimed\">{value}</span>")
            }
        });
    }
    let mut values = values.into_iter();
    let lane = Lane {
        name,
        shade: "",
        height: "middling",
        behind: &behind,
        drawn,
        value: values.next().unwrap_or_default(),
        beside: Some(values.next().unwrap_or_default()),
        told: words.join("; "),
    };
    lane.markup()
}

/// One way to a price: a dot on its interval, faint where it may not be claimed.
fn way_drawn(axis: Axis, of: &Compared, kind: &str, y: i32) -> String {
    let faint = match of.verdict {
        Verdict::Differs => "",
        Verdict::NotShown | Verdict::WithinNoise | Verdict::TooFewRounds => " faint",
    };
    let at = axis.at(of.by.value);
    let whisker = whisker(axis, of.by, y, &format!("{kind}{faint}"));
    format!("{whisker}<circle class=\"dot {kind}{faint}\" cx=\"{at:.2}%\" cy=\"{y}\" r=\"5\"/>")
}

/// That a price is not known, where there is room for a word.
fn mark(way: &Known) -> String {
    match way {
        Known::Failed(_) => "<span class=\"broke\">failed</span>".to_owned(),
        Known::Measured(_) | Known::NotMeasured => "–".to_owned(),
    }
}

/// Why a price is not known.
fn unknown(way: &Known) -> String {
    match way {
        Known::Measured(_) => String::new(),
        Known::Failed(of) => {
            let failure = &of.failure;
            format!(
                "{} failed in round {}: {}",
                of.row, failure.round, failure.why
            )
        }
        Known::NotMeasured => "not measured".to_owned(),
    }
}
