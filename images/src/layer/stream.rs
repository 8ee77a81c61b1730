//! From a layer's packed bytes to its tar: decompressed, counted and digested on a second thread.
//!
//! The thread that writes files and the one that decompresses work at the same time, with a few
//! chunks between them. A fault of the packed bytes ends the stream early for the reader; the
//! decompressing side has the reason.

use crate::unpack::Limits;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use thiserror::Error;

/// Bytes that cross between the threads at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks that are on their way at most.
const CHUNKS: usize = 4;

/// The largest window of zstd, which is memory that an attacker can make brig take: what the
/// reference decoder takes too unless it is told otherwise.
const ZSTD_WINDOW_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Why packed bytes are no layer.
#[derive(Debug, Error)]
pub enum StreamFault {
    /// Reading or decompressing failed: it is cut, damaged, or followed by something else.
    #[error("its bytes cannot be decompressed: {0}")]
    Damaged(#[source] io::Error),
    /// More bytes than the bound.
    #[error("the image's layers are larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// It grows too much.
    #[error("it grows to more than {ratio_max} times its size")]
    Ratio {
        /// The bound.
        ratio_max: u64,
    },
    /// The decoder has a fault that this layer reaches.
    #[error("its decoder gave up")]
    Panic,
}

/// What a whole layer was.
pub(crate) struct Decoded {
    /// SHA-256 of the tar, to its last byte.
    pub(crate) diff_id: [u8; 32],
    /// The tar's size.
    pub(crate) bytes: u64,
}

/// A chunk, of which so many bytes count.
type Chunk = (Vec<u8>, usize);

/// The end of the stream that is read from.
pub(crate) struct Stream {
    full: Receiver<Chunk>,
    empty: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    end: usize,
}

/// The end that is decompressed into.
pub(crate) struct Sink {
    full: SyncSender<Chunk>,
    empty: Receiver<Vec<u8>>,
}

pub(crate) fn stream() -> (Sink, Stream) {
    let (full, full_end) = sync_channel(CHUNKS);
    // One more than can be on their way, so that giving one back never waits.
    let (empty, empty_end) = sync_channel(CHUNKS + 2);
    let sink = Sink {
        full,
        empty: empty_end,
    };
    let stream = Stream {
        full: full_end,
        empty,
        chunk: Vec::new(),
        at: 0,
        end: 0,
    };
    (sink, stream)
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            // No sender is left after the last chunk: that is the end.
            let (chunk, end) = self.full.recv().unwrap_or_default();
            let used = std::mem::replace(&mut self.chunk, chunk);
            (self.at, self.end) = (0, end);
            if !used.is_empty() {
                // The decompressing side may be through already, and then needs none.
                let _ = self.empty.try_send(used);
            }
        }
        Ok(self.chunk.get(self.at..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.end);
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.fill_buf()?;
        let count = rest.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// Decompresses a layer, of which `bytes_left` more bytes are allowed, until it ends or nobody
/// reads any more.
pub(crate) fn decode<R: Read>(
    packed: R,
    bytes_left: u64,
    limits: &Limits,
    sink: &Sink,
) -> Result<Decoded, StreamFault> {
    let taken = Cell::new(0);
    let counted = Counted {
        packed,
        taken: &taken,
    };
    let mut unpacked = unpacked(counted).map_err(StreamFault::Damaged)?;
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    loop {
        let mut chunk = sink
            .empty
            .try_recv()
            .unwrap_or_else(|_| vec![0; CHUNK_BYTES]);
        let end = fill(&mut unpacked, &mut chunk).map_err(StreamFault::Damaged)?;
        bytes += end as u64;
        if bytes > bytes_left {
            return Err(StreamFault::TooLarge {
                bytes_max: limits.bytes_max,
            });
        }
        let grown = bytes > limits.ratio_floor_bytes
            && bytes > taken.get().saturating_mul(limits.ratio_max);
        if grown {
            return Err(StreamFault::Ratio {
                ratio_max: limits.ratio_max,
            });
        }
        hash.update(&chunk[..end]);
        let last = end < chunk.len();
        // Nobody receives once the reader met a fault, which is then the one to tell of.
        if end > 0 && sink.full.send((chunk, end)).is_err() || last {
            break;
        }
    }
    let diff_id = hash.finalize().into();
    Ok(Decoded { diff_id, bytes })
}

/// Reads until the buffer is full or the source ends.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut end = 0;
    while end < into.len() {
        match from.read(&mut into[end..]) {
            Ok(0) => break,
            Ok(count) => end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(end)
}

struct Counted<'c, R> {
    packed: R,
    taken: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(into)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// Tells the compression by the first bytes.
fn unpacked<'r, R: Read + 'r>(packed: R) -> io::Result<Box<dyn Read + 'r>> {
    let mut packed = BufReader::with_capacity(CHUNK_BYTES, packed);
    // The first read may give less than there is, and a magic number must not be missed for that.
    let mut start = Vec::with_capacity(4);
    packed.by_ref().take(4).read_to_end(&mut start)?;
    let magic = start.clone();
    let whole = BufReader::with_capacity(CHUNK_BYTES, io::Cursor::new(start).chain(packed));
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Box::new(Zstd::new(whole)),
        _ => Box::new(whole),
    })
}

/// Frames of zstd, one after the other, as one stream.
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
        Self {
            packed,
            decoder,
            in_frame: false,
        }
    }

    /// Goes to the next frame that has content. False at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => skip(&mut self.packed, u64::from(length))?,
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            self.in_frame = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                // A block is 128 KiB at most, so that no frame is ever whole in memory.
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            let count = self.decoder.read(into)?;
            if count > 0 {
                return Ok(count);
            }
            self.in_frame = false;
        }
    }
}

fn skip(packed: &mut impl BufRead, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut packed.take(length), &mut io::sink())?;
    if skipped < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
