//! The rounds: every row once in each, in an order that turns, so that whatever the machine is busy
//! with meets all rows alike.

use super::scratch::Scratch;
use super::session::{Fault, Request, Session, Started, shown, start};
use super::usage::{Reach, keepers, memory, processes, processor};
use super::way::{Cold, Launch, Way};
use super::{Pace, Progress};
use crate::bench::samples::{Failure, Measure, Row, Series, Stage, Whose};
use crate::log::Step;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What one round of one row gave; some measures can fail where the rest of the row does not.
type Values = Vec<(Measure, Result<Vec<f64>, Fault>)>;

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

    /// Keeps a round; from a failure on nothing of the row is measured any more, or nothing of the
    /// measure that failed.
    fn keep(&mut self, round: u32, values: Result<Values, Fault>) {
        let mut values = match values {
            Ok(values) => values,
            Err(fault) => {
                self.failed = Some(failure(round, &fault));
                for series in &mut self.series {
                    series.failed.clone_from(&self.failed);
                }
                return;
            }
        };
        let series = self.series.iter_mut();
        for series in series.filter(|series| series.failed.is_none()) {
            let at = values
                .iter()
                .position(|(measure, _)| *measure == series.measure);
            match at.map(|at| values.swap_remove(at).1) {
                Some(Err(fault)) => series.failed = Some(failure(round, &fault)),
                Some(Ok(values)) if round > 0 => series.rounds.push(values),
                None if round > 0 => series.rounds.push(Vec::new()),
                Some(Ok(_)) | None => {}
            }
        }
    }

    fn has_failed(&self, measure: Measure) -> bool {
        let mut series = self.series.iter();
        series.any(|series| series.measure == measure && series.failed.is_some())
    }
}

fn failure(round: u32, Fault(why): &Fault) -> Failure {
    Failure {
        round,
        why: shown(why),
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

/// All rounds of all rows. Ends early where time is short, and says how many there were; none where
/// it was to stop, with whatever it started ended.
pub(super) fn run(
    rows: &mut [Measured],
    (pace, request): (&Pace, &Request),
    scratch: &mut Scratch,
    (stop, told): (&AtomicBool, &mut dyn FnMut(Progress<'_>)),
) -> Option<u32> {
    let begun = Instant::now();
    let mut rounds = pace.rounds;
    let mut round = 0;
    while round <= rounds {
        let length = rows.len();
        for at in order(length, round as usize) {
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
            if stop.load(Ordering::Relaxed) {
                return None;
            }
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
    Some(rounds)
}

/// All rows once, in each round after others: what a row leaves behind (a cache that is cold, a
/// processor that slept) is not always left to the same one.
fn order(length: usize, round: usize) -> impl Iterator<Item = usize> {
    let strides: Vec<usize> = (1..=length)
        .filter(|one| is_coprime(*one, length))
        .collect();
    let stride = strides.get(round % strides.len().max(1)).copied();
    let stride = stride.unwrap_or(1);
    (0..length).map(move |place| (place * stride + round) % length)
}

const fn is_coprime(one: usize, other: usize) -> bool {
    if other == 0 {
        one == 1
    } else {
        is_coprime(other, one % other)
    }
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
        let ms = cold_start(&launch, &cold, scratch)?;
        values.push((Measure::StartCold, Ok(vec![ms])));
    }
    if pace.is_warmed {
        // So it was started a moment ago, whatever ran before it.
        drop(start(&mut launch.command())?.session.end());
    }
    let before = keepers();
    let Started { mut session, ms } = start(&mut launch.command())?;
    values.push((Measure::StartWarm, Ok(vec![ms])));
    let asked = ask(&mut session, (pace, request), row.way.reach, &before);
    match asked {
        Ok(more) => values.extend(more),
        Err(fault) => return Err(session.failed(&fault)),
    }
    if pace.pipelined > 0 && !row.has_failed(Measure::Pipelined) {
        let rate = session.pipelined(request, pace.pipelined);
        values.push((Measure::Pipelined, rate.map(|rate| vec![rate])));
    }
    drop(session.end());
    if pace.count > 0
        && (1..=DENSITY_ROUNDS_MAX).contains(&round)
        && row.way.reach != Reach::Elsewhere
        && !row.has_failed(Measure::Density)
    {
        let each = density(&launch, row.way.reach, pace.count);
        values.push((Measure::Density, each.map(|each| vec![each])));
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
    let mut values = vec![(Measure::Call, Ok(calls?))];
    if reach != Reach::Elsewhere {
        #[expect(clippy::cast_precision_loss, reason = "it is at most some thousands")]
        let of_call = ran_since.max(0.0) / 1e3 / pace.calls as f64;
        values.push((Measure::Processor, Ok(vec![of_call])));
        values.push((Measure::Memory, Ok(vec![memory(&found)?])));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_round_has_all_rows_and_others_beside_each_other() {
        for length in 0..25 {
            for round in 0..50 {
                let rows: BTreeSet<usize> = order(length, round).collect();
                assert_eq!(rows, (0..length).collect(), "{length} {round}");
            }
        }
        // Of 14 rows, each comes after six others in turn.
        let after = |row: usize| {
            let rounds = (0..6).map(move |round| order(14, round).collect::<Vec<usize>>());
            rounds.map(move |order| {
                let at = order.iter().position(|one| *one == row).unwrap_or(0);
                order[(at + 13) % 14]
            })
        };
        for row in 0..14 {
            let before: BTreeSet<usize> = after(row).collect();
            assert_eq!(before.len(), 6, "{row}: {before:?}");
        }
    }
}
