//! libFuzzer's door to `fuzz::socketio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::socketio(bytes));
