//! An accepted connection → the grant that it is of, and whom it means.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use brig_policies::{Destination, HostName};
use thiserror::Error;

use super::wildcard::Wildcards;
use super::{Egress, Grant, grant_line};

/// A connection that a grant covers. Only [`permit`] makes one, so whatever dials has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit<'e> {
    grant: &'e Grant,
    target: Target,
    port: u16,
}

/// Whom a connection means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This name, which is still to be looked up.
    Name(HostName),
    /// This address.
    Address(IpAddr),
    /// This host's own loopback, of the family that was asked for.
    Loopback(IpAddr),
}

impl Permit<'_> {
    /// The grant that covers it.
    pub fn grant(&self) -> &Grant {
        self.grant
    }

    /// Whom it means.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The port to dial.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Target {
    /// The name, where it is one.
    pub fn name(&self) -> Option<&HostName> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) | Self::Loopback(_) => None,
        }
    }

    /// As a grant would name it.
    pub fn destination(&self) -> Destination {
        match self {
            Self::Name(name) => Destination::Name(name.clone()),
            Self::Address(address) => Destination::Address(*address),
            Self::Loopback(_) => Destination::Loopback,
        }
    }

    /// How closely a grant's host names this target; `None` where it does not.
    fn closeness(&self, host: &Destination) -> Option<usize> {
        match (self, host) {
            (Self::Name(name), Destination::Name(granted)) => {
                (name == granted).then_some(usize::MAX)
            }
            (Self::Name(name), Destination::Below(base)) => {
                name.is_below(base).then_some(base.as_str().len())
            }
            (Self::Address(address), Destination::Address(granted)) => {
                (address == granted).then_some(usize::MAX)
            }
            (Self::Address(address), Destination::Block(block)) => {
                block.holds(*address).then_some(block.prefix().into())
            }
            (Self::Loopback(_), Destination::Loopback) => Some(usize::MAX),
            (Self::Name(_) | Self::Address(_) | Self::Loopback(_), _) => None,
        }
    }
}

/// Why a connection has no permit; the texts read after "cannot".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A virtual address that stands for no name now.
    #[error("connect to {at}: the address stands for no name that was asked for")]
    Unallocated {
        /// What was dialled.
        at: SocketAddr,
    },
    /// Somebody whom no grant names.
    #[error("connect to port {port} of {host}: it is not granted")]
    Nobody {
        /// Who was dialled.
        host: Destination,
        /// On which port.
        port: u16,
    },
    /// Somebody who is granted, on another port.
    #[error("connect to port {port} of {host}: other ports of it are granted")]
    OtherPort {
        /// Who was dialled.
        host: Destination,
        /// On which port.
        port: u16,
    },
}

impl Refusal {
    /// The grant that would let it pass. There is none for an address that stands for no name: the
    /// responder refused the name, if one was asked for, and told its line then.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Unallocated { .. } => None,
            Self::Nobody { host, port } | Self::OtherPort { host, port } => {
                Some(grant_line(host, *port))
            }
        }
    }
}

/// What the grants say about a connection that was accepted at this local address.
///
/// Where more than one grant covers it, the one that names its target most closely counts: the
/// exact one, then the longest name below which all are granted, or the smallest block.
pub fn permit<'e>(
    egress: &'e Egress,
    wildcards: &Wildcards,
    at: SocketAddr,
) -> Result<Permit<'e>, Refusal> {
    let port = at.port();
    // A listener of IPv6 that takes IPv4 too would say it in this form.
    let target =
        target(egress, wildcards, at.ip().to_canonical()).ok_or(Refusal::Unallocated { at })?;
    permit_target(egress, target, port)
}

/// What the grants say about whom a connection means, where that is known.
pub fn permit_target(egress: &Egress, target: Target, port: u16) -> Result<Permit<'_>, Refusal> {
    let covering = || {
        let grants = egress.grants.iter();
        grants.filter_map(|grant| Some((target.closeness(&grant.host)?, grant)))
    };
    let closest = covering()
        .filter(|(_, grant)| grant.ports.contains(&port))
        .max_by_key(|(closeness, _)| *closeness);
    if let Some((_, grant)) = closest {
        return Ok(Permit {
            grant,
            target,
            port,
        });
    }
    let host = target.destination();
    Err(if covering().next().is_some() {
        Refusal::OtherPort { host, port }
    } else {
        Refusal::Nobody { host, port }
    })
}

fn target(egress: &Egress, wildcards: &Wildcards, address: IpAddr) -> Option<Target> {
    // The two that everybody means by this host. All others of 127.0.0.0/8 are the cell's own.
    if address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST {
        return Some(Target::Loopback(address));
    }
    if !egress.ranges.is_some_and(|ranges| ranges.holds(address)) {
        return Some(Target::Address(address));
    }
    let fixed = egress.names.iter().find(|fixed| fixed.at.holds(address));
    let name = fixed
        .map(|fixed| &fixed.name)
        .or_else(|| wildcards.name_of(address));
    name.cloned().map(Target::Name)
}
