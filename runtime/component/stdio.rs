//! The guest's standard input, output and error: the worker's own three pipes, without a thread or
//! a buffer in between.
//!
//! Whatever the guest calls, it is the only one that waits. So a call that blocks the guest blocks
//! the worker's thread, in one system call; anything else costs each message two more wake-ups.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe::Receiver;
use tokio::runtime::Handle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::ticker::Ticker;

/// Bytes that one call moves at most. The guest names the size, the worker allocates it.
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// One end of a pipe, kept open by whoever it is.
#[derive(Clone)]
pub(super) struct Pipe(Arc<dyn AsFd + Send + Sync>);

impl Pipe {
    pub(super) fn new(end: impl AsFd + Send + Sync + 'static) -> Self {
        Self(Arc::new(end))
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Standard input. All its clones read the same pipe.
#[derive(Clone)]
pub(super) struct Input(Arc<Source>);

struct Source {
    pipe: Pipe,
    ticker: Arc<Ticker>,
    /// A second descriptor for the same pipe, made when the guest first polls, which most never
    /// do. `None` is a file that cannot be polled, because it never makes a reader wait.
    readiness: OnceLock<Option<Receiver>>,
}

impl Input {
    pub(super) fn new(pipe: Pipe, ticker: Arc<Ticker>) -> Self {
        Self(Arc::new(Source {
            pipe,
            ticker,
            readiness: OnceLock::new(),
        }))
    }
}

impl Source {
    /// Whether a read would return at once, with bytes or with the end.
    fn has_input(&self) -> bool {
        ready_now(&self.pipe, PollFlags::IN)
    }

    async fn wait(&self) {
        if self.has_input() {
            return;
        }
        let Some(readiness) = self.readiness.get_or_init(|| self.register().ok()) else {
            return;
        };
        while readiness.readable().await.is_ok() {
            // What tokio remembers can be older than the last read.
            let check = || {
                self.has_input()
                    .then_some(())
                    .ok_or(ErrorKind::WouldBlock.into())
            };
            if readiness.try_io(check).is_ok() {
                return;
            }
        }
    }

    fn register(&self) -> io::Result<Receiver> {
        Receiver::from_owned_fd_unchecked(self.pipe.as_fd().try_clone_to_owned()?)
    }

    /// Reads, waiting in the kernel where nothing has come yet.
    fn read(&self, bytes_max: usize) -> StreamResult<Bytes> {
        let mut chunk = vec![0; bytes_max.min(CHUNK_BYTES_MAX)];
        loop {
            match rustix::io::read(&self.pipe, &mut chunk) {
                Ok(0) => return Err(StreamError::Closed),
                Ok(bytes) => {
                    chunk.truncate(bytes);
                    return Ok(Bytes::from(chunk));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait_in_kernel(&self.pipe, PollFlags::IN)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 || !self.0.has_input() {
            return Ok(Bytes::new());
        }
        self.0.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        // While a task of the host's is under way, blocking the thread would stop it too.
        if size == 0 || Handle::current().metrics().num_alive_tasks() > 0 {
            self.0.wait().await;
        }
        if size == 0 {
            return Ok(Bytes::new());
        }
        self.0.ticker.outside(|| self.0.read(size))
    }
}

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        self.0.wait().await;
    }
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Only WASI 0.3 asks for this one, and it is off.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

/// Standard output or standard error. A full pipe makes the guest wait, as it would a program.
#[derive(Clone)]
pub(super) struct Output {
    pipe: Pipe,
    ticker: Arc<Ticker>,
}

impl Output {
    pub(super) fn new(pipe: Pipe, ticker: Arc<Ticker>) -> Self {
        Self { pipe, ticker }
    }

    fn write_all(&self, bytes: &[u8]) -> StreamResult<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.pipe, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait_in_kernel(&self.pipe, PollFlags::OUT)?,
                Err(Errno::PIPE) => return Err(StreamError::Closed),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.ticker.outside(|| self.write_all(&bytes))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES_MAX)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write(bytes)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and it is off.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

fn ready_now(pipe: &Pipe, flags: PollFlags) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut polled = [PollFd::new(pipe, flags)];
    // A descriptor that cannot be polled answers by failing, in the read that follows.
    rustix::event::poll(&mut polled, Some(&now)).map_or(true, |ready| ready > 0)
}

/// For the case that whoever made the pipe made it non-blocking.
fn wait_in_kernel(pipe: &Pipe, flags: PollFlags) -> StreamResult<()> {
    let mut polled = [PollFd::new(pipe, flags)];
    match rustix::event::poll(&mut polled, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: Errno) -> StreamError {
    StreamError::LastOperationFailed(io::Error::from(error).into())
}
