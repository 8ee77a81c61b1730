//! What of a row is at hand: on this host for brig's own cells, and under an engine by what it
//! offers.

use super::absence::{Absence, absence};
use super::{Denial, Held, Isolated, Mechanism, Row, Unenforceable, cell_kind, container_kind};
use crate::engine::{ADDED, Offer, offer};
use crate::facts::HostFacts;

/// What holds one denial.
pub(crate) fn hold_one(
    row: &Row,
    facts: &HostFacts,
    isolated: Isolated,
) -> Result<Held, Unenforceable> {
    let mut by = Vec::new();
    let mut absences = Vec::new();
    for mechanism in alternatives(row, isolated) {
        match offered(row.denial, mechanism, isolated, facts) {
            Offered::Yes => by.push(mechanism),
            Offered::No(absence) => absences.push(absence),
            Offered::Unknown => {}
        }
    }
    if by.is_empty() {
        return Err(unheld(row.denial, absences.first(), facts));
    }
    let denial = row.denial;
    Ok(Held { denial, by })
}

/// What can hold a denial: brig's own mechanisms, and after them those that engines add.
fn alternatives(row: &Row, isolated: Isolated) -> impl Iterator<Item = Mechanism> {
    let added = ADDED.iter().filter(|(denial, _)| *denial == row.denial);
    let own = row.alternatives.iter().copied();
    own.chain(added.map(|(_, mechanism)| *mechanism))
        .filter(move |mechanism| isolated.knows(*mechanism))
}

/// Whether a mechanism is at hand.
enum Offered {
    Yes,
    No(Absence),
    Unknown,
}

/// A component runs in brig's own cell, whatever the engine of containers is.
fn offered(denial: Denial, mechanism: Mechanism, isolated: Isolated, facts: &HostFacts) -> Offered {
    let kind = match isolated {
        Isolated::Component => cell_kind(facts),
        Isolated::Container => container_kind(facts),
    };
    let as_native = || absence(denial, mechanism, facts, kind).map_or(Offered::Yes, Offered::No);
    match (isolated, offer(&facts.engine, mechanism)) {
        (Isolated::Component, _) | (Isolated::Container, Offer::AsNative) => as_native(),
        (Isolated::Container, Offer::ItsOwn) => Offered::Yes,
        (Isolated::Container, Offer::Absent(reason)) => Offered::No(Absence {
            reason,
            remedy: "let the engine run with control groups of version 2 that are delegated to \
                     it, or choose another with --engine",
        }),
        (Isolated::Container, Offer::Unknown) => Offered::Unknown,
    }
}

fn unheld(denial: Denial, first: Option<&Absence>, facts: &HostFacts) -> Unenforceable {
    let engine = facts.engine.engine;
    let (reason, remedy) = first.map_or_else(
        || {
            let reason = format!("the engine {engine} has nothing for it");
            (reason, "choose another with --engine".to_owned())
        },
        |first| (first.reason.to_owned(), first.remedy.to_owned()),
    );
    Unenforceable {
        denial: denial.name(),
        reason,
        remedy,
    }
}
