//! The buffers of a script. The kernel writes to them, so each keeps its place to the script's end.

use std::fmt::Write;

/// How much of a buffer is shown.
const SHOWN_BYTES_MAX: usize = 4096;

/// All buffers of one script, found by their addresses.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<Box<[u8]>>);

impl Memory {
    /// Keeps bytes, and gives their address.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> usize {
        self.0.push(bytes.into_boxed_slice());
        self.0
            .last_mut()
            .map_or(0, |kept| kept.as_mut_ptr().expose_provenance())
    }

    /// Bytes from an address on, to the end of its buffer.
    pub(super) fn from(&self, address: usize) -> Option<&[u8]> {
        self.0.iter().find_map(|kept| {
            let at = address.checked_sub(kept.as_ptr().expose_provenance())?;
            kept.get(at..)
        })
    }

    /// A number of `bytes` bytes at an address.
    pub(super) fn load(&self, address: usize, bytes: usize) -> Option<usize> {
        let mut number = [0; size_of::<usize>()];
        let from = self.from(address)?.get(..bytes)?;
        number.get_mut(..bytes)?.copy_from_slice(from);
        Some(usize::from_le_bytes(number))
    }

    /// What a buffer holds, without the zeros at its end and with controls escaped.
    pub(super) fn show(&self, address: usize) -> String {
        let bytes = self.from(address).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte != 0);
        let bytes = bytes.get(..end.map_or(0, |end| end + 1)).unwrap_or(bytes);
        let bytes = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
        let mut shown = String::new();
        for character in String::from_utf8_lossy(bytes).chars() {
            if character.is_control() && character != '\n' {
                let _ = write!(shown, "{}", character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown
    }
}
