//! What people read while a server runs: brig's notices, and what the server says beside the
//! protocol. It goes to standard error, escaped and bounded, and never makes anything wait.

use crate::streams::can_write;
use rustix::stdio::stderr;
use std::fmt::Write as _;
use std::time::Instant;

/// Bytes of a server's own words that are shown at once.
const BURST_BYTES: u64 = 64 << 10;
/// Bytes of them that are shown for each second after that.
const BYTES_PER_SECOND: u64 = 16 << 10;
/// Bytes of one line that are shown.
const LINE_BYTES_MAX: usize = 2000;

/// The log of one session.
#[derive(Debug)]
pub(crate) struct Log {
    server: String,
    started: Instant,
    shown_bytes: u64,
    dropped_bytes: u64,
    partial: Vec<u8>,
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
        }
    }

    /// A word of brig's own.
    pub(crate) fn notice(&self, text: &str) {
        put(&format!(
            "brig: {}: {}\n",
            self.server,
            escape(text.as_bytes())
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
        let room = (LINE_BYTES_MAX + 1).saturating_sub(self.partial.len());
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
        put(&format!("{}: {mark}{}\n", self.server, escape(line)));
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

/// Text that no terminal obeys: control characters, and those that reorder or hide text, as
/// escapes.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let cut = bytes.len() > LINE_BYTES_MAX;
    let bytes = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        if c == '\t' || !(c.is_control() || is_deceptive(c)) {
            text.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
    }
    if cut {
        text.push('…');
    }
    text
}

/// Bidirectional controls, invisible and line-separating characters (Unicode UAX #9, UTS #39).
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: &str) {
        assert_eq!(escape(bytes), want);
    }

    #[test]
    fn no_terminal_obeys_a_server() {
        check(b"plain \xc3\xa9\t!", "plain é\t!");
        check(b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}");
        check(b"a\rb\0", "a\\u{d}b\\u{0}");
        check("x\u{202e}y\u{200b}".as_bytes(), "x\\u{202e}y\\u{200b}");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
        check("\u{9b}31m".as_bytes(), "\\u{9b}31m");
    }

    #[test]
    fn a_long_line_is_cut_on_a_character() {
        let text = escape("é".repeat(4000).as_bytes());
        assert!(text.ends_with('…') && text.len() <= LINE_BYTES_MAX + 3);
    }
}
