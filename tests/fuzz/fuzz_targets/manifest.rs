//! See `tests::fuzz::targets::manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::manifest(data));
