//! The first words of an HTTP/1.1 connection (RFC 9112): whether they ask for the granted host.
//!
//! As with TLS, the bytes are passed on as they came, so whatever two servers could read in two
//! ways is refused: ends of lines that are no CRLF, folded lines, blanks before a colon, two hosts.
//! One thing is left out, an offer to go on with HTTP/2, whose hosts stand in compressed frames:
//! Java's client makes it with each first request, and goes on with HTTP/1.1 where nobody takes it.
//! A connection has many requests, and [`Requests`] judges each of them.

mod chunks;
mod head;
mod requests;

use core::net::IpAddr;

use brig_policies::{Destination, HostName};
use thiserror::Error;

use super::grant_line;
use super::permit::{Permit, Target};
pub use requests::{Refused, Requests};

/// Bytes of a request's head. Servers take 8 to 64 KiB; without the bound a client makes brig keep
/// what it never ends.
pub const HEAD_BYTES_MAX: usize = 32 << 10;
/// Lines of a request's head.
pub const LINES_MAX: usize = 256;

/// What every connection of HTTP/2 starts with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Reads a request's head from a stream, wherever that is cut.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// Bytes up to which there is no end of the head.
    searched: usize,
    failed: Option<Unread>,
}

/// How far a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is not whole yet.
    More,
    /// It is.
    Whole {
        /// What it says.
        request: Request,
        /// Its bytes, of those that were pushed; the content follows.
        head_bytes: usize,
    },
}

/// What a request's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom the `Host` field names, and the request line too, where that names anybody.
    pub host: String,
    /// The port that stands there.
    pub port: Option<u16>,
    /// What follows the head.
    pub content: Content,
    /// Whether it offers to go on with HTTP/2 (RFC 7540, 3.2), which is not passed on.
    pub offers_http2: bool,
}

/// What follows a request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// So many bytes, then the next request.
    Bytes(u64),
    /// Chunks (RFC 9112, 7.1), then the next request.
    Chunks,
    /// Frames of WebSocket (RFC 6455), if the peer agrees.
    WebSocket,
}

/// Why bytes are no request that can be judged; the texts read after "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unread {
    /// HTTP/2 without TLS, whose hosts stand in compressed frames.
    #[error("read an HTTP request: it is HTTP/2, whose host brig does not read")]
    Http2,
    /// No request line of HTTP/1.
    #[error("read an HTTP request: its first line is none of HTTP/1.1")]
    RequestLine,
    /// CONNECT makes a tunnel to whomever the peer reaches.
    #[error("read an HTTP request: CONNECT asks the peer for a tunnel")]
    Tunnel,
    /// More than [`HEAD_BYTES_MAX`] or [`LINES_MAX`].
    #[error(
        "read an HTTP request: its head has more than {HEAD_BYTES_MAX} bytes or {LINES_MAX} lines"
    )]
    TooLong,
    /// A line that some servers read otherwise than others.
    #[error("read an HTTP request: a line of its head has two readings")]
    Line,
    /// A line that goes on with the one before.
    #[error("read an HTTP request: a line of its head is folded")]
    Folded,
    /// No host.
    #[error("read an HTTP request: it names no host")]
    NoHost,
    /// Two of them, or another one in the request line.
    #[error("read an HTTP request: it names more than one host")]
    Hosts,
    /// A host that is none.
    #[error("read an HTTP request: what it names is no host")]
    BadHost,
    /// Content whose length has two readings.
    #[error("read an HTTP request: the length of its content has two readings")]
    Length,
    /// Another protocol than WebSocket to go on with, or no frame of it where one has to be.
    #[error("read an HTTP request: it goes on with a protocol that brig does not know")]
    Upgrade,
}

impl Reader {
    /// Takes bytes in the order of the stream. What follows a whole head is not looked at, and an
    /// error stays. Wherever the stream is cut, the same comes of it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, Unread> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let progress = self.advance(bytes);
        self.failed = progress.as_ref().err().copied();
        progress
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Unread> {
        let room = HEAD_BYTES_MAX - self.bytes.len();
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(kept);
        if self.bytes.starts_with(PREFACE) {
            return Err(Unread::Http2);
        }
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        let end = unsearched.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else {
            self.searched = self.bytes.len().saturating_sub(3);
            return if self.bytes.len() < HEAD_BYTES_MAX {
                Ok(Progress::More)
            } else {
                Err(Unread::TooLong)
            };
        };
        let end = self.searched + end;
        let head = self.bytes.get(..end).unwrap_or_default();
        let request = head::read(head)?;
        let head_bytes = end + 4;
        Ok(Progress::Whole {
            request,
            head_bytes,
        })
    }

    /// How much was pushed and kept.
    fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The first of what was kept.
    fn first(&self, bytes: usize) -> &[u8] {
        self.bytes.get(..bytes).unwrap_or_default()
    }
}

/// Why a request is not passed on; the text reads after "cannot".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("pass on an HTTP request to {granted}: it asks for `{asked}`")]
pub struct Refusal {
    /// Who was dialled.
    pub granted: Destination,
    /// Who is asked for, with the port where one stands there.
    pub asked: String,
    port: u16,
}

impl Refusal {
    /// The grant that would let it pass.
    pub fn line(&self) -> Option<String> {
        let name = self.asked.split(':').next()?;
        let name: HostName = name.to_ascii_lowercase().parse().ok()?;
        Some(grant_line(&Destination::Name(name), self.port))
    }
}

/// Whether a request asks for whom the permit is, of a grant whose protocol is `http`.
pub fn judge(permit: &Permit<'_>, request: &Request) -> Result<(), Refusal> {
    let host = request.host.as_str();
    let is_meant = match permit.target() {
        Target::Name(name) => name.as_str().eq_ignore_ascii_case(host),
        Target::Address(address) => is_address(host, *address),
        Target::Loopback(address) => {
            host.eq_ignore_ascii_case("localhost") || is_address(host, *address)
        }
    };
    // Without a port it is the scheme's (RFC 9110, 4.2.1), and who dials another has to say so.
    if is_meant && request.port.unwrap_or(80) == permit.port() {
        return Ok(());
    }
    let asked = match request.port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Err(Refusal {
        granted: permit.target().destination(),
        asked,
        port: permit.port(),
    })
}

fn is_address(host: &str, address: IpAddr) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse() == Ok(address) && bare.is_some() == address.is_ipv6()
}
