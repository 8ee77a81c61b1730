//! Secrets that the server gets as files.

use crate::{Fault, ordered, step, sys};

/// A file that the server can read, and that is there for nobody else.
pub fn make(payload: &[u8]) -> Result<(), Fault> {
    let end = payload.iter().position(|byte| *byte == 0);
    let (path, value) = ordered(end.and_then(|end| payload.split_at_checked(end + 1)))?;
    let file = step("make the file of a secret", sys::create(path))? as i32;
    let mut rest = value;
    while !rest.is_empty() {
        let written = step("write a secret to its file", sys::write(file, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    sys::close(file);
    Ok(())
}
