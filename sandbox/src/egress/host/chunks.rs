//! Content in chunks (RFC 9112, 7.1): where it ends.

use super::Unread;

/// Bytes of one line between chunks. Sizes have 16 digits; the rest is extensions and trailers, of
/// which nobody is known to need more.
const LINE_BYTES_MAX: usize = 1024;
/// Lines of trailers.
const TRAILERS_MAX: usize = 32;
/// Digits of a size: more would not fit in 64 bits.
const DIGITS_MAX: usize = 16;

/// Follows chunks to their end, wherever the stream is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    line: Vec<u8>,
    next: Next,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// The line with a size.
    #[default]
    Size,
    /// So many bytes of a chunk.
    Bytes(u64),
    /// The end of line behind a chunk.
    End,
    /// A trailer, or the empty line at the end.
    Trailer,
}

impl Chunks {
    /// Takes bytes; all of them belong to the content unless it says how many do, and then the
    /// content is whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unread> {
        let mut rest = bytes;
        while let Some((byte, others)) = rest.split_first() {
            if let Next::Bytes(missing) = self.next {
                let room = usize::try_from(missing).unwrap_or(usize::MAX);
                let taken = room.min(rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                let missing = missing.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                self.next = match missing {
                    0 => Next::End,
                    _ => Next::Bytes(missing),
                };
                continue;
            }
            rest = others;
            if self.line.len() >= LINE_BYTES_MAX {
                return Err(Unread::Length);
            }
            self.line.push(*byte);
            if *byte == b'\n' && self.take_line()? {
                return Ok(Some(bytes.len() - rest.len()));
            }
        }
        Ok(None)
    }

    /// Whether this line ends the content.
    fn take_line(&mut self) -> Result<bool, Unread> {
        let line = core::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or(Unread::Length)?;
        if line
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return Err(Unread::Length);
        }
        self.next = match self.next {
            Next::Size => match size(line).ok_or(Unread::Length)? {
                0 => Next::Trailer,
                bytes => Next::Bytes(bytes),
            },
            Next::End if line.is_empty() => Next::Size,
            Next::Trailer if line.is_empty() => return Ok(true),
            Next::Trailer if self.trailers < TRAILERS_MAX => {
                self.trailers += 1;
                Next::Trailer
            }
            Next::End | Next::Trailer | Next::Bytes(_) => return Err(Unread::Length),
        };
        Ok(false)
    }
}

/// Hexadecimal digits, and extensions behind a semicolon, which say nothing of the size.
fn size(line: &[u8]) -> Option<u64> {
    let line = core::str::from_utf8(line).ok()?;
    let digits = line.split_once(';').map_or(line, |(digits, _)| digits);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (1..=DIGITS_MAX).contains(&digits.len());
    u64::from_str_radix(digits, 16).ok().filter(|_| is_number)
}
