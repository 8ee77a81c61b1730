//! What a client sends after its ClientHello: perhaps another one (RFC 8446, 4.1.2).

use super::{CLIENT_HELLO, HANDSHAKE, Hello, Progress, RECORD_HEAD, Reader, Unread};

/// The record that TLS 1.3 sends for old machines between, and TLS 1.2 before it encrypts.
const CHANGE_CIPHER_SPEC: u8 = 20;
/// A warning may stand anywhere, and peers go on after it (RFC 8446, 6.1).
const ALERT: u8 = 21;
/// Encrypted: nobody who has not offered early data sends it where a ClientHello could follow.
const APPLICATION_DATA: u8 = 23;
/// Bytes of the longest ClientHello that any known peer takes: OpenSSL's bound, above that of
/// rustls, Go and BoringSSL.
const PEERS_HELLO_BYTES_MAX: u32 = 131_396;

/// Watches a client's stream behind its first ClientHello until no second one can follow. Bytes are
/// passed on only once they were pushed here and none of them was refused.
#[derive(Clone, Debug, Default)]
pub struct Second {
    /// A record's head and the first bytes of its content, as far as they are there.
    head: Vec<u8>,
    reader: Option<Reader>,
    is_over: bool,
}

/// How far a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// One may still follow.
    More,
    /// There is one, and it is the last.
    Hello(Hello),
    /// None follows.
    Over,
}

impl Second {
    /// Takes bytes in the order of the stream, from behind the first ClientHello on.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Watched, Unread> {
        while !self.is_over && !bytes.is_empty() {
            if let Some(reader) = &mut self.reader {
                return Ok(match reader.push(bytes)? {
                    Progress::More => Watched::More,
                    Progress::Whole { hello, .. } => {
                        self.is_over = true;
                        Watched::Hello(hello)
                    }
                });
            }
            let part = super::split(&mut bytes, self.wanted() - self.head.len());
            self.head.extend_from_slice(part);
            self.look()?;
        }
        Ok(if self.is_over {
            Watched::Over
        } else {
            Watched::More
        })
    }

    /// How much of a record is looked at: the first byte of its content; an alert; the head of a
    /// message where that could be a ClientHello and stands there in one piece.
    fn wanted(&self) -> usize {
        match self.head[..] {
            [HANDSHAKE, 3, _, high, low, CLIENT_HELLO, ..] if [high, low] >= [0, 4] => {
                RECORD_HEAD + 4
            }
            [ALERT, 3, _, 0, 2, ..] => RECORD_HEAD + 2,
            _ => RECORD_HEAD + 1,
        }
    }

    /// Decides on a record as soon as enough of it is there.
    fn look(&mut self) -> Result<(), Unread> {
        let is_known = matches!(
            self.head[..],
            [HANDSHAKE | CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA]
                | [
                    HANDSHAKE | CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA,
                    3,
                    ..
                ]
        );
        if !is_known {
            return Err(Unread::NotTls);
        }
        // What is empty hides from some peers that another record follows.
        if self.head.get(3..RECORD_HEAD) == Some(&[0, 0]) {
            return Err(Unread::Malformed);
        }
        if self.head.len() < self.wanted() {
            return Ok(());
        }
        match self.head[..] {
            [CHANGE_CIPHER_SPEC, _, _, 0, 1, _] | [ALERT, _, _, 0, 2, _, _] => self.head.clear(),
            [CHANGE_CIPHER_SPEC, ..] => return Err(Unread::Malformed),
            // The encrypted end of a resumed handshake of TLS 1.2 starts with any byte. Taken for a
            // ClientHello it would most often be one that no peer takes.
            [HANDSHAKE, _, _, _, _, CLIENT_HELLO, a, b, c]
                if u32::from_be_bytes([0, a, b, c]) > PEERS_HELLO_BYTES_MAX =>
            {
                self.is_over = true;
            }
            [HANDSHAKE, _, _, _, _, CLIENT_HELLO, ..] => {
                let mut reader = Reader::default();
                reader.push(&self.head)?;
                self.reader = Some(reader);
            }
            // Any other message, encrypted data, an encrypted alert: what a peer that waits for a
            // ClientHello takes none after.
            _ => self.is_over = true,
        }
        Ok(())
    }
}
