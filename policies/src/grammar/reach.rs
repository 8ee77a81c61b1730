//! How a host reaches others, in its settings.

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

/// The most blocks of one list: each address that a name leads to is compared with each.
pub(crate) const BLOCKS_MAX: usize = 16;

pub(crate) const VIRTUAL_V4: Key = Key::new(
    "virtual-v4",
    Takes::Texts(Form::Block, 1, BLOCKS_MAX),
    "virtual-v4 = [\"100.64.0.0/10\"]",
    "The private blocks from which IPv4 addresses are taken that stand for names in a cell: of \
     each at least a `/20`; the first in which no grant names an address.",
)
.also(&["virtual", "virtual-ipv4", "range", "subnet"])
.refused("virtual-v4 = [\"100.64.0.0\"]", FaultCode::InvalidAddress)
.unless("`100.64.0.0/10`, then `198.18.0.0/15`");

pub(crate) const VIRTUAL_V6: Key = Key::new(
    "virtual-v6",
    Takes::Texts(Form::Block, 1, BLOCKS_MAX),
    "virtual-v6 = [\"fd62:7269:6700::/48\"]",
    "Likewise of IPv6: unique local addresses, of each block at least a `/64`.",
)
.also(&["virtual-ipv6"])
.refused("virtual-v6 = [\"fd62::1/48\"]", FaultCode::InvalidAddress)
.unless("`fd62:7269:6700::/48`");

pub(crate) const PROXY: Key = Key::new(
    "proxy",
    Takes::Text(Form::Proxy),
    "proxy = \"http://proxy.corp.example:3128\"",
    "The HTTP proxy by which this host reaches others, where it has to: granted names are asked \
     of it with CONNECT, and it looks them up.",
)
.also(&["http-proxy", "https-proxy", "all-proxy"])
.refused(
    "proxy = \"socks5://127.0.0.1:1080\"",
    FaultCode::InvalidHost,
)
.unless("none: names are looked up as this host does it, and dialled");

pub(crate) const FAKE: Key = Key::new(
    "fake-addresses",
    Takes::Texts(Form::Block, 1, BLOCKS_MAX),
    "fake-addresses = [\"198.18.0.0/15\"]",
    "The blocks with which this host's resolver answers in place of real addresses, as local \
     proxies do (fake-IP): they count as public.",
)
.also(&["fake-ip", "fake-ip-range", "fakeip", "fake"])
.refused(
    "fake-addresses = [\"127.0.0.0/8\"]",
    FaultCode::RefusedDestination,
)
.unless("none");

pub(crate) const SECTION: Section = Section {
    title: "[network]",
    keys: &[VIRTUAL_V4, VIRTUAL_V6, PROXY, FAKE],
    one_of: &[],
    whole: &[],
};
