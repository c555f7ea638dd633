//! libFuzzer's door to `fuzz::jsonlines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::jsonlines(bytes));
