//! What can be told of a message that is too long to keep: whose answer or which request it is.
//!
//! A server built with the TypeScript SDK writes `result` before `id`, so the start of a long line
//! does not name its call. The whole line is therefore looked through as it passes, in constant
//! memory: only the outermost keys and the id are read. It is a reader for lines that are dropped
//! and judges nothing; a line that is not JSON gives some outline or none.

use serde_json::value::RawValue;

use super::frame::length_through;
use super::id::{ID_BYTES_MAX, Id};
use super::message::Key;

/// How much of the start of a long line is kept for the log.
pub const HEAD_BYTES_MAX: usize = 1024;

/// What is known of a line that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Which message it is.
    pub shape: Shape,
    /// The first bytes, at most [`HEAD_BYTES_MAX`].
    pub head: Vec<u8>,
}

/// Which message a long line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A request that expects an answer for this id.
    Request(Id),
    /// An answer to this id.
    Answer(Id),
    /// A message that expects no answer.
    Notification,
    /// An object or array that told neither.
    Unclear,
    /// Not even the start of a message.
    Noise,
}

/// Looks through one line, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct OutlineReader {
    head: Vec<u8>,
    start: Start,
    depth: u64,
    string: Option<Quoted>,
    at_value: bool,
    key: Option<Key>,
    /// The outermost key or the id that is being read; bounded, and too long to be either once
    /// full.
    token: Vec<u8>,
    id: Option<Id>,
    has_method: bool,
    has_answer: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    #[default]
    Awaited,
    Object,
    Array,
    Noise,
}

/// A string that is being read, and whether its next byte is escaped.
#[derive(Clone, Copy, Debug)]
struct Quoted {
    escaped: bool,
}

impl OutlineReader {
    /// Looks through the next piece.
    pub(crate) fn add(&mut self, piece: &[u8]) {
        let room = HEAD_BYTES_MAX - self.head.len();
        self.head.extend_from_slice(&piece[..room.min(piece.len())]);
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            // What it is must not depend on where the pieces were cut: a line that goes on to name
            // another call names it to nobody.
            if self.is_decided() {
                return;
            }
            rest = match (self.start, self.string) {
                (Start::Array | Start::Noise, _) => return,
                (Start::Awaited, _) => {
                    self.open(byte);
                    after
                }
                (Start::Object, Some(quoted)) => self.string(quoted, rest),
                (Start::Object, None) => {
                    self.byte(byte);
                    after
                }
            };
        }
    }

    /// Whether the rest of the line cannot tell more.
    pub(crate) fn is_decided(&self) -> bool {
        self.id.is_some() && (self.has_method || self.has_answer)
    }

    /// What is known by now.
    pub(crate) fn outline(&self) -> Outline {
        let shape = match (self.start, &self.id) {
            (Start::Awaited | Start::Noise, _) => Shape::Noise,
            (Start::Object, Some(id)) if self.has_method => Shape::Request(id.clone()),
            (Start::Object, Some(id)) if self.has_answer => Shape::Answer(id.clone()),
            (Start::Object, None) if self.has_method => Shape::Notification,
            (Start::Object | Start::Array, _) => Shape::Unclear,
        };
        Outline {
            shape,
            head: self.head.clone(),
        }
    }

    /// The memory that it holds beside itself.
    #[cfg(test)]
    pub(crate) fn cost(&self) -> usize {
        self.head.capacity() + self.token.capacity()
    }

    fn open(&mut self, byte: u8) {
        self.start = match byte {
            b'{' => Start::Object,
            b'[' => Start::Array,
            // White space, and the bytes of a byte order mark.
            b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf => Start::Awaited,
            _ => Start::Noise,
        };
        self.depth = u64::from(self.start == Start::Object);
    }

    /// Takes a byte that is outside of strings.
    fn byte(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.string = Some(Quoted { escaped: false });
                self.keep(b"\"");
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.end_value();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.end_key(),
            b',' if self.depth == 1 => self.end_value(),
            b' ' | b'\t' | b'\r' => {}
            other => self.keep(&[other]),
        }
    }

    /// Takes the rest of a string, or as much of it as `rest` has, and returns what follows.
    fn string<'a>(&mut self, quoted: Quoted, rest: &'a [u8]) -> &'a [u8] {
        let (inside, after) = rest.split_at(length_through(rest, b'"'));
        self.keep(inside);
        let (text, quote) = match inside.split_last() {
            Some((b'"', text)) => (text, true),
            Some(_) | None => (inside, false),
        };
        let slashes = text.iter().rev().take_while(|byte| **byte == b'\\').count();
        // An escape that the piece before left open reaches into this one only if slashes fill it.
        let carried = usize::from(quoted.escaped && slashes == text.len());
        let escaped = (slashes + carried) % 2 == 1;
        self.string = match (quote, escaped) {
            (true, false) => None,
            (true, true) => Some(Quoted { escaped: false }),
            (false, escaped) => Some(Quoted { escaped }),
        };
        after
    }

    /// Keeps bytes of an outermost key or of the id.
    fn keep(&mut self, bytes: &[u8]) {
        let wanted = self.depth == 1 && (!self.at_value || self.key == Some(Key::Id));
        if wanted {
            let room = ID_BYTES_MAX + 1 - self.token.len();
            self.token
                .extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
    }

    fn end_key(&mut self) {
        self.key = std::str::from_utf8(&self.token).ok().and_then(Key::read);
        self.at_value = true;
        self.token.clear();
        match self.key {
            Some(Key::Method) => self.has_method = true,
            Some(Key::Result | Key::Error) => self.has_answer = true,
            Some(Key::Id | Key::Jsonrpc | Key::Params) | None => {}
        }
    }

    fn end_value(&mut self) {
        if self.key == Some(Key::Id) {
            self.id = read_id(&self.token);
        }
        self.key = None;
        self.at_value = false;
        self.token.clear();
    }
}

/// The id, if it is JSON: it may be put into an answer as it stands.
fn read_id(token: &[u8]) -> Option<Id> {
    let raw: &RawValue = serde_json::from_slice(token).ok()?;
    Id::read(raw.get()).ok()
}

#[cfg(test)]
mod tests;
