//! From the command line to samples, and what is shown meanwhile.

use super::super::arguments::Bench;
use super::super::why::manifest_of;
use super::report::{PAGE, may_replace, put, show};
use crate::bench::findings::Report;
use crate::bench::measure::{Pace, Progress, Request, Wish, measure};
use crate::bench::samples::is_record;
use crate::exit::Exit;
use crate::journal::Store;
use crate::report::Refused;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What may be replaced by samples.
const RECORD: (&str, fn(&str) -> bool) = ("record", is_record);
/// Everything: intervals of 99 % are narrow enough by so many rounds.
const WHOLE: Pace = Pace {
    rounds: 20,
    calls: 100,
    pipelined: 500,
    count: 10,
    is_warmed: true,
    longest: None,
};
/// What is enough to see differences of some milliseconds, in less than five minutes.
const QUICK: Pace = Pace {
    rounds: 8,
    calls: 50,
    pipelined: 200,
    count: 0,
    is_warmed: false,
    longest: Some(Duration::from_mins(4)),
};

/// Measures, keeps the samples, and tells what they say.
pub(super) fn measured(given: &Bench) -> Result<Exit, Refused> {
    // Before minutes are spent.
    if let Some(path) = &given.samples {
        may_replace(path, RECORD)?;
    }
    if let Some(path) = &given.shown.html {
        may_replace(path, PAGE)?;
    }
    let wish = wish(given)?;
    let bar = bar();
    let samples = measure(&wish, &mut |progress| tell(&bar, progress));
    bar.finish_and_clear();
    let samples = samples?;
    if let Some(path) = &given.samples {
        let text = samples.write().map_err(|error| {
            let message = format!("cannot write samples: {error}");
            Refused::one(Exit::Failure, "output-failed", message, "")
        })?;
        put(path, format!("{text}\n").as_bytes())?;
    }
    show(&Report::new(vec![samples]), &given.shown)
}

fn wish(given: &Bench) -> Result<Wish, Refused> {
    let mut pace = if given.quick { QUICK } else { WHOLE };
    pace.rounds = given.rounds.unwrap_or(pace.rounds);
    pace.count = given.count.unwrap_or(pace.count);
    let with = given.with.iter().map(|text| named(text));
    let manifests = given.manifests.iter().map(|path| manifest(path));
    Ok(Wish {
        manifests: manifests.collect::<Result<Vec<PathBuf>, Refused>>()?,
        project: given.project.clone(),
        unconfined: given.unconfined,
        with: with.collect::<Result<Vec<(String, String)>, Refused>>()?,
        only: given.only.clone(),
        request: request(given)?,
        walls: given.walls,
        title: given.title.clone(),
        command: std::env::args().collect(),
        pace,
    })
}

/// A manifest by its path, or by the name of a server that ran here.
fn manifest(path: &Path) -> Result<PathBuf, Refused> {
    match path.to_str() {
        Some(name) if !name.contains('/') && !path.exists() => {
            Ok(PathBuf::from(manifest_of(name, &Store::open()?)?))
        }
        Some(_) | None => Ok(path.to_owned()),
    }
}

fn named(text: &str) -> Result<(String, String), Refused> {
    let parts = text.split_once('=');
    let parts =
        parts.filter(|(name, command)| !name.trim().is_empty() && !command.trim().is_empty());
    let (name, command) = parts.ok_or_else(|| {
        let message = "a row of one's own has a name and a command";
        let help = "write it as --with 'NAME=COMMAND WORDS'";
        Refused::one(Exit::Usage, "bench-row", message, help)
    })?;
    Ok((name.trim().to_owned(), command.to_owned()))
}

fn request(given: &Bench) -> Result<Option<Request>, Refused> {
    let Some(tool) = &given.call else {
        return Ok(None);
    };
    let arguments = given.arguments.as_deref().unwrap_or("{}");
    let arguments: Option<Value> = serde_json::from_str(arguments)
        .ok()
        .filter(Value::is_object);
    let arguments = arguments.ok_or_else(|| {
        let message = "the tool's arguments are no JSON object";
        let help = "write them as '{\"key\": 1}'";
        Refused::one(Exit::Usage, "arguments-invalid", message, help)
    })?;
    Ok(Some(Request {
        method: "tools/call".to_owned(),
        params: json!({ "name": tool, "arguments": arguments }),
    }))
}

/// What is shown on a terminal alone.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {msg} {eta:>6}") {
        bar.set_style(style);
    }
    bar
}

fn tell(bar: &ProgressBar, progress: Progress<'_>) {
    bar.set_length(u64::from(progress.rounds) + 1);
    bar.set_position(u64::from(progress.round));
    let round = match progress.round {
        0 => "warm-up".to_owned(),
        round => format!("round {round} of {}", progress.rounds),
    };
    bar.set_message(format!("{round}: {}", progress.row));
}
