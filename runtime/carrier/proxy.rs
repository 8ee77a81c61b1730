//! The proxy by which a host reaches others, where it must use one: HTTP's CONNECT (RFC 9110,
//! 9.3.6). The proxy looks names up, so it is what keeps them from leading to private addresses.

use brig_policies::ProxyAddress;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use tokio::net::TcpStream;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proxy {
    /// Its name or address; one of IPv6 without brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl Proxy {
    /// The one that a plan has.
    pub(crate) fn of(address: &ProxyAddress) -> Self {
        Self {
            host: address.host().to_owned(),
            port: address.port(),
        }
    }

    /// A connection to a host by way of it.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        super::watch::write(&stream, asked.as_bytes()).await?;
        let head = head(&stream).await?;
        let mut words = head.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("HTTP/1.1" | "HTTP/1.0"), Some("200")) => Ok(stream),
            (_, code) => {
                let code = code.unwrap_or("nothing");
                let said = format!("the proxy {self} says {code}");
                Err(io::Error::other(said))
            }
        }
    }
}

/// The head of its answer, and not a byte of what follows: that is the host's.
async fn head(stream: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut peeked = [0u8; 1024];
    while head.len() < HEAD_BYTES_MAX {
        let count = stream.peek(&mut peeked).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = head.len();
        head.extend_from_slice(peeked.get(..count).unwrap_or_default());
        let end = head.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.map_or(head.len(), |at| at + 4);
        let taken = end - before;
        let read = super::watch::read(stream, peeked.get_mut(..taken).unwrap_or_default()).await?;
        if read != taken {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if end < head.len() || head.ends_with(b"\r\n\r\n") {
            head.truncate(end);
            return Ok(String::from_utf8_lossy(&head).into_owned());
        }
    }
    Err(io::Error::other("the proxy's answer is too long"))
}
