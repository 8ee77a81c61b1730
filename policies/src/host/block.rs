//! Addresses, and blocks of them.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::Teach;
use crate::wording::Quoted;

/// The shortest prefix: a wider block would be a good part of the internet.
const PREFIX_MIN: u8 = 8;

/// All addresses that start with the same bits, in the one spelling: no bit is set after the
/// prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    first: IpAddr,
    prefix: u8,
}

const NOWHERE: &str = "it is no place: this host takes it for itself";
const OWN: &str = "it is this host's own loopback";
const METADATA: &str = "it is or holds what a cloud's metadata service answers at, which gives \
    out credentials";
const MANY: &str = "it is or holds an address of many hosts at once";
const DISGUISED: &str = "it is or holds another kind of address in disguise";

/// What no manifest can grant: the first address, the length of the prefix, and why.
const NEVER: &[(IpAddr, u8, &str)] = &[
    (v4(0, 0, 0, 0), 8, NOWHERE),
    (v4(127, 0, 0, 0), 8, OWN),
    (v4(169, 254, 0, 0), 16, METADATA),
    (v4(168, 63, 129, 16), 32, METADATA),
    (v4(224, 0, 0, 0), 4, MANY),
    (v4(240, 0, 0, 0), 4, MANY),
    (v6(0, 0), 8, DISGUISED),
    (v6(0x2001, 0), 32, DISGUISED),
    (v6(0x2002, 0), 16, DISGUISED),
    (v6(0xfd00, 0xec2), 32, METADATA),
    (v6(0xfe80, 0), 10, METADATA),
    (v6(0xff00, 0), 8, MANY),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(a: u16, b: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0))
}

impl Block {
    /// The block of this one address.
    pub fn of(address: IpAddr) -> Self {
        Self {
            first: address,
            prefix: bits(address),
        }
    }

    /// The block of this prefix that an address lies in; no prefix is longer than the address.
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(bits(address));
        Self {
            first: masked(address, prefix),
            prefix,
        }
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// How many bits all its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether an address lies in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.covers(&Self::of(address))
    }

    /// Whether every address of the other lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4()
            && self.prefix <= other.prefix
            && masked(other.first, self.prefix) == self.first
    }

    /// Its two halves; a single address has none.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        let prefix = self
            .prefix
            .checked_add(1)
            .filter(|bits_of| *bits_of <= bits(self.first))?;
        let bit = u32::from(bits(self.first) - prefix);
        let second = match self.first {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() | (1 << bit)).into(),
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() | (1 << bit)).into(),
        };
        let half = |first| Self { first, prefix };
        Some([half(self.first), half(second)])
    }

    /// Why no manifest can grant it, if so.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        let refused = NEVER.iter().find(|(first, prefix, _)| {
            let never = Self {
                first: *first,
                prefix: *prefix,
            };
            never.covers(self) || self.covers(&never)
        });
        refused.map(|(_, _, reason)| *reason)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first, self.prefix)
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with every bit after the prefix cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let cleared = u32::from(bits(address).saturating_sub(prefix));
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(cleared).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(cleared).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// An address in its one spelling.
pub(crate) fn address(text: &str) -> Result<IpAddr, InvalidBlock> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Some(bare) = bare {
        return Err(InvalidBlock::Spelling(bare.into()));
    }
    let address: IpAddr = text.parse().map_err(|_| InvalidBlock::Address)?;
    let spelling = match address {
        IpAddr::V4(_) => address.to_string(),
        IpAddr::V6(long) => long
            .to_ipv4_mapped()
            .map_or_else(|| long.to_string(), |short| short.to_string()),
    };
    if spelling == text {
        Ok(address)
    } else {
        Err(InvalidBlock::Spelling(spelling))
    }
}

impl FromStr for Block {
    type Err = InvalidBlock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (written, prefix) = text.split_once('/').ok_or(InvalidBlock::Prefix)?;
        let first = address(written).map_err(|error| match error {
            InvalidBlock::Spelling(first) if written.contains("ffff:") => {
                InvalidBlock::Spelling(format!("{first}/…"))
            }
            InvalidBlock::Spelling(first) => InvalidBlock::Spelling(format!("{first}/{prefix}")),
            InvalidBlock::Address | InvalidBlock::Prefix | InvalidBlock::TooWide => error,
        })?;
        let number = prefix.parse().ok().filter(|number: &u8| {
            // Neither `+8` nor `08`.
            *number <= bits(first) && number.to_string() == prefix
        });
        let number = number.ok_or(InvalidBlock::Prefix)?;
        if number < PREFIX_MIN {
            return Err(InvalidBlock::TooWide);
        }
        let block = Self {
            first: masked(first, number),
            prefix: number,
        };
        if block.first == first {
            Ok(block)
        } else {
            Err(InvalidBlock::Spelling(block.to_string()))
        }
    }
}

