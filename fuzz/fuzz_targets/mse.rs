//! libFuzzer's door to `fuzz::mse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::mse(bytes));
