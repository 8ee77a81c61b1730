//! A report as one HTML file: plots, tables and method, with nothing loaded from anywhere.
//!
//! Plots are SVG with places in per cent, so that they are as wide as the screen while their text
//! stays readable; names and numbers are HTML beside them. There is no script, and the page forbids
//! itself to run one: names of rows and reasons of failures are others' words.

mod axis;
mod markup;
mod plots;
mod tables;
mod walls;

use super::figures::moment;
use super::findings::{Outcome, Report, Run, Table};
use super::report::noise;
use super::samples::{Measure, Record, Role};
use super::statistics::{CONFIDENCE, ROUNDS_MIN};
use markup::{element, escaped};

const STYLE: &str = include_str!("page/style.css");

/// What says that a file is such a page.
const MARK: &str = "<meta name=\"generator\" content=\"brig bench\">";

/// Whether a file that begins like this is a page, of this release or an older one.
pub fn is_page(head: &str) -> bool {
    head.starts_with("<!doctype html>") && head.contains(MARK)
}

/// The whole file.
pub fn page(report: &Report) -> String {
    let findings = report.findings();
    let first = findings.runs.first();
    let title = first.map_or_else(String::new, |run| run.title.clone());
    let mut body = String::new();
    for (run, samples) in findings.runs.iter().zip(report.samples()) {
        body.push_str(&of_run(run, samples.record()));
    }
    body.push_str(&tables::comparisons(findings));
    body.push_str(&method());
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{MARK}\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>What each wall costs: {}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&title)
    )
}

fn of_run(run: &Run, record: &Record) -> String {
    let mut out = header(run);
    for (heading, measures) in SECTIONS {
        let tables = measures.iter().filter_map(|measure| run.table(*measure));
        let plots: String = tables.map(|table| plot(run, record, table)).collect();
        let stages = if measures.contains(&Measure::StartWarm) {
            walls::stages(record)
        } else {
            String::new()
        };
        if !(plots.is_empty() && stages.is_empty()) {
            let inside = element("h2", "", heading) + &plots + &stages;
            out.push_str(&element("section", "", &inside));
        }
    }
    let prices: String = run.prices.iter().map(walls::prices).collect();
    if !prices.is_empty() {
        let inside = element("h2", "", "The price of each wall") + &prices;
        out.push_str(&element("section", "", &inside));
    }
    out.push_str(&tables::all(run, record));
    out
}

/// Which measures stand together.
const SECTIONS: [(&str, &[Measure]); 4] = [
    ("Start", &[Measure::StartWarm, Measure::StartCold]),
    (
        "Calls",
        &[Measure::Call, Measure::Pipelined, Measure::Processor],
    ),
    ("Memory", &[Measure::Memory, Measure::Density]),
    ("Throughput", &[Measure::Disk, Measure::Egress]),
];

fn header(run: &Run) -> String {
    let machine = &run.machine;
    let of_machine = format!(
        "{} × {}, {} MiB, Linux {}, {}",
        machine.processors,
        machine.processor,
        machine.memory_kib / 1024,
        machine.kernel,
        machine.system
    );
    let load = |load: [f64; 3]| load.map(|value| format!("{value:.2}")).join(" ");
    let facts = [
        ("Measured", moment(run.taken)),
        ("brig", run.brig.clone()),
        ("Machine", of_machine),
        (
            "Load",
            format!(
                "{} before, {} after (1, 5 and 15 minutes)",
                load(machine.load_before),
                load(machine.load_after)
            ),
        ),
        (
            "Rounds",
            format!("{}, after {} of warm-up", run.rounds, run.warm_up),
        ),
    ];
    let notes = machine.notes.iter().map(|note| ("Note", note.clone()));
    let list: String = facts
        .into_iter()
        .chain(notes)
        .map(|(name, value)| element("dt", "", name) + &element("dd", "", &escaped(&value)))
        .collect();
    let command = element("code", "", &escaped(&run.command.join(" ")));
    let list = list + &element("dt", "", "Command") + &element("dd", "", &command);
    let title = format!("What each wall costs: {}", escaped(&run.title));
    element(
        "header",
        "",
        &(element("h1", "", &title) + &element("dl", "facts", &list) + &warnings(run)),
    )
}

/// What a reader has to know before any number.
fn warnings(run: &Run) -> String {
    let mut told: Vec<String> = Vec::new();
    for table in run.measures.iter().filter(|table| table.is_restless()) {
        if let Some(noise) = noise(table) {
            told.push(format!("{}: {noise}", table.measure.title()));
        }
    }
    for table in &run.measures {
        for line in &table.rows {
            if let Outcome::Failed(failure) = &line.outcome {
                told.push(format!(
                    "{} failed in round {} ({}): {}",
                    line.row,
                    failure.round,
                    table.measure.title(),
                    failure.why
                ));
            }
        }
    }
    for absence in &run.absent {
        told.push(format!("{} is not here: {}", absence.row, absence.why));
    }
    let items: String = told
        .iter()
        .map(|one| element("li", "", &escaped(one)))
        .collect();
    if items.is_empty() {
        return items;
    }
    element("ul", "warnings", &items)
}

/// The plot that suits a measure, with its heading and what may be claimed of it.
fn plot(run: &Run, record: &Record, table: &Table) -> String {
    let heading = format!("{}, {}", table.measure.title(), table.unit);
    let drawn = match table.measure {
        Measure::StartCold | Measure::StartWarm => plots::dots(record, table),
        Measure::Call => plots::distributions(record, table),
        Measure::Pipelined
        | Measure::Processor
        | Measure::Memory
        | Measure::Density
        | Measure::Disk
        | Measure::Egress => plots::bars(run, table),
    };
    let noise = noise(table).map_or_else(String::new, |told| element("p", "note", &escaped(&told)));
    element("h3", "", &heading) + &drawn + &noise
}

/// Whether a row stands in plots of all rows; rows that exist for a wall have plots of their own.
fn is_subject(role: &Role) -> bool {
    match role {
        Role::Subject | Role::Again { .. } => true,
        Role::Added { .. } | Role::LeftOut { .. } => false,
    }
}

fn method() -> String {
    let told = format!(
        "Rows are measured in turn, once in each round, so that all share the machine’s mood. \
         What is shown is the median of all values; an interval holds the true one in {} % of \
         runs. Intervals come of drawing rounds anew, for two rows the same ones in both, with a \
         generator that gives the same numbers each time: whoever has the samples gets this page \
         again. A difference is claimed where its interval leaves “none” out, it is more than a \
         row that is measured twice differs from itself, and there are at least {ROUNDS_MIN} \
         rounds. A row that failed is shown as failed, and nothing is concluded from what it did \
         before.",
        CONFIDENCE * 100.0
    );
    let inside = element("h2", "", "Method") + &element("p", "", &told);
    element("section", "", &inside)
}

#[cfg(test)]
mod tests;
