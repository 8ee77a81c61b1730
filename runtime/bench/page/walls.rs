//! Plots of what a start consists of, and of what each wall costs.

use super::axis::Axis;
use super::markup::{element, escaped, failed, lane, legend};
use super::plots::whisker;
use crate::bench::figures::{compared, figure};
use crate::bench::findings::{Compared, Known, Prices};
use crate::bench::report::difference;
use crate::bench::samples::{Record, Row, Stage, Whose};
use crate::bench::statistics::{Scale, Sorted, Verdict};
use std::fmt::Write as _;
use std::slice;

/// Colours that tell stages apart; of more stages, the last ones share one.
const COLOURS: usize = 8;

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
            lane(name, 30, &drawn, &value, &words.join(", "))
        })
        .collect();
    let entries: Vec<(String, &str)> = names
        .iter()
        .map(|name| (format!("swatch {}", colour(name, &names)), *name))
        .collect();
    let note = "Medians; what comes after “+” is what the program takes by itself, bare too.";
    element("h3", "", "what brig adds to a start, ms")
        + &legend(&entries)
        + &element("div", "plot", &(drawn + &axis.scale("ms")))
        + &element("p", "note", note)
}

fn colour(name: &str, names: &[&str]) -> String {
    let at = names.iter().position(|known| *known == name);
    format!("s{}", at.unwrap_or_default().min(COLOURS - 1))
}

/// One stage after the other.
fn stacked(axis: Axis, parts: &[(&Stage, f64)], names: &[&str]) -> String {
    let mut drawn = axis.grid();
    let mut from = 0.0;
    for (stage, ms) in parts {
        let (left, right) = (axis.at(from), axis.at(from + ms));
        from += ms;
        let _ = write!(
            drawn,
            "<rect class=\"stage {}\" x=\"{left:.2}%\" width=\"{:.2}%\" y=\"6\" height=\"18\">\
             <title>{}: {} ms</title></rect>",
            colour(&stage.name, names),
            right - left,
            escaped(&stage.name),
            figure(*ms)
        );
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
    let sum = prices.left_out_sum.map_or_else(String::new, |sum| {
        let sum = compared(sum, Scale::Added);
        let told = format!(
            "What is saved by leaving each out alone is {sum} {} in sum. It differs from what all \
             add together by what walls share.",
            prices.unit
        );
        element("p", "note", &told)
    });
    let marks = [
        ("key main".to_owned(), "added where it comes"),
        ("key hollow".to_owned(), "saved where it alone is left out"),
        ("key faint".to_owned(), "no difference shown"),
    ];
    let heading = format!("{}, {}", prices.measure.title(), prices.unit);
    element("h3", "", &heading)
        + &legend(&marks)
        + &element("div", "plot", &(drawn + &axis.scale(prices.unit)))
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
    let mut drawn = axis.grid();
    let _ = write!(
        drawn,
        "<line class=\"none\" x1=\"{none:.2}%\" x2=\"{none:.2}%\" y1=\"0\" y2=\"100%\"/>"
    );
    let mut words = Vec::new();
    let mut values = Vec::new();
    // What stands alone stands in the middle.
    let places: [(&str, u32); 2] = match ways.iter().filter_map(|way| way.compared()).count() {
        1 => [("main", 17), ("hollow", 17)],
        _ => [("main", 10), ("hollow", 24)],
    };
    for (way, (kind, y)) in ways.iter().zip(places) {
        let Some(of) = way.compared() else {
            words.push(unknown(way));
            values.push(mark(way).to_owned());
            continue;
        };
        drawn.push_str(&way_drawn(axis, of, kind, y));
        words.push(difference(of, Scale::Added));
        values.push(compared(of.by.value, Scale::Added));
    }
    let value = escaped(&values.join(" · "));
    lane(name, 34, &drawn, &value, &words.join("; "))
}

/// One way to a price: a dot on its interval, faint where it may not be claimed.
fn way_drawn(axis: Axis, of: &Compared, kind: &str, y: u32) -> String {
    let faint = match of.verdict {
        Verdict::Differs => "",
        Verdict::NotShown | Verdict::WithinNoise | Verdict::TooFewRounds => " faint",
    };
    let at = axis.at(of.by.value);
    let whisker = whisker(axis, of.by, y, &format!("{kind}{faint}"));
    format!("{whisker}<circle class=\"dot {kind}{faint}\" cx=\"{at:.2}%\" cy=\"{y}\" r=\"5\"/>")
}

/// That a price is not known, where there is room for a word.
fn mark(way: &Known) -> &'static str {
    match way {
        Known::Failed(_) => "failed",
        Known::Measured(_) | Known::NotMeasured => "–",
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
