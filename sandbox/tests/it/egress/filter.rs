//! Which resolved addresses are dialled.

use super::{API, egress};
use brig_sandbox::egress::filter::{ADDRESSES_MAX, Host, Place, judge, judge_all, place, readings};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn intranet(blocks: &str) -> String {
    format!("{API}\naddresses = [{blocks}]")
}

/// What is said of an address: what is dialled, or why not.
#[track_caller]
fn told(grant: &str, address: &str) -> String {
    let egress = egress(&[grant]);
    match judge(
        &egress.grants[0],
        address.parse().unwrap(),
        &Host::default(),
    ) {
        Ok(dialable) => dialable.address().to_string(),
        Err(unfit) => match unfit.line() {
            Some(line) => format!("{unfit} | {line}"),
            None => unfit.to_string(),
        },
    }
}

/// Addresses that a grant of public ones dials, as they are dialled.
#[test]
fn public_addresses_are_dialled() {
    for (address, dialled) in [
        ("1.1.1.1", "1.1.1.1"),
        ("140.82.121.4", "140.82.121.4"),
        ("172.32.0.1", "172.32.0.1"),
        ("100.128.0.1", "100.128.0.1"),
        ("2606:4700:4700::1111", "2606:4700:4700::1111"),
        ("2a00:1450:4001::200e", "2a00:1450:4001::200e"),
        ("::ffff:1.1.1.1", "1.1.1.1"),
        ("64:ff9b::101:101", "64:ff9b::101:101"),
        ("64:ff9b:1:101:1:100::", "64:ff9b:1:101:1:100::"),
        ("64:ff9b:1::101:101", "64:ff9b:1::101:101"),
        ("2002:101:101::1", "2002:101:101::1"),
    ] {
        assert_eq!(told(API, address), dialled);
    }
}

/// Each address that no grant reaches, with what it is read as.
#[test]
fn some_places_are_never_dialled() {
    const NEVER: &[(&str, &str, Place)] = &[
        ("0.0.0.0", "0.0.0.0", Place::Unspecified),
        ("0.1.2.3", "0.1.2.3", Place::Unspecified),
        ("127.0.0.1", "127.0.0.1", Place::Loopback),
        ("127.255.255.254", "127.255.255.254", Place::Loopback),
        ("169.254.0.1", "169.254.0.1", Place::LinkLocal),
        ("169.254.169.254", "169.254.169.254", Place::Metadata),
        ("169.254.170.2", "169.254.170.2", Place::Metadata),
        ("100.100.100.200", "100.100.100.200", Place::Metadata),
        ("168.63.129.16", "168.63.129.16", Place::Metadata),
        ("192.0.0.192", "192.0.0.192", Place::Metadata),
        ("224.0.0.251", "224.0.0.251", Place::Multicast),
        ("240.0.0.1", "240.0.0.1", Place::Broadcast),
        ("255.255.255.255", "255.255.255.255", Place::Broadcast),
        ("::", "::", Place::Unspecified),
        ("::1", "::1", Place::Loopback),
        ("fe80::1", "fe80::1", Place::LinkLocal),
        ("ff02::1", "ff02::1", Place::Multicast),
        ("fd00:ec2::254", "fd00:ec2::254", Place::Metadata),
        ("fd20:ce::254", "fd20:ce::254", Place::Metadata),
        ("::ffff:127.0.0.1", "127.0.0.1", Place::Loopback),
        ("::ffff:169.254.169.254", "169.254.169.254", Place::Metadata),
        ("::127.0.0.1", "127.0.0.1", Place::Loopback),
        ("::ffff:0:127.0.0.1", "127.0.0.1", Place::Loopback),
        ("64:ff9b::7f00:1", "127.0.0.1", Place::Loopback),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254", Place::Metadata),
        ("64:ff9b:1::a9fe:a9fe", "169.254.169.254", Place::Metadata),
        (
            "64:ff9b:1:a9fe:a9:fe00::",
            "169.254.169.254",
            Place::Metadata,
        ),
        ("64:ff9b:1::", "0.0.0.0", Place::Unspecified),
        ("2002:7f00:1::1", "127.0.0.1", Place::Loopback),
        ("2002:a9fe:a9fe::1", "169.254.169.254", Place::Metadata),
        // Teredo: the server, and the client with each bit turned.
        (
            "2001:0:a9fe:a9fe::fefe:fefe",
            "169.254.169.254",
            Place::Metadata,
        ),
        ("2001:0:101:101::80ff:fffe", "127.0.0.1", Place::Loopback),
        ("2606:4700::5efe:7f00:1", "127.0.0.1", Place::Loopback),
        (
            "2606:4700::200:5efe:a9fe:a9fe",
            "169.254.169.254",
            Place::Metadata,
        ),
    ];
    for (address, reading, place) in NEVER {
        let plain: IpAddr = address.parse().unwrap();
        let want = format!("dial {plain}: {reading} is {place}, which no grant reaches");
        // Not by a block around it either; what cannot be granted is left to the public.
        for blocks in [
            "\"public\"",
            "\"100.64.0.0/10\", \"192.0.0.0/24\", \"fd20::/16\"",
        ] {
            assert_eq!(told(&intranet(blocks), address), want);
        }
    }
}

