//! See `tests::fuzz::targets::sealed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::sealed(data));
