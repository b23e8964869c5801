//! See `tests::fuzz::targets::pem`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::pem(data));