#[test]
fn other_places_need_a_block() {
    for (address, reading, place, block) in [
        ("10.1.2.3", "10.1.2.3", Place::Private, "10.0.0.0/8"),
        ("172.16.0.1", "172.16.0.1", Place::Private, "172.16.0.0/12"),
        ("172.17.0.1", "172.17.0.1", Place::Private, "172.17.0.1/32"),
        (
            "192.168.1.1",
            "192.168.1.1",
            Place::Private,
            "192.168.1.0/24",
        ),
        ("100.64.0.1", "100.64.0.1", Place::Shared, "100.64.0.0/10"),
        (
            "198.18.0.1",
            "198.18.0.1",
            Place::Benchmark,
            "198.18.0.0/15",
        ),
        (
            "192.0.2.1",
            "192.0.2.1",
            Place::Documentation,
            "192.0.2.0/24",
        ),
        ("192.0.0.8", "192.0.0.8", Place::Reserved, "192.0.0.0/28"),
        (
            "fd7a:115c:a1e0::1",
            "fd7a:115c:a1e0::1",
            Place::Private,
            "fd7a:115c:a1e0::/48",
        ),
        ("fec0::1", "fec0::1", Place::Private, "fec0::/10"),
        (
            "2001:db8::1",
            "2001:db8::1",
            Place::Documentation,
            "2001:db8::/32",
        ),
        ("4000::1", "4000::1", Place::Reserved, "4000::/8"),
        ("64:ff9b::a01:203", "10.1.2.3", Place::Private, "10.0.0.0/8"),
        ("2002:a01:203::1", "10.1.2.3", Place::Private, "10.0.0.0/8"),
        ("::10.1.2.3", "10.1.2.3", Place::Private, "10.0.0.0/8"),
    ] {
        let one = format!("{reading}/{}", if reading.contains(':') { 128 } else { 32 });
        let want = format!(
            "dial {}: {reading} is {place}, and the grant's `addresses` do not hold it | \
             addresses = [..., \"{one}\"]",
            address.parse::<IpAddr>().unwrap()
        );
        assert_eq!(told(API, address), want);
        let dialled: IpAddr = address.parse().unwrap();
        assert_eq!(
            told(&intranet(&format!("\"{block}\"")), address),
            dialled.to_string()
        );
    }
    // A block is not the public internet.
    let told = told(&intranet("\"10.0.0.0/8\""), "1.1.1.1");
    assert!(
        told.starts_with("dial 1.1.1.1: 1.1.1.1 is public, and the grant's"),
        "{told}"
    );
}

