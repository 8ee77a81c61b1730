//! The network part of a plan, and every decision about a connection, as values.
//!
//! A cell has no interface but `lo`. Each granted name has virtual addresses there; listeners that
//! were made inside are served outside, and the address at which a connection was accepted says
//! which name was meant. So nobody reads a name that a server sent in order to know whom to dial.
//!
//! *Absent here:* sockets, name resolution and the clock. Bytes, addresses and times come in,
//! decisions and bytes go out.

pub mod filter;
pub mod guest;
pub mod hello;
pub mod host;
pub mod permit;
pub mod ranges;
pub mod responder;
pub(crate) mod text;
pub mod wildcard;

use alloc::collections::BTreeSet;
use core::net::{IpAddr, Ipv4Addr};
use core::ops::Range;

use brig_policies::{
    Block, Destination, Ech, HostName, NetworkGrant, Policy, Protocol, ProxyAddress, Reach,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use ranges::{Ranges, VirtualAddresses, Wanted};

/// The most listeners, of both families together. Each is a descriptor that one message of
/// SCM_RIGHTS carries (unix(7): 253 at most) and that the supervisor waits for.
pub const LISTENERS_MAX: usize = 128;

/// Where names are answered in a cell, over UDP and TCP (RFC 1035, 4.2).
pub const RESPONDER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// On which port.
pub const RESPONDER_PORT: u16 = 53;

/// Whom a server may reach, and what stands for them in its cell.
///
/// The same policy gives the same value, and a value has one form as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// The grants, in the policy's order.
    pub grants: Vec<Grant>,
    /// Where virtual addresses lie; `None` where no grant has a name.
    pub ranges: Option<Ranges>,
    /// Each granted exact name with its addresses in the cell, sorted.
    pub names: Vec<Fixed>,
    /// The blocks of which every address is the cell's own, sorted (ip-route(8), `local`).
    #[serde(with = "text::set")]
    pub routes: BTreeSet<Block>,
    /// What listens, on every address of the family; at most [`LISTENERS_MAX`].
    pub listeners: BTreeSet<Listener>,
    /// The proxy that is asked for names; absent where this host looks them up.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::some")]
    pub proxy: Option<ProxyAddress>,
    /// The blocks with which this host's resolver answers in place of real addresses; empty where
    /// no name is looked up by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "text::list")]
    pub fake: Vec<Block>,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who is reached.
    #[serde(with = "text::one")]
    pub host: Destination,
    /// On which ports; at least one, none of them 0.
    pub ports: BTreeSet<u16>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where a name may lead; empty where the host is no name.
    #[serde(with = "text::set")]
    pub addresses: BTreeSet<Reach>,
    /// Whether a handshake may hide the name.
    pub ech: Ech,
}

/// A granted exact name with its addresses in the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The name.
    #[serde(with = "text::one")]
    pub name: HostName,
    /// What the responder answers.
    pub at: VirtualAddresses,
}

/// One listening socket, bound to the family's unspecified address. One of IPv6 takes no IPv4
/// (ipv6(7), `IPV6_V6ONLY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// Its port.
    pub port: u16,
    /// Its family.
    pub family: AddressFamily,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl AddressFamily {
    /// An address's.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What is made in a cell's network namespace, before its server starts: `lo` is up, and beside
/// these there are the responder's two sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// The blocks of which every address is the cell's own.
    #[serde(with = "text::set")]
    pub routes: BTreeSet<Block>,
    /// What listens.
    pub listeners: BTreeSet<Listener>,
}

/// Why there is no network part.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecidable {
    /// More listeners than one message carries.
    #[error(
        "listen on more than {LISTENERS_MAX} ports: a port counts once for IPv4 and once for IPv6"
    )]
    Listeners {
        /// The grant with which there are too many.
        span: Range<usize>,
    },
    /// The grants leave no room for virtual addresses.
    #[error(
        "find room for virtual addresses: grants name addresses all over {}",
        shown(ranges)
    )]
    Room {
        /// The ranges that are full.
        ranges: Vec<Block>,
        /// A grant that lies in it.
        span: Range<usize>,
    },
}

fn shown(ranges: &[Block]) -> String {
    let ranges: Vec<String> = ranges.iter().map(Block::to_string).collect();
    ranges.join(" and ")
}

impl Undecidable {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Listeners { .. } => "grant fewer ports",
            Self::Room { .. } => {
                "grant smaller blocks, or let the settings name another range for virtual addresses"
            }
        }
    }

    /// The bytes of the manifest that it is about.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Listeners { span } | Self::Room { span, .. } => span.clone(),
        }
    }
}

/// Decides the network part of a policy; `None` where it grants nobody. What stays closed then is
/// everything: there is no listener, no route and no responder. This host looks names up itself,
/// until [`Egress::by_way_of`] says otherwise.
pub fn decide(policy: &Policy, wanted: &Wanted) -> Result<Option<Egress>, Undecidable> {
    let granted = policy.network();
    if granted.is_empty() {
        return Ok(None);
    }
    let is_named = granted.iter().any(|grant| grant.host().is_named());
    let ranges = if is_named {
        Some(ranges::choose(wanted, granted)?)
    } else {
        None
    };
    Ok(Some(Egress {
        grants: granted.iter().map(Grant::of).collect(),
        names: ranges.map_or_else(Vec::new, |ranges| names(&ranges, granted)),
        routes: routes(ranges.as_ref(), granted),
        listeners: listeners(granted)?,
        ranges,
        proxy: None,
        fake: Vec::new(),
    }))
}

