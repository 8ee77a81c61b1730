#![expect(
    unsafe_code,
    reason = "the entry point of a program is called by nobody that Rust knows"
)]
//! The entry point of a guest, in place of the one that Debian's wasi-libc brings.
//!
//! That one is of 2022 and leaves the constructors to the linker, which then runs them around
//! *every* export. A component's host calls `cabi_realloc` to pass a list in, the constructors
//! call out to the host from there, and the component model traps that: "cannot leave component
//! instance". A `_start` that runs the constructors itself makes the linker leave exports alone.

unsafe extern "C" {
    fn __wasm_call_ctors();
    fn __main_void() -> i32;
    fn __wasm_call_dtors();
    fn exit(status: i32) -> !;
}

/// Runs the constructors, `main` and the destructors, and reports a failure to the host.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    // SAFETY: the first two come from the linker and wasi-libc, and the host enters here once,
    // before anything else has run, which is what they ask for.
    let status = unsafe {
        __wasm_call_ctors();
        __main_void()
    };
    // SAFETY: `main` has returned and there are no threads, so nobody uses what is torn down.
    unsafe { __wasm_call_dtors() };
    if status != 0 {
        // SAFETY: `exit` may be called at any time after the constructors have run.
        unsafe { exit(status) }
    }
}
