//! The fuzz target's checks on inputs that are the same in every run: some drawn by a fixed seed, and those of `fuzz/seeds`.
//! ARCHITECTURE.md says how to fuzz for longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../fuzz/src/sql.rs"]
mod sql;

use drydock_rules::functions;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::Path;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn input(version: bool, statement: &str, payload: &str) -> Vec<u8> {
    let mut input = vec![u8::from(version)];
    input.extend_from_slice(statement.as_bytes());
    input.push(0);
    input.extend_from_slice(payload.as_bytes());
    input
}

#[test]
fn seeds_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/sql");
    let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        // Whole, cut off anywhere, and with any byte missing.
        for at in 0..seed.len() {
            sql::check(&seed[..at]);
            sql::check(&[&seed[..at], &seed[at + 1..]].concat());
        }
        sql::check(&seed);
    }
}

#[test]
fn any_expression_meets_any_payload() {
    let mut leaves =
        vec!["a", "a.b", "b", "e", "*", "NULL", "TRUE", "0", "-1", "2.50", "1E400", "34", "'1'", "''", "'é😀'"];
    leaves.extend([
        "missing",
        "@v",
        "'%H'",
        "'(a|'",
        "topic()",
        "timestamp()",
        "{'k': a}",
        "[1, a]",
        "SELECT",
        "(",
        ",",
    ]);
    let names: Vec<&str> = functions::ALL.iter().map(|function| function.name).collect();
    let expression = prop::sample::select(leaves).prop_map(str::to_owned).prop_recursive(4, 24, 4, move |inner| {
        let call = prop::sample::select(names.clone());
        let operators = ["AND", "OR", "=", "<>", "<", ">=", "IN", "+", "-", "*", "/", "%"];
        prop_oneof![
            4 => (call, prop::collection::vec(inner.clone(), 0..4)).prop_map(|(name, of)| format!("{name}({})", of.join(", "))),
            2 => (inner.clone(), prop::sample::select(operators.to_vec()), inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            1 => inner.clone().prop_map(|a| format!("NOT {a}")),
            1 => (inner.clone(), prop::sample::select(vec!["Int", "Decimal", "Bool", "String", "Double"])).prop_map(|(a, to)| format!("cast({a} AS {to})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(SELECT {a} AS x FROM e AS i WHERE {b})")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("CASE {a} WHEN {b} THEN 1 ELSE {a} END")),
        ]
    });
    let payloads = prop::sample::select(vec![
        r#"{"a":{"b":1.50},"b":"x","e":[{"a":1},{"a":null},3]}"#,
        r#"{"a":-9999999999999999999999999999999999,"b":1E-999,"e":{"a":"2020-01-01"}}"#,
        r#"[1,"a",{"b":[]}]"#,
        "80",
        "\u{0}\u{1}é",
        "",
    ]);
    let strategy = (any::<bool>(), expression.clone(), expression, payloads);
    runner(4_000)
        .run(&strategy, |(version, a, b, payload)| {
            let statement = format!("SET @v = {a} SELECT {b} AS x, {a} FROM 't/+' WHERE isNull({b}) <> 1");
            sql::check(&input(version, &statement, payload));
            Ok(())
        })
        .unwrap();
}
