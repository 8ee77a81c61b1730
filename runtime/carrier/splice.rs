//! Bytes from one socket to another within the kernel, by splice(2): they pass through a pipe and
//! never through this process.

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes of a pipe, where the kernel gives so many (pipe(7), `F_SETPIPE_SZ`); 64 KiB otherwise.
const PIPE_BYTES: usize = 512 << 10;

/// Empty pipes that are kept for the next connections.
const KEPT_MAX: usize = 32;

/// Pipes of connections that are over: short ones would otherwise cost two each.
#[derive(Default)]
pub(super) struct Pipes(RefCell<Vec<Pipe>>);

impl Pipes {
    /// Carries all that comes one way, until its end.
    pub(super) async fn carry(
        &self,
        from: &TcpStream,
        to: &TcpStream,
        moved: &dyn Fn(usize),
    ) -> io::Result<()> {
        let kept = self.0.borrow_mut().pop();
        let pipe = match kept {
            Some(pipe) => pipe,
            None => Pipe::new()?,
        };
        pipe.carry(from, to, moved).await?;
        // After an end in order nothing is left in it.
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.push(pipe);
        }
        Ok(())
    }
}

/// One direction of a connection.
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // It is refused to users who have many already, and works without.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, PIPE_BYTES);
        Ok(Self { read, write })
    }

    /// Carries all that comes, until its end, which it passes on. Each piece that passed is told to
    /// `moved`.
    async fn carry(
        &self,
        from: &TcpStream,
        to: &TcpStream,
        moved: &dyn Fn(usize),
    ) -> io::Result<()> {
        loop {
            let mut waiting = ready(from, Interest::READABLE, || {
                splice(from, &self.write, PIPE_BYTES)
            })
            .await?;
            if waiting == 0 {
                return shut(to);
            }
            moved(waiting);
            while waiting > 0 {
                let rest = waiting;
                let passed = ready(to, Interest::WRITABLE, || splice(&self.read, to, rest)).await?;
                waiting -= passed;
            }
        }
    }
}

/// Says that no more comes (shutdown(2)). A peer that is gone already says so by itself.
pub(super) fn shut(to: &TcpStream) -> io::Result<()> {
    match rustix::net::shutdown(to, rustix::net::Shutdown::Write) {
        Ok(()) | Err(Errno::NOTCONN) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

async fn ready(
    stream: &TcpStream,
    interest: Interest,
    mut act: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        stream.ready(interest).await?;
        match stream.try_io(interest, &mut act) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

fn splice(from: impl AsFd, to: impl AsFd, bytes: usize) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(rustix::pipe::splice(from, None, to, None, bytes, flags)?)
}
