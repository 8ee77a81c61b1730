//! A cell that runs, whoever made its walls: its init, how it is watched, and how it is ended.

use super::daemon::Container;
use super::ids::{host_ids, write_ids, write_two_ids};
use super::meet::{Meeting, send_orders};
use super::tracing::{ToTracer, receive};
use super::{errno_text, tell};
use crate::component::CODE_UNFIT;
use crate::launch::MESSAGE_BYTES_MAX;
use crate::launch::answer::{BuildError, End, InitAnswer};
use crate::launch::group::Group;
use crate::launch::orders::{Maker, WardenEvent, WardenOrders};
use crate::launch::records::{Given, encode};
use brig_sandbox::cell::{ID_INSIDE, Namespace};
use rustix::net::SendFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// A cell with its init. Dropping it ends it.
pub(super) struct RunningCell {
    init: OwnedFd,
    held: Held,
    code: Option<PathBuf>,
    /// Whether init came by its own way, which tells who it is.
    connected: bool,
    /// Whom the listener of the server's filter goes to.
    tracer: Option<ToTracer>,
}

/// What a cell hangs on.
enum Held {
    /// A child of the warden's: init itself, or the runtime that started it.
    Child {
        pidfd: OwnedFd,
        /// Removed when the cell is.
        group: Group,
        /// What a runtime writes. Closed, it would end at its next word.
        errors: Option<OwnedFd>,
    },
    /// A daemon's container.
    Container(Container),
}

impl Drop for RunningCell {
    fn drop(&mut self) {
        self.end();
    }
}

impl RunningCell {
    pub(super) fn forked(
        pidfd: OwnedFd,
        init: OwnedFd,
        group: Group,
        errors: Option<OwnedFd>,
        code: Option<PathBuf>,
    ) -> Self {
        let held = Held::Child {
            pidfd,
            group,
            errors,
        };
        Self {
            init,
            held,
            code,
            connected: false,
            tracer: None,
        }
    }

    pub(super) fn contained(container: Container, init: OwnedFd) -> Self {
        let held = Held::Container(container);
        Self {
            init,
            held,
            code: None,
            connected: true,
            tracer: None,
        }
    }

    /// The same, with a tracer of its server at the other end of this channel.
    pub(super) fn traced_by(mut self, tracer: Option<OwnedFd>) -> Self {
        self.tracer = tracer.map(ToTracer::new);
        self
    }

    /// init's channel.
    pub(super) fn init(&self) -> &OwnedFd {
        &self.init
    }

    /// The process of an init that connected, 0 where it is not seen (unix(7), `SO_PEERCRED`).
    pub(super) fn met(&self) -> Option<u32> {
        let peer = rustix::net::sockopt::socket_peercred(&self.init).ok();
        let process = peer.map(|peer| peer.pid.as_raw_nonzero().get().unsigned_abs());
        self.connected.then(|| process.unwrap_or(0))
    }

    /// The process with which the cell ends.
    pub(super) fn pidfd(&self) -> &OwnedFd {
        match &self.held {
            Held::Child { pidfd, .. } => pidfd,
            Held::Container(container) => container.pidfd(),
        }
    }

    /// Finds the child bounded, gives it its ids, and lets it go on with init's orders.
    pub(super) fn begin(
        &mut self,
        channel: &OwnedFd,
        (orders, given): (&WardenOrders, &Given),
        child: Pid,
        gate: &OwnedFd,
        streams: Vec<OwnedFd>,
    ) -> Result<(), BuildError> {
        let ids = self.let_go(orders, child, gate)?;
        // Emptying the bounding set takes CAP_SETPCAP, which everyone has in a user namespace of
        // their own. Without it the set bounds nothing: no new privileges can be gained that it
        // would allow.
        let own_users = orders.cell.namespaces.contains(&Namespace::User);
        let may_bound = own_users || rustix::process::geteuid().is_root();
        let message = encode(&orders.cell, &orders.sources, ids, may_bound, given);
        let Maker::Runtime(runtime) = &orders.by else {
            drop(streams);
            return rustix::net::send(&self.init, &message, SendFlags::NOSIGNAL)
                .map(|_| ())
                .map_err(|e| BuildError::at("send init its orders", e));
        };
        let meeting = Meeting {
            channel,
            engine: runtime.engine,
            errors: self.errors(),
        };
        let listener = meeting.listener(&self.init)?;
        let init = meeting.accept(&listener, self.pidfd())?;
        send_orders(&init, &message, &streams)?;
        self.init = init;
        self.connected = true;
        Ok(())
    }

