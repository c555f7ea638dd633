//! libFuzzer's door to `fuzz::magnet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::magnet(bytes));
