//! See `hello` in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| brig_fuzz::in_time(|| brig_fuzz::hello::check(bytes)));
