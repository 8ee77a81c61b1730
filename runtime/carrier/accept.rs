//! One connection after the other: whom it means, whether that is granted, and then its course.

use super::dial::dial;
use super::process::{Shared, answers_at};
use super::resolve::Unresolved;
use super::splice::{Pipes, shut};
use super::watch::{self, Stopped, Watched};
use brig_policies::{HostName, Kind, Protocol};
use brig_sandbox::egress::filter::Unfit;
use brig_sandbox::egress::permit::{Permit, Target, permit};
use rustix::net::sockopt;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Connections at the same time, of one server.
pub(super) const CONNECTIONS_MAX: usize = 512;
/// How long a connection may say nothing, either way. Peers that are gone without a word are found
/// sooner, by TCP's own probes.
const IDLE_SECONDS_MAX: u64 = 2 * 60 * 60;
/// TCP's own probes of a peer (tcp(7)).
const PROBE_AFTER_SECONDS: u64 = 60;
const PROBE_EVERY_SECONDS: u64 = 15;
const PROBES_MAX: u32 = 4;
/// Until a socket is accepted again after there was no descriptor for one.
const PAUSE_MS: u64 = 50;

/// Accepts on one listener, as long as the carrier lives.
pub(super) async fn accept(listener: TcpListener, shared: Rc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
            continue;
        };
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move { connection(client, &shared).await });
    }
}

/// A place among the connections of a server.
struct Place<'a>(&'a Cell<usize>);

impl<'a> Place<'a> {
    fn take(taken: &'a Cell<usize>) -> Option<Self> {
        (taken.get() < CONNECTIONS_MAX).then(|| {
            taken.set(taken.get() + 1);
            Self(taken)
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A name below a wildcard keeps its address while somebody is connected to it.
struct Named<'a>(&'a Shared, Option<HostName>);

impl<'a> Named<'a> {
    fn open(shared: &'a Shared, target: &Target) -> Self {
        let name = target.name().cloned();
        if let Some(name) = &name {
            shared.wildcards.borrow_mut().open(name, shared.now_ms());
        }
        Self(shared, name)
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.1 {
            let now_ms = self.0.now_ms();
            self.0.wildcards.borrow_mut().close(name, now_ms);
        }
    }
}

async fn connection(client: TcpStream, shared: &Shared) {
    let Ok(at) = client.local_addr() else {
        return reset(client);
    };
    if answers_at(at) {
        return super::answer::stream(&client, shared).await;
    }
    let permitted = permit(&shared.egress, &shared.wildcards.borrow(), at);
    let permit = match permitted {
        Ok(permit) => permit,
        Err(refusal) => {
            let (about, why) = (shared.shown(at), refusal.to_string());
            shared.refused(Kind::HostNotGranted, &about, &why, refusal.line());
            return reset(client);
        }
    };
    let about = format!("{}:{}", permit.target().destination(), permit.port());
    let Some(_place) = Place::take(&shared.connections) else {
        let why = format!("hold more than {CONNECTIONS_MAX} connections at once");
        shared.refused(Kind::TooManyConnections, &about, &why, None);
        return reset(client);
    };
    let _named = Named::open(shared, permit.target());
    let began = Instant::now();
    match reach(&permit, shared).await {
        Ok((upstream, peer)) => {
            shared.decided(|| {
                let protocol = permit.grant().protocol.as_str();
                let ms = began.elapsed().as_millis();
                format!("{about} by {protocol}: connected to {peer} after {ms} ms")
            });
            connected(&permit, (client, upstream), &about, shared).await;
        }
        Err(unreached) => {
            let (kind, line) = unreached.told();
            shared.refused(kind, &about, &unreached.to_string(), line);
            reset(client);
        }
    }
}

/// The course of a connection whose two ends are there.
async fn connected(
    permit: &Permit<'_>,
    (client, upstream): (TcpStream, TcpStream),
    about: &str,
    shared: &Shared,
) {
    let bytes = Bytes::default();
    let ways = (&client, &upstream);
    let ended = carry(permit, ways, &bytes, &shared.pipes).await;
    shared.decided(|| {
        let (out, back) = (bytes.out.get(), bytes.back.get());
        format!("{about}: {out} bytes out, {back} back")
    });
    let line = match &ended {
        Ok(()) => return,
        Err(Stopped::Other(_, line)) => line.clone(),
        Err(Stopped::Failed(_) | Stopped::Unread(_) | Stopped::Silent) => None,
    };
    if let Err(stopped @ (Stopped::Other(..) | Stopped::Unread(_) | Stopped::Silent)) = ended {
        shared.refused(Kind::HandshakeNotGranted, about, &stopped.to_string(), line);
    }
    reset(upstream);
    reset(client);
}

/// Why nobody was reached; the texts read after "cannot".
#[derive(Debug, thiserror::Error)]
enum Unreached {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error("connect to it: {0}")]
    Failed(io::Error),
}

impl Unreached {
    fn told(&self) -> (Kind, Option<String>) {
        match self {
            Self::Unresolved(Unresolved::Unfit(unfit)) => {
                let line = unfit.first().and_then(Unfit::line);
                (Kind::AddressNotGranted, line)
            }
            Self::Unresolved(Unresolved::Lookup(..) | Unresolved::Slow(_) | Unresolved::Own(_))
            | Self::Failed(_) => (Kind::Unreachable, None),
        }
    }
}

/// A connection to whom the permit means, and where that is.
async fn reach(permit: &Permit<'_>, shared: &Shared) -> Result<(TcpStream, String), Unreached> {
    let proxied = shared.proxy.as_ref().zip(permit.target().name());
    let (stream, peer) = if let Some((proxy, name)) = proxied {
        let stream = proxy.connect(name.as_str(), permit.port()).await;
        let stream = stream.map_err(Unreached::Failed)?;
        (stream, format!("the proxy {proxy}"))
    } else {
        let addresses = shared.resolver.dialable(permit).await?;
        let dialled = dial(&addresses, permit.port()).await;
        let (stream, peer) = dialled.map_err(Unreached::Failed)?;
        (stream, peer.to_string())
    };
    probed(&stream).map_err(Unreached::Failed)?;
    Ok((stream, peer))
}

/// Small pieces go at once, as the two ends send them, and a peer that is gone is found.
fn probed(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(PROBE_AFTER_SECONDS))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(PROBE_EVERY_SECONDS))?;
    sockopt::set_tcp_keepcnt(stream, PROBES_MAX)?;
    Ok(())
}

