//! Where the virtual addresses of a cell lie.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use brig_policies::{Block, NetworkGrant};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Undecidable, literal, text};

/// The prefix of what one cell takes of the IPv4 range: 4096 addresses, for names and wildcards.
const V4_PREFIX: u8 = 20;
/// Likewise of IPv6: one network.
const V6_PREFIX: u8 = 64;
/// The first address of a range stands for no name, as some programs take it for a network's.
const FIXED_FIRST: u16 = 1;
/// The first address for names below a wildcard; exact names, at most 64, end before.
const SLOT_FIRST: u16 = 256;
/// The last one; the very last of a network is often taken for its broadcast address.
const SLOT_LAST: u16 = 4094;
/// How many networks of a range are tried. Grants are at most 64, and each can touch more than one
/// only by covering them, so what is free is found in a few steps unless a block covers it all.
const TRIED_MAX: u32 = 4096;

/// Where virtual addresses may lie on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    #[serde(with = "text::list")]
    v4: Vec<Block>,
    #[serde(with = "text::list")]
    v6: Vec<Block>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self::usual()
    }
}

/// Shared addresses, which no guard of a server's own takes for private ones, and those of
/// benchmarks where grants take the first (RFC 6598, RFC 2544).
const USUAL_V4: &[(IpAddr, u8)] = &[(v4(100, 64), 10), (v4(198, 18), 15)];
/// Unique local addresses (RFC 4193).
const USUAL_V6: &[(IpAddr, u8)] = &[(
    IpAddr::V6(Ipv6Addr::new(0xfd62, 0x7269, 0x6700, 0, 0, 0, 0, 0)),
    48,
)];

/// What can be virtual: addresses that no peer on the internet has.
const FIT: &[(IpAddr, u8)] = &[
    (v4(10, 0), 8),
    (v4(100, 64), 10),
    (v4(127, 0), 8),
    (v4(172, 16), 12),
    (v4(192, 168), 16),
    (v4(198, 18), 15),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
];

const fn v4(a: u8, b: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, 0, 0))
}

/// Why a setting is no [`Wanted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// Not of the family.
    #[error("use {0} for virtual addresses: it is of the other family")]
    OtherFamily(Block),
    /// Too few addresses for the names of one cell.
    #[error("use {0} for virtual addresses: it is smaller than a `/{1}`")]
    Small(Block, u8),
    /// Addresses that somebody has.
    #[error("use {0} for virtual addresses: it is not private")]
    NotPrivate(Block),
}

impl Wanted {
    /// What holds where no setting says otherwise.
    pub fn usual() -> Self {
        let blocks = |usual: &[(IpAddr, u8)]| {
            let usual = usual.iter();
            usual
                .map(|(first, prefix)| Block::around(*first, *prefix))
                .collect()
        };
        Self {
            v4: blocks(USUAL_V4),
            v6: blocks(USUAL_V6),
        }
    }

    /// Those of IPv4.
    pub fn v4(&self) -> &[Block] {
        &self.v4
    }

    /// Those of IPv6.
    pub fn v6(&self) -> &[Block] {
        &self.v6
    }

    /// These ranges alone, of which earlier ones are taken first. Each must be private and hold one
    /// cell's addresses: without that a server would not know a virtual address from a real one, or
    /// its names would have no room.
    pub fn new(v4: Vec<Block>, v6: Vec<Block>) -> Result<Self, Unfit> {
        for (blocks, prefix) in [(&v4, V4_PREFIX), (&v6, V6_PREFIX)] {
            for block in blocks {
                check(*block, prefix)?;
            }
        }
        Ok(Self { v4, v6 })
    }
}

fn check(block: Block, prefix: u8) -> Result<(), Unfit> {
    let fits = |(first, prefix): &(IpAddr, u8)| Block::around(*first, *prefix).covers(&block);
    if block.first().is_ipv4() != (prefix == V4_PREFIX) {
        Err(Unfit::OtherFamily(block))
    } else if block.prefix() > prefix {
        Err(Unfit::Small(block, prefix))
    } else if FIT.iter().any(fits) {
        Ok(())
    } else {
        Err(Unfit::NotPrivate(block))
    }
}

/// The addresses of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranges {
    /// IPv4, a `/20` that no grant names an address of.
    #[serde(with = "text::one")]
    pub v4: Block,
    /// IPv6, a `/64`, likewise.
    #[serde(with = "text::one")]
    pub v6: Block,
}

/// What stands for one name in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VirtualAddresses {
    /// IPv4.
    pub v4: Ipv4Addr,
    /// IPv6.
    pub v6: Ipv6Addr,
}

