//! See `templates::fuzz_render`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::targets::template(data));
