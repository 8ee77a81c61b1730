//! Measuring: one server under every way to run it that this machine has.
//!
//! Rows are measured in interleaved rounds after a warm-up. In each round a row is started, asked,
//! and ended; samples are kept raw, and what they carry is for [`super::findings`] to say. A row
//! that fails is kept with its reason, and one that cannot be had here is kept as absent.
//!
//! Ways in which brig's walls do not stand are measured only where somebody asks for them: a
//! benchmark is no reason to run a stranger's server without walls.

mod machine;
mod peers;
mod rounds;
mod scratch;
mod session;
mod subject;
mod usage;
mod walls;
mod way;

pub(crate) use session::Request;

use super::samples::{FORM, Measure, Record, Samples};
use crate::exit::Exit;
use crate::report::Refused;
use machine::{load, machine};
use rounds::Measured;
use scratch::Scratch;
use session::{Fault, start};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subject::{Subject, same_server};
use way::{Launch, Way};

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Manifests of one server. Without one, brig's own example.
    pub(crate) manifests: Vec<PathBuf>,
    /// The folder that `{project}` stands for.
    pub(crate) project: Option<PathBuf>,
    /// Whether ways without brig's walls are measured too.
    pub(crate) unconfined: bool,
    /// More rows, by name and command.
    pub(crate) with: Vec<(String, String)>,
    /// Parts of the names of the rows that are measured; all without one.
    pub(crate) only: Vec<String>,
    /// The call that is measured.
    pub(crate) request: Option<Request>,
    /// Whether the price of each wall is measured.
    pub(crate) walls: bool,
    /// What the report is called; the server's name without.
    pub(crate) title: Option<String>,
    /// The words of the command.
    pub(crate) command: Vec<String>,
    /// How much is measured.
    pub(crate) pace: Pace,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Rounds after the warm-up, from 1.
    pub(crate) rounds: u32,
    /// Calls of each round.
    pub(crate) calls: u64,
    /// Calls of each round that are written without waiting.
    pub(crate) pipelined: u64,
    /// Whether each warm start comes right after one that is not measured. Otherwise it comes after
    /// the round before.
    pub(crate) is_warmed: bool,
    /// Servers at once, where density is measured; 0 where it is not.
    pub(crate) count: u32,
    /// How long all rounds may take: fewer are measured where there is not the time for all.
    pub(crate) longest: Option<Duration>,
}

/// What is being measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    /// The round; 0 is the warm-up.
    pub(crate) round: u32,
    /// How many there are.
    pub(crate) rounds: u32,
    /// The row.
    pub(crate) row: &'a str,
}

/// brig's own example, for whoever names no manifest.
const EXAMPLE: (&str, &[u8]) = (
    "brig = 1\n\n[server]\nname = \"units\"\ncomponent = \"units.wasm\"\n",
    include_bytes!("../../examples/units/units.wasm"),
);

