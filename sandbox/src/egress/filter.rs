//! Which resolved addresses may be dialled.
//!
//! A name's owner decides what it resolves to, and may be the attacker. So each address is judged
//! by what the grant says of addresses, and then that very address is dialled: no second lookup.

mod place;

use alloc::collections::BTreeSet;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use brig_policies::{Block, Destination, Reach};
use thiserror::Error;

use super::{Grant, literal};
pub use place::{Place, place, readings};

/// The most addresses of one name that are judged. Without the bound an answer of thousands would
/// be dialled one by one.
pub const ADDRESSES_MAX: usize = 64;

/// An address that a grant lets be dialled. Only [`judge`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dialable(IpAddr);

impl Dialable {
    /// What to dial: never an IPv4 address in IPv6's form.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

/// What decides on the host's side whether an address is public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The addresses of its interfaces.
    pub own: BTreeSet<IpAddr>,
    /// The blocks with which its resolver answers in place of real addresses: whoever answers there
    /// asks for the name once more, and is what keeps it from private places.
    pub fake: Vec<Block>,
}

impl Host {
    /// Whether an address stands for another, by its own number and not by one in disguise.
    fn is_fake(&self, address: IpAddr) -> bool {
        self.fake.iter().any(|block| block.holds(address))
    }
}

/// Why an address is not dialled; the texts read after "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// No grant can reach such a place.
    #[error("dial {address}: {reading} is {place}, which no grant reaches")]
    Never {
        /// The address.
        address: IpAddr,
        /// The address, or one that it carries in disguise.
        reading: IpAddr,
        /// What that is.
        place: Place,
    },
    /// The grant's `addresses` do not hold it.
    #[error("dial {address}: {reading} is {place}, and the grant's `addresses` do not hold it")]
    NotGranted {
        /// The address.
        address: IpAddr,
        /// The address, or one that it carries in disguise.
        reading: IpAddr,
        /// What that is.
        place: Place,
    },
    /// This host's own address: services that are shut to the network may answer there.
    #[error("dial {address}: it is this host's own, and the grant's `addresses` do not hold it")]
    Own {
        /// The address.
        address: IpAddr,
    },
}

impl Unfit {
    /// What the grant's `addresses` would have to hold, where a manifest can say it.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Never { .. } => None,
            Self::NotGranted { reading, .. } => Some(*reading),
            Self::Own { address } => Some(*address),
        }
        .map(|address| format!("addresses = [..., \"{}\"]", Block::of(address)))
    }
}

/// Judges one address to which a grant's host leads, on this host.
///
/// An address that carries an IPv4 address in disguise is judged by that one, since a translator or
/// a tunnel delivers to it; one that could carry several is judged by each.
pub fn judge(grant: &Grant, address: IpAddr, host: &Host) -> Result<Dialable, Unfit> {
    let plain = address.to_canonical();
    if grant.host == Destination::Loopback {
        return loopback(plain);
    }
    let reaches = match literal(&grant.host) {
        Some(block) => BTreeSet::from([Reach::Block(block)]),
        None => grant.addresses.clone(),
    };
    let readings = readings(plain);
    let never = readings.iter().find(|reading| place(**reading).is_never());
    if let Some(reading) = never {
        return Err(Unfit::Never {
            address,
            reading: *reading,
            place: place(*reading),
        });
    }
    for reading in readings {
        if holds(&reaches, reading) {
            continue;
        }
        let place = place(reading);
        let is_public = place == Place::Public || reading == plain && host.is_fake(plain);
        if !is_public || !reaches.contains(&Reach::Public) {
            return Err(Unfit::NotGranted {
                address,
                reading,
                place,
            });
        }
        if host.own.contains(&reading) || host.own.contains(&plain) {
            return Err(Unfit::Own { address: plain });
        }
    }
    Ok(Dialable(plain))
}

/// Judges what a name resolved to, in its order: what may be dialled, and what not. More than
/// [`ADDRESSES_MAX`] are not looked at.
pub fn judge_all(grant: &Grant, addresses: &[IpAddr], host: &Host) -> (Vec<Dialable>, Vec<Unfit>) {
    let mut fit = Vec::new();
    let mut unfit = Vec::new();
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match judge(grant, *address, host) {
            Ok(dialable) if fit.contains(&dialable) => {}
            Ok(dialable) => fit.push(dialable),
            Err(reason) => unfit.push(reason),
        }
    }
    (fit, unfit)
}

/// This host is the two addresses that everybody means by it.
fn loopback(address: IpAddr) -> Result<Dialable, Unfit> {
    if address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST {
        return Ok(Dialable(address));
    }
    Err(Unfit::Never {
        address,
        reading: address,
        place: place(address),
    })
}

fn holds(reaches: &BTreeSet<Reach>, address: IpAddr) -> bool {
    reaches.iter().any(|reach| match reach {
        Reach::Public => false,
        Reach::Block(block) => block.holds(address),
    })
}
