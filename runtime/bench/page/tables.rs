//! The same findings in numbers, for whoever wants to read or copy them.

use super::markup::{element, escaped};
use super::walls::parts;
use crate::bench::figures::figure;
use crate::bench::findings::{Comparison, Findings, Line, Outcome, Run, Table};
use crate::bench::report::{called, difference};
use crate::bench::samples::{Measure, Record};
use crate::bench::shown::{better, unit};
use crate::bench::statistics::Estimate;

/// All tables of a run, closed until somebody opens them.
pub(super) fn all(run: &Run, record: &Record) -> String {
    let tables: String = run.measures.iter().map(|of| table(run, of)).collect();
    let inside = element("summary", "", "All numbers") + &tables + &stages(record);
    element("details", "numbers", &inside)
}

fn table(run: &Run, table: &Table) -> String {
    let beside = format!("beside {}", escaped(&run.baseline));
    let heads = [
        "", "median", "interval", "p90", "p99", "rounds", "values", &beside,
    ];
    let heads: String = heads.iter().map(|head| element("th", "", head)).collect();
    let lines: String = table.rows.iter().map(|line| of(run, table, line)).collect();
    let (title, better) = (table.measure.title(), better(table.scale));
    let caption = format!("{title}, {}, {better}", table.unit);
    let inside = element("caption", "", &caption) + &element("tr", "", &heads) + &lines;
    element("div", "scroll", &element("table", "", &inside))
}

/// What starts consist of; nothing where nobody took one apart.
fn stages(record: &Record) -> String {
    let lines: String = record
        .rows
        .iter()
        .flat_map(|row| {
            let parts = parts(row).into_iter();
            parts.map(|(stage, ms)| {
                let cells = [&row.name, &stage.name].map(|text| element("th", "", &escaped(text)));
                element(
                    "tr",
                    "",
                    &(cells.concat() + &element("td", "", &figure(ms))),
                )
            })
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    let heads = ["", "stage", "median"].map(|head| element("th", "", head));
    let caption = element("caption", "", "what a start consists of, ms");
    let inside = caption + &element("tr", "", &heads.concat()) + &lines;
    element("div", "scroll", &element("table", "", &inside))
}

fn of(run: &Run, table: &Table, line: &Line) -> String {
    let name = element("th", "", &escaped(&line.row));
    let measured = match &line.outcome {
        Outcome::Measured(measured) => measured,
        Outcome::Failed(failure) => {
            let why = format!("failed in round {}: {}", failure.round, failure.why);
            let why = format!("<td colspan=\"7\" class=\"why\">{}</td>", escaped(&why));
            return element("tr", "failed", &(name + &why));
        }
    };
    let value = |of: Option<Estimate>| of.map_or_else(String::new, |of| figure(of.value));
    let beside = measured.difference.as_ref().map_or_else(String::new, |of| {
        let told = difference(of, table.scale);
        if of.with == run.baseline {
            told
        } else {
            format!("{}: {told}", of.with)
        }
    });
    let median = measured.median;
    let cells = [
        figure(median.value),
        format!("{} to {}", figure(median.low), figure(median.high)),
        value(measured.p90),
        value(measured.p99),
        measured.rounds.to_string(),
        measured.values.to_string(),
        beside,
    ];
    let cells: String = cells
        .iter()
        .map(|cell| element("td", "", &escaped(cell)))
        .collect();
    element("tr", "", &(name + &cells))
}

/// Later runs beside the first one, a table for each measure; nothing where there is one alone.
pub(super) fn comparisons(findings: &Findings) -> String {
    if findings.comparisons.is_empty() {
        return String::new();
    }
    let tables: String = Measure::ALL
        .iter()
        .map(|measure| beside(findings, *measure))
        .collect();
    let heading = format!("Beside {}", escaped(&called(&findings.runs, 0)));
    let told = "How the same way to run a server differs between the first run and later ones.";
    let inside = element("h2", "", &heading) + &element("p", "note", told) + &tables;
    element("section", "beside-runs", &inside)
}

/// Rows of the first run, and a column for each later one.
fn beside(findings: &Findings, measure: Measure) -> String {
    let of = findings.comparisons.iter();
    let of: Vec<&Comparison> = of.filter(|one| one.measure == measure).collect();
    let Some(first) = findings.runs.first().and_then(|run| run.table(measure)) else {
        return String::new();
    };
    let later = || 1..findings.runs.len();
    let lines: String = first
        .rows
        .iter()
        .filter(|line| of.iter().any(|one| one.row == line.row))
        .map(|line| {
            let cells: String = later()
                .map(|run| {
                    let mut here = of.iter().filter(|one| one.row == line.row);
                    let one = here.find(|one| one.run == run);
                    let told = one.map_or("–".to_owned(), |one| {
                        difference(&one.compared, measure.scale())
                    });
                    element("td", "", &escaped(&told))
                })
                .collect();
            element("tr", "", &(element("th", "", &escaped(&line.row)) + &cells))
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    let titles = later().map(|run| escaped(&called(&findings.runs, run)));
    let heads: String = titles.map(|title| element("th", "", &title)).collect();
    let title = format!("{}, {}", measure.title(), unit(measure));
    let heads = element("tr", "", &(element("th", "", "") + &heads));
    let table = element("table", "", &(heads + &lines));
    // Of two runs this is what the page was made for.
    let open = if findings.runs.len() == 2 {
        " open"
    } else {
        ""
    };
    let inside = element("summary", "", &title) + &element("div", "scroll", &table);
    format!("<details{open}>{inside}</details>\n")
}
