//! What makes a record usable: names that lead somewhere, equally long rounds, bounded sizes.

use super::{FORM, Record, Role, Row, SamplesError, Series, Stage};
use crate::log::escape_whole;
use std::collections::BTreeSet;

/// The most rows.
pub const ROWS_MAX: usize = 128;
/// The most rounds.
pub const ROUNDS_MAX: usize = 10_000;
/// The most values of one series. A report looks at each some twenty thousand times: so many take
/// seconds, and without a bound a file that somebody sent takes hours.
pub const VALUES_MAX: usize = 1 << 17;
/// The longest text, in characters.
pub const TEXT_CHARS_MAX: usize = 1000;
/// The most words of a command, notes of a machine, or stages of a start.
const LIST_MAX: usize = 64;

pub(super) fn check(record: &Record) -> Result<(), SamplesError> {
    if record.form != FORM {
        let breach = format!("is {}, and this brig reads {FORM}", record.form);
        return Err(broken("brig-bench", breach));
    }
    text("title", &record.title)?;
    text("brig", &record.brig)?;
    texts("command", &record.command)?;
    machine(record)?;
    count("rounds", record.rounds as usize, ROUNDS_MAX)?;
    count("rows", record.rows.len(), ROWS_MAX)?;
    let mut names = BTreeSet::new();
    for (at, row) in record.rows.iter().enumerate() {
        let place = format!("rows[{at}]");
        if !names.insert(row.name.as_str()) {
            return Err(broken(&format!("{place}.name"), "is another row's too"));
        }
        self::row(&place, row, record)?;
    }
    if !names.contains(record.baseline.as_str()) {
        return Err(broken("baseline", "names no row"));
    }
    for (at, row) in record.rows.iter().enumerate() {
        role(&format!("rows[{at}].role"), row, &names)?;
    }
    Ok(())
}

fn broken(place: &str, breach: impl Into<String>) -> SamplesError {
    let (place, breach) = (place.to_owned(), breach.into());
    SamplesError::Rule { place, breach }
}

fn text(place: &str, text: &str) -> Result<(), SamplesError> {
    let length = text.chars().count();
    if length == 0 || length > TEXT_CHARS_MAX {
        let breach = format!("has {length} characters, of 1 to {TEXT_CHARS_MAX}");
        return Err(broken(place, breach));
    }
    // A terminal would obey it, or somebody would read something else than what is there.
    if text.contains('\t') || escape_whole(text.as_bytes()) != text {
        return Err(broken(place, "has a character that is not shown as it is"));
    }
    Ok(())
}

fn texts(place: &str, list: &[String]) -> Result<(), SamplesError> {
    if list.len() > LIST_MAX {
        return Err(broken(place, format!("has more than {LIST_MAX} entries")));
    }
    for (at, one) in list.iter().enumerate() {
        text(&format!("{place}[{at}]"), one)?;
    }
    Ok(())
}

fn count(place: &str, found: usize, most: usize) -> Result<(), SamplesError> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    Err(broken(place, format!("counts {found}, of 1 to {most}")))
}

fn number(place: &str, value: f64) -> Result<(), SamplesError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(broken(place, format!("is {value}, which nothing measures")))
}

fn machine(record: &Record) -> Result<(), SamplesError> {
    let machine = &record.machine;
    text("machine.processor", &machine.processor)?;
    text("machine.kernel", &machine.kernel)?;
    text("machine.system", &machine.system)?;
    texts("machine.notes", &machine.notes)?;
    for (place, load) in [
        ("machine.load-before", machine.load_before),
        ("machine.load-after", machine.load_after),
    ] {
        for value in load {
            number(place, value)?;
        }
    }
    Ok(())
}

fn row(place: &str, row: &Row, record: &Record) -> Result<(), SamplesError> {
    text(&format!("{place}.name"), &row.name)?;
    if let Some(version) = &row.version {
        text(&format!("{place}.version"), version)?;
    }
    if let Some(why) = &row.absent {
        text(&format!("{place}.absent"), why)?;
        if !row.series.is_empty() || !row.stages.is_empty() {
            return Err(broken(place, "is absent and has samples all the same"));
        }
    }
    let mut measures = BTreeSet::new();
    for (at, series) in row.series.iter().enumerate() {
        let place = format!("{place}.series[{at}]");
        if !measures.insert(series.measure) {
            return Err(broken(&place, "has the measure of another series"));
        }
        self::series(&place, series, record.rounds as usize)?;
    }
    if row.stages.len() > LIST_MAX {
        return Err(broken(place, format!("has more than {LIST_MAX} stages")));
    }
    for (at, stage) in row.stages.iter().enumerate() {
        self::stage(&format!("{place}.stages[{at}]"), stage)?;
    }
    Ok(())
}

fn series(place: &str, series: &Series, rounds: usize) -> Result<(), SamplesError> {
    let found = series.rounds.len();
    match &series.failed {
        Some(failure) => {
            text(&format!("{place}.failed.why"), &failure.why)?;
            // What failed in its warm-up has no round.
            if found >= rounds.max(1) || failure.round as usize > rounds {
                return Err(broken(place, "failed and has every round all the same"));
            }
        }
        None if found != rounds => {
            let breach = format!("has {found} rounds, and the benchmark {rounds}");
            return Err(broken(place, breach));
        }
        None if series.rounds.iter().all(Vec::is_empty) => {
            return Err(broken(place, "has no value, and did not fail"));
        }
        None => {}
    }
    let mut values = 0;
    for (at, round) in series.rounds.iter().enumerate() {
        values += round.len();
        for value in round {
            number(&format!("{place}.rounds[{at}]"), *value)?;
        }
    }
    if values > VALUES_MAX {
        return Err(broken(place, format!("has more than {VALUES_MAX} values")));
    }
    Ok(())
}

fn stage(place: &str, stage: &Stage) -> Result<(), SamplesError> {
    text(&format!("{place}.name"), &stage.name)?;
    count(&format!("{place}.ms"), stage.ms.len(), ROUNDS_MAX)?;
    for value in &stage.ms {
        number(&format!("{place}.ms"), *value)?;
    }
    Ok(())
}

/// A row is compared with another one, and with one that exists.
fn role(place: &str, row: &Row, names: &BTreeSet<&str>) -> Result<(), SamplesError> {
    let (wall, other) = match &row.role {
        Role::Subject => return Ok(()),
        Role::Again { of } => (None, of),
        Role::Added { wall, after } => (Some(wall), after),
        Role::LeftOut { wall, from } => (Some(wall), from),
    };
    if let Some(wall) = wall {
        text(&format!("{place}.wall"), wall)?;
    }
    if *other == row.name || !names.contains(other.as_str()) {
        return Err(broken(
            place,
            format!("leads to `{other}`, which is no other row"),
        ));
    }
    Ok(())
}
