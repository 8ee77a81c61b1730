//! Descriptors that are read and written without ever blocking, whatever kind they are.
//!
//! The client's standard streams are its own: they may be pipes, sockets, a terminal or files, and
//! their open file descriptions may be shared with it. So brig sets no flag on them.

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Bytes that a pipe takes without blocking once it can be written at all (pipe(7), `PIPE_BUF`).
const PIPE_WRITE_BYTES: usize = 4096;

/// A descriptor to read from when poll(2) says so. One read then never blocks.
#[derive(Debug)]
pub(crate) struct Input {
    descriptor: OwnedFd,
}

/// What one read gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The other side closed, or the stream broke, which is the same to its reader.
    Closed,
}

impl Input {
    /// Reads from this descriptor.
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor }
    }

    /// One read.
    pub(crate) fn read(&self, into: &mut [u8]) -> Read {
        match rustix::io::read(&self.descriptor, into) {
            Ok(0) => Read::Closed,
            Ok(bytes) => Read::Bytes(bytes),
            Err(Errno::AGAIN | Errno::INTR) => Read::Nothing,
            Err(_) => Read::Closed,
        }
    }

    /// For poll(2).
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Lines out of pieces, for what a process tells that may have been taken over: one that is longer
/// than its bound is none, and no more than that of it is ever held.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes_max: usize,
    /// The start of a line that has not come to its end, at most a byte more than one may have.
    begun: Vec<u8>,
}

impl Lines {
    /// Of at most so many bytes each.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            begun: Vec::new(),
        }
    }

    /// The lines that end in this piece, without their ends.
    pub(crate) fn take(&mut self, mut piece: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (rest_of_line, rest) = piece.split_at(end);
            self.keep(rest_of_line);
            piece = rest.get(1..).unwrap_or_default();
            let line = std::mem::take(&mut self.begun);
            if line.len() <= self.bytes_max {
                lines.push(line);
            }
        }
        self.keep(piece);
        lines
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (self.bytes_max + 1).saturating_sub(self.begun.len());
        self.begun
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// A descriptor with a queue of what is still to be written to it.
#[derive(Debug)]
pub(crate) struct Output {
    descriptor: Option<OwnedFd>,
    writing: Writing,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first queued piece that are written already.
    written: usize,
    bytes: usize,
    close_when_empty: bool,
}

#[derive(Clone, Copy, Debug)]
enum Writing {
    /// The description is brig's own and non-blocking.
    NonBlocking,
    /// A socket: each send says that it must not block.
    Socket,
    /// Anything else that is shared: small pieces, each after poll(2) has said that it fits.
    Pieces,
}

impl Output {
    /// Writes to a pipe end of brig's own, which this makes non-blocking.
    pub(crate) fn own(descriptor: OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&descriptor)?;
        rustix::fs::fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?;
        Ok(Self::new(descriptor, Writing::NonBlocking))
    }

    /// Writes to a descriptor that others may share.
    pub(crate) fn shared(descriptor: OwnedFd) -> io::Result<Self> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&descriptor)?.st_mode);
        if kind == FileType::Socket {
            return Ok(Self::new(descriptor, Writing::Socket));
        }
        if kind == FileType::Fifo {
            // A pipe can be opened again: the new description is ours alone.
            let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            if let Ok(own) = rustix::fs::open(path, flags, Mode::empty()) {
                return Ok(Self::new(own, Writing::NonBlocking));
            }
        }
        Ok(Self::new(descriptor, Writing::Pieces))
    }

    fn new(descriptor: OwnedFd, writing: Writing) -> Self {
        Self {
            descriptor: Some(descriptor),
            writing,
            queue: VecDeque::new(),
            written: 0,
            bytes: 0,
            close_when_empty: false,
        }
    }

    /// Adds to the queue. What comes after a close goes nowhere.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if self.descriptor.is_some() && !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// Bytes that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Closes once all is written.
    pub(crate) fn close(&mut self) {
        self.close_when_empty = true;
        if self.queue.is_empty() {
            self.descriptor = None;
        }
    }

    /// For poll(2), while there is something to write.
    pub(crate) fn pending(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor
            .as_ref()
            .filter(|_| !self.queue.is_empty())
            .map(AsFd::as_fd)
    }

    /// Writes as much as goes without blocking. False: the reader is gone, and all with it.
    pub(crate) fn flush(&mut self) -> bool {
        while let (Some(descriptor), Some(first)) = (&self.descriptor, self.queue.front()) {
            let rest = first.get(self.written..).unwrap_or_default();
            match write(descriptor.as_fd(), self.writing, rest) {
                Ok(0) | Err(Errno::AGAIN) => return true,
                Ok(written) => {
                    self.written += written;
                    self.bytes = self.bytes.saturating_sub(written);
                    if self.written >= first.len() {
                        self.queue.pop_front();
                        self.written = 0;
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.abandon();
                    return false;
                }
            }
        }
        if self.close_when_empty {
            self.descriptor = None;
        }
        true
    }

    fn abandon(&mut self) {
        self.descriptor = None;
        self.queue.clear();
        self.bytes = 0;
        self.written = 0;
    }
}

fn write(descriptor: BorrowedFd<'_>, writing: Writing, bytes: &[u8]) -> rustix::io::Result<usize> {
    match writing {
        Writing::NonBlocking => rustix::io::write(descriptor, bytes),
        Writing::Socket => {
            rustix::net::send(descriptor, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
        }
        Writing::Pieces => {
            if !can_write(descriptor)? {
                return Err(Errno::AGAIN);
            }
            let piece = bytes.get(..PIPE_WRITE_BYTES).unwrap_or(bytes);
            rustix::io::write(descriptor, piece)
        }
    }
}

/// Whether a write of up to [`PIPE_WRITE_BYTES`] would not block now.
pub(crate) fn can_write(descriptor: BorrowedFd<'_>) -> rustix::io::Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    Ok(rustix::event::poll(&mut polled, Some(&now))? > 0)
}

/// Reads a pipe that brig made: makes its end non-blocking.
pub(crate) fn own_input(descriptor: OwnedFd) -> io::Result<Input> {
    let flags = rustix::fs::fcntl_getfl(&descriptor)?;
    rustix::fs::fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?;
    Ok(Input::new(descriptor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_of_any_pieces() {
        let text = b"one\n\ntwelve bytes\nthirteen here\nlast\nno end";
        let want: [&[u8]; 4] = [b"one", b"", b"twelve bytes", b"last"];
        for size in 1..text.len() {
            let mut lines = Lines::new(12);
            let found = text.chunks(size).flat_map(|piece| lines.take(piece));
            assert_eq!(found.collect::<Vec<_>>(), want, "in pieces of {size}");
            assert_eq!(lines.begun, b"no end");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_room() {
        let mut lines = Lines::new(100);
        for _ in 0..1000 {
            assert!(lines.take(&[b'x'; 50]).is_empty());
        }
        assert_eq!(lines.begun.len(), 101);
        assert_eq!(lines.take(b"\nafter\n"), [b"after"]);
    }
}
