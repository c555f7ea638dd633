//! libFuzzer's door to `fuzz::server_event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::server_event(bytes));
