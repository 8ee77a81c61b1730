//! A socket between brig and a daemon, on which a test plays the daemon's faults.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// What becomes of a request.
pub(crate) enum Act {
    /// It goes on to the daemon.
    Forward,
    /// It goes on with another body of the same length.
    Instead(Vec<u8>),
    /// It is answered with this status and this text as the API's `message`.
    Answer(u16, &'static str),
    /// The connection breaks off.
    Break,
    /// It goes on, and its answer breaks off.
    BreakAfter,
}

/// Looks at a request's first line and its body.
type Rule = dyn Fn(&str, &[u8]) -> Act + Send + Sync;

/// Listens at `socket` for as long as the test process lives.
pub(crate) fn proxy(
    socket: PathBuf,
    daemon: &Path,
    rule: impl Fn(&str, &[u8]) -> Act + Send + Sync + 'static,
) -> PathBuf {
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = daemon.to_owned();
    let rule: Arc<Rule> = Arc::new(rule);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (daemon, rule) = (daemon.clone(), Arc::clone(&rule));
            thread::spawn(move || serve(client, &daemon, &*rule));
        }
    });
    socket
}

/// One request of a connection: with its answer the connection ends, and a client makes another.
fn serve(mut client: UnixStream, daemon: &Path, rule: &Rule) -> Option<()> {
    let mut request = Vec::new();
    let head = loop {
        let mut piece = [0; 4096];
        let count = client.read(&mut piece).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&piece[..count]);
        if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let length: usize = length.unwrap_or(0);
    while request.len() < head + length {
        let mut piece = [0; 4096];
        let count = client.read(&mut piece).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&piece[..count]);
    }
    let first = text.lines().next()?;
    let body = match rule(first, &request[head..]) {
        Act::Forward | Act::BreakAfter => request[head..].to_vec(),
        Act::Instead(body) => {
            assert_eq!(body.len(), length);
            body
        }
        Act::Answer(status, message) => {
            let body = serde_json::json!({ "message": message }).to_string();
            let answer = format!(
                "HTTP/1.1 {status} Fault\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            return client.write_all(answer.as_bytes()).ok();
        }
        Act::Break => return None,
    };
    let breaks = matches!(rule(first, &request[head..]), Act::BreakAfter);
    let mut engine = UnixStream::connect(daemon).ok()?;
    let head = text.trim_end_matches("\r\n\r\n");
    let kept = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: Vec<&str> = kept.collect();
    let head = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
    engine.write_all(head.as_bytes()).ok()?;
    engine.write_all(&body).ok()?;
    let mut answer = Vec::new();
    engine.read_to_end(&mut answer).ok()?;
    if breaks {
        return None;
    }
    client.write_all(&answer).ok()
}
