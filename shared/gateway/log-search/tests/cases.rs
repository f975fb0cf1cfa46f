//! The cases under `cases/`: what filter patterns and queries of Logs Insights make of messages. One test per case.
//!
//! A file has a `source`, and `cases`. A case of `patterns.json` has a `pattern`, and what it `matches` and `misses` (a message that
//! is not a text is written as JSON), what it `extracts` of the first match, or the `error` that it is refused with. A case of
//! `insights.json` has a `query`, optionally `events` of its own (a text each, a second apart from 2023-11-14 22:13:20 on; a file
//! has common ones), and the `rows` that it comes to, without `@ptr`, or the `error`. In all texts `<x*N>` stands for N times
//! `x`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;
#[path = "fuzz/runs.rs"]
mod fuzz;
#[path = "../../core/tests/cases/texts.rs"]
mod texts;

use drydock_log_search::insights::{Query, Record};
use drydock_log_search::pattern::Pattern;
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 130, trials_of);
}

const KEYS: &[&str] = &["pattern", "query", "source", "matches", "misses", "extracts", "error", "events", "rows"];

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (at, case) in content["cases"].as_array().unwrap().iter().enumerate() {
        let asked: String =
            case.get("pattern").or(case.get("query")).unwrap().as_str().unwrap().chars().take(80).collect();
        texts::only(stem, case, KEYS, &asked);
        let (case, all) = (texts::filled(case), content["events"].clone());
        trials.push(Trial::test(format!("{stem}::{at}::{asked}"), move || match case.get("pattern") {
            Some(_) => pattern(&case),
            None => query(&case, &all),
        }));
    }
    if stem == "patterns" {
        trials.extend(fuzz::trials());
    }
    trials
}

fn message(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn refused<T: std::fmt::Debug, E: ToString>(result: Result<T, E>, expected: &Value) -> Result<(), Failed> {
    match result {
        Ok(read) => Err(format!("it was read as {read:?}").into()),
        Err(error) if error.to_string().contains(expected.as_str().unwrap()) => Ok(()),
        Err(error) => Err(format!("it was refused with: {}", error.to_string()).into()),
    }
}

fn pattern(case: &Value) -> Result<(), Failed> {
    let result = Pattern::parse(case["pattern"].as_str().unwrap());
    if let Some(expected) = case.get("error") {
        return refused(result, expected);
    }
    let pattern = result?;
    let list = |name: &str| case.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (wanted, unwanted) = (list("matches"), list("misses"));
    assert!(!wanted.is_empty() || !unwanted.is_empty(), "the case asks for nothing");
    for value in &wanted {
        assert!(pattern.matches(&message(value)), "does not match {value}");
    }
    for value in &unwanted {
        assert!(!pattern.matches(&message(value)), "matches {value}");
    }
    if let Some(expected) = case.get("extracts") {
        assert_eq!(json!(pattern.extract(&message(&wanted[0]))), *expected);
    }
    Ok(())
}

fn query(case: &Value, common: &Value) -> Result<(), Failed> {
    let result = Query::parse(case["query"].as_str().unwrap());
    if let Some(expected) = case.get("error") {
        return refused(result, expected);
    }
    let events: Vec<String> = case.get("events").unwrap_or(common).as_array().unwrap().iter().map(message).collect();
    let records = events.iter().zip(0..).map(|(message, at)| Record {
        timestamp: 1_700_000_000_000 + at * 1000,
        ingestion: 1_700_000_000_500 + at * 1000,
        message,
        stream: "stream",
        log: "123456789012:group",
        pointer: "pointer",
    });
    let answer = result?.run(records, 10_000);
    let rows: Vec<Value> = answer
        .rows
        .into_iter()
        .map(|row| {
            row.into_iter().filter(|(name, _)| name != "@ptr").map(|(n, v)| (n, v.into())).collect::<Map<_, _>>()
        })
        .map(Value::from)
        .collect();
    assert_eq!(Value::from(rows), case["rows"]);
    assert_eq!(answer.scanned, events.len());
    Ok(())
}
