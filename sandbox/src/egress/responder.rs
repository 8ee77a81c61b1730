//! The cell's name server: granted names alone, from what is known, and never a question to
//! anybody.
//!
//! The reader is our own and reads one question. A library for DNS reads and writes every kind of
//! record, follows pointers and brings logs, random numbers and URLs along; here a name that is not
//! plain labels is an error, and nothing that is read can point anywhere.
//!
//! How clients differ decides what is answered. musl waits out its time on every code but success
//! and "no such name", so a refused name is told by the latter. Go and glibc take an empty answer
//! of a server that neither recurses nor has authority for a misled one, so both bits are set.
//! glibc, c-ares and Go ask for both families at once, and a name has both. hickory and
//! systemd-resolved want an SOA beside a negative answer; it is the root's, which lies above every
//! name. Letters come back in the case in which they were asked for (c-ares, 0x20).

mod message;
mod stream;

use brig_policies::{Destination, HostName};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::ranges::VirtualAddresses;
use super::wildcard::{Refused, Wildcards};
use super::{Egress, grant_line};
use message::{Code, Query, Records, Unread, reply};
pub use message::{QUERY_BYTES_MAX, REPLY_BYTES_MAX, TTL_NEGATIVE_S, TTL_S};
pub use stream::{BadFrame, Stream, framed};

/// What was made of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The answer, of at most [`REPLY_BYTES_MAX`] bytes: it never needs to be cut for UDP.
    pub bytes: Vec<u8>,
    /// What it says.
    pub outcome: Outcome,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Addresses of a name.
    Given(String),
    /// The name is granted, and has no record of this kind (the number of its type).
    Empty(String, u16),
    /// The name is not granted.
    NotGranted(NotGranted),
    /// The name lies below a wildcard, and gets no address.
    Refused(Refused),
    /// The query was no query as RFC 1035 has it, or of another kind than questions.
    Invalid,
}

/// A name that was asked for and that no grant has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGranted {
    /// The name; what is no letter, digit, `-` or `_` in a label is escaped as `\DDD` (RFC 4343).
    pub shown: String,
    /// The name, where a grant could have it.
    pub name: Option<HostName>,
}

impl NotGranted {
    /// The grant that would give it an address, for a connection to this port.
    pub fn line(&self, port: u16) -> Option<String> {
        let name = self.name.clone()?;
        Some(grant_line(&Destination::Name(name), port))
    }
}

/// What a name is to the grants.
enum Known {
    At(VirtualAddresses),
    /// It gets an address by being asked for one.
    Below(HostName),
    Not(Option<HostName>),
}

/// Answers one query; `None` where the bytes are too few to be answered, or are an answer
/// themselves, since two name servers could else talk for ever.
pub fn answer(
    query: &[u8],
    egress: &Egress,
    wildcards: &mut Wildcards,
    now_ms: u64,
) -> Option<Reply> {
    let query = match Query::read(query) {
        Ok(query) => query,
        Err(Unread::Nothing) => return None,
        Err(Unread::Refused(bytes)) => {
            return Some(Reply {
                bytes,
                outcome: Outcome::Invalid,
            });
        }
    };
    let (at, outcome) = match known(&query, egress, wildcards) {
        Known::At(at) => (Some(at), None),
        Known::Below(_) if !query.wants_addresses() => (None, None),
        Known::Below(name) => match wildcards.allocate(&name, now_ms) {
            Ok(at) => (Some(at), None),
            Err(refused) => (None, Some(Outcome::Refused(refused))),
        },
        Known::Not(name) => {
            let shown = query.shown();
            let not_granted = NotGranted { shown, name };
            (None, Some(Outcome::NotGranted(not_granted)))
        }
    };
    if let Some(outcome) = outcome {
        let bytes = reply(&query, Code::NoSuchName, Records::none());
        return Some(Reply { bytes, outcome });
    }
    let records = at.map_or_else(Records::none, |at| Records::of(&query, at));
    let name = query.shown();
    let outcome = if records.is_empty() {
        Outcome::Empty(name, query.kind())
    } else {
        Outcome::Given(name)
    };
    let bytes = reply(&query, Code::Success, records);
    Some(Reply { bytes, outcome })
}

fn known(query: &Query<'_>, egress: &Egress, wildcards: &Wildcards) -> Known {
    let Some(text) = query.name() else {
        return Known::Not(None);
    };
    // The cell's own loopback, which is no right, as RFC 6761 (6.3) has it. Whether it leads to
    // this host is decided where a connection is accepted.
    if text == "localhost" {
        return Known::At(VirtualAddresses {
            v4: Ipv4Addr::LOCALHOST,
            v6: Ipv6Addr::LOCALHOST,
        });
    }
    let Ok(name) = text.parse::<HostName>() else {
        return Known::Not(None);
    };
    match egress.fixed(&name) {
        Some(at) => Known::At(at),
        None if wildcards.covers(&name) => Known::Below(name),
        None => Known::Not(Some(name)),
    }
}
