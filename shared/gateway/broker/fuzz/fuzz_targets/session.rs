//! Any script of several clients against a broker; see `src/session.rs` for what must hold.
#![no_main]

#[path = "../src/session.rs"]
mod session;

libfuzzer_sys::fuzz_target!(|script: &[u8]| session::check(script));
