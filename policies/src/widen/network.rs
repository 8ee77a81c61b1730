//! Connections that one policy allows and another does not.

use alloc::format;
use alloc::vec::Vec;

use super::Change;
use crate::host::{Block, Destination, Reach};
use crate::policy::{Ech, NetworkGrant, Protocol};

pub(super) fn wider(first: &[NetworkGrant], second: &[NetworkGrant]) -> Vec<Change> {
    let mut changes = Vec::new();
    for grant in second {
        for port in grant.ports() {
            if !is_covered(grant, *port, first) {
                changes.push(Change::sure("network", words(grant, *port)));
            }
        }
    }
    changes
}

fn words(grant: &NetworkGrant, port: u16) -> alloc::string::String {
    let (host, protocol) = (grant.host(), grant.protocol().as_str());
    let mut words = format!("reach `{host}` port {port} ({protocol})");
    let reaches: Vec<_> = grant
        .addresses()
        .iter()
        .filter(|reach| **reach != Reach::Public)
        .map(|reach| format!("`{reach}`"))
        .collect();
    if !reaches.is_empty() {
        words.push_str(", also at ");
        words.push_str(&reaches.join(", "));
    }
    if grant.ech() == Ech::Allow {
        words.push_str(", with the name hidden");
    }
    words
}

/// Whether everything that a destination names is named by the others together.
pub(crate) fn is_named(host: &Destination, by: &[Destination]) -> bool {
    let blocks = || -> Vec<Block> { by.iter().filter_map(block_of).collect() };
    match host {
        Destination::Name(_) | Destination::Below(_) | Destination::Loopback => {
            by.iter().any(|other| other.covers(host))
        }
        Destination::Address(address) => is_made_of(Block::of(*address), &blocks()),
        Destination::Block(block) => is_made_of(*block, &blocks()),
    }
}

/// Whether each address of a block is named by the others together.
pub(crate) fn is_block_named(block: Block, by: &[Destination]) -> bool {
    let blocks: Vec<Block> = by.iter().filter_map(block_of).collect();
    is_made_of(block, &blocks)
}

fn block_of(host: &Destination) -> Option<Block> {
    match host {
        Destination::Address(address) => Some(Block::of(*address)),
        Destination::Block(block) => Some(*block),
        Destination::Name(_) | Destination::Below(_) | Destination::Loopback => None,
    }
}

/// Whether all connections of a grant on a port are ones of the others.
fn is_covered(grant: &NetworkGrant, port: u16, by: &[NetworkGrant]) -> bool {
    let lax = |other: &&NetworkGrant| other.ports().contains(&port) && is_as_lax(other, grant);
    let by: Vec<&NetworkGrant> = by.iter().filter(lax).collect();
    match grant.host() {
        Destination::Name(_) | Destination::Below(_) => {
            let reaches: Vec<&Reach> = by
                .iter()
                .filter(|other| other.host().covers(grant.host()))
                .flat_map(|other| other.addresses())
                .collect();
            grant
                .addresses()
                .iter()
                .all(|reach| is_reached(reach, &reaches))
        }
        Destination::Address(address) => is_made_of(Block::of(*address), &blocks(&by)),
        Destination::Block(block) => is_made_of(*block, &blocks(&by)),
        Destination::Loopback => by.iter().any(|other| other.host() == grant.host()),
    }
}

/// Whether what is looked at on a connection of the one is no more than on one of the other.
/// Nothing is looked at under `tcp`; TLS and HTTP without it are different connections. Whether a
/// name may be hidden counts only where a name is looked for.
fn is_as_lax(one: &NetworkGrant, other: &NetworkGrant) -> bool {
    one.protocol() == Protocol::Tcp
        || (one.protocol() == other.protocol() && one.ech() >= other.ech())
}

fn blocks(grants: &[&NetworkGrant]) -> Vec<Block> {
    let hosts = grants.iter().map(|grant| grant.host());
    hosts.filter_map(block_of).collect()
}

fn is_reached(reach: &Reach, by: &[&Reach]) -> bool {
    match reach {
        Reach::Public => by.contains(&reach),
        Reach::Block(block) => {
            let blocks: Vec<Block> = by
                .iter()
                .filter_map(|other| match other {
                    Reach::Public => None,
                    Reach::Block(block) => Some(*block),
                })
                .collect();
            is_made_of(*block, &blocks)
        }
    }
}

/// Whether each address of a block lies in one of the others. A block that none of them covers is
/// halved as long as one of them lies inside, so this ends after as many steps as they have bits.
fn is_made_of(block: Block, others: &[Block]) -> bool {
    if others.iter().any(|other| other.covers(&block)) {
        return true;
    }
    if !others.iter().any(|other| block.covers(other)) {
        return false;
    }
    block
        .halves()
        .is_some_and(|halves| halves.into_iter().all(|half| is_made_of(half, others)))
}
