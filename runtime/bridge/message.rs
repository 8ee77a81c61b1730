//! What a line is: its JSON-RPC envelope, read without touching what the envelope holds.
//!
//! The envelope is the object's outermost keys. Their values stay raw text, so numbers keep their
//! digits and unknown fields pass. What two readers could understand differently (a key given
//! twice, or in other case) is refused here by name, before any rule could be led past it.

use std::borrow::Cow;

use super::id::{Id, text};
use envelope::{Elements, Envelope};
use field::field;

mod envelope;
mod field;

/// How deep a message may nest. No message in use comes near; without a bound a server could
/// exhaust the stack of a client that reads JSON by recursion.
pub const DEPTH_MAX: usize = 512;

/// How many messages a batch may hold. Without a bound a line of `{},{},…` costs many times its own
/// size.
pub const BATCH_LENGTH_MAX: usize = 1024;

/// The keys of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `id`
    Id,
    /// `method`
    Method,
    /// `params`
    Params,
    /// `result`
    Result,
    /// `error`
    Error,
    /// `jsonrpc`
    Jsonrpc,
}

/// One line's content.
#[derive(Debug)]
pub enum Reading<'a> {
    /// A single object, with its text.
    One(&'a str, Message<'a>),
    /// A batch, as MCP 2025-03-26 has it: each object with its own text.
    Batch(Vec<(&'a str, Message<'a>)>),
}

/// One object of JSON-RPC.
#[derive(Debug)]
pub enum Message<'a> {
    /// Wants an answer.
    Request {
        /// Its id.
        id: Id,
        /// The method, with escapes resolved.
        method: Cow<'a, str>,
        /// The parameters as raw text.
        params: Option<&'a str>,
    },
    /// Wants no answer.
    Notification {
        /// The method, with escapes resolved.
        method: Cow<'a, str>,
        /// The parameters as raw text.
        params: Option<&'a str>,
    },
    /// A result or an error for a request.
    Answer {
        /// The request's id.
        id: Id,
        /// The result as raw text, where it is one.
        result: Option<&'a str>,
        /// The error as raw text, where it is one.
        error: Option<&'a str>,
    },
    /// An error that names no request: the peer could not read what it was sent.
    ErrorForNone,
    /// Not to be passed on.
    Refused {
        /// The id, where there is exactly one.
        id: Option<Id>,
        /// Whether it would have been a request, so that its sender waits for an answer.
        asks: bool,
        /// Why.
        fault: Fault,
    },
}

/// Why a line or an object is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no JSON, no object or batch of objects, or no message of JSON-RPC.
    #[error("it is no JSON-RPC message")]
    NotMessage,
    /// The key is given twice, in other case, or in a form that readers take differently.
    #[error("its `{}` can be read in more than one way", .0.name())]
    Ambiguous(Key),
    /// It nests deeper than [`DEPTH_MAX`].
    #[error("it nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

impl Key {
    const ALL: [Self; 6] = [
        Self::Id,
        Self::Method,
        Self::Params,
        Self::Result,
        Self::Error,
        Self::Jsonrpc,
    ];

    /// The key as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Method => "method",
            Self::Params => "params",
            Self::Result => "result",
            Self::Error => "error",
            Self::Jsonrpc => "jsonrpc",
        }
    }

    /// Takes the raw text of a JSON string that is exactly a key.
    pub(crate) fn read(raw: &str) -> Option<Self> {
        let name = text(raw)?;
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Reads one line. An error means that nothing in it can be told apart as a message.
pub fn read(line: &[u8]) -> Result<Reading<'_>, Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::NotMessage)?;
    let too_deep = is_too_deep(line.as_bytes());
    match line.trim_ascii_start().as_bytes().first() {
        Some(b'{') => Ok(Reading::One(line, read_object(line, too_deep)?)),
        Some(b'[') => read_batch(line, too_deep).map(Reading::Batch),
        Some(_) | None => Err(Fault::NotMessage),
    }
}

fn read_batch(line: &str, too_deep: bool) -> Result<Vec<(&str, Message<'_>)>, Fault> {
    let Elements(elements) = serde_json::from_str(line).map_err(|_| Fault::NotMessage)?;
    if elements.is_empty() {
        return Err(Fault::NotMessage);
    }
    elements
        .into_iter()
        .map(|raw| Ok((raw, read_object(raw, too_deep)?)))
        .collect()
}

fn read_object(object: &str, too_deep: bool) -> Result<Message<'_>, Fault> {
    let envelope: Envelope<'_> = serde_json::from_str(object).map_err(|_| Fault::NotMessage)?;
    let (id, asks) = (envelope.id(), envelope.asks());
    let fault = match envelope.into_message() {
        Ok(_) if too_deep => Fault::TooDeep,
        Ok(message) => return Ok(message),
        Err(fault) => fault,
    };
    Ok(Message::Refused { id, asks, fault })
}

/// Whether brackets nest deeper than [`DEPTH_MAX`]. Most lines have not even that many brackets,
/// and counting those costs next to nothing.
fn is_too_deep(line: &[u8]) -> bool {
    opening(line) > DEPTH_MAX && depth(line) > DEPTH_MAX
}

/// How many `[` and `{` there are. They differ in one bit, and no sum of a chunk is more than a
/// byte can hold, so that the compiler can take many bytes at once.
fn opening(line: &[u8]) -> usize {
    let count = |chunk: &[u8]| {
        chunk
            .iter()
            .map(|byte| u8::from(byte | 0x20 == b'{'))
            .sum::<u8>()
    };
    line.chunks(usize::from(u8::MAX))
        .map(|chunk| usize::from(count(chunk)))
        .sum()
}

fn depth(line: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The progress token that a request's parameters ask for.
pub(crate) fn progress_token(params: Option<&str>) -> Option<Id> {
    // Most requests have none, and looking for the word is faster than reading arguments.
    let params = params.filter(|text| text.contains("progressToken"))?;
    Id::read(field(field(params, "_meta")?, "progressToken")?).ok()
}

/// The token of `notifications/progress`.
pub(crate) fn progressed(params: Option<&str>) -> Option<Id> {
    Id::read(field(params?, "progressToken")?).ok()
}

/// The request that `notifications/cancelled` names.
pub(crate) fn cancelled(params: Option<&str>) -> Option<Id> {
    Id::read(field(params?, "requestId")?).ok()
}

#[cfg(test)]
mod tests;