impl Grant {
    fn of(grant: &NetworkGrant) -> Self {
        Self {
            host: grant.host().clone(),
            ports: grant.ports().clone(),
            protocol: grant.protocol(),
            addresses: grant.addresses().clone(),
            ech: grant.ech(),
        }
    }
}

impl Egress {
    /// The addresses of an exact name, where one is granted.
    pub fn fixed(&self, name: &HostName) -> Option<VirtualAddresses> {
        let at = self.names.binary_search_by(|fixed| fixed.name.cmp(name));
        at.ok().map(|at| self.names[at].at)
    }

    /// The same on a host with this proxy, and with a resolver that answers with these blocks in
    /// place of real addresses. Both matter to names alone, and with a proxy the resolver is not
    /// asked.
    #[must_use]
    pub fn by_way_of(self, proxy: Option<&ProxyAddress>, fake: &[Block]) -> Self {
        let has_names = self.ranges.is_some();
        let proxy = proxy.filter(|_| has_names).cloned();
        let fake = if has_names && proxy.is_none() {
            fake.to_vec()
        } else {
            Vec::new()
        };
        Self {
            proxy,
            fake,
            ..self
        }
    }

    /// What is made in the cell's network namespace.
    pub fn inside(&self) -> Inside {
        Inside {
            routes: self.routes.clone(),
            listeners: self.listeners.clone(),
        }
    }

    /// What resolv.conf(5) says in the cell: one name server, and no domain to search in.
    pub fn resolver(&self) -> String {
        format!("nameserver {RESPONDER}\noptions timeout:2 attempts:2\n")
    }

    /// What hosts(5) says in the cell: this host, and each exact name with its addresses.
    pub fn hosts(&self) -> String {
        let line = |fixed: &Fixed| {
            let (name, at) = (&fixed.name, fixed.at);
            format!("{} {name}\n{} {name}\n", at.v4, at.v6)
        };
        self.names.iter().map(line).collect()
    }

    /// The names below which all are granted, each once, sorted.
    pub fn below(&self) -> BTreeSet<&HostName> {
        let hosts = self.grants.iter();
        hosts
            .filter_map(|grant| match &grant.host {
                Destination::Below(base) => Some(base),
                Destination::Name(_)
                | Destination::Address(_)
                | Destination::Block(_)
                | Destination::Loopback => None,
            })
            .collect()
    }
}

/// Two grants of one name on different ports share its addresses.
fn names(ranges: &Ranges, granted: &[NetworkGrant]) -> Vec<Fixed> {
    let exact = granted.iter().filter_map(|grant| match grant.host() {
        Destination::Name(name) => Some(name),
        Destination::Below(_)
        | Destination::Address(_)
        | Destination::Block(_)
        | Destination::Loopback => None,
    });
    let exact: BTreeSet<&HostName> = exact.collect();
    let fixed = |(at, name): (usize, &HostName)| Fixed {
        name: name.clone(),
        at: ranges.fixed(at),
    };
    exact.into_iter().enumerate().map(fixed).collect()
}

fn routes(ranges: Option<&Ranges>, granted: &[NetworkGrant]) -> BTreeSet<Block> {
    let literal = granted.iter().filter_map(|grant| literal(grant.host()));
    let virtually = ranges.into_iter().flat_map(|ranges| [ranges.v4, ranges.v6]);
    literal.chain(virtually).collect()
}

/// The addresses that a grant names by themselves.
fn literal(host: &Destination) -> Option<Block> {
    match host {
        Destination::Address(address) => Some(Block::of(*address)),
        Destination::Block(block) => Some(*block),
        Destination::Name(_) | Destination::Below(_) | Destination::Loopback => None,
    }
}

fn listeners(granted: &[NetworkGrant]) -> Result<BTreeSet<Listener>, Undecidable> {
    let mut listeners = BTreeSet::new();
    for grant in granted {
        let families: &[AddressFamily] = match literal(grant.host()) {
            Some(block) => &[AddressFamily::of(block.first())],
            None => &[AddressFamily::V4, AddressFamily::V6],
        };
        for &port in grant.ports() {
            listeners.extend(families.iter().map(|&family| Listener { port, family }));
        }
        if listeners.len() > LISTENERS_MAX {
            let span = grant.mark().span();
            return Err(Undecidable::Listeners { span });
        }
    }
    Ok(listeners)
}

/// The `[[network]]` entry that would let a connection pass, in one line. The protocol stands there
/// where a manifest has to say it.
pub fn grant_line(host: &Destination, port: u16) -> String {
    let protocol = match port {
        80 | 443 => "",
        _ => ", protocol = \"tcp\"",
    };
    format!("[[network]] host = \"{host}\", ports = [{port}]{protocol}")
}
