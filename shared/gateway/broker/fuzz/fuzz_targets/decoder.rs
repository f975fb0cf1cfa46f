//! Any bytes as packets of a client; see `src/decoder.rs` for what must hold.
#![no_main]

#[path = "../src/decoder.rs"]
mod decoder;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| decoder::check(bytes));
