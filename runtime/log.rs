//! What people read while a server runs: brig's notices, and what the server says beside the
//! protocol. It goes to standard error, escaped and bounded, and never makes anything wait.

mod escape;
mod mask;

use crate::secrets::Found;
use crate::streams::can_write;
use rustix::stdio::stderr;
use std::time::Instant;

use escape::LINE_BYTES_MAX;
pub(crate) use escape::{escape, escape_whole};
use mask::Mask;

/// Bytes of a server's own words that are shown at once.
const BURST_BYTES: u64 = 64 << 10;
/// Bytes of them that are shown for each second after that.
const BYTES_PER_SECOND: u64 = 16 << 10;

/// The log of one session.
#[derive(Debug)]
pub(crate) struct Log {
    server: String,
    started: Instant,
    shown_bytes: u64,
    dropped_bytes: u64,
    partial: Vec<u8>,
    mask: Mask,
    /// Since when steps of the start are told, where they are, and which come yet.
    steps: Option<(Instant, &'static [Step])>,
}

/// A step of a start, which is told once and in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The manifest is read, the sandbox decided and approved.
    Decided,
    /// Code, secrets and orders are ready, and the warden has them.
    Ordered,
    /// The walls stand and the program is about to run.
    Walled,
    /// The server has said its first word.
    Answered,
}

impl Step {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 4] = [Self::Decided, Self::Ordered, Self::Walled, Self::Answered];

    /// What a notice of it begins with.
    pub(crate) const PREFIX: &str = "start: ";

    /// As notices have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Ordered => "ordered",
            Self::Walled => "walled",
            Self::Answered => "answered",
        }
    }
}

impl Log {
    /// A log for this server's session.
    pub(crate) fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            started: Instant::now(),
            shown_bytes: 0,
            dropped_bytes: 0,
            partial: Vec::new(),
            mask: Mask::default(),
            steps: None,
        }
    }

    /// Tells the steps of the start from here on, in milliseconds since then.
    pub(crate) fn tell_steps(&mut self, since: Instant) {
        self.steps = Some((since, &Step::ALL));
    }

    /// A step of the start is done; those before it are as well, in no time of their own.
    pub(crate) fn step(&mut self, step: Step) {
        let Some((since, left)) = self.steps else {
            return;
        };
        let Some(at) = left.iter().position(|one| *one == step) else {
            return;
        };
        self.steps = Some((since, left.get(at + 1..).unwrap_or_default()));
        let ms = since.elapsed().as_secs_f64() * 1e3;
        self.notice(&format!("{}{} after {ms:.3} ms", Step::PREFIX, step.name()));
    }

    /// Shows none of these from here on.
    pub(crate) fn mask(&mut self, secrets: &Found) {
        self.mask = Mask::of(secrets);
    }

    /// A text without the session's secrets, for whatever else is kept of it.
    pub(crate) fn masked(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.mask.hide(text.as_bytes())).into_owned()
    }

    /// A word of brig's own.
    pub(crate) fn notice(&self, text: &str) {
        put(&format!(
            "brig: {}: {}\n",
            self.server,
            escape(&self.mask.hide(text.as_bytes()))
        ));
    }

    /// What the server wrote to its standard error. Lines are shown as they end.
    pub(crate) fn server_wrote(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.keep(line);
            bytes = rest.get(1..).unwrap_or_default();
            let line = std::mem::take(&mut self.partial);
            self.show("", &line);
        }
        self.keep(bytes);
    }

    /// A line that the server wrote to its standard output and that is no message.
    pub(crate) fn diverted(&mut self, line: &[u8]) {
        self.show("(stdout) ", line);
    }

    /// Shows what is left over at the end.
    pub(crate) fn finish(&mut self) {
        let line = std::mem::take(&mut self.partial);
        if !line.is_empty() {
            self.show("", &line);
        }
        if self.dropped_bytes > 0 {
            self.notice(&format!(
                "{} bytes of the server's log were dropped",
                self.dropped_bytes
            ));
        }
    }

    /// A line that has not ended is kept up to what would be shown of it.
    fn keep(&mut self, bytes: &[u8]) {
        // What begins where the line is cut would not be known by its beginning.
        let room = (LINE_BYTES_MAX + 1 + self.mask.longest()).saturating_sub(self.partial.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.partial.extend_from_slice(kept);
        self.dropped_bytes += (bytes.len() - kept.len()) as u64;
    }

    fn show(&mut self, mark: &str, line: &[u8]) {
        let budget = BURST_BYTES + self.started.elapsed().as_secs() * BYTES_PER_SECOND;
        let bytes = line.len() as u64;
        if self.shown_bytes + bytes > budget {
            self.dropped_bytes += bytes;
            return;
        }
        self.shown_bytes += bytes + 1;
        let line = self.mask.hide(line);
        put(&format!("{}: {mark}{}\n", self.server, escape(&line)));
    }
}

/// Writes if that does not block, and drops it otherwise: a client that does not read its server's
/// log must not stop the session. Errors are for nobody: this is where errors are told.
fn put(text: &str) {
    for piece in text.as_bytes().chunks(4096) {
        if matches!(can_write(stderr()), Ok(true)) {
            let _ = rustix::io::write(stderr(), piece);
        }
    }
}
