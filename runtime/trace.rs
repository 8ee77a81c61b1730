//! `brig run --trace`: what a program was refused by the kernel, told while it happens.
//!
//! The **tracer** is a fresh exec of brig beside the warden. It gets the listener of the server's
//! filter (seccomp_unotify(2)), answers each call that waits there, and reports what was refused
//! to the supervisor. It is never the wall for a path: mounts and Landlock are, as without a
//! trace. For a call that the profile has not, it answers what the filter would have answered; and
//! where it is gone, the kernel answers that.

mod heard;
mod listener;
mod look;
mod process;
mod report;
mod syscall;

pub(crate) use heard::Heard;
pub(crate) use process::main;

use crate::exit::Exit;
use crate::launch::sealed;
use crate::prepare::Planned;
use crate::report::Refused;
use crate::streams::own_input;
use brig_policies::Places;
use brig_sandbox::cell::{CellKind, Mount};
use brig_sandbox::egress::{Egress, Inside};
use brig_sandbox::engine::Engine;
use brig_sandbox::plan::{Isolation, Plan};
use brig_sandbox::seccomp::Profile;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::pipe::PipeFlags;
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

/// The hidden first argument that makes an exec of brig a tracer.
pub(crate) const ARGUMENT: &str = "__trace";

/// What of a run is told as it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tracing {
    /// What the kernel refuses to a program.
    pub(crate) calls: bool,
    /// Every decision about a name or a connection.
    pub(crate) network: bool,
    /// How long each step of the start took.
    pub(crate) start: bool,
}

/// What the tracer is told, as JSON in a sealed memory file.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    /// The supervisor's process id: the tracer ends with it.
    supervisor: u32,
    /// What the server may call.
    profile: Profile,
    /// What its cell shows of the host.
    mounts: Vec<Mount>,
    /// Where its network leads; none where it has none.
    inside: Option<Inside>,
}

/// A tracer that runs, and has no listener yet.
pub(crate) struct Tracer {
    /// The warden's end of its channel.
    pub(crate) channel: OwnedFd,
    /// What it reports.
    pub(crate) heard: Heard,
}

impl Tracer {
    /// Starts one for a plan that can be traced.
    ///
    /// # Errors
    ///
    /// That it cannot be traced, and what can; or that no tracer could be started.
    pub(crate) fn start(planned: &Planned, places: &Places) -> Result<Self, Refused> {
        is_traceable(&planned.plan)?;
        spawn(&planned.plan, places).map_err(|error| {
            let message = format!("cannot start the tracer: {error}");
            Refused::one(Exit::Launch, "launch-failed", message, "")
        })
    }
}

/// Whether this server can be traced on this host.
fn is_traceable(plan: &Plan) -> Result<(), Refused> {
    let no = |what: &str| {
        let message = format!("cannot trace {what}");
        let help = "`--trace` is for a program (`command` or `image`) under the engine `native`, \
                    in a full cell; run it without";
        Err(Refused::one(Exit::Usage, "not-traceable", message, help))
    };
    match &plan.isolation {
        Isolation::Component(_) => {
            return no("a component: wasmtime, and not the kernel, refuses what it asks for");
        }
        Isolation::Container(part) if part.engine != Engine::Native => {
            return no(&format!(
                "a server of the engine `{}`: its filter is not brig's alone",
                part.engine
            ));
        }
        Isolation::Container(_) => {}
    }
    if plan.cell.kind != CellKind::Full {
        return no("a server in a narrow cell");
    }
    if !syscall::has_notices() {
        let message = "cannot trace: this kernel hands no calls to another process";
        let help = "it takes Linux 5.5 or newer (seccomp_unotify(2)), with nothing around brig \
                    that forbids it; run it without `--trace`";
        return Err(Refused::one(
            Exit::Unenforceable,
            "not-traceable",
            message,
            help,
        ));
    }
    Ok(())
}

fn spawn(plan: &Plan, places: &Places) -> io::Result<Tracer> {
    let kind = SocketType::SEQPACKET;
    let (theirs, channel) =
        rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    let (reports, writes) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // It is not waited for: its reports end with it, and it ends with the cell or with this
    // process.
    let _ = Command::new("/proc/self/exe")
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::from(writes))
        .stderr(Stdio::null())
        .spawn()?;
    let orders = Orders {
        supervisor: std::process::id(),
        profile: plan.cell.calls_at_start.clone(),
        mounts: plan.cell.mounts.clone(),
        inside: plan.egress.as_ref().map(Egress::inside),
    };
    let orders = sealed(&serde_json::to_vec(&orders)?)?;
    let all = [orders.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&all)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let word = [IoSlice::new(b"orders")];
    rustix::net::sendmsg(&channel, &word, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(Tracer {
        channel,
        heard: Heard::new(own_input(reports)?, places.clone()),
    })
}
