//! The escape corpus: every attack of `tests/escape`, bare and in every column.
//!
//! A run writes `escape.json` into the target folder, which `scripts/escape` prints as a matrix.

mod attack;
mod column;
mod ground;
mod malformed;
mod play;
mod session;

use crate::harness::durations;
use attack::{Attack, Outcome, Planned, Soak, corpus};
use brig_sandbox::mechanism::TABLE;
use column::{Column, USER};
use ground::Shared;
use play::{bare, celled, residuals};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;
use std::{fs, thread};

#[test]
fn every_attack_is_well_formed_and_has_an_outcome_for_every_column() {
    let faults: Vec<String> = corpus().iter().flat_map(Attack::faults).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn every_denial_is_attacked() {
    let corpus = corpus();
    assert!(corpus.len() >= 60, "{} attacks", corpus.len());
    let attacked: BTreeSet<&str> = corpus.iter().map(|attack| attack.denial.as_str()).collect();
    let known: BTreeSet<&str> = TABLE.iter().map(|row| row.denial.name()).collect();
    assert_eq!(attacked, known, "every denial has an attack");
}

/// What each column's host offers: the names of what stays open, or what it lacks.
type Offers = BTreeMap<&'static str, Result<Vec<String>, String>>;

#[test]
fn every_attack_succeeds_bare_and_comes_to_its_outcome() {
    assert!(
        rustix::process::geteuid().is_root(),
        "MISSING PART: root (these tests become others)"
    );
    let only = std::env::var("BRIG_ATTACK").unwrap_or_default();
    let mut attacks = corpus();
    let offers = {
        let shared = Shared::new(&[0, USER]);
        let attack = attacks.iter().find(|a| a.program.is_none()).unwrap();
        let offer = |column: &Column| (column.name, residuals(attack, &shared, *column));
        Column::ALL.iter().map(offer).collect::<Offers>()
    };
    attacks.retain(|attack| attack.name.contains(&only));
    let shared = Shared::new(&[0, USER]);
    let queue = Mutex::new(attacks.iter());
    let rows = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(attack) = { queue.lock().unwrap().next() } {
                    let row = play(attack, &shared, &offers);
                    rows.lock().unwrap().insert(attack.name.clone(), row);
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap();
    assert_eq!(
        rows.len(),
        attacks.len(),
        "an attack was not played to its end"
    );
    let columns: Vec<&str> = Column::ALL.iter().map(|column| column.name).collect();
    let report = json!({ "columns": columns, "attacks": rows });
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    fs::write(target.join("escape.json"), format!("{report:#}\n")).unwrap();
    let surprises: Vec<String> = rows
        .iter()
        .flat_map(|(name, row)| surprises(name, row))
        .collect();
    assert!(surprises.is_empty(), "\n{}", surprises.join("\n"));
}

/// One attack everywhere.
fn play(attack: &Attack, shared: &Shared, offers: &Offers) -> Value {
    let found = bare(attack, shared);
    let planned = &attack.bare.shows;
    let as_planned = found.succeeded && holds(&found.words, planned);
    let mut cells = BTreeMap::from([(
        "bare",
        json!({ "planned": planned, "found": found.words, "as-planned": as_planned,
                "is": "succeeds" }),
    )]);
    // Some of the columns alone, for whoever works on them.
    let only = std::env::var("BRIG_COLUMNS").unwrap_or_default();
    let wanted = |column: &&Column| only.is_empty() || only.split(',').any(|c| c == column.name);
    for column in Column::ALL.iter().filter(wanted) {
        let began = Instant::now();
        let mut cell = cell(attack, shared, *column, offers);
        cell["ms"] = json!(began.elapsed().as_millis());
        cells.insert(column.name, cell);
    }
    json!({ "proves": attack.proves, "denial": attack.denial, "cells": cells })
}

fn cell(attack: &Attack, shared: &Shared, column: Column, offers: &Offers) -> Value {
    let outcome = match attack.planned(column).unwrap() {
        Planned::Outcome(outcome) => outcome,
        Planned::NotHere(why) => {
            return json!({ "is": why, "planned": why, "found": why, "as-planned": true });
        }
    };
    let residuals = match &offers[column.name] {
        Ok(residuals) => residuals,
        // Nothing starts here at all, which is told and no surprise.
        Err(lacks) => {
            return json!({ "is": "lacks", "planned": "a host with this cell", "found": lacks,
                           "as-planned": true });
        }
    };
    let later = match attack.soak {
        None => false,
        Some(Soak::OtherColumns) => column != Column::ALL[0],
        Some(Soak::EveryColumn) => true,
    };
    if later && !durations::pick((false, true)) {
        return json!({ "is": "soak", "planned": format!("{outcome:?}"), "found": "BRIG_SOAK=1",
                       "as-planned": true });
    }
    let named = |name: &String| residuals.contains(name);
    match outcome {
        Outcome::Lacks(name) => json!({
            "is": "lacks", "planned": name, "found": residuals, "as-planned": named(name),
        }),
        Outcome::Contained(words) => {
            let found = celled(attack, shared, column);
            let as_planned = !found.succeeded && holds(&found.words, words);
            json!({ "is": "contained", "planned": words, "found": found.words,
                    "as-planned": as_planned })
        }
        Outcome::Own { shows, reason } => {
            let found = celled(attack, shared, column);
            let as_planned = found.succeeded && holds(&found.words, shows);
            json!({ "is": "own", "planned": format!("{shows}: {reason}"),
                    "found": found.words, "as-planned": as_planned })
        }
        Outcome::Residual { name, reason } => {
            let found = celled(attack, shared, column);
            let as_planned = found.succeeded && named(name);
            json!({ "is": "residual", "planned": format!("{name}: {reason}"),
                    "found": found.words, "as-planned": as_planned })
        }
    }
}

/// Whether words hold what is planned; `…` stands for any words between, ` | ` for "or".
fn holds(words: &str, planned: &str) -> bool {
    if words.contains(GONE) && !planned.contains(GONE) {
        return false;
    }
    planned.split(" | ").any(|planned| {
        let mut rest = Some(words);
        for part in planned.split('…') {
            rest = rest
                .and_then(|rest| rest.split_once(part.trim()))
                .map(|(_, after)| after);
        }
        rest.is_some()
    })
}

/// What is found where a tool was refused and the server does not answer any more.
const GONE: &str = "the session is gone";

#[test]
fn words_hold_what_is_planned_in_order() {
    let check = |words, planned, want| assert_eq!(holds(words, planned), want, "{planned}");
    check("call 1: No such file", "No such", true);
    check("call 1: No such file", "killed | No such", true);
    check("call 1: No such file", "killed | no file", false);
    check(
        "call 1: No such file; the session is gone",
        "No such",
        false,
    );
    check(
        "call 1: No such file; the session is gone",
        "No such | the session is gone",
        true,
    );
    check("call 1: No such file", "call 1: … file", true);
    check("call 1: No such file", "file … call 1", false);
    check("call 2: No such file", "call 1: … file", false);
}

fn surprises(attack: &str, row: &Value) -> Vec<String> {
    let cells = row["cells"].as_object().unwrap();
    let surprises = cells
        .iter()
        .filter(|(_, cell)| cell["as-planned"] != json!(true));
    let words = |(column, cell): (&String, &Value)| {
        let (is, planned, found) = (&cell["is"], &cell["planned"], &cell["found"]);
        format!("{attack} in {column}: planned {is} {planned}, found {found}")
    };
    surprises.map(words).collect()
}
