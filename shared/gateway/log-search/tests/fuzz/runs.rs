//! The fuzz target's checks on inputs that are the same in every run: some drawn by a fixed seed, and those of `fuzz/seeds`.

#[path = "../../fuzz/src/pattern.rs"]
mod pattern;

use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("fuzz::seeds_hold", || {
            seeds_hold();
            Ok(())
        }),
        Trial::test("fuzz::any_pieces_in_any_order", || {
            any_pieces();
            Ok(())
        }),
    ]
}

fn seeds_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/pattern");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        // Whole, cut off anywhere, and with any byte missing.
        for at in 0..seed.len() {
            pattern::check(&seed[..at]);
            pattern::check(&[&seed[..at], &seed[at + 1..]].concat());
        }
        pattern::check(&seed);
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    " ",
    ",",
    "...",
    "…",
    "$",
    "$.a",
    ".b",
    "[0]",
    "[*]",
    "*",
    "=",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "%",
    "%a+%",
    "\"",
    "\"x\"",
    "'",
    "/",
    "\\",
    "-",
    "?",
    "IS",
    "NULL",
    "NOT",
    "EXISTS",
    "1",
    "-1e9",
    "1e999",
    "a",
    "é",
    "😀",
    "|",
    "fields",
    "filter",
    "stats",
    "sort",
    "limit",
    "parse",
    "dedup",
    "display",
    "by",
    "as",
    "and",
    "or",
    "not",
    "in",
    "like",
    "desc",
    "@timestamp",
    "@message",
    "bin(",
    "count(*)",
    "pct(",
    "strlen(",
    "substr(",
    "+",
    "^",
    "`",
    "#",
    "\n",
    "5m",
];

fn any_pieces() {
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let piece = prop_oneof![9 => prop::sample::select(PIECES), 1 => Just("\0")];
    let pieces = prop::collection::vec(piece, 0..24);
    let run = runner.run(&pieces, |pieces| {
        pattern::check(pieces.concat().as_bytes());
        pattern::check(pieces.join(" ").as_bytes());
        Ok(())
    });
    run.unwrap();
}
