//! The first words of a TLS connection (RFC 8446, 4.1.2): whether they ask for the granted name.
//!
//! The server's bytes are passed on as they came, so the reader has to see in them what every
//! implementation of TLS sees, or refuse: lengths are exact, nothing stands twice, nothing is left
//! over. A peer may ask for a second ClientHello, in which a server could name somebody else, so
//! that one is judged too ([`Second`]). What a client hides in encryption is not seen.

mod extensions;
mod second;

use brig_policies::{Destination, Ech, HostName};
use thiserror::Error;

use super::grant_line;
use super::permit::{Permit, Target};
use extensions::Fields;
pub use second::{Second, Watched};

/// Bytes of a ClientHello. The largest that clients send, with post-quantum keys, ECH and a ticket,
/// have some 5 KiB; without the bound a server makes brig keep what it never ends.
pub const HELLO_BYTES_MAX: usize = 16 << 10;
/// Bytes of records around it. A record may have one byte of the message, and each has a head.
pub const WIRE_BYTES_MAX: usize = 32 << 10;
/// Bytes of one record (RFC 8446, 5.1).
const RECORD_BYTES_MAX: usize = 1 << 14;
const RECORD_HEAD: usize = 5;
const MESSAGE_HEAD: usize = 4;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// Reads a ClientHello from a stream, wherever that is cut.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    head: Vec<u8>,
    /// Bytes of the current record that have not come yet.
    missing: usize,
    message: Vec<u8>,
    wire_bytes: usize,
    failed: Option<Unread>,
}

/// How far a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The message is not whole yet.
    More,
    /// It is.
    Whole {
        /// What it says.
        hello: Hello,
        /// Bytes of the records that hold it, of those that were pushed.
        wire_bytes: usize,
    },
}

/// What a ClientHello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Whom it asks for.
    pub asked: Asked,
    /// Whether it has Encrypted Client Hello, or what looks like it: clients send noise in its
    /// place (GREASE) that nobody but the peer can tell from it. Drafts of it count too.
    pub is_hidden: bool,
    /// Whether data follow before the peer has answered (RFC 8446, 4.2.10).
    pub is_early: bool,
    /// The protocols that it offers (RFC 7301), in its order.
    pub alpn: Vec<Vec<u8>>,
}

/// Whom a ClientHello asks for (RFC 6066, 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nobody.
    Nobody,
    /// This name, byte for byte: letters, digits, `-`, `_` and `.`.
    Name(String),
}

/// Why bytes are no ClientHello that can be judged; the texts read after "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unread {
    /// Another protocol, or TLS before SSL 3.0's form.
    #[error("read a TLS handshake: it is no TLS")]
    NotTls,
    /// A message that no connection starts with.
    #[error("read a TLS handshake: it does not start with a ClientHello")]
    NotClientHello,
    /// More than [`HELLO_BYTES_MAX`], or too small pieces.
    #[error("read a TLS handshake: its ClientHello has more than {HELLO_BYTES_MAX} bytes")]
    TooLong,
    /// Bytes of the handshake behind the message.
    #[error("read a TLS handshake: more stands behind its ClientHello")]
    More,
    /// Lengths that do not fit, or an extension twice.
    #[error("read a TLS handshake: its ClientHello is malformed")]
    Malformed,
    /// More than one name, or another kind of name.
    #[error("read a TLS handshake: it asks for more than one name, or for another kind")]
    Names,
    /// A name with other characters than names have.
    #[error("read a TLS handshake: what it asks for is no name")]
    NoName,
    /// An address in place of a name, which RFC 6066 forbids.
    #[error("read a TLS handshake: it asks for an address by name")]
    Address,
}

