//! A report as one HTML file: plots, tables and method, with nothing loaded from anywhere.
//!
//! Plots are SVG with places in per cent, so that they are as wide as the screen while their text
//! stays readable; names and numbers are HTML beside them. There is no script, and the page forbids
//! itself to run one: names of rows and reasons of failures are others' words.

mod axis;
mod markup;
mod plots;
mod summary;
mod tables;
mod walls;

use super::figures::moment;
use super::findings::{Findings, Line, Outcome, Report, Run, Table};
use super::report::noise;
use super::samples::{Measure, Record, Role};
use super::shown::{better, shown};
use super::statistics::{CONFIDENCE, ROUNDS_MIN};
use markup::{element, escaped, legend};

const STYLE: &str = include_str!("page/style.css");

/// What says that a file is such a page.
const MARK: &str = "<meta name=\"generator\" content=\"brig bench\">";

/// Whether a file that begins like this is a page, of this release or an older one.
pub fn is_page(head: &str) -> bool {
    head.starts_with("<!doctype html>") && head.contains(MARK)
}

/// The whole file.
pub fn page(report: &Report) -> String {
    let findings = shown(report.findings());
    let first = findings.runs.first();
    let title = first.map_or_else(String::new, |run| run.title.clone());
    let mut body = contents(&findings) + &tables::comparisons(&findings);
    for (at, (run, samples)) in findings.runs.iter().zip(report.samples()).enumerate() {
        body.push_str(&of_run(at, run, samples.record()));
    }
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

/// Where each run is, where there are several.
fn contents(findings: &Findings) -> String {
    if findings.runs.len() < 2 {
        return String::new();
    }
    let runs = findings.runs.iter().enumerate();
    let items: String = runs
        .map(|(at, run)| {
            let link = format!("<a href=\"#run-{at}\">{}</a>", escaped(&run.title));
            element("li", "", &(link + " " + &when(run)))
        })
        .collect();
    let heading = format!("{} runs", findings.runs.len());
    element(
        "nav",
        "",
        &(element("p", "kicker", &heading) + &element("ol", "", &items)),
    )
}

fn when(run: &Run) -> String {
    format!("<span class=\"when\">{}</span>", moment(run.taken))
}

fn of_run(at: usize, run: &Run, record: &Record) -> String {
    let mut out = header(run) + &summary::summary(run, record) + &warnings(run) + &colours(run);
    for (name, measures) in SECTIONS {
        let tables = measures.iter().filter_map(|measure| run.table(*measure));
        let plots: String = tables.map(|table| plot(record, table)).collect();
        let stages = if measures.contains(&Measure::StartWarm) {
            walls::stages(record)
        } else {
            String::new()
        };
        if !(plots.is_empty() && stages.is_empty()) {
            let inside = element("h2", "", name) + &plots + &stages;
            out.push_str(&element("section", "", &inside));
        }
    }
    let prices: String = run.prices.iter().map(walls::prices).collect();
    if !prices.is_empty() {
        let inside = element("h2", "", "The price of each wall") + &prices;
        out.push_str(&element("section", "", &inside));
    }
    out.push_str(&tables::all(run, record));
    out.push_str(&facts(run));
    format!("<article id=\"run-{at}\">\n{out}</article>\n")
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

/// What all plots have in common.
fn colours(run: &Run) -> String {
    let mark = |class: &str, name: &str| (format!("key {class}"), name.to_owned());
    let entries = [
        mark("brigs", "behind brig’s walls"),
        mark("others", "other ways"),
        mark("quiet", &format!("{}, and the same again", run.baseline)),
        mark("dashed", &format!("median of {}", run.baseline)),
        mark("line", "interval of a median"),
    ];
    legend(&entries.map(|(class, name)| (class, String::new(), name)))
}

/// What a plot shows, and in what unit.
fn heading(title: &str, unit: &str) -> String {
    element("h3", "", &(escaped(title) + &element("small", "", unit)))
}

fn header(run: &Run) -> String {
    let machine = &run.machine;
    let told = format!(
        "{} · brig {} · {} × {} · Linux {} · {} rounds",
        moment(run.taken),
        run.brig,
        machine.processors,
        machine.processor,
        machine.kernel,
        run.rounds
    );
    let inside = element("p", "kicker", "What each wall costs")
        + &element("h1", "", &escaped(&run.title))
        + &element("p", "when", &escaped(&told));
    element("header", "", &inside)
}

/// Where and how it was measured.
fn facts(run: &Run) -> String {
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
    let (before, after) = (load(machine.load_before), load(machine.load_after));
    let facts = [
        ("Measured", moment(run.taken)),
        ("brig", run.brig.clone()),
        ("Machine", of_machine),
        (
            "Load",
            format!("{before} before, {after} after (1, 5 and 15 minutes)"),
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
    let inside = element("h2", "", "Where it was measured") + &element("dl", "facts", &list);
    element("section", "", &inside)
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
fn plot(record: &Record, table: &Table) -> String {
    let unit = format!("{}, {}", table.unit, better(table.scale));
    let drawn = match table.measure {
        Measure::StartCold | Measure::StartWarm => plots::dots(record, table),
        Measure::Call => plots::distributions(record, table),
        Measure::Pipelined
        | Measure::Processor
        | Measure::Memory
        | Measure::Density
        | Measure::Disk
        | Measure::Egress => plots::bars(record, table),
    };
    let noise = noise(table).map_or_else(String::new, |told| element("p", "note", &escaped(&told)));
    heading(table.measure.title(), &unit) + &drawn + &noise
}

/// Whether a row stands in plots of all rows; rows that exist for a wall have plots of their own.
fn is_subject(role: &Role) -> bool {
    match role {
        Role::Subject | Role::Again { .. } => true,
        Role::Added { .. } | Role::LeftOut { .. } => false,
    }
}

/// Whether brig's walls stand in a row: `brig bench` gives such names to its own rows alone.
fn is_brigs(name: &str) -> bool {
    name == "brig" || name.starts_with("brig ")
}

/// How a row is drawn: brig's own stand out, plain ones are there to be compared with.
fn shade(line: &Line, baseline: &str) -> &'static str {
    match line.role {
        Role::Again { .. } => "quiet",
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } if line.row == baseline => {
            "quiet"
        }
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } if is_brigs(&line.row) => "brigs",
        Role::Subject | Role::Added { .. } | Role::LeftOut { .. } => "others",
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
