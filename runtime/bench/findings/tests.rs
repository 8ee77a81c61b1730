#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::bench::samples::{Series, tests::shown};
use std::collections::BTreeMap;

const ROUNDS: u32 = 20;

/// Values around `middle`, the same ones for a row's name each time.
pub(in crate::bench) fn series(measure: Measure, middle: f64, seed: u32) -> Series {
    // A wheel of 97 teeth scatters by a tenth, without any order.
    let value = |at: u32| middle * (0.95 + f64::from((at * 37 + seed * 61 + at * at) % 97) / 970.0);
    let rounds = (0..ROUNDS).map(|at| vec![value(at)]);
    Series {
        measure,
        rounds: rounds.collect(),
        failed: None,
    }
}

/// The rows that documentation shows, with enough rounds to claim something.
pub(in crate::bench) fn grown() -> Record {
    let mut record = shown();
    record.rounds = ROUNDS;
    for (seed, row) in (1..).zip(&mut record.rows) {
        let middle = if row.name == "brig native" || row.name.starts_with("without") {
            12.0
        } else {
            5.0
        };
        row.series.retain(|series| series.failed.is_some());
        if row.absent.is_none() && row.series.is_empty() {
            row.series.push(series(Measure::StartWarm, middle, seed));
        }
    }
    record
}

fn told(record: Record) -> Run {
    let report = Report::new(vec![Samples::new(record).unwrap()]);
    report.findings().runs[0].clone()
}

#[track_caller]
fn check(run: &Run, want: &[(&str, &str)]) {
    let table = run.table(Measure::StartWarm).unwrap();
    let found: BTreeMap<&str, String> = table
        .rows
        .iter()
        .map(|line| {
            let told = match &line.outcome {
                Outcome::Failed(failure) => format!("failed in {}", failure.round),
                Outcome::Measured(measured) => match &measured.difference {
                    Some(compared) => format!("{:?} from {}", compared.verdict, compared.with),
                    None => "alone".to_owned(),
                },
            };
            (line.row.as_str(), told)
        })
        .collect();
    let want: BTreeMap<&str, String> = want
        .iter()
        .map(|(row, told)| (*row, (*told).to_owned()))
        .collect();
    assert_eq!(found, want);
}

#[test]
fn every_row_is_told() {
    let run = told(grown());
    let want = [
        ("bare", "alone"),
        ("bare again", "NotShown from bare"),
        ("brig native", "Differs from bare"),
        ("with namespaces", "NotShown from bare"),
        ("without landlock", "failed in 2"),
    ];
    check(&run, &want);
    let absent = Absence {
        row: "docker plain".into(),
        why: "no dockerd here".into(),
    };
    assert_eq!(run.absent, [absent]);
}

#[test]
fn nothing_is_concluded_from_a_row_that_failed() {
    let mut record = grown();
    let failure = record.rows[4].series[0].failed.clone();
    let bare = &mut record.rows[0].series[0];
    bare.failed = failure;
    bare.rounds.truncate(19);
    let want = [
        ("bare", "failed in 2"),
        ("bare again", "alone"),
        ("brig native", "alone"),
        ("with namespaces", "alone"),
        ("without landlock", "failed in 2"),
    ];
    check(&told(record), &want);
}

#[test]
fn what_is_less_than_noise_is_not_claimed() {
    let mut record = grown();
    // The same thing, measured twice, of which the second took longer.
    record.rows[1].series = vec![series(Measure::StartWarm, 15.0, 2)];
    let run = told(record);
    check(
        &run,
        &[
            ("bare", "alone"),
            ("bare again", "Differs from bare"),
            ("brig native", "WithinNoise from bare"),
            ("with namespaces", "NotShown from bare"),
            ("without landlock", "failed in 2"),
        ],
    );
    assert!(run.measures[0].is_restless());
    assert!(!told(grown()).measures[0].is_restless());
}

#[test]
fn tails_are_told_where_enough_lies_beyond() {
    let mut record = grown();
    let run = told(record.clone());
    let first = run.measures[0].rows[0].measured().unwrap();
    assert!(first.p90.is_some() && first.p99.is_none());
    let rounds = vec![vec![1.0; 10]; ROUNDS as usize];
    record.rows[0].series[0].rounds = rounds;
    let run = told(record);
    let first = run.measures[0].rows[0].measured().unwrap();
    assert!(first.p99.is_some());
    assert_eq!((first.rounds, first.values), (20, 200));
}

#[test]
fn a_wall_has_a_price_by_both_ways() {
    let mut record = grown();
    record.rows[3].series = vec![series(Measure::StartWarm, 9.0, 9)];
    record.rows[4].series = vec![series(Measure::StartWarm, 10.0, 10)];
    let run = told(record);
    let prices = &run.prices[0];
    assert_eq!(prices.measure, Measure::StartWarm);
    let walls: Vec<&str> = prices
        .walls
        .iter()
        .map(|price| price.wall.as_str())
        .collect();
    assert_eq!(walls, ["namespaces", "landlock"]);
    let added = prices.walls[0].added.compared().unwrap();
    assert_eq!(
        (added.with.as_str(), added.verdict),
        ("bare", Verdict::Differs)
    );
    assert!((3.5..4.5).contains(&added.by.value), "{added:?}");
    let saved = prices.walls[1].left_out.compared().unwrap();
    assert!((1.5..2.5).contains(&saved.by.value), "{saved:?}");
    assert_eq!(prices.together.compared().unwrap().by, added.by);
    // Nobody left the other wall out.
    let sum = prices.left_out_sum.compared().unwrap();
    assert_eq!((sum.by, sum.verdict), (saved.by, saved.verdict));
    assert_eq!(prices.walls[1].added, Known::NotMeasured);
    let of_failed = &told(grown()).prices[0].walls[1].left_out;
    assert!(
        matches!(of_failed, Known::Failed(of) if of.row == "without landlock"),
        "{of_failed:?}"
    );
}

#[test]
fn runs_are_compared_row_by_row() {
    let (first, mut second) = (grown(), grown());
    second.title = "the same, later".into();
    second.rows[2].series = vec![series(Measure::StartWarm, 8.0, 3)];
    let samples = [first, second].map(|record| Samples::new(record).unwrap());
    let report = Report::new(samples.to_vec());
    let found: Vec<(&str, Verdict)> = report
        .findings()
        .comparisons
        .iter()
        .map(|one| (one.row.as_str(), one.compared.verdict))
        .collect();
    let want = [
        ("bare", Verdict::NotShown),
        ("bare again", Verdict::NotShown),
        ("brig native", Verdict::Differs),
        ("with namespaces", Verdict::NotShown),
    ];
    assert_eq!(found, want);
}
