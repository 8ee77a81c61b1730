//! The carrier's own course: orders, walls, sockets, and then one loop.

use super::CarrierOrders;
use super::accept::{CONNECTIONS_MAX, accept};
use super::answer::datagrams;
use super::confine::confine;
use super::meet::receive;
use super::proxy::Proxy;
use super::report::Told;
use super::resolve::Resolver;
use super::splice::Pipes;
use crate::launch::close_from;
use brig_policies::Kind;
use brig_sandbox::egress::wildcard::Wildcards;
use brig_sandbox::egress::{AddressFamily, Egress, Listener, RESPONDER, RESPONDER_PORT};
use rustix::event::{PollFd, PollFlags};
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::UnixDatagram;
use tokio::sync::Notify;

/// Threads that wait for the host's resolver, beside the one that does all else.
const LOOKUP_THREADS_MAX: usize = 16;
/// Descriptors: two sockets and two pipes of each connection, and what else there is.
const OPEN_FILES: u64 = 6 * CONNECTIONS_MAX as u64 + 512;

/// Runs the carrier on its standard input, which is the supervisor's channel.
pub(crate) fn main() -> ExitCode {
    // Nobody but the supervisor listens, and it sees the end of this process.
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    close_from(3)?;
    rustix::process::setsid()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let channel = io::stdin().as_fd().try_clone_to_owned()?;
    let mut descriptors = receive(channel.as_fd())?.into_iter();
    let (Some(orders), Some(cell)) = (descriptors.next(), descriptors.next()) else {
        return Ok(());
    };
    let orders: CarrierOrders = {
        let mut text = Vec::new();
        File::from(orders).read_to_end(&mut text)?;
        serde_json::from_slice(&text)?
    };
    raise_open_files();
    confine().map_err(io::Error::other)?;
    if !comes(&channel, &cell)? {
        return Ok(());
    }
    let sockets = receive(cell.as_fd())?;
    let reports = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::io::ioctl_fionbio(&reports, true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUP_THREADS_MAX)
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, carry(orders, sockets, cell, channel, reports))?;
    // A lookup that still waits must not keep this process.
    runtime.shutdown_background();
    Ok(())
}

/// Connections take descriptors. Where there cannot be so many, those that are too many wait.
fn raise_open_files() {
    let now = rustix::process::getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if now.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: now.maximum,
        };
        let _ = rustix::process::setrlimit(Resource::Nofile, raised);
    }
}

/// Whether the cell's sockets come, before the supervisor leaves.
fn comes(channel: &OwnedFd, cell: &OwnedFd) -> io::Result<bool> {
    loop {
        let mut polled = [
            PollFd::new(cell, PollFlags::IN),
            PollFd::new(channel, PollFlags::IN),
        ];
        match rustix::event::poll(&mut polled, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let [cell, supervisor] = polled.map(|entry| !entry.revents().is_empty());
        if cell || supervisor {
            return Ok(cell);
        }
    }
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) egress: Egress,
    pub(super) wildcards: RefCell<Wildcards>,
    pub(super) resolver: Resolver,
    pub(super) proxy: Option<Proxy>,
    pub(super) pipes: Pipes,
    pub(super) connections: Cell<usize>,
    /// Connections to the name server.
    pub(super) streams: Cell<usize>,
    told: RefCell<Told>,
    /// That there is something to tell.
    tells: Notify,
    is_traced: bool,
    began: Instant,
}

impl Shared {
    /// The time that names below wildcards go by.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells a refusal.
    pub(super) fn refused(&self, kind: Kind, about: &str, why: &str, line: Option<String>) {
        let why = format!("cannot {why}");
        self.told.borrow_mut().refused(kind, about, &why, line);
        self.tells.notify_one();
    }

    /// Tells a decision, where that is asked for.
    pub(super) fn decided(&self, words: impl FnOnce() -> String) {
        if self.is_traced {
            self.told.borrow_mut().decided(&words());
            self.tells.notify_one();
        }
    }

    /// An address as people know it: by the name that it stands for.
    pub(super) fn shown(&self, at: SocketAddr) -> String {
        let fixed = self
            .egress
            .names
            .iter()
            .find(|fixed| fixed.at.holds(at.ip()));
        fixed.map_or_else(
            || at.to_string(),
            |fixed| format!("{}:{}", fixed.name, at.port()),
        )
    }
}

/// Whether what comes in there is the name server's.
pub(super) fn answers_at(at: SocketAddr) -> bool {
    at.port() == RESPONDER_PORT && at.ip() == IpAddr::V4(RESPONDER)
}

async fn carry(
    orders: CarrierOrders,
    sockets: Vec<OwnedFd>,
    cell: OwnedFd,
    channel: OwnedFd,
    reports: OwnedFd,
) -> io::Result<()> {
    let shared = Rc::new(Shared {
        wildcards: RefCell::new(Wildcards::new(&orders.egress)),
        resolver: Resolver::new(orders.egress.fake.clone()),
        egress: orders.egress,
        proxy: orders.proxy,
        pipes: Pipes::default(),
        connections: Cell::new(0),
        streams: Cell::new(0),
        told: RefCell::default(),
        tells: Notify::new(),
        is_traced: orders.is_traced,
        began: Instant::now(),
    });
    for socket in sockets {
        serve_socket(socket, &shared)?;
    }
    // The server starts once this is read.
    rustix::net::send(&cell, b"S", rustix::net::SendFlags::NOSIGNAL)?;
    drop(cell);
    tokio::task::spawn_local(tell(Rc::clone(&shared), reports));
    // Its kind does not matter to whoever waits for it alone.
    rustix::io::ioctl_fionbio(&channel, true)?;
    let channel = UnixDatagram::from_std(channel.into())?;
    // Nothing is said there: what can be read is its end.
    channel.readable().await.map(drop)
}

/// Serves one socket of the cell, which is one of those that were ordered.
fn serve_socket(socket: OwnedFd, shared: &Rc<Shared>) -> io::Result<()> {
    if socket_type(&socket)? == SocketType::DGRAM {
        let socket = UdpSocket::from(socket);
        let at = socket.local_addr()?;
        if !answers_at(at) {
            return Err(io::Error::other("a socket of UDP that nobody ordered"));
        }
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        tokio::task::spawn_local(datagrams(socket, Rc::clone(shared)));
        return Ok(());
    }
    let listener = TcpListener::from(socket);
    let at = listener.local_addr()?;
    let wanted = Listener {
        port: at.port(),
        family: AddressFamily::of(at.ip()),
    };
    let is_listener = at.ip().is_unspecified() && shared.egress.listeners.contains(&wanted);
    if !is_listener && !answers_at(at) {
        return Err(io::Error::other("a socket that nobody ordered"));
    }
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tokio::task::spawn_local(accept(listener, Rc::clone(shared)));
    Ok(())
}

/// Writes what there is to tell, and once a second how often it was.
async fn tell(shared: Rc<Shared>, reports: OwnedFd) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = shared.tells.notified() => {}
            _ = second.tick() => shared.told.borrow_mut().again(),
        }
        let to: BorrowedFd<'_> = reports.as_fd();
        let mut told = shared.told.borrow_mut();
        if !told.is_empty() && told.write(to).is_err() {
            return;
        }
    }
}
