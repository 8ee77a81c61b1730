//! The same findings in numbers, for whoever wants to read or copy them.

use super::markup::{element, escaped};
use super::walls::parts;
use crate::bench::figures::figure;
use crate::bench::findings::{Findings, Line, Outcome, Run, Table};
use crate::bench::report::difference;
use crate::bench::samples::Record;
use crate::bench::statistics::Estimate;

/// All tables of a run, closed until somebody opens them.
pub(super) fn all(run: &Run, record: &Record) -> String {
    let tables: String = run.measures.iter().map(|of| table(run, of)).collect();
    let inside = element("summary", "", "All numbers") + &tables + &stages(record);
    element("details", "", &inside)
}

fn table(run: &Run, table: &Table) -> String {
    let beside = format!("beside {}", escaped(&run.baseline));
    let heads = [
        "", "median", "interval", "p90", "p99", "rounds", "values", &beside,
    ];
    let heads: String = heads.iter().map(|head| element("th", "", head)).collect();
    let lines: String = table.rows.iter().map(|line| of(run, table, line)).collect();
    let caption = format!("{}, {}", table.measure.title(), table.unit);
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

/// Later runs beside the first one; nothing where there is one alone.
pub(super) fn comparisons(findings: &Findings) -> String {
    if findings.comparisons.is_empty() {
        return String::new();
    }
    let title = |run: usize| findings.runs.get(run).map_or("", |run| run.title.as_str());
    let lines: String = findings
        .comparisons
        .iter()
        .map(|one| {
            let cells = [
                title(one.run).to_owned(),
                format!("{}, {}", one.measure.title(), one.measure.unit()),
                one.row.clone(),
                difference(&one.compared, one.measure.scale()),
            ];
            let cells: String = cells
                .iter()
                .map(|cell| element("td", "", &escaped(cell)))
                .collect();
            element("tr", "", &cells)
        })
        .collect();
    let heads = ["run", "measure", "row", "beside the first run"];
    let heads: String = heads.iter().map(|head| element("th", "", head)).collect();
    let heading = format!("Beside {}", escaped(title(0)));
    let table = element("table", "", &(element("tr", "", &heads) + &lines));
    let inside = element("h2", "", &heading) + &element("div", "scroll", &table);
    element("section", "", &inside)
}
