//! Queries and answers as bytes (RFC 1035, 4.1; RFC 6891).

use core::fmt::Write as _;

use crate::egress::ranges::VirtualAddresses;

/// Bytes of a query. One name is 255, its frame and EDNS some 40, cookies and padding the rest;
/// without the bound a stream would be kept in memory for as long as it says that it is.
pub const QUERY_BYTES_MAX: usize = PAYLOAD as usize;
const PAYLOAD: u16 = 1232;
/// Bytes of an answer: every resolver takes so many by UDP, with EDNS or without.
pub const REPLY_BYTES_MAX: usize = 512;
/// Seconds for which an address may be remembered.
pub const TTL_S: u32 = 60;
/// Seconds for which the absence of one may be: little, since a name below a wildcard may get one
/// as soon as others expire.
pub const TTL_NEGATIVE_S: u32 = 5;

const HEADER_BYTES: usize = 12;
const NAME_BYTES_MAX: usize = 255;
const LABEL_BYTES_MAX: u8 = 63;
/// Where the question's name starts, as a pointer to it.
const POINTER: u16 = 0xc000 | 0xc;

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const ANY: u16 = 255;
const INTERNET: u16 = 1;

/// Bits of the header's second word.
const ANSWER: u16 = 1 << 15;
const OPCODE: u16 = 0xf << 11;
const AUTHORITY: u16 = 1 << 10;
const CUT: u16 = 1 << 9;
const RECURSION_DESIRED: u16 = 1 << 8;
const RECURSION_AVAILABLE: u16 = 1 << 7;
const CHECKING_DISABLED: u16 = 1 << 4;
/// Of an OPT record's flags (RFC 3225): copied, although nothing is signed.
const SIGNATURES_WANTED: u16 = 1 << 15;

/// What an answer says of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Success = 0,
    Malformed = 1,
    NoSuchName = 3,
    NotImplemented = 4,
    /// Of EDNS (RFC 6891, 9); its upper bits go into the OPT record.
    BadVersion = 16,
}

/// One question that can be answered.
pub(super) struct Query<'b> {
    id: u16,
    flags: u16,
    /// The question: name, type and class.
    question: &'b [u8],
    labels: Vec<&'b [u8]>,
    kind: u16,
    edns: Option<Edns>,
}

#[derive(Clone, Copy)]
struct Edns {
    version: u8,
    flags: u16,
}

/// Why there is no query.
pub(super) enum Unread {
    /// Nothing can be answered.
    Nothing,
    /// This is to be answered.
    Refused(Vec<u8>),
}

impl<'b> Query<'b> {
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, Unread> {
        let mut rest = bytes;
        let (Some(id), Some(flags)) = (word(&mut rest), word(&mut rest)) else {
            return Err(Unread::Nothing);
        };
        if bytes.len() < HEADER_BYTES || flags & ANSWER != 0 {
            return Err(Unread::Nothing);
        }
        let refuse = |code| Unread::Refused(header(id, flags, code, [0; 4]));
        if flags & OPCODE != 0 {
            return Err(refuse(Code::NotImplemented));
        }
        if bytes.len() > QUERY_BYTES_MAX || flags & CUT != 0 {
            return Err(refuse(Code::Malformed));
        }
        let query = Self::parts(id, flags, rest).ok_or_else(|| refuse(Code::Malformed))?;
        let (query, class) = query;
        if class != INTERNET {
            return Err(refuse(Code::NotImplemented));
        }
        if query.edns.is_some_and(|edns| edns.version != 0) {
            let bytes = reply(&query, Code::BadVersion, Records::none());
            return Err(Unread::Refused(bytes));
        }
        Ok(query)
    }

    /// All that follows flags: one question, and at most an OPT record. Nothing is left over.
    fn parts(id: u16, flags: u16, mut rest: &'b [u8]) -> Option<(Self, u16)> {
        let counts = [(); 4].map(|()| word(&mut rest));
        let [Some(1), Some(0), Some(0), Some(0 | 1)] = counts else {
            return None;
        };
        let from = rest;
        let labels = labels(&mut rest)?;
        let (kind, class) = (word(&mut rest)?, word(&mut rest)?);
        let question = from.get(..from.len() - rest.len())?;
        let edns = match counts[3] {
            Some(0) | None => None,
            Some(_) => Some(edns(&mut rest)?),
        };
        let query = Self {
            id,
            flags,
            question,
            labels,
            kind,
            edns,
        };
        rest.is_empty().then_some((query, class))
    }

