//! Bytes of a pipe to lines, and lines to messages.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use parts::bridge::frame::{Frame, Framer};
use parts::bridge::message;
use serde::de::IgnoredAny;
use std::hint::black_box;
use std::io::{self, BufRead, Read};

/// The longest line that a manifest allows unless it says otherwise.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// What the pump reads at once.
const READ_BYTES: usize = 64 << 10;
const LINES: usize = 2_000;

/// A call of about 200 bytes.
fn line(number: usize) -> String {
    let text = "x".repeat(100);
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{number},\"method\":\"tools/call\",\"params\":{{\"name\":\
         \"get_note\",\"arguments\":{{\"path\":\"/notes/a\",\"text\":\"{text}\"}}}}}}\n"
    )
}

/// One line of exactly so many bytes with its `\n`.
fn long(bytes: usize) -> Vec<u8> {
    let (head, tail) = (
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"text\":\"",
        "\"}}\n",
    );
    let text = "x".repeat(bytes - head.len() - tail.len());
    format!("{head}{text}{tail}").into_bytes()
}

/// A stream that comes in pieces of this many bytes.
struct Pieces<'s> {
    rest: &'s [u8],
    bytes: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.rest[..self.rest.len().min(self.bytes)])
    }

    fn consume(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }
}

/// brig's reader: each line goes to `seen`.
fn framed(stream: &[u8], bytes: usize, mut seen: impl FnMut(&[u8])) {
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    for mut piece in stream.chunks(bytes) {
        while let Some(frame) = framer.take(&mut piece) {
            match frame {
                Frame::Line(line) => seen(&line),
                Frame::TooLong(_) | Frame::TooLongEnd { .. } => {}
            }
        }
    }
}

/// The standard library's, which has no bound.
fn split(stream: &[u8], bytes: usize, mut seen: impl FnMut(&[u8])) {
    let pieces = Pieces {
        rest: stream,
        bytes,
    };
    for line in pieces.split(b'\n') {
        seen(&line.expect("a slice can be read"));
    }
}

fn envelope(line: &[u8]) {
    drop(black_box(message::read(line)));
}

fn checked(line: &[u8]) {
    let read: Result<IgnoredAny, _> = serde_json::from_slice(line);
    black_box(read.is_ok());
}

fn taken_apart(line: &[u8]) {
    let read: Result<serde_json::Value, _> = serde_json::from_slice(line);
    black_box(read.is_ok());
}

fn rows(group: &mut BenchmarkGroup<'_, WallTime>, stream: &[u8], bytes: usize) {
    group.throughput(Throughput::Bytes(stream.len() as u64));
    let mut row = |name: &str, read: &dyn Fn()| {
        group.bench_function(name, |bencher| bencher.iter(read));
    };
    row("brig, lines", &|| {
        framed(black_box(stream), bytes, |line| {
            black_box(line);
        });
    });
    row("std, lines", &|| {
        split(black_box(stream), bytes, |line| {
            black_box(line);
        });
    });
    row("brig, messages", &|| {
        framed(black_box(stream), bytes, envelope);
    });
    row("std and serde_json, looked through", &|| {
        split(black_box(stream), bytes, checked);
    });
    row("std and serde_json, taken apart", &|| {
        split(black_box(stream), bytes, taken_apart);
    });
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let small: Vec<u8> = (0..LINES).flat_map(|at| line(at).into_bytes()).collect();
    let large = long(MESSAGE_BYTES_MAX);
    let cases = [
        ("frames of small lines", &small, READ_BYTES),
        ("frames of lines in pieces of 7 bytes", &small, 7),
        ("frames of one line of 16 MiB", &large, READ_BYTES),
    ];
    for (name, stream, bytes) in cases {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        rows(&mut group, stream, bytes);
        group.finish();
    }
}
