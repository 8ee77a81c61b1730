//! Whom a guest reaches: WASI's sockets, lookups and requests, held to the grants.
//!
//! This is the wall before the cell's listeners, and it makes every refusal an error of WASI in
//! place of a reset connection. What it lets pass is decided again where it is accepted, outside of
//! the cell. Everything happens on the worker's one thread, since its filter lets it make no other:
//! nothing here calls the C library's resolver.
//!
//! *Absent here:* listening, datagrams of a guest, and every address that no grant can mean.

mod body;
mod lookup;
mod requests;
mod responder;
mod tls;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use brig_policies::HostName;
use brig_sandbox::component::{REFUSALS_TOLD_MAX, WorkerOrders, WorkerReport};
use brig_sandbox::egress::guest::{self, AskedFor, Whereabouts};
use brig_sandbox::egress::permit::{Refusal, Target};
use brig_sandbox::egress::{Egress, RESPONDER, RESPONDER_PORT};
use tokio::sync::Semaphore;
use url::Host;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::report::Reports;

pub(super) use lookup::{Asking, Lookup};
pub(super) use requests::Requests;
use responder::Unanswered;
use tls::Tls;

/// Requests over HTTP at once. Each holds a connection and its buffers; without the bound a guest
/// makes the worker's own memory grow, which no limit of its memories holds.
const REQUESTS_MAX: usize = 32;

/// Lookups at once that wait for the responder; more wait for their turn.
const LOOKUPS_MAX: usize = 8;

/// What one guest may reach, and what it was told about the rest.
pub(super) struct Network {
    egress: Option<Egress>,
    responder: SocketAddr,
    tls: Tls,
    requests: Arc<Semaphore>,
    lookups: Semaphore,
    told: Mutex<BTreeSet<AskedFor>>,
    reports: Arc<Reports>,
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfound {
    /// No grant has it. That was told.
    NotGranted,
    /// The responder did not give one.
    Unanswered(Unanswered),
}

impl Network {
    /// What the orders grant; refusals go out as reports.
    pub(super) fn new(orders: &WorkerOrders, reports: Arc<Reports>) -> Self {
        Self {
            egress: orders.egress.clone(),
            responder: SocketAddr::new(RESPONDER.into(), RESPONDER_PORT),
            tls: Tls::new(orders.authorities.clone()),
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            lookups: Semaphore::new(LOOKUPS_MAX),
            told: Mutex::default(),
            reports,
        }
    }

    /// Another responder, for tests.
    #[cfg(test)]
    pub(super) fn with_responder(mut self, at: SocketAddr) -> Self {
        self.responder = at;
        self
    }

    /// Whether anybody is granted. Without, a guest gets no socket at all.
    pub(super) fn is_granted(&self) -> bool {
        self.egress.is_some()
    }

    /// Whether a guest's socket may be used so.
    pub(super) fn admits(&self, at: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            // wasmtime asks this before it connects a socket that is bound to nothing. The call
            // itself, which a guest could ask for so, is not in the worker's filter.
            SocketAddrUse::TcpBind => at.ip().is_unspecified() && at.port() == 0,
            SocketAddrUse::TcpConnect => self.may_connect(at).is_ok(),
            SocketAddrUse::TcpListen
            | SocketAddrUse::TcpAccept
            | SocketAddrUse::UdpBind
            | SocketAddrUse::UdpSend
            | SocketAddrUse::UdpReceive => false,
        }
    }

    fn may_connect(&self, at: SocketAddr) -> Result<(), Refused> {
        let answer = guest::may_connect(self.egress.as_ref(), at);
        answer.map_err(|refusal| self.refused(&refusal))
    }

    fn may_ask(&self, target: &Target, port: u16) -> Result<(), Refused> {
        let answer = match target {
            Target::Address(ip) | Target::Loopback(ip) => {
                guest::may_connect(self.egress.as_ref(), SocketAddr::new(*ip, port))
            }
            Target::Name(_) => guest::may_ask(self.egress.as_ref(), target.clone(), port),
        };
        answer.map_err(|refusal| self.refused(&refusal))
    }

    /// The addresses in the cell of what a guest named, IPv4 first: there it is always reached.
    async fn find(&self, target: &Target) -> Result<Vec<IpAddr>, Unfound> {
        let name = match target {
            Target::Address(address) => return Ok(vec![*address]),
            Target::Loopback(_) => None,
            Target::Name(name) => Some(name),
        };
        match (guest::whereabouts(self.egress.as_ref(), target), name) {
            (Some(Whereabouts::At(at)), _) => Ok(vec![at.v4.into(), at.v6.into()]),
            (Some(Whereabouts::Responder), Some(name)) => self.ask(name).await,
            (Some(Whereabouts::Responder), None) => Err(Unfound::NotGranted),
            (None, name) => {
                if let Some(name) = name {
                    self.tell(AskedFor::name(name));
                }
                Err(Unfound::NotGranted)
            }
        }
    }

    async fn ask(&self, name: &HostName) -> Result<Vec<IpAddr>, Unfound> {
        // It is never closed.
        let _turn = self.lookups.acquire().await;
        let answer = responder::ask(self.responder, name).await;
        answer.map_err(Unfound::Unanswered)
    }

    fn refused(&self, refusal: &Refusal) -> Refused {
        if let Some(asked) = AskedFor::of(refusal) {
            self.tell(asked);
        }
        Refused
    }

    /// Tells the supervisor, once of each.
    fn tell(&self, asked: AskedFor) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < REFUSALS_TOLD_MAX && told.insert(asked.clone()) {
            // Where nobody reads reports any more, the guest's end is near.
            let _ = self.reports.send(&WorkerReport::Refused(asked));
        }
    }
}

/// It is not granted, which was told.
struct Refused;

/// Whom a guest means by what it wrote where a host belongs; `None` where that is no host.
fn target(host: &str) -> Option<Target> {
    let read = match host.parse::<std::net::Ipv6Addr>() {
        // Without the brackets that URLs have.
        Ok(address) => Host::Ipv6(address),
        Err(_) => Host::parse(host).ok()?,
    };
    let name = match read {
        Host::Ipv4(address) => return Some(of_address(address.into())),
        Host::Ipv6(address) => return Some(of_address(address.into())),
        Host::Domain(name) => name,
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name == "localhost" {
        return Some(Target::Loopback(Ipv4Addr::LOCALHOST.into()));
    }
    name.parse().ok().map(Target::Name)
}

fn of_address(address: IpAddr) -> Target {
    let address = address.to_canonical();
    let is_loopback = match address {
        IpAddr::V4(v4) => v4 == Ipv4Addr::LOCALHOST,
        IpAddr::V6(v6) => v6.is_loopback(),
    };
    if is_loopback {
        Target::Loopback(address)
    } else {
        Target::Address(address)
    }
}

#[cfg(test)]
pub(in crate::component) mod tests;
