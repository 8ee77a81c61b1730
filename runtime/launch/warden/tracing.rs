//! The way of a listener from the server's process to the tracer. The warden never reads from it.

use crate::launch::answer::InitAnswer;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// A channel to the tracer. It stays open for as long as the cell lives: its end is the tracer's.
pub(super) struct ToTracer {
    channel: OwnedFd,
    is_given: Cell<bool>,
}

impl ToTracer {
    pub(super) fn new(channel: OwnedFd) -> Self {
        Self {
            channel,
            is_given: Cell::new(false),
        }
    }

    /// Hands the first listener on. Another one would be of somebody who took init over, and is
    /// closed.
    pub(super) fn take(&self, listener: Option<OwnedFd>) -> InitAnswer {
        let Some(listener) = listener.filter(|_| !self.is_given.replace(true)) else {
            return InitAnswer::Unknown;
        };
        match self.send(&listener) {
            Ok(()) => InitAnswer::Listening,
            Err(errno) => InitAnswer::Failed {
                errno: errno.raw_os_error(),
                step: "give the tracer its listener: it is gone".to_owned(),
            },
        }
    }

    fn send(&self, listener: &OwnedFd) -> Result<(), Errno> {
        let all = [listener.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&all)) {
            return Err(Errno::INVAL);
        }
        let word = [IoSlice::new(b"listener")];
        rustix::net::sendmsg(&self.channel, &word, &mut ancillary, SendFlags::NOSIGNAL).map(|_| ())
    }
}

/// One message of init's, and the descriptor that came along. More than one are closed by the
/// kernel (unix(7)).
pub(super) fn receive(
    channel: &OwnedFd,
    into: &mut [u8],
) -> Result<(usize, Option<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        channel,
        &mut [IoSliceMut::new(into)],
        &mut ancillary,
        RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut descriptor = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    Ok((received.bytes, descriptor))
}
