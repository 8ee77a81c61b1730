//! The cell's name server: whatever a server asks, only granted names have addresses.

use std::net::IpAddr;

use brig_sandbox::egress::responder::{Outcome, REPLY_BYTES_MAX, Stream, answer, framed};
use brig_sandbox::egress::wildcard::{NAMES_PER_GRANT_MAX, Wildcards};

use crate::egress::{BELOW, NAME, egress};
use crate::is_harmful;

/// Checks a row of queries, as TCP carries them; the first byte says how the stream is cut.
pub fn check(bytes: &[u8]) {
    let Some((most, stream)) = bytes.split_first() else {
        return;
    };
    let queries = taken(stream, usize::from(*most).max(1));
    assert_eq!(queries, taken(stream, usize::MAX), "it depends on the cuts");
    let mut wildcards = Wildcards::new(egress());
    for (second, query) in queries.iter().flatten().enumerate() {
        let now_ms = u64::try_from(second).unwrap() * 1000;
        check_query(query, &mut wildcards, now_ms);
        assert!(wildcards.len() <= NAMES_PER_GRANT_MAX);
    }
    // By UDP a query comes without its length.
    check_query(stream, &mut wildcards, 0);
}

/// The queries up to the first error; `None` stands for that.
fn taken(stream: &[u8], most: usize) -> Vec<Option<Vec<u8>>> {
    let mut queries = Vec::new();
    let mut reader = Stream::default();
    for part in stream.chunks(most) {
        reader.push(part);
        loop {
            match reader.take() {
                Ok(Some(query)) => queries.push(Some(query)),
                Ok(None) => break,
                Err(_) => {
                    queries.push(None);
                    return queries;
                }
            }
        }
    }
    queries
}

fn check_query(query: &[u8], wildcards: &mut Wildcards, now_ms: u64) {
    let Some(reply) = answer(query, egress(), wildcards, now_ms) else {
        let is_answer = query.get(2).is_some_and(|flags| flags & 0x80 != 0);
        assert!(query.len() < 12 || is_answer, "nothing is said");
        return;
    };
    assert!(reply.bytes.len() <= REPLY_BYTES_MAX);
    assert_eq!(reply.bytes[..2], query[..2], "another query's number");
    assert!(reply.bytes[2] & 0x80 != 0, "it is no answer");
    assert_eq!(framed(&reply.bytes)[2..], reply.bytes);
    let again = answer(query, egress(), wildcards, now_ms);
    assert_eq!(
        again.as_ref(),
        Some(&reply),
        "it is another the second time"
    );
    let addresses = addresses(&reply.bytes);
    match &reply.outcome {
        Outcome::Given(shown) => {
            let name = name(&query[12..]);
            assert_eq!(&name, shown);
            let name = name.to_ascii_lowercase();
            assert!(!addresses.is_empty());
            for address in addresses {
                check_address(&name, address, wildcards);
            }
        }
        Outcome::Empty(shown, _) => {
            assert!(addresses.is_empty());
            assert!(!shown.contains(is_harmful), "{shown:?}");
        }
        Outcome::NotGranted(other) => {
            assert!(addresses.is_empty());
            assert!(!other.shown.contains(is_harmful), "{:?}", other.shown);
        }
        Outcome::Refused(_) | Outcome::Invalid => assert!(addresses.is_empty()),
    }
}

fn check_address(name: &str, address: IpAddr, wildcards: &Wildcards) {
    let fixed = egress().names[0].at;
    match name {
        NAME => assert!(fixed.holds(address)),
        "localhost" => assert!(address.is_loopback()),
        below => {
            assert!(below.ends_with(BELOW), "{below}");
            let known = wildcards.name_of(address).map(ToString::to_string);
            assert_eq!(known.as_deref(), Some(below));
        }
    }
}

/// The name of a question, by the shortest reader that there is.
fn name(mut wire: &[u8]) -> String {
    let mut labels = Vec::new();
    while wire[0] != 0 {
        let (label, rest) = wire[1..].split_at(usize::from(wire[0]));
        labels.push(String::from_utf8(label.to_vec()).unwrap());
        wire = rest;
    }
    labels.join(".")
}

/// The addresses of an answer, each of whose records points to the question.
fn addresses(reply: &[u8]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    if reply[5] == 0 {
        return addresses;
    }
    let mut at = 12;
    while reply[at] != 0 {
        at += 1 + usize::from(reply[at]);
    }
    at += 5;
    for _ in 0..reply[7] {
        let length = usize::from(reply[at + 11]);
        let value = &reply[at + 12..at + 12 + length];
        addresses.push(match value.len() {
            4 => <[u8; 4]>::try_from(value).unwrap().into(),
            _ => <[u8; 16]>::try_from(value).unwrap().into(),
        });
        at += 12 + length;
    }
    addresses
}
