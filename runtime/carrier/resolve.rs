//! From a name to the addresses that may be dialled: looked up as this host does it, and judged by
//! what the grant covers. Whoever dials gets nothing else, so nothing can change in between.

use super::own::Own;
use brig_policies::Block;
use brig_sandbox::egress::filter::{Dialable, Unfit, judge, judge_all};
use brig_sandbox::egress::permit::{Permit, Target};
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::Semaphore;

/// How long a lookup may take. The C library gives up on two name servers after 20 s.
const LOOKUP_SECONDS_MAX: u64 = 15;
/// Lookups at the same time, each of which takes a thread.
const LOOKUPS_MAX: usize = 16;

/// Why nobody is dialled; the texts read after "cannot".
#[derive(Debug, Error)]
pub(super) enum Unresolved {
    /// This host does not know the name, or nobody answers.
    #[error("find {0}: {1}")]
    Lookup(String, io::Error),
    /// It took too long.
    #[error("find {0}: no answer came within {LOOKUP_SECONDS_MAX} s")]
    Slow(String),
    /// All that was found lies where the grant does not reach.
    #[error("{}", shown(.0))]
    Unfit(Vec<Unfit>),
    /// Nobody knows which addresses are this host's.
    #[error("tell this host's own addresses: {0}")]
    Own(io::Error),
}

fn shown(unfit: &[Unfit]) -> String {
    match unfit.first() {
        Some(first) if unfit.len() == 1 => first.to_string(),
        Some(first) => format!("{first} (and {} more)", unfit.len() - 1),
        None => "dial it: its name has no address".to_owned(),
    }
}

/// How long an answer is used again: a page's many connections ask once. What it leads to is judged
/// each time.
const KEPT: Duration = Duration::from_secs(2);
/// Answers that are kept.
const KEPT_MAX: usize = 64;

/// Lookups of one carrier.
pub(super) struct Resolver {
    running: Semaphore,
    own: Own,
    kept: RefCell<BTreeMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Resolver {
    /// On a host whose own resolver answers with these blocks in place of real addresses.
    pub(super) fn new(fake: Vec<Block>) -> Self {
        Self {
            running: Semaphore::new(LOOKUPS_MAX),
            own: Own::new(fake),
            kept: RefCell::default(),
        }
    }

    /// What may be dialled for a permit, in the resolver's order: at least one.
    pub(super) async fn dialable(&self, permit: &Permit<'_>) -> Result<Vec<Dialable>, Unresolved> {
        let host = self.own.host().map_err(Unresolved::Own)?;
        let found = match permit.target() {
            Target::Name(name) => self.look_up(name.as_str()).await?,
            Target::Address(address) | Target::Loopback(address) => {
                let judged = judge(permit.grant(), *address, &host);
                return judged
                    .map(|one| vec![one])
                    .map_err(|unfit| Unresolved::Unfit(vec![unfit]));
            }
        };
        let (fit, unfit) = judge_all(permit.grant(), &found, &host);
        if fit.is_empty() {
            return Err(Unresolved::Unfit(unfit));
        }
        Ok(fit)
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if let Some((_, known)) = self.fresh().get(name) {
            return Ok(known.clone());
        }
        let failed = |error| Unresolved::Lookup(name.to_owned(), error);
        let limit = Duration::from_secs(LOOKUP_SECONDS_MAX);
        let looked = async {
            let _one = self.running.acquire().await.map_err(io::Error::other)?;
            tokio::net::lookup_host((name, 0)).await
        };
        match tokio::time::timeout(limit, looked).await {
            Err(_) => Err(Unresolved::Slow(name.to_owned())),
            Ok(Err(error)) => Err(failed(error)),
            Ok(Ok(found)) => {
                let found: Vec<IpAddr> = found.map(|at: SocketAddr| at.ip()).collect();
                let mut kept = self.fresh();
                if kept.len() < KEPT_MAX {
                    kept.insert(name.to_owned(), (Instant::now(), found.clone()));
                }
                Ok(found)
            }
        }
    }

    /// The answers that are young enough.
    fn fresh(&self) -> RefMut<'_, BTreeMap<String, (Instant, Vec<IpAddr>)>> {
        let mut kept = self.kept.borrow_mut();
        kept.retain(|_, (at, _)| at.elapsed() < KEPT);
        kept
    }
}
