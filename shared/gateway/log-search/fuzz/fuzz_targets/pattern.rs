//! `cargo fuzz run pattern`: see `src/pattern.rs`.

#![no_main]

#[path = "../src/pattern.rs"]
mod pattern;

libfuzzer_sys::fuzz_target!(|input: &[u8]| pattern::check(input));
