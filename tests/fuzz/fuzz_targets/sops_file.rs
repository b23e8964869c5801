//! See `tests::fuzz::targets::sops_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::sops_file(data));
