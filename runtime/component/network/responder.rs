//! Asking the cell's responder for the addresses of a name below a wildcard, by UDP (RFC 1035,
//! 4.1). It answers both families, and nothing but addresses is looked for in what it says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::time::Duration;

use brig_policies::HostName;
use brig_sandbox::egress::responder::REPLY_BYTES_MAX;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long one try waits for both answers, and how many there are: five seconds in all. The
/// responder is on this host and asks nobody, so only one that is stopped is that slow.
const TRY: Duration = Duration::from_millis(2_500);
const TRIES: u32 = 2;

const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;
const ANSWER: u16 = 1 << 15;
const CODE: u16 = 0xf;
const NO_SUCH_NAME: u16 = 3;
const RECURSION_DESIRED: u16 = 1 << 8;
/// The upper two bits of a label's length make it a pointer of two bytes (RFC 1035, 4.1.4).
const POINTER: u8 = 0xc0;

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The responder gives it none: it looks like a message, or there are too many names.
    NoSuchName,
    /// No answer in time.
    Silent,
    /// No socket, or an answer that is none.
    Failed,
}

/// The addresses of a name, IPv4 first.
pub(super) async fn ask(at: SocketAddr, name: &HostName) -> Result<Vec<IpAddr>, Unanswered> {
    let socket = socket(at).map_err(|_| Unanswered::Failed)?;
    let mut id = [0; 2];
    getrandom(&mut id, GetRandomFlags::empty()).map_err(|_| Unanswered::Failed)?;
    let first = u16::from_ne_bytes(id);
    let asked = [(first, A), (first.wrapping_add(1), AAAA)];
    for _ in 0..TRIES {
        for (id, kind) in asked {
            let sent = socket.send(&query(id, name, kind)).await;
            sent.map_err(|_| Unanswered::Failed)?;
        }
        if let Ok(answer) = timeout(TRY, answers(&socket, asked)).await {
            return answer;
        }
    }
    Err(Unanswered::Silent)
}

/// Connected, so that the kernel drops what others send. Bound by that call alone: the worker's
/// filter knows no other.
fn socket(at: SocketAddr) -> std::io::Result<UdpSocket> {
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    rustix::net::connect(&socket, &at)?;
    UdpSocket::from_std(StdUdpSocket::from(socket))
}

async fn answers(socket: &UdpSocket, asked: [(u16, u16); 2]) -> Result<Vec<IpAddr>, Unanswered> {
    let mut found: [Option<Vec<IpAddr>>; 2] = [None, None];
    let mut bytes = [0; REPLY_BYTES_MAX];
    loop {
        if let [Some(v4), Some(v6)] = &found {
            let both = [v4.as_slice(), v6.as_slice()].concat();
            return if both.is_empty() {
                Err(Unanswered::NoSuchName)
            } else {
                Ok(both)
            };
        }
        let received = socket.recv(&mut bytes).await;
        let count = received.map_err(|_| Unanswered::Failed)?;
        let reply = bytes.get(..count).unwrap_or_default();
        for ((id, kind), found) in asked.into_iter().zip(&mut found) {
            if reply.starts_with(&id.to_be_bytes()) {
                *found = Some(addresses(reply, kind)?);
            }
        }
    }
}

fn query(id: u16, name: &HostName, kind: u16) -> Vec<u8> {
    let header = [id, RECURSION_DESIRED, 1, 0, 0, 0];
    let mut query: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
    for label in name.as_str().split('.') {
        // A host's name has labels of at most 63 bytes.
        query.extend(u8::try_from(label.len()));
        query.extend(label.bytes());
    }
    query.push(0);
    query.extend([kind, INTERNET].into_iter().flat_map(u16::to_be_bytes));
    query
}

/// The addresses of one kind in an answer.
fn addresses(reply: &[u8], kind: u16) -> Result<Vec<IpAddr>, Unanswered> {
    let mut rest = reply;
    let [_, flags, questions, answers, _, _] = [(); 6].map(|()| word(&mut rest));
    let flags = flags.ok_or(Unanswered::Failed)?;
    if flags & ANSWER == 0 || questions != Some(1) {
        return Err(Unanswered::Failed);
    }
    match flags & CODE {
        0 => {}
        NO_SUCH_NAME => return Err(Unanswered::NoSuchName),
        _ => return Err(Unanswered::Failed),
    }
    let count = answers.unwrap_or_default();
    records(rest, count, kind).ok_or(Unanswered::Failed)
}

/// Goes past the question, and through this many records.
fn records(mut rest: &[u8], count: u16, wanted: u16) -> Option<Vec<IpAddr>> {
    name(&mut rest)?;
    take(&mut rest, 4)?;
    let mut found = Vec::new();
    for _ in 0..count {
        name(&mut rest)?;
        let (kind, class) = (word(&mut rest)?, word(&mut rest)?);
        take(&mut rest, 4)?;
        let bytes = word(&mut rest)?;
        let data = take(&mut rest, usize::from(bytes))?;
        if class == INTERNET && kind == wanted {
            found.push(address(kind, data)?);
        }
    }
    Some(found)
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    if kind == A {
        let bytes: [u8; 4] = data.try_into().ok()?;
        Some(Ipv4Addr::from(bytes).into())
    } else {
        let bytes: [u8; 16] = data.try_into().ok()?;
        Some(Ipv6Addr::from(bytes).into())
    }
}

/// Goes past a name. A pointer ends it, and is not followed: whose record it is was asked.
fn name(rest: &mut &[u8]) -> Option<()> {
    loop {
        let length = *take(rest, 1)?.first()?;
        if length & POINTER == POINTER {
            return take(rest, 1).map(|_| ());
        }
        if length & POINTER != 0 {
            return None;
        }
        if length == 0 {
            return Some(());
        }
        take(rest, usize::from(length))?;
    }
}

fn word(rest: &mut &[u8]) -> Option<u16> {
    let bytes: [u8; 2] = take(rest, 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests;
