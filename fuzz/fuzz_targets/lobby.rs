//! libFuzzer's door to `fuzz::lobby`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::lobby(bytes));
