//! landlock(7) and seccomp(2).

use super::{Result, call, nr};

/// landlock_create_ruleset(2).
pub fn landlock_ruleset(size: usize, attributes: &[u64; 3]) -> Result {
    let size = size.min(size_of_val(attributes));
    // SAFETY: the structure is read for `size` bytes, which it has.
    unsafe {
        call(
            nr::LANDLOCK_CREATE_RULESET,
            attributes.as_ptr() as usize,
            size,
            0,
            0,
            0,
        )
    }
}

/// landlock_add_rule(2) for what is beneath a descriptor.
pub fn landlock_rule(ruleset: i32, allowed: u64, beneath: i32) -> Result {
    const PATH_BENEATH: usize = 1;
    let mut attribute = [0u8; 12];
    attribute[..8].copy_from_slice(&allowed.to_le_bytes());
    attribute[8..].copy_from_slice(&beneath.to_le_bytes());
    // SAFETY: struct landlock_path_beneath_attr is packed: u64 and i32.
    unsafe {
        call(
            nr::LANDLOCK_ADD_RULE,
            ruleset as usize,
            PATH_BENEATH,
            attribute.as_ptr() as usize,
            0,
            0,
        )
    }
}

/// landlock_restrict_self(2).
pub fn landlock_restrict(ruleset: i32) -> Result {
    // SAFETY: no pointers.
    unsafe { call(nr::LANDLOCK_RESTRICT_SELF, ruleset as usize, 0, 0, 0, 0) }
}

/// Puts a filter on this process (seccomp(2), `SECCOMP_SET_MODE_FILTER`).
pub fn seccomp(instructions: &[u8]) -> Result {
    const SET_MODE_FILTER: usize = 1;
    if instructions.is_empty() || !instructions.len().is_multiple_of(8) {
        return Err(22);
    }
    let program = (instructions.len() / 8, instructions.as_ptr());
    let raw = [program.0, program.1 as usize];
    // SAFETY: struct sock_fprog is a u16 padded to a word, and a pointer to that many instructions.
    unsafe { call(nr::SECCOMP, SET_MODE_FILTER, 0, raw.as_ptr() as usize, 0, 0) }
}