#[test]
fn a_grant_by_address_dials_that_and_no_other() {
    let peer = "host = \"10.1.2.0/24\"\nports = [443]";
    assert_eq!(told(peer, "10.1.2.9"), "10.1.2.9");
    assert!(told(peer, "10.1.3.9").contains("do not hold it"));
    assert!(told(peer, "1.1.1.1").contains("do not hold it"));
    let here = "host = \"localhost\"\nports = [443]";
    assert_eq!(told(here, "127.0.0.1"), "127.0.0.1");
    assert_eq!(told(here, "::1"), "::1");
    for address in ["127.0.0.2", "10.0.0.1", "1.1.1.1", "::", "0.0.0.0"] {
        assert!(
            told(here, address).contains("which no grant reaches"),
            "{address}"
        );
    }
}

#[test]
fn this_hosts_own_addresses_are_not_public() {
    let here = host(&["1.2.3.4", "10.0.0.5"], &[]);
    let judged = |grant: &str, address: &str| {
        let egress = egress(&[grant]);
        let judged = judge(&egress.grants[0], address.parse().unwrap(), &here);
        judged
            .map(|_| ())
            .map_err(|unfit| (unfit.to_string(), unfit.line()))
    };
    let told = "dial 1.2.3.4: it is this host's own, and the grant's `addresses` do not hold it";
    let line = "addresses = [..., \"1.2.3.4/32\"]";
    let want = Err((told.to_owned(), Some(line.to_owned())));
    assert_eq!(judged(API, "1.2.3.4"), want);
    assert_eq!(judged(API, "::ffff:1.2.3.4"), want);
    assert!(judged(API, "2002:102:304::1").is_err());
    assert_eq!(judged(API, "1.2.3.5"), Ok(()));
    assert_eq!(judged(&intranet("\"1.2.3.4/32\""), "1.2.3.4"), Ok(()));
    assert_eq!(judged(&intranet("\"10.0.0.0/24\""), "10.0.0.5"), Ok(()));
}

