//! The fuzz targets' checks on inputs that are the same in every run: some drawn by a fixed seed, and those that fuzzing found
//! worth keeping (`fuzz/seeds`). ARCHITECTURE.md says how to fuzz for longer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../fuzz/src/decoder.rs"]
mod decoder;
#[path = "../../fuzz/src/session.rs"]
mod session;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::Path;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!found.is_empty());
    found
}

#[test]
fn the_decoder_takes_any_bytes() {
    // Headers of real packet types, and bodies that start as such packets do, get further in than bytes alone.
    let head = prop_oneof![
        Just(vec![0x10, 0x20, 0, 4, b'M', b'Q', b'T', b'T']),
        Just(vec![0x32, 0x10, 0, 1, b't', 0, 1]),
        Just(vec![0x82, 0x0C, 0, 1]),
        Just(vec![0xA2, 0x0C, 0, 1]),
        Just(vec![0x40, 0x04, 0, 1]),
        Just(vec![0xE0, 0x06]),
        vec(any::<u8>(), 0..6),
    ];
    let input = (any::<u8>(), head, vec(any::<u8>(), 0..100)).prop_map(|(version, head, tail)| {
        let mut input = vec![version];
        input.extend(head);
        input.extend(tail);
        input
    });
    seeds("decoder").iter().for_each(|seed| decoder::check(seed));
    runner(4_000)
        .run(&input, |input| {
            decoder::check(&input);
            Ok(())
        })
        .unwrap();
}

#[test]
fn sessions_take_any_script() {
    seeds("session").iter().for_each(|seed| session::check(seed));
    // Every script begins with clients that connect and subscribe, so that what follows meets somebody.
    let opening = vec(any::<u8>(), 4).prop_map(|choices| {
        let mut script = Vec::new();
        for (client, choice) in choices.into_iter().enumerate() {
            let client = client as u8;
            script.extend([client, choice & !20, 40 + client, choice % 2, choice, 1, choice / 2, 1]);
        }
        script
    });
    let input = (opening, vec(any::<u8>(), 0..300)).prop_map(|(mut script, rest)| {
        script.extend(rest);
        script
    });
    runner(150)
        .run(&input, |script| {
            session::check(&script);
            Ok(())
        })
        .unwrap();
}
