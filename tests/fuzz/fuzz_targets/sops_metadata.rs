//! See `tests::fuzz::targets::sops_metadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::sops_metadata(data));
