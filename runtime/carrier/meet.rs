//! The supervisor's side of the carrier, and how the two meet.

use super::{CARRIER_ARGUMENT, CarrierOrders};
use crate::launch::{SOCKETS_MAX, received, sealed};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::pipe::PipeFlags;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};

/// A started carrier. Dropping it closes its channel, on which it ends.
pub(crate) struct Carrier {
    channel: Option<OwnedFd>,
    process: Child,
}

/// A carrier with what belongs to others.
pub(crate) struct Met {
    /// The carrier.
    pub(crate) carrier: Carrier,
    /// What it tells, a line each.
    pub(crate) reports: OwnedFd,
    /// By which the cell's sockets are handed to it.
    pub(crate) cells_end: OwnedFd,
}

impl Carrier {
    /// Starts it with these orders.
    pub(crate) fn spawn(orders: &CarrierOrders) -> io::Result<Met> {
        let (channel, theirs) = pair()?;
        let (cells_end, carriers_end) = pair()?;
        let (reports, told) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let mut command = Command::new("/proc/self/exe");
        let process = command
            .arg(CARRIER_ARGUMENT)
            .env_clear()
            // A granted name is whole: no search list makes another of it (resolv.conf(5)).
            .env("LOCALDOMAIN", "")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(told))
            .stderr(Stdio::null())
            .spawn()?;
        let carrier = Self {
            channel: Some(channel),
            process,
        };
        let text = sealed(&serde_json::to_vec(orders)?)?;
        carrier.send(&[text.as_fd(), carriers_end.as_fd()])?;
        Ok(Met {
            carrier,
            reports,
            cells_end,
        })
    }

    fn send(&self, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let Some(channel) = &self.channel else {
            return Ok(());
        };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        let word = [IoSlice::new(b"orders")];
        rustix::net::sendmsg(channel, &word, &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        drop(self.channel.take());
        // It ends with its channel, at once.
        let _ = self.process.wait();
    }
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = SocketType::SEQPACKET;
    let pair = rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    Ok(pair)
}

/// One message with descriptors; none where the other end closed without one.
pub(super) fn receive(channel: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let (_, descriptors) = received(channel, &mut [0; 16], &mut space)?;
    Ok(descriptors)
}