    /// The ids that the server sees, once the child may go on.
    fn let_go(
        &self,
        orders: &WardenOrders,
        child: Pid,
        gate: &OwnedFd,
    ) -> Result<(u32, u32), BuildError> {
        let host_ids = host_ids(orders.cell.identity);
        if let Held::Child { group, .. } = &self.held {
            let bounded = group.has(child.as_raw_nonzero().get());
            if !bounded.map_err(|e| BuildError::at("read the cell's control group back", e))? {
                let absent = io::Error::other("it started elsewhere");
                let step = "put the cell into its control group";
                return Err(BuildError::at(step, absent));
            }
        }
        let own_users = orders.cell.namespaces.contains(&Namespace::User);
        let ids = if own_users {
            let identity = orders.cell.identity;
            let written = match orders.by.runtime() {
                Some(runtime) => write_two_ids(child, identity, host_ids, runtime.setup),
                None => write_ids(child, identity, host_ids),
            };
            written.map_err(|e| BuildError::at("map the cell's user and group", e))?;
            (ID_INSIDE, ID_INSIDE)
        } else {
            host_ids
        };
        rustix::net::send(gate, b"go", SendFlags::NOSIGNAL)
            .map_err(|e| BuildError::at("let the cell be built", e))?;
        Ok(ids)
    }

    fn errors(&self) -> Option<&OwnedFd> {
        match &self.held {
            Held::Child { errors, .. } => errors.as_ref(),
            Held::Container(_) => None,
        }
    }

    /// init's next word; nothing where it closed its end.
    pub(super) fn answer(&self) -> Option<InitAnswer> {
        let mut buffer = [0u8; MESSAGE_BYTES_MAX];
        match receive(&self.init, &mut buffer) {
            Ok((0, _)) => None,
            Ok((length, listener)) => {
                let answer = InitAnswer::read(buffer.get(..length).unwrap_or(&buffer));
                Some(match (answer, &self.tracer) {
                    (InitAnswer::Listening, Some(tracer)) => tracer.take(listener),
                    (answer, _) => answer,
                })
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Some(InitAnswer::Unknown),
            Err(_) => None,
        }
    }

    /// What the child said before it gave up, if it did.
    pub(super) fn init_failure(&self) -> Option<BuildError> {
        match self.answer() {
            Some(InitAnswer::Failed { errno, step }) => {
                Some(BuildError::at(&step, errno_text(errno)))
            }
            Some(InitAnswer::Unbuilt(error)) => Some(error),
            Some(
                InitAnswer::Differs { .. }
                | InitAnswer::Read(_)
                | InitAnswer::Listening
                | InitAnswer::Started
                | InitAnswer::Ended(_)
                | InitAnswer::Unknown,
            )
            | None => None,
        }
    }

    /// Ends the cell for an error, and tells it.
    pub(super) fn fail(&self, channel: &OwnedFd, error: BuildError) -> io::Result<()> {
        self.end();
        let BuildError { step, reason, help } = error;
        tell(channel.as_fd(), &WardenEvent::Failed { step, reason, help })
    }

    /// Ends what is left of a cell whose server is over, and tells how that was.
    pub(super) fn over(&self, channel: &OwnedFd, seen: Option<End>) -> io::Result<()> {
        // Before an engine takes the container's group apart.
        let end = self.end_of(seen);
        self.end();
        tell(channel.as_fd(), &WardenEvent::Ended { end })
    }

    /// How the server ended, as far as anyone saw. The kernel's kill for want of memory looks like
    /// any other from init's side, or takes init too.
    fn end_of(&self, seen: Option<End>) -> End {
        if let Some(code) = self.code.as_ref().filter(|_| seen == Some(CODE_UNFIT)) {
            // Where it is gone already, another session met it too.
            let _ = std::fs::remove_file(code);
        }
        let killed = matches!(
            seen,
            None | Some(
                End::Killed
                    | End::Signal {
                        signal: libc::SIGKILL
                    }
            )
        );
        if killed && self.ran_out_of_memory() {
            End::OutOfMemory
        } else {
            seen.unwrap_or(End::Killed)
        }
    }

    fn ran_out_of_memory(&self) -> bool {
        match &self.held {
            Held::Child { group, .. } => group.ran_out_of_memory(),
            Held::Container(container) => container.ran_out_of_memory(),
        }
    }

    /// Kills init, and with it everything in its pid namespace, and waits until it is gone.
    pub(super) fn end(&self) {
        match &self.held {
            Held::Child { pidfd, .. } => {
                // Both fail only where init is gone and reaped already.
                let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
                let _ =
                    rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
            }
            Held::Container(container) => {
                // On the end of its channel init ends by itself, and the engine need not be asked.
                let _ = rustix::net::shutdown(&self.init, rustix::net::Shutdown::Both);
                container.end();
            }
        }
    }
}
