//! The cell's name server: questions to answers, over UDP and TCP.

use super::process::Shared;
use super::watch;
use brig_policies::Kind;
use brig_sandbox::egress::responder::{Outcome, Stream, answer, framed};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};

/// Bytes of a question that are read; a longer one is none that a stub resolver asks.
const READ_BYTES: usize = 4096;
/// How long a connection may be silent (RFC 7766, 6.2.3).
const SILENT_SECONDS_MAX: u64 = 30;
/// Connections at the same time.
const STREAMS_MAX: usize = 32;

/// Answers over UDP, as long as the carrier lives.
pub(super) async fn datagrams(socket: UdpSocket, shared: Rc<Shared>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // What fails here is told by the kernel of an earlier answer, which nobody waits for.
        let Ok((count, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let query = buffer.get(..count).unwrap_or_default();
        if let Some(reply) = answered(query, &shared) {
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

/// Answers over one connection of TCP.
pub(super) async fn stream(client: &TcpStream, shared: &Shared) {
    let taken: &Cell<usize> = &shared.streams;
    if taken.get() >= STREAMS_MAX {
        return;
    }
    taken.set(taken.get() + 1);
    let limit = Duration::from_secs(SILENT_SECONDS_MAX);
    let mut frames = Stream::default();
    let mut buffer = vec![0; READ_BYTES];
    'open: while let Ok(Ok(count @ 1..)) =
        tokio::time::timeout(limit, watch::read(client, &mut buffer)).await
    {
        frames.push(buffer.get(..count).unwrap_or_default());
        loop {
            match frames.take() {
                Ok(Some(query)) => {
                    let Some(reply) = answered(&query, shared) else {
                        continue;
                    };
                    let reply = framed(&reply);
                    let write = watch::write(client, &reply);
                    if !matches!(tokio::time::timeout(limit, write).await, Ok(Ok(()))) {
                        break 'open;
                    }
                }
                Ok(None) => break,
                Err(_) => break 'open,
            }
        }
    }
    taken.set(taken.get() - 1);
}

fn answered(query: &[u8], shared: &Shared) -> Option<Vec<u8>> {
    let mut wildcards = shared.wildcards.borrow_mut();
    let reply = answer(query, &shared.egress, &mut wildcards, shared.now_ms())?;
    drop(wildcards);
    match &reply.outcome {
        Outcome::NotGranted(not_granted) => {
            // What is no name is nobody whom a grant could name.
            if let Some(name) = &not_granted.name {
                let line = not_granted.line(HTTPS);
                let why = format!("look {name} up: it is not granted");
                shared.refused(Kind::HostNotGranted, &format!("{name}:{HTTPS}"), &why, line);
            }
        }
        Outcome::Refused(refused) => {
            let (about, why) = (refused.name().to_string(), refused.to_string());
            shared.refused(Kind::NameNotGiven, &about, &why, None);
        }
        Outcome::Given(name) => shared.decided(|| format!("looked up {name}")),
        Outcome::Empty(name, kind) => {
            shared.decided(|| format!("looked up {name} for records of type {kind}: none"));
        }
        Outcome::Invalid => {}
    }
    Some(reply.bytes)
}

/// The port that is most likely meant by a name alone.
const HTTPS: u16 = 443;
