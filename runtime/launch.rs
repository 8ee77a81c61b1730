//! Plan → running server → end. The only module that makes a cell.
//!
//! The supervisor starts a [`Warden`]: a fresh, single-threaded exec of brig that makes the cell,
//! watches it and ends it. Whatever happens to either of them, the other sees their channel close.

mod answer;
mod build;
mod group;
mod inside;
mod orders;
mod records;
mod syscall;
pub(crate) mod warden;

pub use answer::End;
pub(crate) use build::runtime::ROOT as RUNTIME_ROOT;
pub(crate) use group::{GroupParents, bounds_of};
pub(crate) use orders::{DaemonOrders, Maker, RuntimeOrders, WardenEvent, WardenOrders};
pub(crate) use records::{FileIdentity, Given, resource};
pub(crate) use syscall::{close_from, landlock_abi, loaded_objects, net::SOCKETS_MAX};
pub(crate) use warden::owner;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use thiserror::Error;

/// The hidden first argument that makes an exec of brig a warden.
pub(crate) const WARDEN_ARGUMENT: &str = "__warden";
/// Descriptors that one launch can hand on: a server's, its three streams among them, and the
/// cell's end of its carrier.
pub(crate) const DESCRIPTORS_MAX: usize = 17;
/// Bytes of one message between supervisor and warden.
const MESSAGE_BYTES_MAX: usize = 8192;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The warden could not be started or spoken to.
    #[error("start the warden: {0}")]
    Warden(#[source] io::Error),
    /// A step of building the cell failed. Nothing of it is left.
    #[error("{step}: {reason}")]
    Cell {
        /// The step, as it reads after "cannot".
        step: String,
        /// Why.
        reason: String,
        /// What to do about it, where it is known.
        help: Option<String>,
    },
}

/// A started warden that has no orders yet. Dropping it ends it.
pub(crate) struct Warden {
    channel: OwnedFd,
    process: Child,
}

impl Warden {
    /// Starts the warden. Done first, so that its exec runs beside the supervisor's own reading.
    pub(crate) fn spawn() -> Result<Self, LaunchError> {
        let (channel, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|e| LaunchError::Warden(e.into()))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(WARDEN_ARGUMENT).env_clear();
        #[cfg(feature = "test-hooks")]
        command.envs(crate::hook::variable());
        let process = command
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(LaunchError::Warden)?;
        Ok(Self { channel, process })
    }

    /// The warden's process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Hands the orders over, with the server's descriptors from 0 on. The cell is being built when
    /// this returns; [`Running::event`] tells how it went.
    pub(crate) fn launch(
        self,
        orders: &WardenOrders,
        given: &Given,
        descriptors: &[OwnedFd],
    ) -> Result<Running, LaunchError> {
        let text = sealed(&serde_json::to_vec(orders).map_err(|e| LaunchError::Warden(e.into()))?)
            .map_err(LaunchError::Warden)?;
        let secrets = sealed(given.bytes()).map_err(LaunchError::Warden)?;
        let mut all: Vec<BorrowedFd<'_>> = vec![text.as_fd(), secrets.as_fd()];
        all.extend(descriptors.iter().map(AsFd::as_fd));
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX + 2))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&all)) {
            return Err(LaunchError::Warden(io::Error::other(
                "too many descriptors",
            )));
        }
        rustix::net::sendmsg(
            &self.channel,
            &[IoSlice::new(b"launch")],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )
        .map_err(|e| LaunchError::Warden(e.into()))?;
        Ok(Running {
            channel: self.channel,
            process: self.process,
        })
    }
}

/// A server with its warden. Dropping it closes the channel, on which the warden ends the cell.
pub(crate) struct Running {
    channel: OwnedFd,
    process: Child,
}

impl Running {
    /// The channel, for waiting.
    pub(crate) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// The warden's process id.
    pub(crate) fn warden_id(&self) -> u32 {
        self.process.id()
    }

    /// The next event, waiting for it. `None`: the warden is gone, and with it the cell.
    pub(crate) fn event(&self) -> io::Result<Option<WardenEvent>> {
        receive(self.channel.as_fd(), RecvFlags::empty())
    }

    /// The next event if there is one now; `WouldBlock` otherwise.
    pub(crate) fn event_now(&self) -> io::Result<Option<WardenEvent>> {
        receive(self.channel.as_fd(), RecvFlags::DONTWAIT)
    }

    /// Asks for SIGTERM to the server.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        Ok(rustix::net::send(&self.channel, b"T", SendFlags::NOSIGNAL).map(|_| ())?)
    }

    /// Ends the cell with all in it and waits until the warden has cleaned up.
    pub(crate) fn kill(self) -> io::Result<()> {
        let Self {
            channel,
            mut process,
        } = self;
        drop(channel);
        process.wait().map(|_| ())
    }
}

fn receive(channel: BorrowedFd<'_>, flags: RecvFlags) -> io::Result<Option<WardenEvent>> {
    let mut buffer = [0u8; MESSAGE_BYTES_MAX];
    let length = match rustix::net::recv(channel, &mut buffer[..], flags) {
        // A reset is what a killed peer with unread messages leaves.
        Ok((0, _)) | Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        Ok((length, _)) => length,
        Err(errno) => return Err(errno.into()),
    };
    let message = buffer.get(..length).unwrap_or(&buffer);
    serde_json::from_slice(message)
        .map(Some)
        .map_err(io::Error::other)
}

/// One message with the descriptors that came along: as many as the space holds (unix(7)).
pub(crate) fn received(
    channel: BorrowedFd<'_>,
    into: &mut [u8],
    space: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut ancillary = RecvAncillaryBuffer::new(space);
    let mut parts = [IoSliceMut::new(into)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let message = rustix::net::recvmsg(channel, &mut parts, &mut ancillary, flags)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    Ok((message.bytes, descriptors))
}

/// A memory file that nobody can change any more.
pub(crate) fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("brig", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    io::Seek::rewind(&mut file)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file.into())
}
