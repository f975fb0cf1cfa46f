//! Any text as a statement, on any payload; see `src/sql.rs` for what must hold.
#![no_main]

#[path = "../src/sql.rs"]
mod sql;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sql::check(bytes));
