//! An address that a program connects to, and whether its cell leads anywhere from there.

use crate::egress::Inside;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The port of the cell's own name server.
const NAMES: u16 = 53;

/// Reads an address as connect(2) takes it: `struct sockaddr_in` (ip(7)) or `sockaddr_in6`
/// (ipv6(7)); none of another family, or that is too short.
pub fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => {
            let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some((address, port).into())
        }
        libc::AF_INET6 => {
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let address = Ipv6Addr::from(*rest.first_chunk::<16>()?);
            // The same socket reaches both families.
            Some((IpAddr::from(address).to_canonical(), port).into())
        }
        _ => None,
    }
}

/// Where a connection would have gone that leads nowhere in a cell, as `host:port`. Whoever
/// dials a granted name is not told here: its address is the cell's own.
pub fn beyond(inside: &Inside, to: SocketAddr) -> Option<String> {
    let (ip, port) = (to.ip(), to.port());
    // A program asks so for its own address, and sends nothing.
    if ip.is_unspecified() || port == 0 {
        return None;
    }
    if ip.is_loopback() {
        let listens = inside.listeners.iter().any(|one| one.port == port) || port == NAMES;
        return (!listens).then(|| format!("localhost:{port}"));
    }
    let is_own = inside.routes.iter().any(|block| block.holds(ip));
    (!is_own).then(|| to.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::egress::{AddressFamily, Listener};

    #[track_caller]
    fn check(to: &str, expected: Option<&str>) {
        let inside = Inside {
            routes: ["100.64.0.0/24".parse().unwrap()].into(),
            listeners: [Listener {
                port: 443,
                family: AddressFamily::V4,
            }]
            .into(),
        };
        assert_eq!(beyond(&inside, to.parse().unwrap()).as_deref(), expected);
    }

    #[test]
    fn what_leads_nowhere_is_told_by_host_and_port() {
        check("100.64.0.7:443", None);
        check("10.0.0.5:5432", Some("10.0.0.5:5432"));
        check("[2001:db8::1]:443", Some("[2001:db8::1]:443"));
        check("127.0.0.1:53", None);
        check("127.0.0.1:443", None);
        check("127.0.0.1:5432", Some("localhost:5432"));
        check("[::1]:80", Some("localhost:80"));
        check("0.0.0.0:80", None);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_reads_them() {
        let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
        let v4 = [&family(libc::AF_INET)[..], &[1, 187, 10, 0, 0, 5, 0, 0]].concat();
        assert_eq!(address(&v4), Some("10.0.0.5:443".parse().unwrap()));
        let mut v6 = [&family(libc::AF_INET6)[..], &[0, 80, 0, 0, 0, 0]].concat();
        assert_eq!(address(&v6), None);
        v6.extend([0; 15]);
        v6.push(1);
        assert_eq!(address(&v6), Some("[::1]:80".parse().unwrap()));
        let mapped = [&[0; 10][..], &[255, 255, 10, 0, 0, 5]].concat();
        v6.splice(8.., mapped);
        assert_eq!(address(&v6), Some("10.0.0.5:80".parse().unwrap()));
        assert_eq!(address(&family(libc::AF_UNIX)), None);
        assert_eq!(address(&[]), None);
    }
}