/// Bytes that passed.
#[derive(Default)]
struct Bytes {
    out: Cell<u64>,
    back: Cell<u64>,
}

fn add(to: &Cell<u64>, count: usize) {
    to.set(
        to.get()
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX)),
    );
}

async fn carry(
    permit: &Permit<'_>,
    (client, upstream): (&TcpStream, &TcpStream),
    bytes: &Bytes,
    pipes: &Pipes,
) -> Result<(), Stopped> {
    client.set_nodelay(true)?;
    let last = Cell::new(Instant::now());
    let moved = |of: &Cell<u64>, count| {
        add(of, count);
        last.set(Instant::now());
    };
    let out = |count| moved(&bytes.out, count);
    let back = |count| moved(&bytes.back, count);
    // Where a client has to say whom it wants, nothing comes back before it has.
    let named = Notify::new();
    let there = async {
        let ways = (client, upstream);
        let watched = match permit.grant().protocol {
            Protocol::Tls => watch::tls(permit, ways, &named, &out).await?,
            Protocol::Http => watch::http(permit, ways, &named, &out).await?,
            Protocol::Tcp => Watched::Go,
        };
        named.notify_one();
        match watched {
            Watched::Go => pipes.carry(client, upstream, &out).await?,
            Watched::Ended => shut(upstream)?,
        }
        Ok::<(), Stopped>(())
    };
    let here = async {
        named.notified().await;
        pipes.carry(upstream, client, &back).await?;
        Ok::<(), Stopped>(())
    };
    let both = async { tokio::try_join!(there, here).map(|_| ()) };
    tokio::select! {
        done = both => done,
        () = idle(&last) => Err(Stopped::Failed(io::ErrorKind::TimedOut.into())),
    }
}

/// Ends once nothing has passed for too long.
async fn idle(last: &Cell<Instant>) {
    let limit = Duration::from_secs(IDLE_SECONDS_MAX);
    while last.get().elapsed() < limit {
        tokio::time::sleep(limit.saturating_sub(last.get().elapsed())).await;
    }
}

/// Closes with a reset, which no program takes for an end in order (tcp(7), `SO_LINGER`).
fn reset(stream: TcpStream) {
    // A socket that is gone already needs none.
    let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
    drop(stream);
}
