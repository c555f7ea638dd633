//! libFuzzer's door to `fuzz::extension`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::extension(bytes));
