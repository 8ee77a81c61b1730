//! What a run says, in words and in one table, before any plot.

use super::markup::{element, escaped};
use super::{is_brigs, is_subject};
use crate::bench::figures::{compared, figure};
use crate::bench::findings::{Compared, Line, Measured, Outcome, Run, Table};
use crate::bench::samples::{Measure, Record, Row};
use crate::bench::statistics::{Scale, Verdict};

/// What is told at once; the rest has plots of its own.
const TOLD: [Measure; 5] = [
    Measure::StartWarm,
    Measure::Call,
    Measure::Memory,
    Measure::Disk,
    Measure::Egress,
];
/// The most other ways that a sentence names.
const OTHERS_MAX: usize = 12;
/// Characters of a name in a sentence; the table has all of it.
const NAME_CHARS_MAX: usize = 28;

/// Both of them; nothing where nothing of it was measured.
pub(super) fn summary(run: &Run, record: &Record) -> String {
    let tables: Vec<&Table> = TOLD.iter().filter_map(|of| run.table(*of)).collect();
    if tables.is_empty() {
        return String::new();
    }
    let words: String = tables.iter().filter_map(|of| sentence(run, of)).collect();
    let words = match words.as_str() {
        "" => words,
        _ => element("ul", "words", &words),
    };
    words + &glance(run, record, &tables)
}

/// Of brig's first row beside the baseline, and what others cost.
fn sentence(run: &Run, table: &Table) -> Option<String> {
    let differs = |line: &'_ Line| line.measured().and_then(|it| it.difference.clone());
    let subjects = || table.rows.iter().filter(|line| is_subject(&line.role));
    let (line, of) = subjects()
        .filter(|line| is_brigs(&line.row))
        .find_map(|line| Some((line, differs(line)?)))?;
    let baseline = table.rows.iter().find(|line| line.row == run.baseline);
    let baseline = figure(baseline.and_then(Line::measured)?.median.value);
    let mut told = words(table, &line.row, &of, (&run.baseline, &baseline));
    let others = subjects().filter(|line| line.row != run.baseline && !is_brigs(&line.row));
    let others: Vec<String> = others
        .filter_map(|line| Some((line, differs(line)?)))
        .filter(|(_, of)| of.verdict == Verdict::Differs)
        .take(OTHERS_MAX)
        .map(|(line, of)| {
            let by = compared(of.by.value, table.scale);
            format!("{} {by}", escaped(&cut(&line.row)))
        })
        .collect();
    if !others.is_empty() {
        let others = format!("Others: {}.", others.join(", "));
        told.push_str(&element("span", "others", &others));
    }
    Some(element("li", "", &told))
}