impl VirtualAddresses {
    /// Whether one of the two is this.
    pub fn holds(&self, address: IpAddr) -> bool {
        address == self.v4 || address == self.v6
    }
}

/// A place for a name below a wildcard, by its distance from a range's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(u16);

impl Slot {
    pub(super) const FIRST: Self = Self(SLOT_FIRST);
    /// How many there are.
    pub(super) const COUNT: u16 = SLOT_LAST - SLOT_FIRST + 1;

    /// The one behind, and behind the last the first.
    pub(super) const fn next(self) -> Self {
        if self.0 >= SLOT_LAST {
            Self::FIRST
        } else {
            Self(self.0 + 1)
        }
    }
}

impl Ranges {
    /// The addresses of the exact name at this place of the order.
    pub(super) fn fixed(&self, at: usize) -> VirtualAddresses {
        // A policy has at most 64 grants, which end before the slots.
        self.at(u16::try_from(at).unwrap_or(SLOT_FIRST - 2) + FIXED_FIRST)
    }

    /// The addresses of a slot.
    pub(super) fn slot(&self, slot: Slot) -> VirtualAddresses {
        self.at(slot.0)
    }

    /// The slot that an address is of.
    pub(super) fn slot_of(&self, address: IpAddr) -> Option<Slot> {
        let distance = match (address, self.v4.first(), self.v6.first()) {
            (IpAddr::V4(address), IpAddr::V4(first), _) => {
                u128::from(address.to_bits().checked_sub(first.to_bits())?)
            }
            (IpAddr::V6(address), _, IpAddr::V6(first)) => {
                address.to_bits().checked_sub(first.to_bits())?
            }
            (IpAddr::V4(_) | IpAddr::V6(_), _, _) => return None,
        };
        let distance = u16::try_from(distance).ok()?;
        (SLOT_FIRST..=SLOT_LAST)
            .contains(&distance)
            .then_some(Slot(distance))
    }

    /// Whether an address can stand for a name below a wildcard.
    pub(super) fn is_slot(&self, address: IpAddr) -> bool {
        self.slot_of(address).is_some()
    }

    /// Whether an address lies in one of the two.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.v4.holds(address) || self.v6.holds(address)
    }

    fn at(&self, distance: u16) -> VirtualAddresses {
        VirtualAddresses {
            v4: match self.v4.first() {
                IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() | u32::from(distance)),
                IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
            },
            v6: match self.v6.first() {
                IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() | u128::from(distance)),
                IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
            },
        }
    }
}

/// The first networks of the wanted ranges in which no grant names an address: else a real peer and
/// a name would share one.
pub(super) fn choose(wanted: &Wanted, granted: &[NetworkGrant]) -> Result<Ranges, Undecidable> {
    Ok(Ranges {
        v4: free(&wanted.v4, V4_PREFIX, granted)?,
        v6: free(&wanted.v6, V6_PREFIX, granted)?,
    })
}

fn free(ranges: &[Block], prefix: u8, granted: &[NetworkGrant]) -> Result<Block, Undecidable> {
    let mut span = 0..0;
    let networks = ranges
        .iter()
        .flat_map(|range| (0..TRIED_MAX).map_while(move |count| network(*range, prefix, count)));
    for network in networks {
        let touches = |block: &Block| block.covers(&network) || network.covers(block);
        let taken = granted
            .iter()
            .find(|grant| literal(grant.host()).is_some_and(|block| touches(&block)));
        match taken {
            // The cell's own loopback, where a server may listen itself.
            None if network.holds(IpAddr::V4(Ipv4Addr::LOCALHOST)) => {}
            None => return Ok(network),
            Some(grant) => span = grant.mark().span(),
        }
    }
    let ranges = ranges.to_vec();
    Err(Undecidable::Room { ranges, span })
}

/// The network at this place of a range.
fn network(range: Block, prefix: u8, count: u32) -> Option<Block> {
    let first: IpAddr = match range.first() {
        IpAddr::V4(first) => {
            let step = count.checked_mul(1 << (32 - u32::from(prefix)))?;
            Ipv4Addr::from_bits(first.to_bits().checked_add(step)?).into()
        }
        IpAddr::V6(first) => {
            let step = u128::from(count) << (128 - u32::from(prefix));
            Ipv6Addr::from_bits(first.to_bits().checked_add(step)?).into()
        }
    };
    let network = Block::around(first, prefix);
    range.covers(&network).then_some(network)
}
