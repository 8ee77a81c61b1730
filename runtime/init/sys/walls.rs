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

/// landlock_add_rule(2) for connecting to a port by TCP (`LANDLOCK_ACCESS_NET_CONNECT_TCP`).
pub fn landlock_port(ruleset: i32, port: u64) -> Result {
    const NET_PORT: usize = 2;
    const CONNECT_TCP: u64 = 2;
    let attribute = [CONNECT_TCP, port];
    // SAFETY: struct landlock_net_port_attr is two u64.
    unsafe {
        call(
            nr::LANDLOCK_ADD_RULE,
            ruleset as usize,
            NET_PORT,
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
    put(instructions, 0)
}

/// The same with a listener, whose descriptor it gives: it is closed at an exec
/// (seccomp_unotify(2)).
pub fn seccomp_listener(instructions: &[u8]) -> Result {
    const EINVAL: i32 = 22;
    const NEW_LISTENER: usize = 1 << 3;
    // A signal would else make a call that waits be told anew, without end where signals are many.
    // Kernels before 5.19 have no such flag.
    const WAIT_KILLABLE_RECV: usize = 1 << 5;
    match put(instructions, NEW_LISTENER | WAIT_KILLABLE_RECV) {
        Err(EINVAL) => put(instructions, NEW_LISTENER),
        done => done,
    }
}

fn put(instructions: &[u8], flags: usize) -> Result {
    const SET_MODE_FILTER: usize = 1;
    if instructions.is_empty() || !instructions.len().is_multiple_of(8) {
        return Err(22);
    }
    let program = (instructions.len() / 8, instructions.as_ptr());
    let raw = [program.0, program.1 as usize];
    // SAFETY: struct sock_fprog is a u16 padded to a word, and a pointer to that many instructions.
    unsafe {
        call(
            nr::SECCOMP,
            SET_MODE_FILTER,
            flags,
            raw.as_ptr() as usize,
            0,
            0,
        )
    }
}

/// Words of a set of processors: 1,024 of them, as the C library has it.
const PROCESSOR_WORDS: usize = 16;

/// Ties this process to so many of the processors that it may run on, and counts what it is tied to
/// then (sched_setaffinity(2)). Which ones depends on its parent's id, so that cells spread.
pub fn tie_to_processors(count: u32) -> core::result::Result<u32, i32> {
    let allowed = processors()?;
    let total = ones(&allowed);
    let first = super::parent_id() % total.max(1) as usize;
    let mut chosen = [0u64; PROCESSOR_WORDS];
    let mut left = count;
    let mut seen = 0;
    // Twice around, so that the choice wraps from the last processor to the first.
    for at in (0..PROCESSOR_WORDS * 64).chain(0..PROCESSOR_WORDS * 64) {
        let (word, bit) = (at / 64, 1u64 << (at % 64));
        if left == 0 || allowed[word] & bit == 0 {
            continue;
        }
        seen += 1;
        if seen > first && chosen[word] & bit == 0 {
            chosen[word] |= bit;
            left -= 1;
        }
    }
    // SAFETY: the set is readable for its whole length.
    unsafe {
        call(
            nr::SCHED_SETAFFINITY,
            0,
            size_of_val(&chosen),
            chosen.as_ptr() as usize,
            0,
            0,
        )?;
    }
    processor_count()
}

fn processors() -> core::result::Result<[u64; PROCESSOR_WORDS], i32> {
    let mut set = [0u64; PROCESSOR_WORDS];
    // SAFETY: the set is ours for its whole length.
    unsafe {
        call(
            nr::SCHED_GETAFFINITY,
            0,
            size_of_val(&set),
            set.as_mut_ptr() as usize,
            0,
            0,
        )?;
    }
    Ok(set)
}

/// How many processors this process may run on.
pub fn processor_count() -> core::result::Result<u32, i32> {
    Ok(ones(&processors()?))
}

fn ones(set: &[u64; PROCESSOR_WORDS]) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}
