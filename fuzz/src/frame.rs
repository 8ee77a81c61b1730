//! Frames: wherever the bytes are cut, the lines are those that a reader of the whole would find.

use crate::bridge::frame::{Frame, Framer};
use crate::bridge::id::ID_BYTES_MAX;
use crate::bridge::message::{self, Message, Reading};
use crate::bridge::outline::{HEAD_BYTES_MAX, Outline, Shape};
use crate::heap::held_bytes;

/// What a framer may hold beside one line: the head of a long one, its id three times (as it is
/// read, as it was written and as it is compared), and what vectors take ahead.
const BESIDE_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX + 6 * ID_BYTES_MAX;

/// A frame, without the time at which it was told.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Line(Vec<u8>),
    Long { outline: Outline, bytes: u64 },
}

/// Checks one stream: the first byte is the limit, the second says where the rest is cut.
pub fn check(bytes: &[u8]) {
    let Some((&[limit, cuts], stream)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    // Some limits are longer than what is kept of a long line, and most are short.
    let limit = match limit {
        0..=250 => usize::from(limit),
        251.. => usize::from(limit - 250) * 300,
    };
    let whole = read(limit, stream, usize::MAX);
    check_against_lines(limit, stream, &whole);
    let pieces = read(limit, stream, 1 + usize::from(cuts % 64));
    assert_same(&whole, &pieces);
    assert_same(&whole, &read(limit, stream, 1));
}

fn read(limit: usize, stream: &[u8], piece_bytes: usize) -> Vec<Seen> {
    let mut framer = Framer::new(limit);
    let mut seen = Vec::new();
    let mut announced = None;
    for mut piece in stream.chunks(piece_bytes) {
        loop {
            let before = held_bytes();
            let frame = framer.take(&mut piece);
            let more = held_bytes().saturating_sub(before);
            assert!(more <= limit + 1 + BESIDE_BYTES_MAX, "{more} bytes at once");
            let Some(frame) = frame else { break };
            put(limit, frame, &mut announced, &mut seen);
        }
        assert!(piece.is_empty(), "no frame and yet something is left");
    }
    let alone = held_bytes();
    if let Some(frame) = framer.finish() {
        put(limit, frame, &mut announced, &mut seen);
    }
    assert!(announced.is_none(), "an announced line has no end");
    drop(framer);
    let held = alone.saturating_sub(held_bytes());
    assert!(held <= limit + 1 + BESIDE_BYTES_MAX, "{held} bytes held");
    seen
}

fn put(limit: usize, frame: Frame, announced: &mut Option<Outline>, seen: &mut Vec<Seen>) {
    match frame {
        Frame::Line(line) => {
            assert!(announced.is_none(), "a line within a line");
            assert!(line.capacity() <= limit + 1, "{} bytes", line.capacity());
            seen.push(Seen::Line(line));
        }
        Frame::TooLong(outline) => {
            assert!(announced.is_none(), "one line is told of twice");
            *announced = Some(outline);
        }
        Frame::TooLongEnd { outline, bytes } => {
            assert_ne!(outline.is_some(), announced.is_some());
            let outline = outline.or(announced.take());
            seen.extend(outline.map(|outline| Seen::Long { outline, bytes }));
        }
    }
}

/// Equal but for how much of a line was known when it was clear what it is.
#[track_caller]
fn assert_same(one: &[Seen], other: &[Seen]) {
    assert_eq!(one.len(), other.len(), "{one:?}\n{other:?}");
    for pair in one.iter().zip(other) {
        match pair {
            (
                Seen::Long { outline, bytes },
                Seen::Long {
                    outline: cut,
                    bytes: cut_bytes,
                },
            ) => {
                assert_eq!((&outline.shape, bytes), (&cut.shape, cut_bytes));
                let (long, short) = (&outline.head, &cut.head);
                assert!(long.starts_with(short) || short.starts_with(long));
            }
            (one, other) => assert_eq!(one, other),
        }
    }
}

/// Compares with the lines of the whole.
fn check_against_lines(limit: usize, stream: &[u8], seen: &[Seen]) {
    let mut seen = seen.iter();
    for (at, line) in stream.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > limit {
            let Some(Seen::Long { outline, bytes }) = seen.next() else {
                panic!("a long line got lost");
            };
            assert_eq!(*bytes, line.len() as u64);
            check_outline(line, outline);
            continue;
        }
        let mark = if at == 0 { "\u{feff}" } else { "" };
        let line = line.strip_prefix(mark.as_bytes()).unwrap_or(line);
        if !line.trim_ascii().is_empty() {
            assert_eq!(seen.next(), Some(&Seen::Line(line.to_vec())));
        }
    }
    assert_eq!(seen.next(), None, "a frame of nothing");
}

/// What is told of a long line is what a reader of the line finds, where it is a message.
fn check_outline(line: &[u8], outline: &Outline) {
    assert!(line.starts_with(&outline.head));
    let whole_head = outline.head.len() == line.len().min(HEAD_BYTES_MAX);
    let decided = matches!(outline.shape, Shape::Request(_) | Shape::Answer(_));
    assert!(whole_head || decided, "the head is cut short");
    let Ok(Reading::One(_, message)) = message::read(line) else {
        return;
    };
    let want = match message {
        Message::Request { id, .. } => Shape::Request(id),
        Message::Notification { .. } => Shape::Notification,
        Message::Answer { id, .. } => Shape::Answer(id),
        Message::ErrorForNone => Shape::Unclear,
        Message::Refused { .. } => return,
    };
    assert_eq!(outline.shape, want, "{}", String::from_utf8_lossy(line));
}
