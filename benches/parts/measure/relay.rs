//! Bytes from one socket to another: as the carrier does it, and by reading and writing.

use criterion::{Criterion, Throughput};
use parts::carrier::Pipes;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

const BYTES: usize = 64 << 20;
const PIECE_BYTES: usize = 64 << 10;

/// Two ends of one connection over loopback.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    Ok((near, listener.accept()?.0))
}

/// Writes everything to a relay and counts what comes out of it, from the first byte to the end.
fn carried(relay: impl FnOnce(TcpStream, TcpStream) -> io::Result<()>) -> io::Result<Duration> {
    let (mut near, from) = connection()?;
    let (to, mut far) = connection()?;
    let writer = thread::spawn(move || {
        let piece = vec![7; PIECE_BYTES];
        (0..BYTES / PIECE_BYTES).try_for_each(|_| near.write_all(&piece))
    });
    let reader = thread::spawn(move || {
        let (mut piece, mut count) = (vec![0; PIECE_BYTES], 0);
        loop {
            match far.read(&mut piece)? {
                0 => return Ok(count),
                more => count += more,
            }
        }
    });
    let begun = Instant::now();
    relay(from, to)?;
    let count: io::Result<usize> = reader.join().expect("a thread that does not panic");
    let took = begun.elapsed();
    writer.join().expect("a thread that does not panic")?;
    assert_eq!(count?, BYTES, "bytes got lost");
    Ok(took)
}

fn ours(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}

fn spliced(runtime: &Runtime, pipes: &Pipes) -> io::Result<Duration> {
    carried(|from, to| runtime.block_on(async { pipes.carry(&ours(from)?, &ours(to)?).await }))
}

/// The same loop on the same runtime, with a buffer of this process in the place of the pipe.
fn copied(runtime: &Runtime) -> io::Result<Duration> {
    carried(|from, to| {
        runtime.block_on(async {
            let (mut from, mut to) = (ours(from)?, ours(to)?);
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                match from.read(&mut piece).await? {
                    0 => return to.shutdown().await,
                    count => to.write_all(&piece[..count]).await?,
                }
            }
        })
    })
}

/// A thread that waits in read(2) and write(2).
fn blocking(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece)? {
            0 => return to.shutdown(std::net::Shutdown::Write),
            count => to.write_all(&piece[..count])?,
        }
    }
}

/// The sum of so many runs.
fn times(count: u64, one: impl Fn() -> io::Result<Duration>) -> Duration {
    (0..count)
        .map(|_| one().expect("sockets of loopback"))
        .sum()
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.expect("a runtime");
    let pipes = Pipes::default();
    let mut group = criterion.benchmark_group("relay");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("brig, splice", |bencher| {
        bencher.iter_custom(|count| times(count, || spliced(&runtime, &pipes)));
    });
    group.bench_function("tokio, read and write", |bencher| {
        bencher.iter_custom(|count| times(count, || copied(&runtime)));
    });
    group.bench_function("a thread, read and write", |bencher| {
        bencher.iter_custom(|count| times(count, || carried(blocking)));
    });
    group.finish();
}
