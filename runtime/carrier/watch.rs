//! What a client says first, where its grant's protocol tells a host by name: it is read, judged,
//! and passed on only then.

use brig_sandbox::egress::permit::Permit;
use brig_sandbox::egress::{hello, host};
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long a client may take to say whom it wants.
const HELLO_SECONDS_MAX: u64 = 60;
/// Bytes of one read.
const READ_BYTES: usize = 16 << 10;

/// Why a connection ends here; the texts read after "cannot".
#[derive(Debug, Error)]
pub(super) enum Stopped {
    /// One side failed, as sides do.
    #[error("go on: {0}")]
    Failed(#[from] io::Error),
    /// What was said cannot be read as what was granted.
    #[error("{0}")]
    Unread(String),
    /// Somebody else was asked for.
    #[error("{0}")]
    Other(String, Option<String>),
    /// Nothing was said.
    #[error("wait for a client that says nothing for {HELLO_SECONDS_MAX} s")]
    Silent,
}

impl From<hello::Unread> for Stopped {
    fn from(unread: hello::Unread) -> Self {
        Self::Unread(unread.to_string())
    }
}

impl From<hello::Refusal> for Stopped {
    fn from(refusal: hello::Refusal) -> Self {
        Self::Other(refusal.to_string(), refusal.line())
    }
}

impl From<host::Refused> for Stopped {
    fn from(refused: host::Refused) -> Self {
        match refused {
            host::Refused::Unread(unread) => Self::Unread(unread.to_string()),
            host::Refused::Other(other) => {
                let line = other.line();
                Self::Other(other.to_string(), line)
            }
        }
    }
}

/// Whether more is to be carried once a watch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// The rest of the stream names nobody.
    Go,
    /// The client has said all that it says.
    Ended,
}

/// Reads the handshakes of TLS, and passes on what is judged. `named` is told when the first was.
pub(super) async fn tls(
    permit: &Permit<'_>,
    (client, upstream): (&TcpStream, &TcpStream),
    named: &Notify,
    moved: &dyn Fn(usize),
) -> Result<Watched, Stopped> {
    let mut reader = hello::Reader::default();
    let mut held = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    let first = loop {
        let count = said(client, &mut buffer).await?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(Watched::Ended);
        }
        moved(count);
        held.extend_from_slice(bytes);
        match reader.push(bytes)? {
            hello::Progress::More => {}
            hello::Progress::Whole { hello, wire_bytes } => {
                hello::judge(permit, &hello)?;
                break wire_bytes;
            }
        }
    };
    let mut second = hello::Second::default();
    let mut seen = second.push(held.get(first..).unwrap_or_default())?;
    loop {
        if let hello::Watched::Hello(hello) = &seen {
            hello::judge(permit, hello)?;
        }
        write(upstream, &held).await?;
        named.notify_one();
        if seen != hello::Watched::More {
            return Ok(Watched::Go);
        }
        let count = read(client, &mut buffer).await?;
        if count == 0 {
            return Ok(Watched::Ended);
        }
        moved(count);
        held.clear();
        held.extend_from_slice(buffer.get(..count).unwrap_or_default());
        seen = second.push(&held)?;
    }
}

/// Reads every request of HTTP, and passes on what is judged.
pub(super) async fn http(
    permit: &Permit<'_>,
    (client, upstream): (&TcpStream, &TcpStream),
    named: &Notify,
    moved: &dyn Fn(usize),
) -> Result<Watched, Stopped> {
    let mut requests = host::Requests::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut passed = Vec::new();
    let mut is_first = true;
    loop {
        let count = if is_first {
            said(client, &mut buffer).await?
        } else {
            read(client, &mut buffer).await?
        };
        is_first = false;
        if count == 0 {
            return Ok(Watched::Ended);
        }
        moved(count);
        passed.clear();
        let bytes = buffer.get(..count).unwrap_or_default();
        let judged = requests.push(permit, bytes, &mut passed);
        if !passed.is_empty() {
            write(upstream, &passed).await?;
            named.notify_one();
        }
        judged?;
    }
}

/// The next bytes of a client that has to say something soon.
async fn said(client: &TcpStream, into: &mut [u8]) -> Result<usize, Stopped> {
    let limit = Duration::from_secs(HELLO_SECONDS_MAX);
    match tokio::time::timeout(limit, read(client, into)).await {
        Ok(count) => Ok(count?),
        Err(_) => Err(Stopped::Silent),
    }
}

/// The next bytes; none at the stream's end.
pub(super) async fn read(from: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

/// Writes all of it.
pub(super) async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
