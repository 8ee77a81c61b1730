//! What kinds of addresses there are (IANA's registries of special addresses, RFC 6890).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use brig_policies::Block;

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An address of the public internet.
    Public,
    /// Of a private network (RFC 1918, RFC 4193), also of the former site-local kind.
    Private,
    /// Shared between a provider and its customers (RFC 6598); tailnets use it.
    Shared,
    /// For documents alone (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// For benchmarks alone (RFC 2544, RFC 5180).
    Benchmark,
    /// Kept for protocols, or not assigned to anybody.
    Reserved,
    /// This host itself, whatever it is asked for (RFC 1122, 3.2.1.3).
    Unspecified,
    /// This host's loopback.
    Loopback,
    /// Of one link, where routers and clouds offer services without a password.
    LinkLocal,
    /// What a cloud's metadata service answers at.
    Metadata,
    /// Many hosts at once.
    Multicast,
    /// All hosts of a link.
    Broadcast,
}

impl Place {
    /// Whether no grant can reach it.
    pub const fn is_never(self) -> bool {
        match self {
            Self::Unspecified
            | Self::Loopback
            | Self::LinkLocal
            | Self::Metadata
            | Self::Multicast
            | Self::Broadcast => true,
            Self::Public
            | Self::Private
            | Self::Shared
            | Self::Documentation
            | Self::Benchmark
            | Self::Reserved => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared between a provider and its customers",
            Self::Documentation => "for documents alone",
            Self::Benchmark => "for benchmarks alone",
            Self::Reserved => "reserved",
            Self::Unspecified => "no place",
            Self::Loopback => "this host's loopback",
            Self::LinkLocal => "of one link",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "of many hosts at once",
            Self::Broadcast => "of all hosts of a link",
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// An address of these first four groups and this last one.
const fn v6(first: [u16; 4], last: u16) -> IpAddr {
    let [a, b, c, d] = first;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, last))
}

/// The first row that holds an address says what it is; the rows of IPv4 are followed by one for
/// all, those of IPv6 by public addresses and one for all.
const PLACES: &[(IpAddr, u8, Place)] = &[
    // Metadata, where a wider row would not say so: AWS and most others, its containers, Alibaba,
    // Oracle, Azure, AWS by IPv6, Google by IPv6.
    (v4(169, 254, 169, 254), 32, Place::Metadata),
    (v4(169, 254, 170, 2), 32, Place::Metadata),
    (v4(169, 254, 170, 23), 32, Place::Metadata),
    (v4(100, 100, 100, 200), 32, Place::Metadata),
    (v4(192, 0, 0, 192), 32, Place::Metadata),
    (v4(168, 63, 129, 16), 32, Place::Metadata),
    (v6([0xfd00, 0xec2, 0, 0], 0), 32, Place::Metadata),
    (v6([0xfd20, 0xce, 0, 0], 0x254), 128, Place::Metadata),
    (v4(0, 0, 0, 0), 8, Place::Unspecified),
    (v4(10, 0, 0, 0), 8, Place::Private),
    (v4(100, 64, 0, 0), 10, Place::Shared),
    (v4(127, 0, 0, 0), 8, Place::Loopback),
    (v4(169, 254, 0, 0), 16, Place::LinkLocal),
    (v4(172, 16, 0, 0), 12, Place::Private),
    (v4(192, 0, 0, 0), 24, Place::Reserved),
    (v4(192, 0, 2, 0), 24, Place::Documentation),
    (v4(192, 88, 99, 0), 24, Place::Reserved),
    (v4(192, 168, 0, 0), 16, Place::Private),
    (v4(198, 18, 0, 0), 15, Place::Benchmark),
    (v4(198, 51, 100, 0), 24, Place::Documentation),
    (v4(203, 0, 113, 0), 24, Place::Documentation),
    (v4(224, 0, 0, 0), 4, Place::Multicast),
    (v4(255, 255, 255, 255), 32, Place::Broadcast),
    // A kernel may take any of the last block for a broadcast address.
    (v4(240, 0, 0, 0), 4, Place::Broadcast),
    (v4(0, 0, 0, 0), 0, Place::Public),
    (v6([0; 4], 0), 128, Place::Unspecified),
    (v6([0; 4], 1), 128, Place::Loopback),
    (v6([0xfc00, 0, 0, 0], 0), 7, Place::Private),
    (v6([0xfe80, 0, 0, 0], 0), 10, Place::LinkLocal),
    (v6([0xfec0, 0, 0, 0], 0), 10, Place::Private),
    (v6([0xff00, 0, 0, 0], 0), 8, Place::Multicast),
    (v6([0x2001, 2, 0, 0], 0), 48, Place::Benchmark),
    (v6([0x2001, 0xdb8, 0, 0], 0), 32, Place::Documentation),
    (v6([0x2001, 0, 0, 0], 0), 23, Place::Reserved),
    (v6([0x3fff, 0, 0, 0], 0), 20, Place::Documentation),
    (v6([0x2000, 0, 0, 0], 0), 3, Place::Public),
    (v6([0; 4], 0), 0, Place::Reserved),
];

/// What an address is by its own number, whatever it may carry.
pub fn place(address: IpAddr) -> Place {
    let row = PLACES
        .iter()
        .find(|(first, prefix, _)| Block::around(*first, *prefix).holds(address));
    // Each family's last row holds everything.
    row.map_or(Place::Reserved, |(_, _, place)| *place)
}

/// The addresses by which an address is judged; at least one.
///
/// IPv4 in IPv6's form (RFC 4291), translated forms (RFC 6052, RFC 8215, RFC 7915), 6to4 (RFC 3056)
/// and Teredo (RFC 4380) stand for the IPv4 addresses in them. ISATAP (RFC 5214) can be told by
/// half of an address alone, so it counts as itself too.
pub fn readings(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(long) = address else {
        return vec![address];
    };
    if long.is_unspecified() || long.is_loopback() {
        return vec![address];
    }
    match long.segments() {
        // Mapped, compatible, and both translated forms.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => vec![short(high, low)],
        [0x64, 0xff9b, 1, ..] => local_translation(long),
        // The server, and the client's own with each bit turned.
        [0x2001, 0, high, low, _, _, own_high, own_low] => {
            vec![short(high, low), short(!own_high, !own_low)]
        }
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => vec![address, short(high, low)],
        _ => vec![address],
    }
}

fn short(high: u16, low: u16) -> IpAddr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    v4(a, b, c, d)
}

/// A network's own translator (RFC 8215) has a prefix of any length that RFC 6052 knows, so each of
/// them is read. What reads as no place, to which no translator delivers, is where a longer prefix
/// has zeros of its own; where every reading is none, all of them stay.
fn local_translation(long: Ipv6Addr) -> Vec<IpAddr> {
    let o = long.octets();
    let all = [
        v4(o[6], o[7], o[9], o[10]),
        v4(o[7], o[9], o[10], o[11]),
        v4(o[9], o[10], o[11], o[12]),
        v4(o[12], o[13], o[14], o[15]),
    ];
    let some: Vec<IpAddr> = all
        .into_iter()
        .filter(|reading| place(*reading) != Place::Unspecified)
        .collect();
    if some.is_empty() { all.to_vec() } else { some }
}