    /// The name in lower case, where each label is one that a host's name could have. A label with
    /// a dot in it would else read as two.
    pub(super) fn name(&self) -> Option<String> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !self.labels.iter().all(|label| label.iter().all(is_plain)) {
            return None;
        }
        Some(self.shown().to_ascii_lowercase())
    }

    /// The name for people: at most four characters for each byte, and none that moves a cursor.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for (count, label) in self.labels.iter().enumerate() {
            shown.push_str(if count == 0 { "" } else { "." });
            for byte in *label {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
                    shown.push(char::from(*byte));
                } else {
                    // A String takes whatever is written to it.
                    let _ = write!(shown, "\\{byte:03}");
                }
            }
        }
        if shown.is_empty() {
            shown.push('.');
        }
        shown
    }

    pub(super) fn kind(&self) -> u16 {
        self.kind
    }

    pub(super) fn wants_addresses(&self) -> bool {
        matches!(self.kind, A | AAAA | ANY)
    }
}

/// A name without pointers: in a question nothing comes before it that one could lead to.
fn labels<'b>(rest: &mut &'b [u8]) -> Option<Vec<&'b [u8]>> {
    let mut labels = Vec::new();
    let mut bytes = 1;
    loop {
        let length = byte(rest)?;
        if length == 0 {
            return Some(labels);
        }
        bytes += 1 + usize::from(length);
        if length > LABEL_BYTES_MAX || bytes > NAME_BYTES_MAX {
            return None;
        }
        labels.push(take(rest, length.into())?);
    }
}

/// An OPT record, whose options are whole; none of them is obeyed.
fn edns(rest: &mut &[u8]) -> Option<Edns> {
    let (root, kind) = (byte(rest)?, word(rest)?);
    if root != 0 || kind != OPT {
        return None;
    }
    let _payload = word(rest)?;
    let (_code, version, flags) = (byte(rest)?, byte(rest)?, word(rest)?);
    let length = word(rest)?;
    let mut options = take(rest, length.into())?;
    while !options.is_empty() {
        let _option = word(&mut options)?;
        let length = word(&mut options)?;
        take(&mut options, length.into())?;
    }
    Some(Edns { version, flags })
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

fn word(rest: &mut &[u8]) -> Option<u16> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(u16::from_be_bytes(*first))
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (first, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(first)
}

/// The records that answer a question.
pub(super) struct Records {
    bytes: Vec<u8>,
    count: u16,
}

impl Records {
    pub(super) const fn none() -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
        }
    }

    /// Those of the addresses that are asked for.
    pub(super) fn of(query: &Query<'_>, at: VirtualAddresses) -> Self {
        let mut records = Self::none();
        if matches!(query.kind, A | ANY) {
            records.put(A, &at.v4.octets());
        }
        if matches!(query.kind, AAAA | ANY) {
            records.put(AAAA, &at.v6.octets());
        }
        records
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn put(&mut self, kind: u16, address: &[u8]) {
        self.count += 1;
        self.bytes.extend(POINTER.to_be_bytes());
        put_record(&mut self.bytes, kind, TTL_S, address);
    }
}

/// All of a record but its name.
fn put_record(out: &mut Vec<u8>, kind: u16, ttl_s: u32, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(INTERNET.to_be_bytes());
    out.extend(ttl_s.to_be_bytes());
    // Addresses and the SOA, of at most 22 bytes.
    out.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(value);
}

/// The answer to a query.
pub(super) fn reply(query: &Query<'_>, code: Code, records: Records) -> Vec<u8> {
    let is_negative = records.is_empty() && code != Code::BadVersion;
    let counts = [
        1,
        records.count,
        u16::from(is_negative),
        u16::from(query.edns.is_some()),
    ];
    let mut out = header(query.id, query.flags, code, counts);
    out.extend_from_slice(query.question);
    out.extend(records.bytes);
    if is_negative {
        // The root's: its server and its keeper are the root too, then serial number and times.
        let mut soa = vec![0, 0];
        for number in [1, TTL_S, TTL_S, TTL_S, TTL_NEGATIVE_S] {
            soa.extend(number.to_be_bytes());
        }
        out.push(0);
        put_record(&mut out, SOA, TTL_NEGATIVE_S, &soa);
    }
    if let Some(edns) = query.edns {
        out.push(0);
        out.extend(OPT.to_be_bytes());
        out.extend(PAYLOAD.to_be_bytes());
        let [upper, _] = (code as u16).wrapping_shl(4).to_be_bytes();
        out.extend([upper, 0]);
        out.extend((edns.flags & SIGNATURES_WANTED).to_be_bytes());
        out.extend([0, 0]);
    }
    out
}

fn header(id: u16, flags: u16, code: Code, counts: [u16; 4]) -> Vec<u8> {
    let kept = OPCODE | RECURSION_DESIRED | CHECKING_DISABLED;
    let said = ANSWER | AUTHORITY | RECURSION_AVAILABLE | (code as u16 & 0xf);
    let mut out = Vec::with_capacity(REPLY_BYTES_MAX);
    for word in [id, (flags & kept) | said].into_iter().chain(counts) {
        out.extend(word.to_be_bytes());
    }
    out
}
