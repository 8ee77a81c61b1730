//! `[network]` of the settings: how this host reaches others.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::Range;
use core::str::FromStr;

use crate::fault::{FaultCode, Faults, Findings, Told};
use crate::grammar::Key;
use crate::grammar::reach::{BLOCKS_MAX, FAKE, PROXY, SECTION, VIRTUAL_V4, VIRTUAL_V6};
use crate::grammar::settings::REACH;
use crate::host::{Block, HostName, InvalidBlock, InvalidHostName, address_of, looks_like_address};
use crate::manifest::entries::{Entries, Found, parsed, table};
use crate::manifest::lists::list;
use crate::manifest::{Teach, Written};
use crate::wording::Quoted;

/// How a host reaches others. Where nothing is written it is directly, by real addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostReach {
    virtual_v4: Option<Vec<Placed>>,
    virtual_v6: Option<Vec<Placed>>,
    proxy: Option<ProxyAddress>,
    fake: Vec<Block>,
}

/// A block, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    block: Block,
    span: Range<usize>,
}

impl HostReach {
    /// Whether nothing of it is written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Where IPv4 addresses lie that stand for names, at least one block; none where it is left to
    /// brig. Whether they can lie there is for [`unfit_in`](Self::unfit_in) to tell.
    pub fn virtual_v4(&self) -> Option<Vec<Block>> {
        self.virtual_v4.as_deref().map(blocks)
    }

    /// Likewise of IPv6.
    pub fn virtual_v6(&self) -> Option<Vec<Block>> {
        self.virtual_v6.as_deref().map(blocks)
    }

    /// The proxy by which others are reached, where there is one.
    pub fn proxy(&self) -> Option<&ProxyAddress> {
        self.proxy.as_ref()
    }

    /// The blocks with which this host's resolver answers in place of real addresses. None of them
    /// is or holds a place that no manifest can grant.
    pub fn fake(&self) -> &[Block] {
        &self.fake
    }

    /// The blocks for virtual addresses that whoever enforces it cannot use, as faults of the text
    /// that the settings were read from; `None` where all can be used.
    ///
    /// `unfit` says of a block, which stands in the list of IPv4 or not, what is wrong with it. It
    /// reads after "cannot".
    pub fn unfit_in(
        &self,
        text: &str,
        unfit: impl Fn(Block, bool) -> Option<String>,
    ) -> Option<Faults> {
        let mut findings = Findings::new();
        for (key, placed, is_v4) in [
            (&VIRTUAL_V4, &self.virtual_v4, true),
            (&VIRTUAL_V6, &self.virtual_v6, false),
        ] {
            for placed in placed.iter().flatten() {
                let Some(reason) = unfit(placed.block, is_v4) else {
                    continue;
                };
                let message = format!("cannot {reason}");
                let help = format!("write it like `{}`", key.example);
                let code = FaultCode::InvalidAddress;
                findings.tell(code, placed.span.clone(), message, help);
            }
        }
        findings.end(text, Ok(())).err()
    }
}

fn blocks(placed: &[Placed]) -> Vec<Block> {
    placed.iter().map(|placed| placed.block).collect()
}

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Result<HostReach, Told> {
    let Some(section) = top.optional(&REACH, findings, table)? else {
        return Ok(HostReach::default());
    };
    let entries = Entries::open(section.value, &SECTION, section.span, findings);
    // Everything is read before the first fault is returned, so that all are told.
    let virtual_v4 = entries.optional(&VIRTUAL_V4, findings, read_placed);
    let virtual_v6 = entries.optional(&VIRTUAL_V6, findings, read_placed);
    let proxy = entries.optional(&PROXY, findings, read_proxy);
    let fake = entries.optional(&FAKE, findings, |found, key, findings| {
        list::<FakeBlock>(found, key, 1, BLOCKS_MAX, findings)
    });
    Ok(HostReach {
        virtual_v4: virtual_v4?.map(|written| written.value),
        virtual_v6: virtual_v6?.map(|written| written.value),
        proxy: proxy?.map(|written| written.value),
        fake: fake?.map_or_else(Vec::new, |written| {
            written.value.into_iter().map(|fake| fake.0).collect()
        }),
    })
}

