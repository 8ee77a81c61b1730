//! A server of one page of code, for the lies that no real registry tells.

use crate::ground::Parts;
use brig_images::digest::Digest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The length that is told, where it is another than the body's.
    pub(crate) told_bytes: Option<usize>,
    /// After so many bytes nothing more comes until the client has gone.
    pub(crate) stalls_at: Option<usize>,
}

pub(crate) fn reply(status: u16, body: &[u8]) -> Reply {
    Reply {
        status,
        body: body.to_vec(),
        ..Reply::default()
    }
}

impl Reply {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What was asked: the path, and the headers with names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// A listening server; its thread ends with the process.
pub(crate) struct Site {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
    stalled: Receiver<()>,
}

impl Site {
    pub(crate) fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (sender, stalled) = channel();
        let log = Arc::clone(&asked);
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer, sender) = (Arc::clone(&log), Arc::clone(&answer), sender.clone());
                thread::spawn(move || serve(stream, &log, &*answer, &sender));
            }
        });
        Self {
            port,
            asked,
            stalled,
        }
    }

    /// A registry with one image, `a:1`, some of whose answers are others.
    pub(crate) fn registry(
        parts: &Parts,
        media_type: &str,
        lies: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let (parts, media_type) = (parts.clone(), media_type.to_owned());
        Self::new(move |request| {
            lies(request).unwrap_or_else(|| honest(&parts, &media_type, request))
        })
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests for something whose path has this.
    pub(crate) fn asked_for(&self, part: &str) -> Vec<Request> {
        let mut asked = self.asked();
        asked.retain(|request| request.path.contains(part));
        asked
    }

    /// Waits until an answer stalls.
    pub(crate) fn wait_for_stall(&self) {
        let most = std::time::Duration::from_secs(30);
        self.stalled.recv_timeout(most).unwrap();
    }
}

/// What a registry answers that tells no lies; it can resume.
pub(crate) fn honest(parts: &Parts, media_type: &str, request: &Request) -> Reply {
    let last = request.path.rsplit('/').next().unwrap();
    if request.path == "/v2/" {
        return reply(200, b"{}");
    }
    let named = [
        b"1".to_vec(),
        Digest::of(&parts.manifest).to_string().into_bytes(),
    ];
    if request.path.contains("/manifests/") && named.contains(&last.as_bytes().to_vec()) {
        return reply(200, &parts.manifest).with("Content-Type", media_type);
    }
    let mut blobs = parts.blobs.iter();
    let Some(blob) = blobs.find(|blob| Digest::of(blob).to_string() == last) else {
        return reply(404, b"{}");
    };
    let from = request.header("range").and_then(|range| {
        let range = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        range.parse::<usize>().ok()
    });
    match from {
        None => reply(200, blob),
        Some(from) if from >= blob.len() => reply(416, b""),
        Some(from) => reply(206, &blob[from..]).with(
            "Content-Range",
            &format!("bytes {from}-{}/{}", blob.len() - 1, blob.len()),
        ),
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, answer: &Answer, stalled: &Sender<()>) {
    let Some(request) = read(&mut stream) else {
        return;
    };
    log.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    let length = reply.told_bytes.unwrap_or(reply.body.len());
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "Content-Length: {length}\r\n\r\n");
    let end = reply.stalls_at.unwrap_or(reply.body.len());
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&reply.body[..end]));
    if sent.is_ok() && reply.stalls_at.is_some() {
        let _ = stalled.send(());
        // Ends when the client has gone.
        let _ = stream.read(&mut [0]);
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut one).ok()? == 0 {
            return None;
        }
        bytes.push(one[0]);
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}