/// Why a text is not an address or a [`Block`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBlock {
    /// Not an address.
    #[error("it is not an IP address")]
    Address,
    /// Not a prefix of this kind of address.
    #[error("it does not end in the length of a prefix")]
    Prefix,
    /// A prefix that covers a good part of the internet.
    #[error("it is wider than `/{PREFIX_MIN}`")]
    TooWide,
    /// It has another spelling, which this carries.
    #[error("it is not in its one spelling")]
    Spelling(String),
}

impl Teach for InvalidBlock {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidAddress
    }

    fn help(&self) -> String {
        match self {
            Self::Address => "write four decimal numbers without zeros before them, such as \
                `10.1.2.3`, or an IPv6 address such as `2001:db8::1`"
                .into(),
            Self::Prefix => {
                "write after a slash how many bits are shared, such as `10.1.0.0/16`".into()
            }
            Self::TooWide => "name the blocks or the names that the server needs".into(),
            Self::Spelling(spelling) => format!("write {}", Quoted(spelling)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(), InvalidBlock>) {
        assert_eq!((text, text.parse::<Block>().map(|_| ())), (text, want));
    }

    #[test]
    fn a_block_has_one_spelling() {
        let spelling = |text: &str| Err(InvalidBlock::Spelling(text.into()));
        check("10.0.0.0/8", Ok(()));
        check("10.1.2.3/32", Ok(()));
        check("fd7a:115c:a1e0::/48", Ok(()));
        check("10.1.0.0/8", spelling("10.0.0.0/8"));
        check("FD00::/8", spelling("fd00::/8"));
        check("[fd00::]/8", spelling("fd00::/8"));
        check("::ffff:10.0.0.0/104", spelling("10.0.0.0/…"));
        check("010.0.0.0/8", Err(InvalidBlock::Address));
        check("10.0.0/8", Err(InvalidBlock::Address));
        check("10.0.0.0/08", Err(InvalidBlock::Prefix));
        check("10.0.0.0/33", Err(InvalidBlock::Prefix));
        check("10.0.0.0/+8", Err(InvalidBlock::Prefix));
        check("10.0.0.0/", Err(InvalidBlock::Prefix));
        check("0.0.0.0/0", Err(InvalidBlock::TooWide));
    }

    #[test]
    fn an_address_lies_in_the_block_around_it() {
        let around = |text: &str, prefix| Block::around(text.parse().unwrap(), prefix).to_string();
        assert_eq!(around("10.1.2.3", 8), "10.0.0.0/8");
        assert_eq!(around("10.1.2.3", 31), "10.1.2.2/31");
        assert_eq!(around("10.1.2.3", 0), "0.0.0.0/0");
        assert_eq!(around("10.1.2.3", 99), "10.1.2.3/32");
        assert_eq!(around("fd00:1:2:3::4", 48), "fd00:1:2::/48");
    }

    #[track_caller]
    fn check_refused(text: &str, want: Option<&str>) {
        let refused = text.parse::<Block>().map(|block| block.refused());
        assert_eq!(refused, Ok(want), "{text}");
    }

    #[test]
    fn some_blocks_cannot_be_granted() {
        check_refused("127.0.0.1/32", Some(OWN));
        check_refused("169.254.169.254/32", Some(METADATA));
        check_refused("169.0.0.0/8", Some(METADATA));
        check_refused("224.0.0.251/32", Some(MANY));
        check_refused("fe80::1/128", Some(METADATA));
        check_refused("::1/128", Some(DISGUISED));
        check_refused("64:ff9b::/96", Some(DISGUISED));
        check_refused("fd00::/8", Some(METADATA));
        check_refused("fd12::/16", None);
        check_refused("100.64.0.0/10", None);
        check_refused("10.0.0.0/8", None);
        check_refused("2606:4700::/32", None);
    }
}