/// What holds a password is not repeated: a client is told of the fault too.
fn read_proxy(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<ProxyAddress, Told> {
    let read = found.get_ref().as_str().map(str::parse::<ProxyAddress>);
    if let Some(Err(error @ InvalidProxy::Credentials)) = read {
        let message = format!("`{}` is not {}: {error}", key.name, ProxyAddress::WHAT);
        return Err(findings.tell(error.code(), found.span(), message, error.help()));
    }
    parsed(found, key, findings)
}

fn read_placed(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Vec<Placed>, Told> {
    let blocks = list::<Block>(found, key, 1, BLOCKS_MAX, findings)?;
    let elements = found.get_ref().as_array().into_iter().flatten();
    let placed = |(block, element): (Block, &toml::Spanned<_>)| Placed {
        block,
        span: element.span(),
    };
    Ok(blocks.into_iter().zip(elements).map(placed).collect())
}

impl Written for Block {
    const WHAT: &'static str = "a block of addresses";
}

/// A block that a resolver answers with in place of real addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FakeBlock(Block);

/// Why a text is not a [`FakeBlock`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidFakeBlock {
    /// Not a block.
    #[error(transparent)]
    Block(#[from] InvalidBlock),
    /// A block that no connection leads to, for this reason.
    #[error("{0}")]
    Refused(&'static str),
}

impl FromStr for FakeBlock {
    type Err = InvalidFakeBlock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let block: Block = text.parse()?;
        match block.refused() {
            Some(reason) => Err(InvalidFakeBlock::Refused(reason)),
            None => Ok(Self(block)),
        }
    }
}

impl Teach for InvalidFakeBlock {
    fn code(&self) -> FaultCode {
        match self {
            Self::Block(error) => error.code(),
            Self::Refused(_) => FaultCode::RefusedDestination,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Block(error) => error.help(),
            Self::Refused(_) => {
                "write the block that the resolver of this host answers with, such \
                 as `198.18.0.0/15`"
                    .to_owned()
            }
        }
    }
}

impl Written for FakeBlock {
    const WHAT: &'static str = "a block that stands for others";
}

/// Where a host's HTTP proxy is: `http://`, a name or an address, `:` and a port.
///
/// It has no user, no password, no path and no query: brig sends none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAddress {
    host: String,
    port: u16,
}

impl ProxyAddress {
    /// Its name or its address; one of IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, which is not 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// As it is written.
impl fmt::Display for ProxyAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') {
            write!(out, "http://[{host}]:{port}")
        } else {
            write!(out, "http://{host}:{port}")
        }
    }
}

/// Why a text is not a [`ProxyAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// Another scheme than `http`, or none.
    #[error("it does not start with `http://`, and brig speaks to a proxy in HTTP alone")]
    Scheme,
    /// A user's name or a password before the host.
    #[error("it holds a user's name or a password")]
    Credentials,
    /// Something after the port; this is the text without.
    #[error("it has a path, a query or a fragment")]
    Rest(String),
    /// No port, or none that there is.
    #[error("it does not end in `:` and a port from 1 to 65535")]
    Port,
    /// The host is not a name.
    #[error(transparent)]
    Name(#[from] InvalidHostName),
    /// The host is not an address in its one spelling.
    #[error(transparent)]
    Address(#[from] InvalidBlock),
}

const SCHEME: &str = "http://";

impl FromStr for ProxyAddress {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidProxy::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (place, more) = rest.split_at(end);
        if place.contains('@') {
            return Err(InvalidProxy::Credentials);
        }
        if !more.is_empty() {
            return Err(InvalidProxy::Rest(format!("{SCHEME}{place}")));
        }
        let (host, port) = place.rsplit_once(':').ok_or(InvalidProxy::Port)?;
        let number = port.parse().ok().filter(|number: &u16| {
            // Neither `+80` nor `080`.
            *number != 0 && number.to_string() == port
        });
        let port = number.ok_or(InvalidProxy::Port)?;
        let host = host_of(host)?;
        Ok(Self { host, port })
    }
}

