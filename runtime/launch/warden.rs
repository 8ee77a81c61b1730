//! The warden: a fresh exec of brig with one thread, which makes a cell, watches it and ends it.
//!
//! It is outside the cell and outlives nothing: when the supervisor's channel closes, for whatever
//! reason, it kills the cell, waits until the kernel has taken it apart, and exits. When it dies
//! itself, init gets its parent-death signal, and the cell ends with init.

mod daemon;
mod ids;
mod meet;
mod network;
mod running;
mod tracing;

use super::answer::{BuildError, InitAnswer};
use super::build::{self, Blueprint};
use super::group::Group;
use super::orders::{Maker, WardenEvent, WardenOrders};
use super::records::Given;
use super::syscall::{Cloned, close_from, fork_into};
use super::{DESCRIPTORS_MAX, MESSAGE_BYTES_MAX, received};
use crate::hook;
use brig_sandbox::cell::Namespace;
use brig_sandbox::mechanism::Mechanism;
use daemon::contained;
pub(crate) use daemon::owner;
use ids::{host_ids, namespace_flag};
use running::RunningCell;
use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::DumpableBehavior;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;

/// Runs the warden on its standard input, which is the channel.
pub(crate) fn main() -> ExitCode {
    // Every error has been told to the supervisor where there still is one; nobody else listens.
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    // What brig's caller left open for it is not the warden's: it would stay open for as long as
    // the cell lives.
    if !hook::is_off(Mechanism::CloseRange) {
        close_from(3)?;
    }
    let channel = io::stdin().as_fd().try_clone_to_owned()?;
    // Away from the client's terminal: its Ctrl-C is for the supervisor, which ends the server in
    // order.
    if !hook::is_off(Mechanism::OwnSession) {
        rustix::process::setsid()?;
    }
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let Some(Received {
        orders,
        given,
        descriptors,
    }) = receive_orders(channel.as_fd())?
    else {
        return Ok(());
    };
    let started = start(&channel, &orders, &given, descriptors);
    drop(given);
    match started {
        Ok(cell) => {
            if let Some(init) = cell.met() {
                tell(channel.as_fd(), &WardenEvent::Met { init })?;
            }
            watch(&channel, &cell)
        }
        Err(error) => {
            let event = WardenEvent::Failed {
                step: error.step,
                reason: error.reason,
                help: error.help,
            };
            tell(channel.as_fd(), &event)
        }
    }
}

/// What the supervisor sends once.
struct Received {
    orders: WardenOrders,
    given: Given,
    /// The server's descriptors.
    descriptors: Vec<OwnedFd>,
}

/// The orders with all that goes with them; nothing where the supervisor left without a word.
fn receive_orders(channel: BorrowedFd<'_>) -> io::Result<Option<Received>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX + 2))];
    let mut word = [0u8; 16];
    let (length, mut descriptors) = received(channel, &mut word, &mut space)?;
    if length == 0 {
        return Ok(None);
    }
    if descriptors.len() < 2 {
        return Err(io::Error::other("no orders"));
    }
    let orders = whole(descriptors.remove(0))?;
    let given = Given::of(whole(descriptors.remove(0))?);
    Ok(Some(Received {
        orders: serde_json::from_slice(&orders)?,
        given,
        descriptors,
    }))
}

/// A memory file's bytes, read in one piece.
fn whole(file: OwnedFd) -> io::Result<Vec<u8>> {
    let mut file = File::from(file);
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn start(
    channel: &OwnedFd,
    orders: &WardenOrders,
    given: &Given,
    mut descriptors: Vec<OwnedFd>,
) -> Result<RunningCell, BuildError> {
    // It comes last where there is one.
    let carrier = orders.cell.inside.as_ref().and_then(|_| descriptors.pop());
    if let Maker::Daemon(daemon) = &orders.by {
        let carrier = carrier.as_ref();
        return contained(channel, (orders, given), daemon, (&descriptors, carrier));
    }
    // It comes before that, after the server's own.
    let is_traced = orders.cell.init.traced;
    let tracer = is_traced.then(|| descriptors.pop()).flatten();
    let ids = host_ids(orders.cell.identity);
    let blueprint = Blueprint::prepare(orders, ids)?;
    let group = Group::make(&orders.groups, &orders.cell.group)
        .map_err(|e| BuildError::at("make the cell's control group", e))?;
    let pair = || {
        let kind = SocketType::SEQPACKET;
        rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
            .map_err(|e| BuildError::at("make a channel", e))
    };
    let (init, inits_end) = pair()?;
    let (gate, childs_gate) = pair()?;
    // A runtime's own streams are no server's: what it says there is why it failed.
    let (errors, streams) = match &orders.by {
        Maker::Runtime(_) => {
            let (errors, streams) =
                own_streams().map_err(|e| BuildError::at("make the runtime's streams", e))?;
            (Some(errors), Some(streams))
        }
        Maker::Warden | Maker::Daemon(_) => (None, None),
    };
    match fork_cell(orders, &group)? {
        Cloned::Child => {
            drop((init, gate, errors));
            let ends = build::Ends {
                gate: &childs_gate,
                init: &inits_end,
                carrier: carrier.as_ref(),
            };
            let runtime = orders.by.runtime();
            let inherited = streams.unwrap_or(descriptors);
            build::become_init(&blueprint, &group, &ends, runtime, inherited)
        }
        Cloned::Parent { child, pidfd } => {
            drop((inits_end, childs_gate, streams, blueprint, carrier));
            let code = orders.code.clone();
            let cell = RunningCell::forked(pidfd, init, group, errors, code);
            let mut cell = cell.traced_by(tracer);
            match cell.begin(channel, (orders, given), child, &gate, descriptors) {
                Ok(()) => Ok(cell),
                Err(error) => {
                    // The child may have told better what went wrong before it closed its end.
                    let told = cell.init_failure();
                    cell.end();
                    Err(told.unwrap_or(error))
                }
            }
        }
    }
}

/// Three streams for a runtime, and where the warden reads what it writes: nothing comes in.
fn own_streams() -> io::Result<(OwnedFd, Vec<OwnedFd>)> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (nothing, _) = rustix::pipe::pipe_with(flags)?;
    let (errors, theirs) = rustix::pipe::pipe_with(flags)?;
    let twice = theirs.try_clone()?;
    Ok((errors, vec![nothing, theirs, twice]))
}

