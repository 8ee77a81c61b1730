//! Messages as clients write them, and answers as they read them.

use std::net::IpAddr;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const PTR: u16 = 12;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;
pub(super) const ANY: u16 = 255;

/// One label for each text between dots; a text of `\.` would have none between.
pub(super) fn labels(name: &str) -> Vec<u8> {
    let labels: Vec<&[u8]> = name.split('.').map(str::as_bytes).collect();
    wire_name(&labels)
}

pub(super) fn wire_name(labels: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

/// The number that a query has here.
pub(super) const ID: u16 = 0x1234;

pub(super) fn query(name: &[u8], kind: u16) -> Vec<u8> {
    let mut query = Vec::new();
    for word in [ID, 0x0100, 1, 0, 0, 0] {
        query.extend(u16::to_be_bytes(word));
    }
    query.extend_from_slice(name);
    query.extend(kind.to_be_bytes());
    query.extend([0, 1]);
    query
}

/// The same with an OPT record of this version, these flags and options.
pub(super) fn with_edns(mut query: Vec<u8>, version: u8, flags: u16, options: &[u8]) -> Vec<u8> {
    query[11] = 1;
    query.extend([0, 0, 41, 0x04, 0xd0, 0, version]);
    query.extend(flags.to_be_bytes());
    query.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
    query.extend_from_slice(options);
    query
}

/// An answer, read by a second reader that follows RFC 1035 and not the code that wrote it.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) question: Vec<u8>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) soa: usize,
    /// Extended code, version and flags.
    pub(super) opt: Option<(u8, u8, u16)>,
}

impl Answer {
    pub(super) fn code(&self) -> u16 {
        self.flags & 0xf
    }
}

pub(super) fn read(bytes: &[u8]) -> Answer {
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (questions, records) = (word(4), word(6) + word(8) + word(10));
    let mut at = 12;
    let mut question = Vec::new();
    assert!(questions <= 1);
    if questions == 1 {
        while bytes[at] != 0 {
            at += 1 + usize::from(bytes[at]);
        }
        at += 5;
        question = bytes[12..at].to_vec();
    }
    let mut answer = Answer {
        id: word(0),
        flags: word(2),
        question,
        addresses: Vec::new(),
        soa: 0,
        opt: None,
    };
    for _ in 0..records {
        if bytes[at] == 0 {
            at += 1;
        } else {
            assert_eq!(bytes[at..at + 2], [0xc0, 12], "it points to the question");
            at += 2;
        }
        let (kind, class, length) = (word(at), word(at + 2), usize::from(word(at + 8)));
        let value = &bytes[at + 10..at + 10 + length];
        match kind {
            A => answer
                .addresses
                .push(<[u8; 4]>::try_from(value).unwrap().into()),
            AAAA => answer
                .addresses
                .push(<[u8; 16]>::try_from(value).unwrap().into()),
            6 => answer.soa += 1,
            41 => {
                assert_eq!(class, 1232);
                answer.opt = Some((bytes[at + 4], bytes[at + 5], word(at + 6)));
            }
            other => panic!("a record of type {other}"),
        }
        at += 10 + length;
    }
    assert_eq!(at, bytes.len(), "something is left over");
    answer
}

/// A ClientHello of these extensions, without records around it.
pub(super) fn hello(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(32);
    body.extend([9; 32]);
    // A number of RFC 8701 first, as browsers have it.
    body.extend([0, 4, 0x1a, 0x1a, 0x13, 0x01, 1, 0]);
    let mut list = Vec::new();
    for (kind, value) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        list.extend_from_slice(value);
    }
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    message(1, &body)
}

pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// A message in records of at most so many bytes.
pub(super) fn records(message: &[u8], most: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let [high, low] = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, high, low], part].concat()
    };
    message.chunks(most).flat_map(record).collect()
}

pub(super) fn sni(names: &[(u8, &[u8])]) -> (u16, Vec<u8>) {
    let mut list = Vec::new();
    for (kind, name) in names {
        list.push(*kind);
        list.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        list.extend_from_slice(name);
    }
    let length = u16::try_from(list.len()).unwrap().to_be_bytes();
    (0, [&length[..], &list].concat())
}

pub(super) fn named(name: &str) -> (u16, Vec<u8>) {
    sni(&[(0, name.as_bytes())])
}

pub(super) fn alpn(protocols: &[&str]) -> (u16, Vec<u8>) {
    let mut list = Vec::new();
    for protocol in protocols {
        list.push(u8::try_from(protocol.len()).unwrap());
        list.extend_from_slice(protocol.as_bytes());
    }
    let length = u16::try_from(list.len()).unwrap().to_be_bytes();
    (16, [&length[..], &list].concat())
}
