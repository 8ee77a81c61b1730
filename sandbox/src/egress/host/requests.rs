//! All requests of a connection, one after the other.

use thiserror::Error;

use super::chunks::Chunks;
use super::head::without_http2;
use super::{Content, Progress, Reader, Refusal, Unread, judge};
use crate::egress::permit::Permit;

/// Judges each request of a client's stream, and gives out what may be passed on.
///
/// A head is kept until it is judged, so at most
/// [`HEAD_BYTES_MAX`](super::HEAD_BYTES_MAX) bytes are; content passes as it comes.
#[derive(Clone, Debug)]
pub struct Requests {
    next: Next,
}

#[derive(Clone, Debug)]
enum Next {
    Head(Reader),
    Bytes(u64),
    Chunks(Chunks),
    /// The first two bytes of a frame of WebSocket, as far as they are there.
    Frame(Vec<u8>),
    /// Frames, which name nobody.
    Frames,
    Failed(Refused),
}

/// Why a connection ends; the texts read after "cannot".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// A request that cannot be judged.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// One that asks for somebody else.
    #[error(transparent)]
    Other(#[from] Refusal),
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            next: Next::Head(Reader::default()),
        }
    }
}

impl Requests {
    /// Takes bytes in the order of the stream and puts behind `passed` what may be passed on. An
    /// error stays; what was put there before it may be passed on still.
    pub fn push(
        &mut self,
        permit: &Permit<'_>,
        mut bytes: &[u8],
        passed: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        while !bytes.is_empty() {
            if let Err(refused) = self.advance(permit, &mut bytes, passed) {
                self.next = Next::Failed(refused.clone());
                return Err(refused);
            }
        }
        Ok(())
    }

    fn advance(
        &mut self,
        permit: &Permit<'_>,
        bytes: &mut &[u8],
        passed: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        match &mut self.next {
            Next::Head(reader) => {
                let before = reader.len();
                let Progress::Whole {
                    request,
                    head_bytes,
                } = reader.push(bytes)?
                else {
                    *bytes = &[];
                    return Ok(());
                };
                judge(permit, &request)?;
                let head = reader.first(head_bytes);
                if request.offers_http2 {
                    passed.extend(without_http2(head).flatten());
                } else {
                    passed.extend_from_slice(head);
                }
                *bytes = bytes.get(head_bytes - before..).unwrap_or_default();
                self.next = after(request.content);
            }
            Next::Bytes(missing) => {
                let room = usize::try_from(*missing).unwrap_or(usize::MAX);
                let part = take(bytes, room);
                passed.extend_from_slice(part);
                *missing -= u64::try_from(part.len()).unwrap_or(*missing);
                if *missing == 0 {
                    self.next = Next::Head(Reader::default());
                }
            }
            Next::Chunks(chunks) => {
                let end = chunks.push(bytes)?;
                passed.extend_from_slice(take(bytes, end.unwrap_or(usize::MAX)));
                if end.is_some() {
                    self.next = Next::Head(Reader::default());
                }
            }
            Next::Frame(head) => {
                head.extend_from_slice(take(bytes, 2 - head.len()));
                if let [_, second] = head[..] {
                    // A client's frames are masked (RFC 6455, 5.1), which is a bit that no letter
                    // of a request has: a peer that did not agree to WebSocket gets none.
                    if second & 0x80 == 0 {
                        return Err(Unread::Upgrade.into());
                    }
                    passed.extend_from_slice(head);
                    self.next = Next::Frames;
                }
            }
            Next::Frames => passed.extend_from_slice(take(bytes, usize::MAX)),
            Next::Failed(refused) => return Err(refused.clone()),
        }
        Ok(())
    }
}

fn after(content: Content) -> Next {
    match content {
        Content::Bytes(0) => Next::Head(Reader::default()),
        Content::Bytes(bytes) => Next::Bytes(bytes),
        Content::Chunks => Next::Chunks(Chunks::default()),
        Content::WebSocket => Next::Frame(Vec::new()),
    }
}

/// At most so many of the first bytes.
fn take<'b>(bytes: &mut &'b [u8], most: usize) -> &'b [u8] {
    let (part, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    part
}
