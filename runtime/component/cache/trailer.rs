//! The last bytes of an entry. They stand at the end so that the code is at offset 0, where it can
//! be mapped and loaded without being copied.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::files::Unfit;

/// Length of a trailer.
const TRAILER_BYTES: u64 = 64;

const MAGIC: [u8; 24] = *b"brig compiled code, v.1\n";

/// What an entry says of its code. The hash covers the code; the length is covered with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) code_bytes: u64,
    pub(super) hash: [u8; 32],
}

impl Trailer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [&MAGIC[..], &self.code_bytes.to_le_bytes(), &self.hash].concat()
    }

    pub(super) fn read(file: &File) -> Result<Self, Unfit> {
        let file_bytes = file.metadata()?.len();
        let code_bytes = file_bytes
            .checked_sub(TRAILER_BYTES)
            .ok_or(Unfit::Damaged)?;
        let mut magic = [0; 24];
        let mut length = [0; 8];
        let mut hash = [0; 32];
        file.read_exact_at(&mut magic, code_bytes)?;
        file.read_exact_at(&mut length, code_bytes + 24)?;
        file.read_exact_at(&mut hash, code_bytes + 32)?;
        if magic != MAGIC || u64::from_le_bytes(length) != code_bytes || code_bytes == 0 {
            return Err(Unfit::Damaged);
        }
        Ok(Self { code_bytes, hash })
    }
}
