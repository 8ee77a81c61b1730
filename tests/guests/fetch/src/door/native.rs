//! A request as a program makes it that has nothing but the standard library: without TLS.

use super::{Asked, Told};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("this program speaks no TLS")]
    Tls,
    #[error("the network failed: {0}")]
    Network(#[from] io::Error),
    #[error("the answer has no status")]
    NoStatus,
}

pub(crate) fn ask(asked: &Asked<'_>) -> Result<Told, Failed> {
    let mut stream = send(asked)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    told(&answer).ok_or(Failed::NoStatus)
}

pub(crate) fn ask_at_once(asked: &Asked<'_>, count: usize) -> Result<String, Failed> {
    let sent: Vec<_> = (0..count).map(|_| send(asked)).collect();
    let mut answered = 0_usize;
    for stream in sent {
        let mut answer = Vec::new();
        stream?.read_to_end(&mut answer)?;
        answered += usize::from(told(&answer).is_some());
    }
    Ok(format!("{answered} answered"))
}

fn send(asked: &Asked<'_>) -> Result<TcpStream, Failed> {
    if asked.scheme == "https" {
        return Err(Failed::Tls);
    }
    let at = if asked.authority.contains(':') {
        asked.authority.to_owned()
    } else {
        format!("{}:80", asked.authority)
    };
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(asked.patience_ms.map(Duration::from_millis))?;
    let (method, path, authority) = (asked.method, asked.path, asked.authority);
    let field = asked.field.map_or(String::new(), |(name, value)| {
        format!("{name}: {value}\r\n")
    });
    let length = asked.body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\n{field}Content-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(asked.body.as_bytes())?;
    Ok(stream)
}

/// The status and all behind the head.
fn told(answer: &[u8]) -> Option<Told> {
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let body = answer.get(head + 4..)?.to_vec();
    Some(Told { status, body })
}
