//! The container whose network a daemon's container joins: brig's init alone, which makes it with
//! rights over that one namespace, before the server's first instruction.

use super::daemon::{Made, container_name, start, wait};
use super::meet::{Meeting, accept};
use crate::engine::Client;
use crate::init_wire::tag;
use crate::launch::answer::{BuildError, InitAnswer};
use crate::launch::build::runtime::listen;
use crate::launch::orders::{DaemonOrders, WardenOrders};
use crate::launch::{MESSAGE_BYTES_MAX, SOCKETS_MAX, inside, received, syscall};
use brig_sandbox::lower::daemon::NETWORK_CHANNEL_FILE;
use rustix::net::SendFlags;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A network that is served, in a container that lasts as long as this.
pub(super) struct Network<'a> {
    made: Made<'a>,
    /// Its init ends with it.
    init: OwnedFd,
}

impl<'a> Network<'a> {
    /// Makes it, where the server may reach anybody.
    pub(super) fn make(
        orders: &WardenOrders,
        daemon: &DaemonOrders,
        (client, meeting): (&'a Client, &Meeting<'_>),
        carrier: Option<&OwnedFd>,
    ) -> Result<Option<Self>, BuildError> {
        let (Some(body), Some(ordered)) = (&daemon.network, &orders.cell.inside) else {
            return Ok(None);
        };
        let failed = |e: io::Error| BuildError::at("make the container's network", e);
        let carrier = carrier.ok_or_else(|| failed(io::Error::other("it has no carrier")))?;
        let channel = daemon.folder.join(NETWORK_CHANNEL_FILE);
        let channel = channel.to_str().ok_or(io::ErrorKind::InvalidFilename);
        let listener = channel.map_err(io::Error::from).and_then(listen);
        let listener = listener.map_err(failed)?;
        let name = format!("{}-network", container_name(daemon));
        let made = start(client, daemon, &name, body.clone())?;
        wait(
            meeting,
            &listener,
            client,
            made.id.as_deref().unwrap_or_default(),
        )?;
        let network = Self {
            made,
            init: accept(&listener)?,
        };
        let items = inside::encode(ordered);
        let mut message = vec![tag::NETWORK];
        // Items are at most some thousand bytes.
        message.extend(u32::try_from(items.len()).unwrap_or(u32::MAX).to_le_bytes());
        message.extend(items);
        rustix::net::send(&network.init, &message, SendFlags::NOSIGNAL)
            .map_err(|e| failed(e.into()))?;
        let sockets = sockets(network.init.as_fd())?;
        let numbers: Vec<i32> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
        syscall::net::hand(carrier.as_raw_fd(), &numbers)
            .map_err(|errno| failed(io::Error::from_raw_os_error(errno)))?;
        // The carrier has them: init lets go of its own.
        rustix::net::send(&network.init, b"S", SendFlags::NOSIGNAL)
            .map_err(|e| failed(e.into()))?;
        Ok(Some(network))
    }

    /// The container's id.
    pub(super) fn id(&self) -> &str {
        self.made.id.as_deref().unwrap_or_default()
    }

    /// Its init, as this host sees it (unix(7), `SO_PEERCRED`).
    pub(super) fn process(&self) -> u32 {
        let peer = rustix::net::sockopt::socket_peercred(&self.init).ok();
        peer.map_or(0, |peer| peer.pid.as_raw_nonzero().get().unsigned_abs())
    }
}

/// The sockets that init made, or why it did not.
fn sockets(init: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, BuildError> {
    let failed = |e: io::Error| BuildError::at("get the container's sockets", e);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut message = [0u8; MESSAGE_BYTES_MAX];
    let (length, sockets) = received(init, &mut message, &mut space).map_err(failed)?;
    if !sockets.is_empty() {
        return Ok(sockets);
    }
    match InitAnswer::read(message.get(..length).unwrap_or_default()) {
        InitAnswer::Failed { errno, step } => {
            Err(BuildError::at(&step, io::Error::from_raw_os_error(errno)))
        }
        InitAnswer::Unbuilt(error) => Err(error),
        InitAnswer::Differs { .. }
        | InitAnswer::Read(_)
        | InitAnswer::Started
        | InitAnswer::Listening
        | InitAnswer::Ended(_)
        | InitAnswer::Unknown => Err(failed(io::Error::other("none came"))),
    }
}
