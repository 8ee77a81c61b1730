//! Whom a server may reach: names, addresses, blocks of addresses.

mod block;
mod name;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::Quoted;

pub(crate) use block::address as address_of;
pub use block::{Block, InvalidBlock};
pub use name::{HostName, InvalidHostName, LookAlike};

/// What `host` of a network grant names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// This one name.
    Name(HostName),
    /// Every name below this one, not the name itself.
    Below(HostName),
    /// This one address.
    Address(IpAddr),
    /// Every address of this block.
    Block(Block),
    /// This host's own loopback.
    Loopback,
}

impl Destination {
    /// Whether it is asked for by name, and so has an address only once it is looked up.
    pub fn is_named(&self) -> bool {
        match self {
            Self::Name(_) | Self::Below(_) => true,
            Self::Address(_) | Self::Block(_) | Self::Loopback => false,
        }
    }

    /// Whether everything that the other one names is named by this one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(own), Self::Name(name)) => own == name,
            (Self::Below(own), Self::Name(name)) => name.is_below(own),
            (Self::Below(own), Self::Below(name)) => own == name || name.is_below(own),
            (Self::Address(own), Self::Address(address)) => own == address,
            (Self::Block(own), Self::Address(address)) => own.holds(*address),
            (Self::Block(own), Self::Block(block)) => own.covers(block),
            (Self::Loopback, Self::Loopback) => true,
            (
                Self::Name(_) | Self::Below(_) | Self::Address(_) | Self::Block(_) | Self::Loopback,
                _,
            ) => false,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(out),
            Self::Below(name) => write!(out, "*.{name}"),
            Self::Address(address) => address.fmt(out),
            Self::Block(block) => block.fmt(out),
            Self::Loopback => out.write_str("localhost"),
        }
    }
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "localhost" {
            return Ok(Self::Loopback);
        }
        if text.contains('/') && !text.contains("://") && looks_like_address(text) {
            let block: Block = text.parse()?;
            if block == Block::of(block.first()) {
                let address = block.first().to_string();
                return Err(InvalidBlock::Spelling(address).into());
            }
            return match block.refused() {
                Some(reason) => Err(InvalidDestination::Refused(reason)),
                None => Ok(Self::Block(block)),
            };
        }
        if looks_like_address(text) {
            let address = block::address(text)?;
            return match Block::of(address).refused() {
                Some(reason) => Err(InvalidDestination::Refused(reason)),
                None => Ok(Self::Address(address)),
            };
        }
        let Some(below) = text.strip_prefix("*.") else {
            return Ok(Self::Name(text.parse()?));
        };
        let below: HostName = below.parse()?;
        if below.as_str().contains('.') {
            Ok(Self::Below(below))
        } else {
            Err(InvalidDestination::TooWide)
        }
    }
}

/// Whether a text can only be meant as an address. A name's last label is never a number, and no
/// name has a colon before a slash or two colons.
pub(crate) fn looks_like_address(text: &str) -> bool {
    let text = text.split_once('/').map_or(text, |(before, _)| before);
    let last = text.rsplit_once('.').map_or(text, |(_, last)| last);
    let is_number = |label: &str| {
        let hex = label
            .strip_prefix("0x")
            .or_else(|| label.strip_prefix("0X"));
        !label.is_empty()
            && (label.bytes().all(|b| b.is_ascii_digit())
                || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())))
    };
    text.matches(':').count() > 1 || text.starts_with('[') || is_number(last)
}

/// Why a text is not a [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidHostName),
    /// Not an address or a block.
    #[error(transparent)]
    Block(#[from] InvalidBlock),
    /// A wildcard over a whole top-level domain.
    #[error("it covers a whole top-level domain")]
    TooWide,
    /// An address that no manifest can grant, for this reason.
    #[error("{0}")]
    Refused(&'static str),
}

impl Teach for InvalidDestination {
    fn code(&self) -> FaultCode {
        match self {
            Self::Name(error) => error.code(),
            Self::Block(error) => error.code(),
            Self::TooWide => FaultCode::InvalidHost,
            Self::Refused(_) => FaultCode::RefusedDestination,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Name(error) => error.help(),
            Self::Block(error) => error.help(),
            Self::TooWide => "name at least two labels after `*.`, such as `*.example.com`".into(),
            Self::Refused(_) => "name the peers that the server needs; this host's own ports are \
                 `host = \"localhost\"`"
                .to_owned(),
        }
    }
}

impl Written for Destination {
    const WHAT: &'static str = "a destination";
}

/// Where a granted name may lead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Any address of the public internet.
    Public,
    /// Any address of this block.
    Block(Block),
}

impl Reach {
    /// Whether every address of the other is one of this. A block is never taken for public
    /// here, and the public internet never for a block, since only the enforcement knows which
    /// addresses are public.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Public, Self::Public) => true,
            (Self::Block(own), Self::Block(block)) => own.covers(block),
            (Self::Public | Self::Block(_), _) => false,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => out.write_str("public"),
            Self::Block(block) => block.fmt(out),
        }
    }
}

impl FromStr for Reach {
    type Err = InvalidReach;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "public" {
            return Ok(Self::Public);
        }
        if !looks_like_address(text) {
            return Err(InvalidReach::NoBlock);
        }
        if !text.contains('/') {
            let address = block::address(text).map_err(InvalidReach::Block)?;
            return Err(InvalidReach::NoPrefix(Block::of(address).to_string()));
        }
        let block: Block = text.parse().map_err(InvalidReach::Block)?;
        match block.refused() {
            Some(reason) => Err(InvalidReach::Refused(reason)),
            None => Ok(Self::Block(block)),
        }
    }
}

/// Why a text is not a [`Reach`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReach {
    /// Neither the word nor anything like an address.
    #[error("it is neither `public` nor a block of addresses")]
    NoBlock,
    /// An address without its prefix; this is with it.
    #[error("it is one address and no block")]
    NoPrefix(String),
    /// Not a block.
    #[error(transparent)]
    Block(InvalidBlock),
    /// A block that no manifest can grant, for this reason.
    #[error("{0}")]
    Refused(&'static str),
}

impl Teach for InvalidReach {
    fn code(&self) -> FaultCode {
        match self {
            Self::NoBlock | Self::NoPrefix(_) => FaultCode::InvalidAddress,
            Self::Block(error) => error.code(),
            Self::Refused(_) => FaultCode::RefusedDestination,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::NoBlock => "write `\"public\"`, or a block such as `\"10.1.0.0/16\"`".to_owned(),
            Self::NoPrefix(block) => format!("write {}", Quoted(block)),
            Self::Block(error) => error.help(),
            Self::Refused(_) => "name the blocks of the intranet that the name lies in".to_owned(),
        }
    }
}

impl Written for Reach {
    const WHAT: &'static str = "a place for a name to lead to";
}
