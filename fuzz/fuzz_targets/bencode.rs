//! libFuzzer's door to `fuzz::bencode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::bencode(bytes));
