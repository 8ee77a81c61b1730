//! Queries over TCP: each after its length (RFC 1035, 4.2.2; RFC 7766).

use thiserror::Error;

use super::QUERY_BYTES_MAX;

/// What came over one connection and was not taken yet.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    bytes: Vec<u8>,
}

/// Why a connection ends; the text reads after "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadFrame {
    /// No query is so short or so long.
    #[error("take a query of {0} bytes: it has 12 to {QUERY_BYTES_MAX}")]
    Length(u16),
}

impl Stream {
    /// Takes bytes in the order of the stream. Whoever calls this takes all queries out before the
    /// next call; then no more than one incomplete query is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole query. After an error nothing that follows can be told apart, so the
    /// connection ends.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, BadFrame> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else {
            return Ok(None);
        };
        let length = u16::from_be_bytes(*length);
        if !(12..=QUERY_BYTES_MAX).contains(&usize::from(length)) {
            return Err(BadFrame::Length(length));
        }
        let Some(query) = rest.get(..length.into()) else {
            return Ok(None);
        };
        let query = query.to_vec();
        self.bytes.drain(..2 + query.len());
        Ok(Some(query))
    }
}

/// A reply as it is sent over TCP.
pub fn framed(reply: &[u8]) -> Vec<u8> {
    // A reply has at most 512 bytes.
    let length = u16::try_from(reply.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], reply].concat()
}