/// Measures.
pub(crate) fn measure(wish: &Wish, told: &mut dyn FnMut(Progress<'_>)) -> Result<Samples, Refused> {
    let stop = interrupted().map_err(|error| failed("listen for signals", &error))?;
    let mut scratch = Scratch::new().map_err(|error| failed("make a folder", &error))?;
    let subjects = subjects(wish, &scratch)?;
    // The example is brig's own, and asks for nothing.
    let is_own = wish.manifests.is_empty();
    let ways = ways(wish, &subjects, wish.unconfined || is_own, &mut scratch)?;
    let request = match &wish.request {
        Some(request) => request.clone(),
        None => usual_request(&ways, &stop)?,
    };
    let baseline = ways
        .iter()
        .find(|way| way.launch.is_ok())
        .map_or("", |way| way.name.as_str())
        .to_owned();
    let planned = planned(&wish.pace);
    let mut rows: Vec<Measured> = ways
        .into_iter()
        .map(|way| Measured::new(way, &planned))
        .collect();
    let mut machine = machine();
    let taken = SystemTime::now().duration_since(UNIX_EPOCH);
    let pace = (&wish.pace, &request);
    let rounds = rounds::run(&mut rows, pace, &mut scratch, (&stop, told));
    let rounds = rounds.ok_or_else(stopped)?;
    machine.load_after = load();
    machine
        .notes
        .push(format!("the call that is measured is {}", named(&request)));
    if rounds < wish.pace.rounds {
        let planned = wish.pace.rounds;
        machine
            .notes
            .push(format!("there was time for {rounds} rounds of {planned}"));
    }
    let name = subjects.first().map_or("server", |subject| subject.name());
    let record = Record {
        form: FORM,
        title: session::shown(wish.title.as_deref().unwrap_or(name)),
        command: wish
            .command
            .iter()
            .map(|word| session::shown(word))
            .collect(),
        brig: env!("CARGO_PKG_VERSION").to_owned(),
        taken: taken.map_or(0, |time| time.as_secs()),
        rounds,
        warm_up: 1,
        machine,
        baseline,
        rows: rows.into_iter().map(Measured::row).collect(),
    };
    Samples::new(record).map_err(|error| failed("keep what was measured", &error))
}

fn stopped() -> Refused {
    let message = "the benchmark was interrupted".to_owned();
    let help = "what it had started is ended, and no samples are kept";
    Refused::one(Exit::Failure, "bench-interrupted", message, help)
}

/// Set by the first signal that ends a program from outside; the second one ends it as ever.
fn interrupted() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for number in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_default(number, Arc::clone(&stop))?;
        flag::register(number, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn subjects(wish: &Wish, scratch: &Scratch) -> Result<Vec<Subject>, Refused> {
    let project = wish.project.as_deref();
    let own = scratch.folder().join("units.toml");
    if wish.manifests.is_empty() {
        let (manifest, wasm) = EXAMPLE;
        let written = std::fs::write(&own, manifest);
        written
            .and_then(|()| std::fs::write(scratch.folder().join("units.wasm"), wasm))
            .map_err(|error| failed("write the example", &error))?;
        return Ok(vec![Subject::of(&own, None)?]);
    }
    let subjects = wish.manifests.iter().map(|path| Subject::of(path, project));
    let subjects = subjects.collect::<Result<Vec<Subject>, Refused>>()?;
    same_server(&subjects)?;
    Ok(subjects)
}

/// The rows that are asked for, with one that is the first again.
fn ways(
    wish: &Wish,
    subjects: &[Subject],
    unconfined: bool,
    scratch: &mut Scratch,
) -> Result<Vec<Way>, Refused> {
    let mut ways = way::all(subjects, (unconfined, &wish.with), scratch)?;
    let wanted = |way: &Way| {
        wish.only.is_empty()
            || wish
                .only
                .iter()
                .any(|part| way.name.contains(part.as_str()))
    };
    ways.retain(wanted);
    if wish.walls {
        ways.extend(walls::ladder(subjects, &ways)?);
    }
    let Some(first) = ways.iter().position(|way| way.launch.is_ok()) else {
        let why: Vec<String> = ways
            .iter()
            .filter_map(|way| Some(format!("{}: {}", way.name, way.launch.as_ref().err()?)))
            .collect();
        let message = format!("nothing can be measured here: {}", why.join("; "));
        let help = "`brig doctor` tells what this host lacks, `--only` which rows are wanted";
        return Err(Refused::one(Exit::Usage, "bench-empty", message, help));
    };
    if let Some(again) = ways.get(first).map(Way::again) {
        ways.insert(first + 1, again);
    }
    Ok(ways)
}

/// What a server surely answers: `ping`, which its newest protocol does not have, or its tools.
fn usual_request(ways: &[Way], stop: &AtomicBool) -> Result<Request, Refused> {
    let mut why = String::new();
    for launch in ways
        .iter()
        .filter_map(|way| way.launch.as_ref().ok())
        .take(3)
    {
        for request in [Request::plain("ping"), Request::plain("tools/list")] {
            match answers(launch, &request) {
                Ok(()) => return Ok(request),
                Err(_) if stop.load(Ordering::Relaxed) => return Err(stopped()),
                Err(Fault(fault)) => why = fault,
            }
        }
    }
    let message = format!("the server answers neither `ping` nor `tools/list`: {why}");
    let help = "name a call of it with --call and --arguments";
    Err(Refused::one(
        Exit::Launch,
        "bench-unanswered",
        message,
        help,
    ))
}

fn answers(launch: &Launch, request: &Request) -> Result<(), Fault> {
    let mut session = start(&mut launch.command())?.session;
    let answered = session.call(request).map(|_| ());
    drop(session.end());
    answered
}

fn planned(pace: &Pace) -> Vec<Measure> {
    let density = (pace.count > 0).then_some(Measure::Density);
    let pipelined = (pace.pipelined > 0).then_some(Measure::Pipelined);
    let always = [
        Measure::StartCold,
        Measure::StartWarm,
        Measure::Call,
        Measure::Processor,
        Measure::Memory,
    ];
    always.into_iter().chain(pipelined).chain(density).collect()
}

fn named(request: &Request) -> String {
    if request.method == "tools/call" {
        let tool = request
            .params
            .get("name")
            .and_then(serde_json::Value::as_str);
        return session::shown(&format!("the tool `{}`", tool.unwrap_or_default()));
    }
    format!("`{}`", session::shown(&request.method))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Refused {
    Refused::one(
        Exit::Failure,
        "bench-failed",
        format!("cannot {what}: {error}"),
        "",
    )
}
