//! What this host is: the addresses of its own interfaces, which are nobody on the internet
//! whatever they look like, and those that its resolver makes up.

use brig_policies::Block;
use brig_sandbox::egress::filter::Host;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long they are believed to be the same.
const KEPT: Duration = Duration::from_secs(1);

/// What was read last, and when.
#[derive(Debug)]
pub(super) struct Own {
    fake: Vec<Block>,
    kept: RefCell<Option<(Instant, Rc<Host>)>>,
}

impl Own {
    /// A host whose resolver answers with these blocks in place of real addresses.
    pub(super) fn new(fake: Vec<Block>) -> Self {
        Self {
            fake,
            kept: RefCell::default(),
        }
    }

    /// All of it, as the kernel told the addresses no more than a second ago.
    pub(super) fn host(&self) -> io::Result<Rc<Host>> {
        let mut kept = self.kept.borrow_mut();
        if let Some((_, host)) = kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT) {
            return Ok(Rc::clone(host));
        }
        let host = Rc::new(Host {
            own: addresses()?,
            fake: self.fake.clone(),
        });
        *kept = Some((Instant::now(), Rc::clone(&host)));
        Ok(host)
    }
}

/// All addresses, as the kernel tells them now (proc_pid_net(5)).
pub(crate) fn addresses() -> io::Result<BTreeSet<IpAddr>> {
    let mut own = v4(&fs::read_to_string("/proc/self/net/fib_trie")?);
    match fs::read_to_string("/proc/self/net/if_inet6") {
        Ok(text) => own.extend(v6(&text)),
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(own)
}

/// Leaves of the table, each followed by what it is.
fn v4(trie: &str) -> BTreeSet<IpAddr> {
    let mut own = BTreeSet::new();
    let mut leaf = None;
    for line in trie.lines().map(str::trim_start) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.trim().parse::<IpAddr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            own.extend(leaf);
        }
    }
    own
}

/// An address of 32 digits, then more.
fn v6(lines: &str) -> BTreeSet<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_ascii_whitespace().next()?;
        let bits = u128::from_str_radix(digits, 16).ok()?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    };
    lines.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn tables_are_read() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.1.2.0\n        /24 link UNICAST\n  \
                    |-- 10.1.2.3\n        /32 host LOCAL\n     |-- 10.1.2.255\n        /32 link \
                    BROADCAST\n";
        assert_eq!(v4(trie), ["10.1.2.3".parse().unwrap()].into());
        let lines = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(v6(lines), ["::1".parse().unwrap()].into());
    }

    #[test]
    fn this_host_has_its_loopback() {
        assert!(addresses().unwrap().contains(&"127.0.0.1".parse().unwrap()));
    }
}
