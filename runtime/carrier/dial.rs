//! Dialling one of several addresses: the families in turn, the next one a quarter of a second
//! after the last or as soon as that failed, and the first that answers is it (RFC 8305).

use brig_sandbox::egress::filter::Dialable;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;

/// Until the next address is tried beside the last (RFC 8305, 5: "Connection Attempt Delay").
const STAGGER_MS: u64 = 250;
/// For one address, and for all together.
const ATTEMPT_SECONDS_MAX: u64 = 10;
const ALL_SECONDS_MAX: u64 = 30;

/// The first that answers, with its address.
pub(super) async fn dial(addresses: &[Dialable], port: u16) -> io::Result<(TcpStream, SocketAddr)> {
    let all = Duration::from_secs(ALL_SECONDS_MAX);
    let addresses = in_turn(addresses, port);
    match tokio::time::timeout(all, race(addresses)).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>>>>;

async fn race(mut addresses: VecDeque<SocketAddr>) -> io::Result<(TcpStream, SocketAddr)> {
    let mut running: Vec<Attempt> = Vec::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let stagger = Duration::from_millis(STAGGER_MS);
    loop {
        if let Some(address) = addresses.pop_front() {
            running.push(Box::pin(attempt(address)));
        }
        if running.is_empty() {
            return Err(last);
        }
        let next = first(&mut running);
        let ended = if addresses.is_empty() {
            Some(next.await)
        } else {
            tokio::time::timeout(stagger, next).await.ok()
        };
        match ended {
            Some((_, Ok(done))) => return Ok(done),
            Some((at, Err(error))) => {
                drop(running.swap_remove(at));
                last = error;
            }
            None => {}
        }
    }
}

/// The first attempt that ends, with its place.
async fn first(running: &mut [Attempt]) -> (usize, io::Result<(TcpStream, SocketAddr)>) {
    std::future::poll_fn(|context| {
        for (at, attempt) in running.iter_mut().enumerate() {
            if let std::task::Poll::Ready(done) = attempt.as_mut().poll(context) {
                return std::task::Poll::Ready((at, done));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

async fn attempt(address: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
    let limit = Duration::from_secs(ATTEMPT_SECONDS_MAX);
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(stream) => Ok((stream?, address)),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The resolver's first family first, then one of each.
fn in_turn(addresses: &[Dialable], port: u16) -> VecDeque<SocketAddr> {
    let all = addresses
        .iter()
        .map(|one| SocketAddr::new(one.address(), port));
    let first = all.clone().next().is_none_or(|one| one.is_ipv6());
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        all.partition(|address| address.is_ipv6() == first);
    let mut turns = VecDeque::new();
    while !(one.is_empty() && other.is_empty()) {
        turns.extend(one.pop_front());
        turns.extend(other.pop_front());
    }
    turns
}