/// The host in its one spelling, without the brackets that an address of IPv6 has.
fn host_of(host: &str) -> Result<String, InvalidProxy> {
    // A proxy of this host's own is a usual one.
    if host == "localhost" {
        return Ok(host.to_owned());
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Some(bare) = bare {
        return match address_of(bare)? {
            IpAddr::V6(_) => Ok(bare.to_owned()),
            IpAddr::V4(_) => Err(InvalidBlock::Spelling(bare.to_owned()).into()),
        };
    }
    if host.contains(':') {
        return Err(InvalidBlock::Spelling(format!("[{host}]")).into());
    }
    if looks_like_address(host) {
        return Ok(address_of(host)?.to_string());
    }
    let name: HostName = host.parse()?;
    Ok(name.as_str().to_owned())
}

impl Teach for InvalidProxy {
    fn code(&self) -> FaultCode {
        match self {
            Self::Scheme | Self::Credentials | Self::Rest(_) => FaultCode::InvalidHost,
            Self::Port => FaultCode::InvalidPort,
            Self::Name(error) => error.code(),
            Self::Address(error) => error.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Scheme | Self::Port => format!("write it like `{}`", PROXY.example),
            Self::Credentials => "leave them out: settings hold no secret, and brig sends none to \
                 a proxy"
                .to_owned(),
            Self::Rest(without) => format!("write {}", Quoted(without)),
            Self::Name(error) => error.help(),
            Self::Address(error) => error.help(),
        }
    }
}

impl Written for ProxyAddress {
    const WHAT: &'static str = "the place of a proxy";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(&str, u16), InvalidProxy>) {
        let read = text.parse::<ProxyAddress>();
        if let Ok(read) = &read {
            assert_eq!(read.to_string(), text);
        }
        let read = read.map(|read| (read.host, read.port));
        let want = want.map(|(host, port)| (host.to_owned(), port));
        assert_eq!((text, read), (text, want));
    }

    #[test]
    fn a_proxy_has_one_spelling() {
        check(
            "http://proxy.corp.example:3128",
            Ok(("proxy.corp.example", 3128)),
        );
        check("http://proxy:1", Ok(("proxy", 1)));
        check("http://localhost:7890", Ok(("localhost", 7890)));
        check("http://127.0.0.1:65535", Ok(("127.0.0.1", 65535)));
        check("http://[::1]:80", Ok(("::1", 80)));
        let spelling = |text: &str| Err(InvalidBlock::Spelling(text.to_owned()).into());
        check("http://::1:80", spelling("[::1]"));
        check("http://[127.0.0.1]:80", spelling("127.0.0.1"));
        check("http://[0::1]:80", spelling("::1"));
        check("http://[proxy]:80", Err(InvalidBlock::Address.into()));
        check("http://127.1:80", Err(InvalidBlock::Address.into()));
        let name = |text: &str| Err(InvalidHostName::Spelling(text.to_owned()).into());
        check("http://Proxy:80", name("proxy"));
        check("http://:80", Err(InvalidHostName::Empty.into()));
        check(
            "http://a.localhost:80",
            Err(InvalidHostName::Loopback.into()),
        );
    }

    #[test]
    fn a_proxy_is_http_alone_and_holds_no_secret() {
        for text in [
            "proxy:3128",
            "",
            "https://p:1",
            "socks5://p:1",
            "HTTP://p:1",
            "//p:1",
        ] {
            check(text, Err(InvalidProxy::Scheme));
        }
        for text in ["http://me:word@p:1", "http://@p:1", "http://me@p:1/x"] {
            check(text, Err(InvalidProxy::Credentials));
        }
        for rest in ["/", "/a", "?a", "#a", "/a@b"] {
            let without = Err(InvalidProxy::Rest("http://p:1".to_owned()));
            check(&format!("http://p:1{rest}"), without);
        }
        for text in [
            "http://p",
            "http://p:",
            "http://p:0",
            "http://p:080",
            "http://p:65536",
        ] {
            check(text, Err(InvalidProxy::Port));
        }
    }
}
