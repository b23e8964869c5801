//! See `tests::fuzz::targets::splice`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::splice(data));
