//! The rounds: every row once in each, in an order that turns, so that whatever the machine is busy
//! with meets all rows alike.

use super::scratch::Scratch;
use super::session::{Fault, Request, Session, Started, shown, start};
use super::usage::{Reach, keepers, memory, processes, processor};
use super::way::{Cold, Launch, Way};
use super::{Pace, Progress};
use crate::bench::samples::{Failure, Measure, Row, Series, Stage, Whose};
use crate::log::Step;
use std::time::{Duration, Instant};

/// Calls before those that are measured: programs that compile as they run get to it.
const CALLS_UNMEASURED: u64 = 20;
/// How long a server may refuse its first call.
const SETTLE: Duration = Duration::from_secs(10);
/// Rounds in which many servers are started at once: each takes long, and memory hardly varies.
const DENSITY_ROUNDS_MAX: u32 = 3;

/// A row as it is being measured.
pub(super) struct Measured {
    way: Way,
    series: Vec<Series>,
    /// Milliseconds of each step, in the order of [`stages`].
    steps: Vec<Vec<f64>>,
    failed: Option<Failure>,
}

/// What one round of one row gave.
type Values = Vec<(Measure, Vec<f64>)>;

impl Measured {
    pub(super) fn new(way: Way, planned: &[Measure]) -> Self {
        let measures = planned.iter().copied().filter(|measure| match measure {
            Measure::StartCold => way.cold.is_some(),
            Measure::Processor | Measure::Memory | Measure::Density => {
                way.reach != Reach::Elsewhere
            }
            Measure::StartWarm
            | Measure::Call
            | Measure::Pipelined
            | Measure::Disk
            | Measure::Egress => true,
        });
        let series = measures.map(|measure| Series {
            measure,
            rounds: Vec::new(),
            failed: None,
        });
        let is_here = way.launch.is_ok();
        Self {
            series: if is_here {
                series.collect()
            } else {
                Vec::new()
            },
            way,
            steps: vec![Vec::new(); stages().len()],
            failed: None,
        }
    }

    /// The row with all its samples.
    pub(super) fn row(self) -> Row {
        let absent = self.way.launch.err();
        let steps = stages().into_iter().zip(self.steps);
        let stages = steps.filter(|(_, ms)| !ms.is_empty());
        Row {
            name: self.way.name,
            role: self.way.role,
            version: self.way.version,
            stages: if absent.is_some() {
                Vec::new()
            } else {
                stages
                    .map(|((name, whose), ms)| Stage {
                        name: name.to_owned(),
                        whose,
                        ms,
                    })
                    .collect()
            },
            absent,
            series: self.series,
        }
    }

    /// Keeps a round; from a failure on nothing of the row is measured any more.
    fn keep(&mut self, round: u32, values: Result<Values, Fault>) {
        match values {
            Ok(values) if round > 0 => {
                for series in &mut self.series {
                    let of = values
                        .iter()
                        .find(|(measure, _)| *measure == series.measure);
                    let of = of.map_or_else(Vec::new, |(_, values)| values.clone());
                    series.rounds.push(of);
                }
            }
            Ok(_) => {}
            Err(Fault(why)) => {
                let failure = Failure {
                    round,
                    why: shown(&why),
                };
                for series in &mut self.series {
                    series.failed = Some(failure.clone());
                }
                self.failed = Some(failure);
            }
        }
    }
}

/// The parts of a start, with whose time each is.
fn stages() -> Vec<(&'static str, Whose)> {
    vec![
        ("exec of brig", Whose::Brig),
        ("decide", Whose::Brig),
        ("order", Whose::Brig),
        ("walls", Whose::Brig),
        ("the server itself", Whose::Program),
    ]
}

/// All rounds of all rows. Ends early where time is short, and says how many there were.
pub(super) fn run(
    rows: &mut [Measured],
    (pace, request): (&Pace, &Request),
    scratch: &mut Scratch,
    told: &mut dyn FnMut(Progress<'_>),
) -> u32 {
    let begun = Instant::now();
    let mut rounds = pace.rounds;
    let mut round = 0;
    while round <= rounds {
        let length = rows.len();
        for place in 0..length {
            // Whoever comes after a heavy row does not always come after it.
            let at = (place + round as usize) % length.max(1);
            let Some(row) = rows.get_mut(at) else {
                continue;
            };
            if row.failed.is_some() || row.way.launch.is_err() {
                continue;
            }
            told(Progress {
                round,
                rounds,
                row: &row.way.name,
            });
            let values = one(row, (pace, request), round, scratch);
            row.keep(round, values);
        }
        if let (Some(longest), true) = (pace.longest, round > 0) {
            let each = begun.elapsed() / (round + 1);
            let possible = longest.as_secs_f64() / each.as_secs_f64().max(1e-3);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is positive, and a larger number than there is does no harm"
            )]
            let possible = (possible.floor() as u32).saturating_sub(1);
            rounds = rounds.min(possible.max(round));
        }
        round += 1;
    }
    rounds
}

