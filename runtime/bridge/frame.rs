//! Bytes to frames: lines that end in `\n`, each at most so long, whatever pieces they come in.
//!
//! Time is linear in the bytes and memory is bounded by the limit: a byte is looked at once to find
//! the line end, copied once into its line, and what comes after the limit is looked through for
//! the id and dropped.

use std::io::BufRead;

use super::outline::{Outline, OutlineReader};

/// One line, or what is known of a line that was too long to keep.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line without its `\n`. A `\r` before it stays: it is white space to JSON.
    Line(Vec<u8>),
    /// A line has passed the limit and it is already clear which message it is. Its end is still to
    /// come.
    TooLong(Outline),
    /// A line that passed the limit has ended.
    TooLongEnd {
        /// What it was, unless [`Frame::TooLong`] has told that before.
        outline: Option<Outline>,
        /// How long it was, without its `\n`.
        bytes: u64,
    },
}

/// Cuts one direction's bytes into frames. Blank lines are no frames.
#[derive(Debug)]
pub struct Framer {
    message_bytes_max: usize,
    /// A byte order mark is tolerated before the first line only.
    first: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Keep(Vec<u8>),
    Drop(Box<Dropped>),
}

#[derive(Debug, Default)]
struct Dropped {
    reader: OutlineReader,
    bytes: u64,
    told: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Framer {
    /// Lines may have `message_bytes_max` bytes without their `\n`.
    pub fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            first: true,
            state: State::Keep(Vec::new()),
        }
    }

    /// Takes bytes from the front of `input` until a frame is complete, and leaves the rest there.
    /// None means that all of `input` was taken and more is needed.
    pub fn take(&mut self, input: &mut &[u8]) -> Option<Frame> {
        while !input.is_empty() {
            let (piece, ended) = split_line(input);
            let frame = self.add(piece, ended);
            if frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// The input has ended: the last line counts even without its `\n`.
    pub fn finish(&mut self) -> Option<Frame> {
        self.end()
    }

    fn add(&mut self, piece: &[u8], ended: bool) -> Option<Frame> {
        match &mut self.state {
            State::Keep(line) if piece.len() <= self.message_bytes_max - line.len() => {
                reserve(line, piece.len(), ended, self.message_bytes_max);
                line.extend_from_slice(piece);
            }
            State::Keep(line) => {
                let mut dropped = Box::new(Dropped::default());
                dropped.add(line);
                dropped.add(piece);
                self.state = State::Drop(dropped);
            }
            State::Drop(dropped) => dropped.add(piece),
        }
        if ended { self.end() } else { self.announce() }
    }

    fn end(&mut self) -> Option<Frame> {
        let first = std::mem::replace(&mut self.first, false);
        match std::mem::replace(&mut self.state, State::Keep(Vec::new())) {
            State::Keep(mut line) => {
                if first && line.starts_with(BYTE_ORDER_MARK) {
                    line.drain(..BYTE_ORDER_MARK.len());
                }
                let blank = line.trim_ascii_start().is_empty();
                (!blank).then_some(Frame::Line(line))
            }
            State::Drop(dropped) => {
                let Dropped {
                    reader,
                    bytes,
                    told,
                } = *dropped;
                let outline = (!told).then(|| reader.outline());
                Some(Frame::TooLongEnd { outline, bytes })
            }
        }
    }

    /// Tells of a long line as soon as it is clear what it is, so that a call need not wait for its
    /// end.
    fn announce(&mut self) -> Option<Frame> {
        match &mut self.state {
            State::Drop(dropped) if !dropped.told && dropped.reader.is_decided() => {
                dropped.told = true;
                Some(Frame::TooLong(dropped.reader.outline()))
            }
            State::Keep(_) | State::Drop(_) => None,
        }
    }
}

impl Dropped {
    fn add(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if !self.told {
            self.reader.add(piece);
        }
    }
}

/// Takes the bytes up to the first `\n` off `input`, and the `\n` with them.
fn split_line<'a>(input: &mut &'a [u8]) -> (&'a [u8], bool) {
    let (line, rest) = input.split_at(length_through(input, b'\n'));
    *input = rest;
    match line.split_last() {
        Some((b'\n', piece)) => (piece, true),
        Some(_) | None => (line, false),
    }
}

/// How many bytes there are through the first `byte`, or in all if there is none.
///
/// Reading from a slice is the one way to the C library's `memchr` that is neither unsafe nor a
/// dependency, and it is as fast in a build without optimisation.
pub(crate) fn length_through(bytes: &[u8], byte: u8) -> usize {
    let mut rest = bytes;
    rest.skip_until(byte).unwrap_or(bytes.len())
}

/// Makes room for `more` bytes: exactly so many, and the `\n` that will be put back, once the
/// line's length is known; else twice as many as before, so that copies stay linear, but never more
/// than a line may have.
fn reserve(line: &mut Vec<u8>, more: usize, ended: bool, max: usize) {
    let need = line.len() + more + 1;
    if need <= line.capacity() {
        return;
    }
    let room = if ended {
        need
    } else {
        need.max(line.capacity().saturating_mul(2).min(max.saturating_add(1)))
    };
    line.reserve_exact(room - line.len());
}

#[cfg(test)]
mod tests;