fn fork_cell(orders: &WardenOrders, group: &Group) -> Result<Cloned, BuildError> {
    let group = group
        .to_start_in()
        .map_err(|e| BuildError::at("open the cell's control group", e))?;
    // The control group's namespace is made in the child, once it is in the group that it is to
    // show.
    let namespaces = orders.cell.namespaces.iter();
    let at_once = namespaces.filter(|namespace| **namespace != Namespace::Cgroup);
    let flags = at_once
        .map(|namespace| namespace_flag(*namespace))
        .fold(0, |all, one| all | one);
    // An ordinary user may write the id maps of its own child, but not of one whose files in /proc
    // are root's, as those of a process are that is not dumpable. So the child stays dumpable until
    // the maps are written, and runs nothing but this program meanwhile.
    let dumpable = |behavior| {
        rustix::process::set_dumpable_behavior(behavior)
            .map_err(|e| BuildError::at("keep its memory to itself", e))
    };
    dumpable(DumpableBehavior::Dumpable)?;
    let cloned = fork_into(flags, group.as_ref().map(OwnedFd::as_fd));
    if !matches!(cloned, Ok(Cloned::Child)) {
        dumpable(DumpableBehavior::NotDumpable)?;
    }
    cloned.map_err(|e| {
        let mut error = BuildError::at("make the cell's namespaces", e);
        error.help = Some(
            "user namespaces may be limited on this host: see sysctl user.max_user_namespaces, \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"
                .to_owned(),
        );
        error
    })
}

/// Passes words between supervisor and init until one of them is gone.
fn watch(channel: &OwnedFd, cell: &RunningCell) -> io::Result<()> {
    let mut started = false;
    loop {
        let mut polled = [
            PollFd::new(channel, PollFlags::IN),
            PollFd::new(cell.init(), PollFlags::IN),
            PollFd::new(cell.pidfd(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [supervisor, init, death] = polled.map(|entry| !entry.revents().is_empty());
        if init {
            match cell.answer() {
                // Later words of that kind would be the server's, who took init over.
                Some(InitAnswer::Read(found)) if !started => {
                    tell(channel.as_fd(), &WardenEvent::Read { found })?;
                }
                Some(InitAnswer::Started) => {
                    started = true;
                    tell(channel.as_fd(), &WardenEvent::Started)?;
                }
                // All that is left of the server ends with the cell.
                Some(InitAnswer::Ended(how)) => return cell.over(channel, Some(how)),
                Some(InitAnswer::Failed { errno, step }) => {
                    return cell.fail(channel, BuildError::at(&step, errno_text(errno)));
                }
                Some(InitAnswer::Unbuilt(error)) => return cell.fail(channel, error),
                Some(InitAnswer::Differs { found, wall }) => {
                    let mut error = BuildError::at("read the cell's walls back", errno_text(0));
                    error.reason = format!("{wall} (found {found})");
                    return cell.fail(channel, error);
                }
                Some(InitAnswer::Read(_) | InitAnswer::Listening | InitAnswer::Unknown) => {}
                None => return cell.over(channel, None),
            }
        } else if death {
            return cell.over(channel, None);
        }
        if supervisor {
            let mut word = [0u8; 16];
            match rustix::net::recv(channel, &mut word[..], RecvFlags::DONTWAIT) {
                Ok((1.., _)) => {
                    let term = [crate::init_wire::TERMINATE];
                    // init may be gone already, which the next poll shows.
                    let _ = rustix::net::send(cell.init(), &term, SendFlags::NOSIGNAL);
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => {
                    cell.end();
                    return Ok(());
                }
            }
        }
    }
}

fn errno_text(errno: i32) -> io::Error {
    if errno == 0 {
        io::Error::other("it could not go on")
    } else {
        io::Error::from_raw_os_error(errno)
    }
}

fn tell(channel: BorrowedFd<'_>, event: &WardenEvent) -> io::Result<()> {
    let mut text = serde_json::to_vec(event)?;
    if text.len() > MESSAGE_BYTES_MAX {
        text = br#"{"event":"failed","step":"build the cell","reason":"too long","help":null}"#
            .to_vec();
    }
    rustix::net::send(channel, &text, SendFlags::NOSIGNAL)?;
    Ok(())
}