/// One round of one row.
fn one(
    row: &mut Measured,
    (pace, request): (&Pace, &Request),
    round: u32,
    scratch: &mut Scratch,
) -> Result<Values, Fault> {
    let Ok(launch) = row.way.launch.clone() else {
        return Ok(Vec::new());
    };
    let mut values = Values::new();
    if let Some(cold) = row.way.cold.clone() {
        values.push((
            Measure::StartCold,
            vec![cold_start(&launch, &cold, scratch)?],
        ));
    }
    let before = keepers();
    let Started { mut session, ms } = start(&mut launch.command())?;
    values.push((Measure::StartWarm, vec![ms]));
    let asked = ask(&mut session, (pace, request), row.way.reach, &before);
    match asked {
        Ok(more) => values.extend(more),
        Err(fault) => return Err(session.failed(&fault)),
    }
    drop(session.end());
    if pace.count > 0
        && (1..=DENSITY_ROUNDS_MAX).contains(&round)
        && row.way.reach != Reach::Elsewhere
    {
        values.push((
            Measure::Density,
            vec![density(&launch, row.way.reach, pace.count)?],
        ));
    }
    if row.way.tells_steps && round > 0 {
        let steps = steps(&launch)?;
        for (kept, ms) in row.steps.iter_mut().zip(steps) {
            kept.push(ms);
        }
    }
    Ok(values)
}

fn cold_start(launch: &Launch, cold: &Cold, scratch: &mut Scratch) -> Result<f64, Fault> {
    let mut command = match cold {
        Cold::EmptyCache => {
            let mut command = launch.command();
            command.env("XDG_CACHE_HOME", scratch.cache()?);
            command
        }
        Cold::Other(launch) => launch.command(),
    };
    let Started { session, ms } = start(&mut command)?;
    drop(session.end());
    Ok(ms)
}

/// What is measured on an open session.
fn ask(
    session: &mut Session,
    (pace, request): (&Pace, &Request),
    reach: Reach,
    before: &std::collections::BTreeSet<u32>,
) -> Result<Values, Fault> {
    settle(session, request)?;
    for _ in 0..CALLS_UNMEASURED {
        session.call(request)?;
    }
    let found = match reach {
        Reach::Elsewhere => Vec::new(),
        Reach::Family | Reach::Daemon => processes(session.id(), reach, before)?,
    };
    let ran = |found: &[u32]| match reach {
        Reach::Elsewhere => Ok(0.0),
        Reach::Family | Reach::Daemon => processor(found, reach),
    };
    let ran_before = ran(&found)?;
    let calls: Result<Vec<f64>, Fault> = (0..pace.calls).map(|_| session.call(request)).collect();
    let ran_since = ran(&found)? - ran_before;
    let mut values = vec![(Measure::Call, calls?)];
    if pace.pipelined > 0 {
        let rate = session.pipelined(request, pace.pipelined)?;
        values.push((Measure::Pipelined, vec![rate]));
    }
    if reach != Reach::Elsewhere {
        #[expect(clippy::cast_precision_loss, reason = "it is at most some thousands")]
        let of_call = ran_since.max(0.0) / 1e3 / pace.calls as f64;
        values.push((Measure::Processor, vec![of_call]));
        values.push((Measure::Memory, vec![memory(&found)?]));
    }
    Ok(values)
}

/// Some servers answer their client before they have loaded their tools.
fn settle(session: &mut Session, request: &Request) -> Result<(), Fault> {
    let until = Instant::now() + SETTLE;
    loop {
        match session.call(request) {
            Ok(_) => return Ok(()),
            Err(Fault(why)) if Instant::now() > until => return Err(Fault(why)),
            Err(_) if session.has_ended() => return session.call(request).map(|_| ()),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// KiB of each of many servers that run at once.
fn density(launch: &Launch, reach: Reach, count: u32) -> Result<f64, Fault> {
    let before = keepers();
    let mut sessions = Vec::new();
    let mut failed = None;
    for _ in 0..count {
        match start(&mut launch.command()) {
            Ok(started) => sessions.push(started.session),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    let measured = match failed {
        Some(Fault(why)) => Err(Fault(format!("of {count} at once: {why}"))),
        None => of_all(&sessions, reach, &before),
    };
    for session in sessions {
        drop(session.end());
    }
    Ok(measured? / f64::from(count))
}

fn of_all(
    sessions: &[Session],
    reach: Reach,
    before: &std::collections::BTreeSet<u32>,
) -> Result<f64, Fault> {
    let mut all = std::collections::BTreeSet::new();
    for session in sessions {
        all.extend(processes(session.id(), reach, before)?);
    }
    memory(&all.into_iter().collect::<Vec<u32>>())
}

/// How long each part of a start took, in the order of [`stages`].
fn steps(launch: &Launch) -> Result<Vec<f64>, Fault> {
    let mut launch = launch.clone();
    launch.words.push("--trace-start".to_owned());
    let Started { session, ms } = start(&mut launch.command())?;
    let said = session.end();
    let told = |step: Step| {
        let mark = format!("{}{} after ", Step::PREFIX, step.name());
        let line = said.lines().find_map(|line| line.split_once(&mark))?.1;
        line.trim_end_matches(" ms").parse::<f64>().ok()
    };
    let missing = || Fault("brig did not tell the steps of its start".to_owned());
    let answered = told(Step::Answered).ok_or_else(missing)?;
    let mut parts = vec![(ms - answered).max(0.0)];
    let mut last = 0.0;
    for step in Step::ALL {
        // A wall that is told of after the first answer stood before it.
        let at = told(step).unwrap_or(last);
        parts.push((at - last).max(0.0));
        last = at.max(last);
    }
    Ok(parts)
}
