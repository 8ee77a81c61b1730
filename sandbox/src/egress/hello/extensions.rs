//! The fields of a ClientHello, down to its extensions.

use alloc::collections::BTreeSet;
use core::net::Ipv4Addr;

use super::{Asked, Hello, Unread};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const EARLY_DATA: u16 = 42;
const HOST_NAME: u8 = 0;
const NAME_BYTES_MAX: usize = 253;
const RANDOM_BYTES: usize = 32;
const SESSION_BYTES_MAX: usize = 32;

/// Numbers by which a name is hidden: Encrypted Client Hello, its outer list, its drafts, and
/// Encrypted SNI before it.
fn hides(kind: u16) -> bool {
    matches!(kind, 0xfe08..=0xfe0d | 0xfd00 | 0xff02 | 0xff03 | 0xffce)
}

/// Fields that are read from front to back.
pub(super) struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// The extensions of a ClientHello, all other fields of which have lengths that fit. Before TLS
    /// 1.3 a client could leave the whole field out, which means none.
    pub(super) fn hello(&mut self) -> Option<&'b [u8]> {
        let [major, _minor] = self.take(2)? else {
            return None;
        };
        self.take(RANDOM_BYTES)?;
        let session = self.short()?;
        let suites = self.long()?;
        let compression = self.short()?;
        let extensions = if self.is_empty() { &[] } else { self.long()? };
        let fits = *major == 3
            && session.len() <= SESSION_BYTES_MAX
            && !suites.is_empty()
            && suites.len() % 2 == 0
            && !compression.is_empty()
            && self.is_empty();
        fits.then_some(extensions)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn word(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    /// A field after its length of one byte.
    fn short(&mut self) -> Option<&'b [u8]> {
        let length = self.byte()?;
        self.take(length.into())
    }

    /// A field after its length of two bytes.
    fn long(&mut self) -> Option<&'b [u8]> {
        let length = self.word()?;
        self.take(length.into())
    }

    /// A field after its length of two bytes, which fills what there is.
    fn whole(mut self) -> Option<Self> {
        let field = self.long()?;
        self.is_empty().then_some(Self(field))
    }
}

/// Reads extensions; each may stand there once (RFC 8446, 4.2).
pub(super) fn read(extensions: &[u8]) -> Result<Hello, Unread> {
    let mut hello = Hello {
        asked: Asked::Nobody,
        is_hidden: false,
        is_early: false,
        alpn: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut fields = Fields::new(extensions);
    while !fields.is_empty() {
        let kind = fields.word().ok_or(Unread::Malformed)?;
        let value = fields.long().ok_or(Unread::Malformed)?;
        if !seen.insert(kind) {
            return Err(match kind {
                SERVER_NAME => Unread::Names,
                _ => Unread::Malformed,
            });
        }
        match kind {
            SERVER_NAME => hello.asked = Asked::Name(server_name(Fields(value))?),
            ALPN => hello.alpn = alpn(Fields(value)).ok_or(Unread::Malformed)?,
            EARLY_DATA => hello.is_early = true,
            kind if hides(kind) => hello.is_hidden = true,
            // Of no meaning here, as are the numbers of RFC 8701 that mean nothing anywhere.
            _ => {}
        }
    }
    Ok(hello)
}

fn server_name(value: Fields<'_>) -> Result<String, Unread> {
    let mut list = value.whole().ok_or(Unread::Malformed)?;
    let kind = list.byte().ok_or(Unread::Malformed)?;
    let name = list.long().ok_or(Unread::Malformed)?;
    if kind != HOST_NAME || !list.is_empty() {
        return Err(Unread::Names);
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let text = core::str::from_utf8(name).map_err(|_| Unread::NoName)?;
    // Of IPv6 the colons are no characters of a name either.
    if text.parse::<Ipv4Addr>().is_ok() || text.contains(':') {
        return Err(Unread::Address);
    }
    let has_form = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.iter().all(is_plain)
        && text.split('.').all(|label| !label.is_empty());
    if has_form {
        Ok(text.to_owned())
    } else {
        Err(Unread::NoName)
    }
}

fn alpn(value: Fields<'_>) -> Option<Vec<Vec<u8>>> {
    let mut list = value.whole()?;
    let mut offered = Vec::new();
    while !list.is_empty() {
        let protocol = list.short()?;
        if protocol.is_empty() {
            return None;
        }
        offered.push(protocol.to_vec());
    }
    (!offered.is_empty()).then_some(offered)
}