fn cut(name: &str) -> String {
    let mut short: String = name.chars().take(NAME_CHARS_MAX).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

/// One sentence, as markup. `baseline` is its name and its median.
fn words(table: &Table, row: &str, of: &Compared, baseline: (&str, &str)) -> String {
    let (name, unit) = (escaped(row), plain(table.unit));
    let is_less = of.by.value < 0.0;
    let mut ends = [of.by.low, of.by.high];
    if table.scale == Scale::Added && of.verdict == Verdict::Differs && is_less {
        ends = [-of.by.high, -of.by.low];
    }
    let [low, high] = ends.map(figure);
    let interval = format!("[{low} to {high}]");
    let size = figure(of.by.value.abs());
    let claimed = of.verdict == Verdict::Differs;
    let what = match table.scale {
        Scale::Added if !claimed => format!("{interval} {unit} for"),
        Scale::Added if is_less => format!("saves {size} {unit}</strong> {interval} of"),
        Scale::Added => format!("adds {size} {unit}</strong> {interval} to"),
        Scale::Ratio if !claimed => format!("{interval} times for"),
        Scale::Ratio => format!("carries {size} times</strong> {interval} as much through"),
    };
    let (thing, verb) = match table.measure {
        Measure::StartCold | Measure::StartWarm => ("a start", "takes"),
        Measure::Call | Measure::Processor => ("a call", "takes"),
        Measure::Memory | Measure::Density => ("the memory of a server", "is"),
        Measure::Pipelined => ("a session", "carries"),
        Measure::Disk => ("a granted folder", "carries"),
        Measure::Egress => ("a granted connection", "carries"),
    };
    let (with, median) = (escaped(baseline.0), baseline.1);
    let rest = format!("{what} {thing}, which {verb} {median} {unit} {with}. ");
    match of.verdict {
        Verdict::Differs => format!("<strong>{name} {rest}"),
        Verdict::NotShown => format!("<strong>{name}</strong>: no difference shown {rest}"),
        Verdict::WithinNoise => {
            format!("<strong>{name}</strong>: a difference within noise {rest}")
        }
        Verdict::TooFewRounds => format!("<strong>{name}</strong>: too few rounds to tell {rest}"),
    }
}

/// A unit without how memory was counted, which headings say.
fn plain(unit: &str) -> &str {
    unit.split(' ').next().unwrap_or(unit)
}

/// Every way with what it costs by each of these measures.
fn glance(run: &Run, record: &Record, tables: &[&Table]) -> String {
    let heads: String = tables
        .iter()
        .map(|table| {
            let unit = match table.scale {
                Scale::Added => format!("{} more", plain(table.unit)),
                Scale::Ratio => "times as much".to_owned(),
            };
            let head = name_of(table.measure).to_owned() + &element("small", "", &unit);
            element("th", "", &head)
        })
        .collect();
    let heads = element("tr", "", &(element("th", "", "") + &heads));
    let rows = record.rows.iter().filter(|row| is_subject(&row.role));
    let rows: String = rows.map(|row| glance_row(run, row, tables)).collect();
    let told = format!(
        "Medians of {0}, and how all others differ from it. “None” is no difference shown, “noise” \
         no more than {0} differs from itself.",
        escaped(&run.baseline)
    );
    let inside = element("caption", "", &told) + &heads + &rows;
    element("div", "scroll", &element("table", "glance", &inside))
}

fn name_of(measure: Measure) -> &'static str {
    match measure {
        Measure::StartCold => "cold start",
        Measure::StartWarm => "start",
        Measure::Call => "call",
        Measure::Pipelined => "pipelined",
        Measure::Processor => "processor",
        Measure::Memory => "memory",
        Measure::Density => "density",
        Measure::Disk => "folder",
        Measure::Egress => "network",
    }
}

fn glance_row(run: &Run, row: &Row, tables: &[&Table]) -> String {
    let is_baseline = row.name == run.baseline;
    let class = match is_brigs(&row.name) {
        true => "brigs",
        false if is_baseline => "baseline",
        false => "",
    };
    let name = format!("<span class=\"name\">{}</span>", escaped(&row.name));
    let name = element("th", "", &name);
    if let Some(why) = &row.absent {
        let why = format!(
            "<td colspan=\"{}\" class=\"absent\">not here: {}</td>\n",
            tables.len(),
            escaped(why)
        );
        return element("tr", class, &(name + &why));
    }
    let cells: String = tables
        .iter()
        .map(|table| {
            let line = table.rows.iter().find(|line| line.row == row.name);
            match line.map(|line| &line.outcome) {
                None => element("td", "unclaimed", "–"),
                Some(Outcome::Failed(_)) => element("td", "why", "failed"),
                Some(Outcome::Measured(of)) => cell(of, table, is_baseline),
            }
        })
        .collect();
    element("tr", class, &(name + &cells))
}

fn cell(of: &Measured, table: &Table, is_baseline: bool) -> String {
    match &of.difference {
        Some(of) => match of.verdict {
            Verdict::Differs => element("td", "", &compared(of.by.value, table.scale)),
            Verdict::NotShown => element("td", "unclaimed", "none"),
            Verdict::WithinNoise => element("td", "unclaimed", "noise"),
            Verdict::TooFewRounds => element("td", "unclaimed", "few rounds"),
        },
        None if is_baseline => {
            let median = figure(of.median.value);
            element("td", "", &format!("{median} {}", plain(table.unit)))
        }
        None => element("td", "unclaimed", "–"),
    }
}