impl Reader {
    /// Takes bytes in the order of the stream. What follows a whole message is not looked at, and
    /// an error stays. Wherever the stream is cut, the same comes of it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, Unread> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let progress = self.advance(bytes);
        self.failed = progress.as_ref().err().copied();
        progress
    }

    fn advance(&mut self, mut bytes: &[u8]) -> Result<Progress, Unread> {
        while !bytes.is_empty() {
            if self.missing == 0 {
                let part = split(&mut bytes, RECORD_HEAD - self.head.len());
                self.head.extend_from_slice(part);
                self.read_head()?;
                continue;
            }
            let part = split(&mut bytes, self.missing);
            self.message.extend_from_slice(part);
            self.missing -= part.len();
            if self.is_whole()? {
                let body = self.message.get(MESSAGE_HEAD..).unwrap_or_default();
                let hello = Hello::read(body)?;
                let wire_bytes = self.wire_bytes;
                return Ok(Progress::Whole { hello, wire_bytes });
            }
        }
        Ok(Progress::More)
    }

    /// Checks what is there of a record's head; where it is whole, the record begins.
    fn read_head(&mut self) -> Result<(), Unread> {
        // The minor version means nothing (RFC 8446, 5.1), and each has the major one of SSL 3.0.
        let is_tls = matches!(self.head[..], [HANDSHAKE] | [HANDSHAKE, 3, ..]);
        if !is_tls {
            return Err(Unread::NotTls);
        }
        let [_, _, _, high, low] = self.head[..] else {
            return Ok(());
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 || length > RECORD_BYTES_MAX {
            return Err(Unread::Malformed);
        }
        self.wire_bytes += RECORD_HEAD + length;
        if self.wire_bytes > WIRE_BYTES_MAX {
            return Err(Unread::TooLong);
        }
        self.missing = length;
        self.head.clear();
        Ok(())
    }

    /// Whether the message is whole; no record may hold more than the message.
    fn is_whole(&self) -> Result<bool, Unread> {
        if self.message.first() != Some(&CLIENT_HELLO) {
            return Err(Unread::NotClientHello);
        }
        let [_, a, b, c, ..] = self.message[..] else {
            return Ok(false);
        };
        let Ok(length) = usize::try_from(u32::from_be_bytes([0, a, b, c])) else {
            return Err(Unread::TooLong);
        };
        if length > HELLO_BYTES_MAX {
            return Err(Unread::TooLong);
        }
        if self.message.len() + self.missing > MESSAGE_HEAD + length {
            return Err(Unread::More);
        }
        Ok(self.message.len() == MESSAGE_HEAD + length)
    }
}

/// At most so many of the first bytes.
fn split<'b>(bytes: &mut &'b [u8], most: usize) -> &'b [u8] {
    let (part, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    part
}

impl Hello {
    /// Reads the message without its head.
    fn read(body: &[u8]) -> Result<Self, Unread> {
        let mut fields = Fields::new(body);
        let extensions = fields.hello().ok_or(Unread::Malformed)?;
        extensions::read(extensions)
    }
}

/// Why a handshake is not passed on; the texts read after "cannot".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It asks for nobody.
    #[error("pass on a TLS handshake to {granted}: it asks for no name")]
    Nobody {
        /// Who was dialled.
        granted: Destination,
    },
    /// It asks for somebody else.
    #[error("pass on a TLS handshake to {granted}: it asks for `{asked}`")]
    Other {
        /// Who was dialled.
        granted: Destination,
        /// Who is asked for.
        asked: String,
        /// On which port.
        port: u16,
    },
    /// It may hide whom it asks for.
    #[error("pass on a TLS handshake to {granted}: it may hide the name that it asks for (ECH)")]
    Hidden {
        /// Who was dialled.
        granted: Destination,
    },
    /// Data would stand between it and another one, where that cannot be found.
    #[error("pass on a TLS handshake to {granted}: data follow before it is answered (0-RTT)")]
    Early {
        /// Who was dialled.
        granted: Destination,
    },
}

impl Refusal {
    /// What a manifest would have to say for it to pass.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Nobody { .. } | Self::Early { .. } => Some("protocol = \"tcp\"".to_owned()),
            Self::Other { asked, port, .. } => {
                let asked: HostName = asked.to_ascii_lowercase().parse().ok()?;
                Some(grant_line(&Destination::Name(asked), *port))
            }
            Self::Hidden { .. } => Some("ech = \"allow\"".to_owned()),
        }
    }
}

/// Whether a handshake asks for whom the permit is, of a grant whose protocol is `tls`.
///
/// A name that is hidden passes where the grant says so; whatever stands outside is then only the
/// name of whoever keeps the real one. An address is dialled without a name, and a name would
/// choose among all that answer there.
pub fn judge(permit: &Permit<'_>, hello: &Hello) -> Result<(), Refusal> {
    let granted = permit.target().destination();
    if hello.is_early {
        return Err(Refusal::Early { granted });
    }
    if hello.is_hidden {
        return match permit.grant().ech {
            Ech::Allow => Ok(()),
            Ech::Refuse => Err(Refusal::Hidden { granted }),
        };
    }
    let wanted = match permit.target() {
        Target::Name(name) => Some(name.as_str()),
        Target::Loopback(_) => Some("localhost"),
        Target::Address(_) => None,
    };
    match &hello.asked {
        Asked::Name(asked) if wanted.is_some_and(|name| name.eq_ignore_ascii_case(asked)) => Ok(()),
        Asked::Name(asked) => Err(Refusal::Other {
            granted,
            asked: asked.clone(),
            port: permit.port(),
        }),
        Asked::Nobody => match permit.target() {
            Target::Name(_) => Err(Refusal::Nobody { granted }),
            Target::Address(_) | Target::Loopback(_) => Ok(()),
        },
    }
}
