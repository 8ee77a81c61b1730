//! What is made in a cell's network namespace: see `init/sys/net.rs`.

use super::answer::BuildError;
use super::syscall::net;
use brig_sandbox::egress::{AddressFamily, Inside};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// The orders for it, an item each. *It has no effect.*
pub(super) fn encode(inside: &Inside) -> Vec<u8> {
    let mut items = Vec::new();
    for block in &inside.routes {
        let mut item = [0; net::ITEM_BYTES];
        item[0] = net::ROUTE;
        item[2] = block.prefix();
        match block.first() {
            IpAddr::V4(first) => {
                item[1] = net::V4;
                item[5..9].copy_from_slice(&first.octets());
            }
            IpAddr::V6(first) => {
                item[1] = net::V6;
                item[5..].copy_from_slice(&first.octets());
            }
        }
        items.extend(item);
    }
    for listener in &inside.listeners {
        let mut item = [0; net::ITEM_BYTES];
        item[0] = net::LISTENER;
        item[1] = match listener.family {
            AddressFamily::V4 => net::V4,
            AddressFamily::V6 => net::V6,
        };
        item[3..5].copy_from_slice(&listener.port.to_le_bytes());
        items.extend(item);
    }
    items
}

/// In the child, as long as it has the rights over its new network namespace: makes it, and waits
/// until the carrier serves it.
pub(super) fn make(inside: &Inside, carrier: &OwnedFd) -> Result<(), BuildError> {
    let failed =
        |(errno, step): net::Failed| BuildError::at(step, io::Error::from_raw_os_error(errno));
    let mut sockets = [-1; net::SOCKETS_MAX];
    let count = net::make(&encode(inside), &mut sockets).map_err(failed)?;
    let sockets = sockets.get(..count).unwrap_or_default();
    // They are closed with all else before the server's exec.
    net::hand(carrier.as_raw_fd(), sockets)
        .map(|_| ())
        .map_err(|errno| failed((errno, "hand the cell's network to its carrier")))
}
