//! A report as text for a terminal, and as JSON for programs.

use super::figures::{compared, figure, moment};
use super::findings::{Compared, Comparison, Known, Line, Outcome, Prices, Report, Run, Table};
use super::shown::{better, shown, unit};
use super::statistics::{CONFIDENCE, ROUNDS_MIN, Scale, Verdict};
use std::fmt::Write as _;

/// The widest column of names, in characters; a longer name moves its line.
const NAME_CHARS_MAX: usize = 32;

/// Findings as one line of JSON.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string(report.findings())
}

/// Findings as tables.
pub fn text(report: &Report) -> String {
    let findings = shown(report.findings());
    let mut out = String::new();
    for run in &findings.runs {
        if !out.is_empty() {
            out.push('\n');
        }
        of_run(&mut out, run);
    }
    let mut at = None;
    for one in &findings.comparisons {
        if at != Some((one.run, one.measure)) {
            at = Some((one.run, one.measure));
            head(&mut out, one, &findings.runs);
        }
        let told = difference(&one.compared, one.measure.scale());
        line(&mut out, &format!("  {:NAME_CHARS_MAX$} {told}", one.row));
    }
    out
}

/// Writing to a String cannot fail.
fn line(out: &mut String, line: &str) {
    let _ = writeln!(out, "{}", line.trim_end());
}

/// What a run is called beside others: the same server measured twice has the same title.
pub(super) fn called(runs: &[Run], at: usize) -> String {
    let title = runs.get(at).map_or("", |run| run.title.as_str());
    match runs.iter().filter(|run| run.title == title).count() {
        0 | 1 => title.to_owned(),
        _ => format!("{title} (run {})", at + 1),
    }
}

fn head(out: &mut String, one: &Comparison, runs: &[Run]) {
    let (of, with) = (called(runs, one.run), called(runs, 0));
    let what = one.measure.title();
    let unit = match one.measure.scale() {
        Scale::Added => format!(", {}", unit(one.measure)),
        Scale::Ratio => String::new(),
    };
    line(out, &format!("\n{what}, `{of}` beside `{with}`{unit}"));
}

fn of_run(out: &mut String, run: &Run) {
    let machine = &run.machine;
    let load = |load: [f64; 3]| format!("{:.2}", load[0]);
    line(out, &format!("{}, {}", run.title, moment(run.taken)));
    line(out, &format!("  {}", run.command.join(" ")));
    let of = format!(
        "  brig {}, {} x {}, {} MiB, Linux {}, {}",
        run.brig,
        machine.processors,
        machine.processor,
        machine.memory_kib / 1024,
        machine.kernel,
        machine.system
    );
    line(out, &of);
    let method = format!(
        "  {} rounds after {} of warm-up, load {} to {}; \
         [intervals] hold the true value in {} % of runs",
        run.rounds,
        run.warm_up,
        load(machine.load_before),
        load(machine.load_after),
        CONFIDENCE * 100.0
    );
    line(out, &method);
    for note in &machine.notes {
        line(out, &format!("  {note}"));
    }
    for table in &run.measures {
        of_table(out, run, table);
    }
    for prices in &run.prices {
        of_walls(out, prices);
    }
    for absence in &run.absent {
        line(
            out,
            &format!("\nnot here: {}: {}", absence.row, absence.why),
        );
    }
}

fn of_table(out: &mut String, run: &Run, table: &Table) {
    let (title, unit, better) = (table.measure.title(), table.unit, better(table.scale));
    line(out, &format!("\n{title}, {unit}, {better}"));
    let width = widest(table.rows.iter().map(|line| line.row.as_str()));
    let heads = format!(
        "  {:width$} {:>9} {:^20} {:>9} {:>9}   beside `{}`",
        "", "median", "", "p90", "p99", run.baseline
    );
    line(out, &heads);
    for row in &table.rows {
        of_line(out, run, table, row, width);
    }
    if let Some(told) = noise(table) {
        line(out, &format!("  {told}"));
    }
}

