//! What a worker lets its guest ask for: the wall before the cell's listeners.
//!
//! A worker knows the grants, and not which names below a wildcard have an address: the cell's
//! responder gives those out. So an address that can stand for such a name passes here where any
//! wildcard is granted on its port, and whom it means is decided where the connection is accepted.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use brig_policies::{Destination, HostName};
use serde::{Deserialize, Serialize};

use super::permit::{Refusal, Target, permit, permit_target};
use super::ranges::VirtualAddresses;
use super::wildcard::Wildcards;
use super::{Egress, grant_line};

/// The port that is told with a name which a guest only looked up: what most are looked up for.
const USUAL_PORT: u16 = 443;

/// Whom a guest asked for in vain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AskedFor {
    /// Who: a name, an address or this host's loopback.
    #[serde(with = "asked")]
    host: Destination,
    /// On which port; none where it only looked a name up.
    port: Option<u16>,
}

impl AskedFor {
    /// This name, looked up.
    pub fn name(name: &HostName) -> Self {
        Self {
            host: Destination::Name(name.clone()),
            port: None,
        }
    }

    /// What was refused; `None` where no grant would let it pass.
    pub fn of(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::Unallocated { at: _ } => None,
            Refusal::Nobody { host, port } | Refusal::OtherPort { host, port } => Some(Self {
                host: host.clone(),
                port: Some(*port),
            }),
        }
    }

    /// Whether it is something that a guest can ask for. A worker that was taken over could say
    /// that a whole domain was refused, so that somebody grants it.
    pub fn is_one(&self) -> bool {
        match &self.host {
            Destination::Name(_) | Destination::Address(_) | Destination::Loopback => true,
            Destination::Below(_) | Destination::Block(_) => false,
        }
    }

    /// The grant that would let it pass, in one line; `None` where no manifest can name the host,
    /// as that of a cloud's metadata service.
    pub fn line(&self) -> Option<String> {
        let can_be = self.host.to_string().parse::<Destination>().is_ok();
        can_be.then(|| grant_line(&self.host, self.port.unwrap_or(USUAL_PORT)))
    }

    /// The right as `brig allow` takes it: `host:port`.
    pub fn right(&self) -> String {
        let port = self.port.unwrap_or(USUAL_PORT);
        match &self.host {
            Destination::Address(address) => SocketAddr::new(*address, port).to_string(),
            Destination::Name(_)
            | Destination::Below(_)
            | Destination::Block(_)
            | Destination::Loopback => format!("{}:{port}", self.host),
        }
    }

    /// What was asked for, in words of at most 300 bytes: a name has at most 253.
    pub fn shown(&self) -> String {
        match self.port {
            Some(port) => format!("{} on port {port}", self.host),
            None => self.host.to_string(),
        }
    }
}

/// Where a granted name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// At these addresses.
    At(VirtualAddresses),
    /// Where the cell's responder says: it lies below a wildcard.
    Responder,
}

/// Where a name is, as the cell's responder would answer; `None` where no grant has it.
pub fn whereabouts(egress: Option<&Egress>, target: &Target) -> Option<Whereabouts> {
    match target {
        // The cell's own loopback, as its responder has it. Without grants there is neither.
        Target::Loopback(_) => egress.map(|_| {
            Whereabouts::At(VirtualAddresses {
                v4: Ipv4Addr::LOCALHOST,
                v6: Ipv6Addr::LOCALHOST,
            })
        }),
        Target::Address(_) => None,
        Target::Name(name) => {
            let egress = egress?;
            let below = || Wildcards::new(egress).covers(name);
            match egress.fixed(name) {
                Some(at) => Some(Whereabouts::At(at)),
                None => below().then_some(Whereabouts::Responder),
            }
        }
    }
}

/// Whether a guest may connect to this address. Without grants it may to none.
pub fn may_connect(egress: Option<&Egress>, at: SocketAddr) -> Result<(), Refusal> {
    let Some(egress) = egress else {
        let host = match at.ip().to_canonical() {
            ip if ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST => Destination::Loopback,
            ip => Destination::Address(ip),
        };
        let port = at.port();
        return Err(Refusal::Nobody { host, port });
    };
    match permit(egress, &Wildcards::new(egress), at) {
        Ok(_) => Ok(()),
        Err(Refusal::Unallocated { at }) if may_be_below(egress, at) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Whether a guest may ask for this target, by its name.
pub fn may_ask(egress: Option<&Egress>, target: Target, port: u16) -> Result<(), Refusal> {
    let Some(egress) = egress else {
        let host = target.destination();
        return Err(Refusal::Nobody { host, port });
    };
    permit_target(egress, target, port).map(|_| ())
}

fn may_be_below(egress: &Egress, at: SocketAddr) -> bool {
    let ip: IpAddr = at.ip().to_canonical();
    let is_slot = egress.ranges.is_some_and(|ranges| ranges.is_slot(ip));
    is_slot
        && egress.grants.iter().any(|grant| match grant.host {
            Destination::Below(_) => grant.ports.contains(&at.port()),
            Destination::Name(_)
            | Destination::Address(_)
            | Destination::Block(_)
            | Destination::Loopback => false,
        })
}

/// A host as a guest asks for it, which can be an address that no manifest may have.
mod asked {
    use core::net::IpAddr;

    use brig_policies::Destination;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        host: &Destination,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(host)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Destination, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Destination::Address(address)),
            Err(_) => text.parse().map_err(D::Error::custom),
        }
    }
}
