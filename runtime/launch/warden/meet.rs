//! How the warden and an init meet that an engine started: on a socket that only that init can
//! name.

use crate::launch::answer::{BuildError, InitAnswer};
use crate::launch::build::runtime::LISTENER;
use brig_sandbox::engine::Engine;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long an engine may take until its container's first program speaks.
const MEETING_SECONDS_MAX: u64 = 30;
/// Bytes of a runtime's last words.
const WORDS_BYTES_MAX: usize = 2048;

/// Waiting for init, while the supervisor is there.
pub(super) struct Meeting<'a> {
    /// The supervisor's channel.
    pub(super) channel: &'a OwnedFd,
    /// Who starts init.
    pub(super) engine: Engine,
    /// Where that one writes why it failed.
    pub(super) errors: Option<&'a OwnedFd>,
}

impl Meeting<'_> {
    /// The socket that the child made in its namespaces.
    pub(super) fn listener(&self, child: &OwnedFd) -> Result<OwnedFd, BuildError> {
        let failed = |e: io::Error| BuildError::at("get init's socket", e);
        self.wait(child.as_fd(), None, Instant::now() + limit())?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut message = [0u8; crate::launch::MESSAGE_BYTES_MAX];
        let received = rustix::net::recvmsg(
            child,
            &mut [IoSliceMut::new(&mut message)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        );
        let length = received.map_err(|e| failed(e.into()))?.bytes;
        let message = message.get(..length).unwrap_or_default();
        if message != LISTENER {
            let unbuilt = InitAnswer::read(message).unbuilt();
            let unknown = || failed(io::Error::other("the cell was not built"));
            return Err(unbuilt.unwrap_or_else(unknown));
        }
        let descriptors = ancillary.drain().find_map(|message| {
            if let RecvAncillaryMessage::ScmRights(mut received) = message {
                received.next()
            } else {
                None
            }
        });
        descriptors.ok_or_else(|| failed(io::Error::other("none came")))
    }

    /// The one connection that comes: init's. Nobody can connect after it.
    pub(super) fn accept(
        &self,
        listener: &OwnedFd,
        death: &OwnedFd,
    ) -> Result<OwnedFd, BuildError> {
        self.wait(
            listener.as_fd(),
            Some(death.as_fd()),
            Instant::now() + limit(),
        )?;
        accept(listener)
    }

    /// Whether init connects within a time. It is an error where the supervisor is gone.
    pub(super) fn comes(&self, listener: &OwnedFd, time: Duration) -> Result<bool, BuildError> {
        let step = format!("start the server under {}", self.engine);
        let mut polled = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(self.channel, PollFlags::empty()),
        ];
        poll(&mut polled, time).map_err(|e| BuildError::at(&step, e))?;
        let [comes, gone] = polled.map(|fd| !fd.revents().is_empty());
        if gone && !comes {
            return Err(BuildError::at(&step, io::Error::other("brig ended")));
        }
        Ok(comes)
    }

    /// Waits until a descriptor can be read, or for whatever makes that futile.
    fn wait(
        &self,
        wanted: BorrowedFd<'_>,
        death: Option<BorrowedFd<'_>>,
        until: Instant,
    ) -> Result<(), BuildError> {
        let step = format!("start the server under {}", self.engine);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!("it did not within {MEETING_SECONDS_MAX} s");
                return Err(BuildError::at(&step, io::Error::other(reason)));
            }
            let mut polled = vec![
                PollFd::from_borrowed_fd(wanted, PollFlags::IN),
                // Asked for nothing, a socket still tells that its other end is closed.
                PollFd::new(self.channel, PollFlags::empty()),
            ];
            polled.extend(death.map(|death| PollFd::from_borrowed_fd(death, PollFlags::IN)));
            poll(&mut polled, left).map_err(|e| BuildError::at(&step, e))?;
            let ready: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
            match ready.as_slice() {
                [true, ..] => return Ok(()),
                [_, true, ..] => {
                    return Err(BuildError::at(&step, io::Error::other("brig ended")));
                }
                [_, _, true] => {
                    return Err(BuildError::at(&step, io::Error::other(self.last_words())));
                }
                _ => {}
            }
        }
    }

    /// What a runtime wrote before it ended.
    fn last_words(&self) -> String {
        let mut words = vec![0; WORDS_BYTES_MAX];
        let read = self
            .errors
            .and_then(|errors| rustix::io::read(errors, &mut words).ok());
        words.truncate(read.unwrap_or(0));
        let text = String::from_utf8_lossy(&words);
        let plain: String = text
            .chars()
            .filter(|c| !c.is_control() || *c == '\n')
            .collect();
        match plain.trim() {
            "" => "it ended without a word".to_owned(),
            plain => plain.replace('\n', "; "),
        }
    }
}

fn limit() -> Duration {
    Duration::from_secs(MEETING_SECONDS_MAX)
}

/// Waits for one of these, for a time at most.
pub(super) fn poll(polled: &mut [PollFd<'_>], time: Duration) -> io::Result<()> {
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match rustix::event::poll(polled, Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes a connection that is there.
pub(super) fn accept(listener: &OwnedFd) -> Result<OwnedFd, BuildError> {
    rustix::net::accept_with(listener, SocketFlags::CLOEXEC)
        .map_err(|e| BuildError::at("take init's connection", e))
}

/// Sends init its orders, with the server's three streams.
pub(super) fn send_orders(
    init: &OwnedFd,
    message: &[u8],
    streams: &[OwnedFd],
) -> Result<(), BuildError> {
    let failed = |e: io::Error| BuildError::at("send init its orders", e);
    let streams: Vec<BorrowedFd<'_>> = streams.iter().map(AsFd::as_fd).collect();
    if streams.len() != 3 {
        return Err(failed(io::Error::other("a server has three streams")));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&streams));
    let parts = [IoSlice::new(message)];
    rustix::net::sendmsg(init, &parts, &mut ancillary, SendFlags::NOSIGNAL)
        .map(|_| ())
        .map_err(|e| failed(e.into()))
}
