//! libFuzzer's door to `fuzz::engineio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::engineio(bytes));
