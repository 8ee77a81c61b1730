//! Whom a server may reach: the network part of a plan, and what it changes of the rest.

use super::{Residual, Unplannable};
use crate::cell::{Cell, CellKind};
use crate::egress::{Egress, decide};
use crate::engine::Engine;
use crate::facts::HostFacts;
use crate::landlock;
use crate::mechanism::{Denial, Held, Isolated, Mechanism};
use crate::seccomp::Profile;
use brig_policies::{Destination, Ech, Policy, Protocol};

/// The network part, where the policy grants anybody. What stands in the way is told by the place
/// of a grant.
pub(super) fn network(
    policy: &Policy,
    facts: &HostFacts,
    (isolated, kind): (Isolated, CellKind),
    faults: &mut Vec<Unplannable>,
) -> Option<Egress> {
    let first = policy.network().first()?;
    let refused = |message: String, help: &str| Unplannable::Grant {
        span: first.mark().span(),
        message,
        help: help.to_owned(),
    };
    if kind == CellKind::Narrow {
        faults.push(refused(
            "whom a server reaches is held by a network namespace of its own, and this host lets \
             none be made"
                .to_owned(),
            "`brig doctor` tells what stands in the way; or leave the grant out",
        ));
    }
    if isolated == Isolated::Container && facts.engine.engine == Engine::Runsc {
        faults.push(refused(
            "gVisor's kernel passes no descriptor on, so nothing that listens in it can be served \
             outside"
                .to_owned(),
            "choose another engine with --engine, or leave the grant out",
        ));
    }
    let by_podman = isolated == Isolated::Container && facts.engine.engine == Engine::Podman;
    if by_podman && facts.engine.rootless {
        faults.push(refused(
            "without root's rights Podman gives each container users of its own, and none can join \
             a network that another made"
                .to_owned(),
            "choose another engine with --engine, such as native or crun, or leave the grant out",
        ));
    }
    match decide(policy, &facts.virtual_ranges) {
        Ok(egress) => egress.map(|one| one.by_way_of(facts.proxy.as_ref(), &facts.fake_addresses)),
        Err(undecidable) => {
            faults.push(Unplannable::Grant {
                span: undecidable.span(),
                message: format!("cannot {undecidable}"),
                help: undecidable.help().to_owned(),
            });
            None
        }
    }
}

/// Whoever has a network has sockets, so only the empty namespace keeps them from others.
pub(super) fn opened(egress: Option<&Egress>, mut held: Vec<Held>) -> Vec<Held> {
    if egress.is_some() {
        for held in held.iter_mut().filter(|one| one.denial == Denial::Network) {
            held.by.retain(|by| *by != Mechanism::SeccompNoSocket);
        }
    }
    held
}

/// The calls of a worker with this network.
pub(super) fn calls_of_worker(egress: Option<&Egress>, profile: Profile) -> Profile {
    match egress {
        Some(_) => profile.with_connections(),
        None => profile,
    }
}

/// The calls of a program with this network.
pub(super) fn calls(egress: Option<&Egress>, profile: Profile) -> Profile {
    match egress {
        Some(_) => profile.with_sockets(),
        None => profile,
    }
}

/// The cell with Landlock's part of this network.
pub(super) fn connected(egress: Option<&Egress>, mut cell: Cell) -> Cell {
    if let Some(egress) = egress {
        let ruleset = cell.landlock.take();
        cell.landlock = ruleset.map(|ruleset| landlock::connecting(ruleset, egress));
    }
    cell
}

/// What stays open of a network that is granted.
pub(super) fn residuals(egress: Option<&Egress>) -> Vec<Residual> {
    let Some(egress) = egress else {
        return Vec::new();
    };
    let mut residuals = vec![residual(
        "granted-hosts",
        "what the server tells a host that is granted is not looked into, and an account of \
         somebody else there takes it as well; behind one name a host may serve others, which it \
         tells apart by what is encrypted",
    )];
    let has = |wanted: Protocol| {
        let mut grants = egress.grants.iter();
        grants.any(|grant| grant.protocol == wanted)
    };
    if has(Protocol::Tcp) {
        residuals.push(residual(
            "names-in-tcp",
            "of a grant with `protocol = \"tcp\"` brig dials the granted host and no other, and \
             does not read what is spoken with it",
        ));
    }
    let mut grants = egress.grants.iter();
    if grants.any(|grant| grant.protocol == Protocol::Tls && grant.ech == Ech::Allow) {
        residuals.push(residual(
            "encrypted-names",
            "of a grant with `ech = \"allow\"` the granted host may be a front that passes on to \
             others, whose names are encrypted",
        ));
    }
    residuals.extend(by_others(egress));
    let mut grants = egress.grants.iter();
    if grants.any(|grant| matches!(grant.host, Destination::Below(_))) {
        residuals.push(residual(
            "names-below",
            "names below a wildcard are looked up as the server makes them up, so its name servers \
             hear what these say: at most 16,384 bits an hour",
        ));
    }
    residuals
}

/// Who else looks names up on this host, and so decides where they lead.
fn by_others(egress: &Egress) -> Vec<Residual> {
    let mut residuals = Vec::new();
    if let Some(proxy) = &egress.proxy {
        residuals.push(residual(
            "names-by-proxy",
            &format!(
                "granted names are asked of {proxy}, which looks them up: it is what keeps them \
                 from private places, and brig judges no address of them"
            ),
        ));
    }
    if !egress.fake.is_empty() {
        let blocks: Vec<String> = egress.fake.iter().map(ToString::to_string).collect();
        residuals.push(residual(
            "fake-addresses",
            &format!(
                "this host's resolver answers from {} in place of real addresses: whoever answers \
                 there is what keeps names from private places",
                blocks.join(" and ")
            ),
        ));
    }
    residuals
}

fn residual(name: &str, reason: &str) -> Residual {
    Residual {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}