/// How wide a column of names is.
fn widest<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    let lengths = names.map(|name| name.chars().count());
    lengths.max().unwrap_or_default().min(NAME_CHARS_MAX)
}

/// What an A/A row says of all others.
pub(super) fn noise(table: &Table) -> Option<String> {
    let least = figure(table.noise? * 100.0);
    Some(if table.is_restless() {
        format!(
            "restless: the same thing measured twice differs, by up to {least} %; \
             no smaller difference is claimed"
        )
    } else {
        format!(
            "the same thing measured twice differs by up to {least} %; \
             no smaller difference is claimed"
        )
    })
}

fn of_line(out: &mut String, run: &Run, table: &Table, row: &Line, width: usize) {
    let name = &row.row;
    let measured = match &row.outcome {
        Outcome::Measured(measured) => measured,
        Outcome::Failed(failure) => {
            let told = format!("FAILED in round {}: {}", failure.round, failure.why);
            line(out, &format!("  {name:width$} {told}"));
            return;
        }
    };
    let of = |estimate: Option<f64>| estimate.map_or(String::new(), figure);
    let mut told = format!(
        "  {name:width$} {:>9} {:^20} {:>9} {:>9}   ",
        figure(measured.median.value),
        format!(
            "[{} to {}]",
            figure(measured.median.low),
            figure(measured.median.high)
        ),
        of(measured.p90.map(|estimate| estimate.value)),
        of(measured.p99.map(|estimate| estimate.value)),
    );
    if let Some(compared) = &measured.difference {
        if compared.with != run.baseline {
            let _ = write!(told, "beside `{}`: ", compared.with);
        }
        told.push_str(&difference(compared, table.scale));
    }
    line(out, &told);
}

/// How two rows differ, as far as that may be claimed.
pub(super) fn difference(of: &Compared, scale: Scale) -> String {
    match of.verdict {
        Verdict::Differs => format!("{} {}", in_short(of, scale), brackets(of, scale)),
        Verdict::NotShown => format!("no difference shown {}", brackets(of, scale)),
        Verdict::WithinNoise => format!("within noise {}", brackets(of, scale)),
        Verdict::TooFewRounds => {
            format!("too few rounds to tell: {} of {ROUNDS_MIN}", of.rounds)
        }
    }
}

/// The same where there is room for a word or two.
pub(super) fn in_short(of: &Compared, scale: Scale) -> String {
    match of.verdict {
        Verdict::Differs => compared(of.by.value, scale),
        Verdict::NotShown => "none shown".to_owned(),
        Verdict::WithinNoise => "within noise".to_owned(),
        Verdict::TooFewRounds => "too few rounds".to_owned(),
    }
}

/// The interval of a difference.
pub(super) fn brackets(of: &Compared, scale: Scale) -> String {
    let end = |by| match scale {
        Scale::Added => compared(by, scale),
        Scale::Ratio => figure(by),
    };
    format!("[{} to {}]", end(of.by.low), end(of.by.high))
}

fn of_walls(out: &mut String, prices: &Prices) {
    let title = format!(
        "price of each wall, {}, {}",
        prices.measure.title(),
        prices.unit
    );
    line(out, &format!("\n{title}"));
    let names = prices.walls.iter().map(|price| price.wall.as_str());
    let width = widest(names.chain(["all of them"]));
    let told = |of: &Known| match of {
        Known::Measured(compared) => difference(compared, Scale::Added),
        Known::Failed(of) => format!("FAILED in round {}: {}", of.failure.round, of.failure.why),
        Known::NotMeasured => "not measured".to_owned(),
    };
    line(
        out,
        &format!(
            "  {:width$} {:44} saved without it alone",
            "", "added where it comes"
        ),
    );
    for price in &prices.walls {
        let (added, left_out) = (told(&price.added), told(&price.left_out));
        line(
            out,
            &format!("  {:width$} {added:44} {left_out}", price.wall),
        );
    }
    let sum = told(&prices.left_out_sum);
    let together = told(&prices.together);
    line(
        out,
        &format!("  {:width$} {together:44} {sum} (in sum)", "all of them"),
    );
}

#[cfg(test)]
mod tests;
