//! The cases under `cases/`: when an expression falls due, and which texts are none.
//!
//! A file has a `source`, and `cases`. A case has an `expression`, optionally a `source`, a `zone` and `rule`, which has it read as one of a
//! scheduled rule; and either `from`, a time, with `next`, the times after it that it falls due at (all of them, where `ends` is true),
//! or `error`, which the refusal has to contain.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;

use drydock_core::Timestamp;
use drydock_schedule::Expression;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 70, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let cases = content["cases"].as_array().unwrap().iter().cloned();
    cases
        .map(|case| {
            let keys = ["expression", "source", "zone", "rule", "from", "next", "ends", "error"];
            let unknown = case.as_object().unwrap().keys().find(|key| !keys.contains(&key.as_str()));
            assert_eq!(unknown, None, "{stem}: {case} has an unknown key");
            let zone = case["zone"].as_str().unwrap_or("UTC");
            let from = case["from"].as_str().unwrap_or("refused");
            Trial::test(format!("{stem}::{} {zone} {from}", case["expression"].as_str().unwrap()), move || run(&case))
        })
        .collect()
}

fn run(case: &Value) -> Result<(), Failed> {
    let (text, zone) = (case["expression"].as_str().unwrap(), case["zone"].as_str());
    let read = if case["rule"] == true { Expression::of_rule(text) } else { Expression::parse(text, zone) };
    if let Some(error) = case["error"].as_str() {
        let why = read.map_or_else(|error| error.to_string(), |_| "it is an expression".to_owned());
        return if why.contains(error) { Ok(()) } else { Err(format!("{why}, not {error}").into()) };
    }
    let expression = read.map_err(|error| error.to_string())?;
    let wanted = case["next"].as_array().unwrap();
    let from = Timestamp(case["from"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let most = if case["ends"] == true { wanted.len() + 1 } else { wanted.len() };
    let times = std::iter::successors(expression.after(from, from), |last| expression.after(*last, from));
    let shown = times.take(most).map(|at| jiff::Timestamp::from_millisecond(at.millis()).unwrap().to_string());
    let found: Vec<Value> = shown.map(Value::from).collect();
    if &found == wanted { Ok(()) } else { Err(format!("it falls due at {found:?}").into()) }
}