fn host(own: &[&str], fake: &[&str]) -> Host {
    Host {
        own: own.iter().map(|text| text.parse().unwrap()).collect(),
        fake: fake.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// Whether a grant dials an address, on a host whose resolver answers with these blocks, and which
/// has the first address of each.
#[track_caller]
fn check_fake(grant: &str, address: &str, want: bool) {
    let here = host(
        &["198.18.0.1", "fc00::1", "10.9.0.1"],
        &[
            "198.18.0.0/15",
            "fc00::/18",
            "10.9.0.0/16",
            "169.254.0.0/16",
        ],
    );
    let egress = egress(&[grant]);
    let judged = judge(&egress.grants[0], address.parse().unwrap(), &here);
    assert_eq!(judged.is_ok(), want, "{grant}: {address}: {judged:?}");
}

#[test]
fn what_a_resolver_makes_up_counts_as_public_where_the_host_says_so() {
    for address in [
        "198.18.0.2",
        "198.19.255.254",
        "fc00::2",
        "10.9.0.2",
        "::ffff:10.9.0.2",
    ] {
        check_fake(API, address, true);
        assert!(told(API, address).contains("do not hold it"), "{address}");
        // A block is not the public internet.
        check_fake(&intranet("\"172.16.0.0/12\""), address, false);
        check_fake("host = \"172.16.0.0/12\"\nports = [443]", address, false);
        check_fake("host = \"localhost\"\nports = [443]", address, false);
    }
    // Neither this host's own, nor what no grant reaches, nor another private place.
    for address in [
        "198.18.0.1",
        "fc00::1",
        "10.9.0.1",
        "169.254.169.254",
        "10.8.0.2",
    ] {
        check_fake(API, address, false);
    }
    // Nor one in disguise: a translator delivers to the address itself, past the resolver.
    for address in ["64:ff9b::a09:2", "2002:a09:2::1", "64:ff9b::c612:2"] {
        check_fake(API, address, false);
    }
    check_fake(&intranet("\"10.9.0.0/16\""), "10.9.0.1", true);
    check_fake(API, "1.1.1.1", true);
}

#[test]
fn an_answer_is_judged_address_by_address_and_no_further() {
    let egress = egress(&[API]);
    let addresses: Vec<IpAddr> = ["10.0.0.1", "1.1.1.1", "::ffff:1.1.1.1", "2606:4700::1"]
        .map(|text| text.parse().unwrap())
        .into();
    let (fit, unfit) = judge_all(&egress.grants[0], &addresses, &Host::default());
    let fit: Vec<String> = fit.iter().map(|it| it.address().to_string()).collect();
    assert_eq!(
        (fit, unfit.len()),
        (vec!["1.1.1.1".to_owned(), "2606:4700::1".to_owned()], 1)
    );
    let many: Vec<IpAddr> = (0..1000)
        .map(|count| Ipv4Addr::from_bits(0x0101_0000 + count).into())
        .collect();
    let (fit, unfit) = judge_all(&egress.grants[0], &many, &Host::default());
    assert_eq!((fit.len(), unfit.len()), (ADDRESSES_MAX, 0));
}

/// Every form in which an IPv4 address can hide in one of IPv6. A network's own translator delivers
/// nothing to 0.0.0.0/8, which stands in other forms where zeros are.
fn disguises(short: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = short.octets().map(u16::from);
    let (high, low) = ((a << 8) | b, (c << 8) | d);
    let v6 = |s: [u16; 8]| Ipv6Addr::from(s);
    let local = vec![
        v6([0x64, 0xff9b, 1, 0, 0, 0, high, low]),
        v6([0x64, 0xff9b, 1, high, c, d << 8, 0, 0]),
        v6([0x64, 0xff9b, 1, a, b, low, 0, 0]),
        v6([0x64, 0xff9b, 1, 0, a, (b << 8) | c, d << 8, 0]),
    ];
    let local = local.into_iter().filter(|_| a != 0);
    local
        .chain([
            v6([0, 0, 0, 0, 0, 0xffff, high, low]),
            v6([0, 0, 0, 0, 0xffff, 0, high, low]),
            v6([0, 0, 0, 0, 0, 0, high, low]),
            v6([0x64, 0xff9b, 0, 0, 0, 0, high, low]),
            v6([0x2002, high, low, 0, 0, 0, 0, 1]),
            v6([0x2001, 0, high, low, 0, 0, 0xfefe, 0xfefe]),
            v6([0x2001, 0, 0x0101, 0x0101, 0, 0, !high, !low]),
            v6([0x2a00, 1, 2, 3, 0, 0x5efe, high, low]),
            v6([0x2a00, 1, 2, 3, 0x200, 0x5efe, high, low]),
        ])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No form lets through what its address would not.
    #[test]
    fn no_disguise_reaches_further(bits in any::<u32>()) {
        let short = Ipv4Addr::from_bits(bits);
        let egress = egress(&[API]);
        let judged = |address| judge(&egress.grants[0], address, &Host::default()).is_ok();
        let plain = judged(short.into());
        prop_assert_eq!(plain, place(short.into()) == Place::Public);
        for disguise in disguises(short) {
            prop_assert!(plain || !judged(disguise.into()), "{} as {}", short, disguise);
        }
    }

    #[test]
    fn special_addresses_stay_shut_in_every_disguise(
        first in prop_oneof![Just(10_u8), Just(127), Just(0), Just(224), Just(255)],
        rest in any::<[u8; 3]>(),
    ) {
        let short = Ipv4Addr::new(first, rest[0], rest[1], rest[2]);
        let egress = egress(&[API]);
        for disguise in disguises(short) {
            let judged = judge(&egress.grants[0], disguise.into(), &Host::default());
            prop_assert!(judged.is_err(), "{} as {}", short, disguise);
        }
    }

    #[test]
    fn an_address_is_read_as_something(bits in any::<u128>()) {
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        prop_assert!(!readings(address).is_empty());
    }
}
