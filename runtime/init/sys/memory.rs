//! What the compiler expects of a C library: copying, filling and comparing memory.

// The compiler calls these for copies and comparisons; a C library would bring them. `no_builtins`
// on the crate keeps their loops from being turned into calls of themselves.

/// # Safety
/// As in C: both ranges valid, not overlapping.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    for at in 0..bytes {
        // SAFETY: the caller's ranges are valid for `bytes`.
        unsafe { *to.add(at) = *from.add(at) };
    }
    to
}

/// # Safety
/// As in C: both ranges valid.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    if (to as usize) < from as usize {
        // SAFETY: the caller's ranges; copying upwards never reads what it has overwritten.
        return unsafe { memcpy(to, from, bytes) };
    }
    for at in (0..bytes).rev() {
        // SAFETY: the caller's ranges are valid for `bytes`.
        unsafe { *to.add(at) = *from.add(at) };
    }
    to
}

/// # Safety
/// As in C: the range is valid.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8 {
    for at in 0..bytes {
        // SAFETY: the caller's range is valid for `bytes`.
        unsafe { *to.add(at) = value as u8 };
    }
    to
}

/// # Safety
/// As in C: both ranges valid.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, two: *const u8, bytes: usize) -> i32 {
    for at in 0..bytes {
        // SAFETY: the caller's ranges are valid for `bytes`.
        let (a, b) = unsafe { (*one.add(at), *two.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// The compiled core library names the unwinder's personality, though nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
