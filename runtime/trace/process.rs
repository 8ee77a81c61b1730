//! The tracer's process: its walls first, then the listener.
//!
//! It reads memory of a hostile server, so it keeps what that takes. It has no Landlock: who has a
//! domain may not look into processes outside of it (landlock(7)), and the server's is another.

use super::listener::{Listener, SUBJECTS_MAX};
use super::look::look;
use super::{Orders, syscall};
use crate::confine::put_filter;
use crate::launch::close_from;
use brig_sandbox::trace::{Table, own_filter};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{DumpableBehavior, Signal};
use rustix::thread::CapabilitySet;
use std::fs::File;
use std::io::{self, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::time::Duration;

/// How long the last reports may take. Whoever looks may wait for a file system that hangs.
const LAST_REPORTS: Duration = Duration::from_secs(1);

/// Runs the tracer: its standard input is its channel, its standard output takes the reports.
pub(crate) fn main() -> ExitCode {
    // Nobody listens to an error: the reports end, which the supervisor tells, and the server's
    // calls are refused.
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    close_from(3)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let warden = io::stdin().as_fd().try_clone_to_owned()?;
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let Some(orders) = receive(&warden)? else {
        return Ok(());
    };
    let orders = read(orders)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    if parent.map(i32::unsigned_abs) != Some(orders.supervisor) || !syscall::has_notices() {
        return Ok(());
    }
    let table = Table::of(orders.profile).map_err(io::Error::other)?;
    let (to, found) = sync_channel(SUBJECTS_MAX + 1);
    let mounts = orders.mounts.clone();
    let (done, is_done) = channel();
    // Capabilities are each thread's own: before there is another.
    drop_privileges()?;
    std::thread::Builder::new().spawn(move || {
        // A thread's first memory may take calls of its own, which the filter has not.
        let _ = done.send(Box::new(0));
        look(&mounts, &found, out);
        drop(done);
    })?;
    let _ = is_done.recv();
    let filter = own_filter().map_err(io::Error::other)?;
    put_filter(&filter).map_err(io::Error::other)?;
    let Some(listener) = receive(&warden)? else {
        return Ok(());
    };
    Listener::new(&table, (&orders.mounts, orders.inside.as_ref()), to).run(&listener, &warden);
    // From here on the kernel refuses what still waits.
    drop(listener);
    wait(&is_done);
    Ok(())
}

fn wait(is_done: &Receiver<Box<u8>>) {
    match is_done.recv_timeout(LAST_REPORTS) {
        Ok(_) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {}
    }
}

fn drop_privileges() -> io::Result<()> {
    // Root looks at the host and at its server's folders as root; an ordinary user has none to
    // keep. What it takes to read the server's memory comes with being the owner of its user
    // namespace (user_namespaces(7)).
    let mut sets = rustix::thread::capabilities(None)?;
    let kept = sets.permitted & CapabilitySet::DAC_READ_SEARCH;
    sets.effective = kept;
    sets.permitted = kept;
    sets.inheritable = CapabilitySet::empty();
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// The descriptor of the next message; none where the other side is gone.
fn receive(warden: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0u8; 16];
    let received = rustix::net::recvmsg(
        warden,
        &mut [IoSliceMut::new(&mut word)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    );
    let received = match received {
        // What a peer leaves that was killed.
        Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        received => received?,
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut descriptor = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    descriptor
        .map(Some)
        .ok_or_else(|| io::Error::other("a message without a descriptor"))
}

fn read(file: OwnedFd) -> io::Result<Orders> {
    let mut text = Vec::new();
    File::from(file).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
