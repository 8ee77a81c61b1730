//! The network grants against each other.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;

use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::network::PORTS_MAX;
use crate::manifest::{Manifest, NetworkEntry, tell_too_many_ports};
use crate::policy::NetworkGrant;

/// Every grant, sorted.
pub(super) fn resolve(
    manifest: &Manifest,
    findings: &mut Findings,
) -> Result<Vec<NetworkGrant>, Told> {
    let entries = &manifest.network;
    let mut faulty = None;
    let mut ports = 0;
    for (count, entry) in entries.iter().enumerate() {
        let before = ports;
        ports += entry.grant.ports.len();
        if ports > PORTS_MAX && before <= PORTS_MAX {
            faulty = Some(tell_too_many_ports(entry.ports.clone(), ports, findings));
        }
        if let Some(told) = tell_overlap(&entries[..count], entry, findings) {
            faulty = Some(told);
        }
    }
    let mut grants: Vec<NetworkGrant> = entries.iter().map(|entry| entry.grant.clone()).collect();
    grants.sort_by(|left, right| {
        let key = |grant: &NetworkGrant| (grant.host.clone(), grant.ports.clone());
        key(left).cmp(&key(right))
    });
    faulty.map_or(Ok(grants), Err)
}

/// One port of one host is spoken to in one way: with two grants for it, nobody could tell which
/// of them a connection is held to.
fn tell_overlap(
    before: &[NetworkEntry],
    entry: &NetworkEntry,
    findings: &mut Findings,
) -> Option<Told> {
    let grant = &entry.grant;
    let other = before.iter().find(|other| other.grant.host == grant.host)?;
    let port = other.grant.ports.intersection(&grant.ports).next()?;
    let message = format!("port {port} of `{}` is granted already", grant.host);
    let help = "keep one of the two grants".to_owned();
    Some(findings.tell(FaultCode::Contradiction, entry.host.clone(), message, help))
}
