//! See `frame` in the library.
#![no_main]

#[global_allocator]
static HEAP: brig_fuzz::heap::Counted = brig_fuzz::heap::Counted;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| brig_fuzz::in_time(|| brig_fuzz::frame::check(bytes)));
