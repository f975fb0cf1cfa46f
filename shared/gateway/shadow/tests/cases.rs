//! The cases under `cases/`: what happens to shadows, step by step. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, a `thing` (`dock-1` where
//! it is left out) and a `shadow` (the classic one where it is left out), and `steps`. A step has `do`, optionally a
//! `thing` and a `shadow` of its own, the time `at` in seconds (that of the step before, plus one, where it is left
//! out; `ms` adds to it), and either what it comes to or `error`, a code and a message:
//! - `update` has a `body`: JSON, or a text as it stands, or `hex`, bytes. It comes to `accepted`, `documents` and
//!   `delta`; what is left out of the first two is not compared, a `delta` that is left out must not be there.
//! - `get`, `delete` come to `is`.
//! - `list` has `pageSize` and `nextToken`, of which `$last` is the one that the list before gave, and comes to `is`,
//!   where a `nextToken` of `$any` stands for whatever there is.
//! - `token` has a `body`, and comes to `is`, its client token.
//! - `load` has `key` and `value`, a row, which is taken in.
//! - `rows` comes to `is`, all rows by their keys.
//!
//! Documents are compared as wholes. In expected `metadata` a number is short for `{"timestamp": NUMBER}`. In all texts
//! `<x*N>` stands for N times `x`. After each step the book is loaded anew from its rows, and has to answer the same.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;

use drydock_core::{ApiError, Rulebook, Timestamp, Write};
use drydock_shadow::{Address, Shadows, client_token};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 150, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let only = |object: &Value, allowed: &[&str], what: &str| {
        let unknown = object.as_object().unwrap().keys().find(|key| !allowed.contains(&key.as_str()));
        assert_eq!(unknown, None, "{stem}: {what} has an unknown key");
    };
    only(content, &["source", "cases"], "the file");
    let mut trials = Vec::new();
    for case in content["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        only(case, &["name", "source", "thing", "shadow", "steps"], name);
        for step in case["steps"].as_array().unwrap() {
            only(step, keys_of(step["do"].as_str().unwrap()), name);
        }
        let case = filled(case);
        trials.push(Trial::test(format!("{stem}::{name}"), move || Run::default().case(&case)));
    }
    trials
}

fn keys_of(what: &str) -> &'static [&'static str] {
    match what {
        "update" => &["do", "thing", "shadow", "at", "ms", "body", "hex", "accepted", "documents", "delta", "error"],
        "get" | "delete" => &["do", "thing", "shadow", "at", "ms", "is", "error"],
        "list" => &["do", "thing", "at", "ms", "pageSize", "nextToken", "is", "error"],
        "token" => &["do", "body", "hex", "is"],
        "load" => &["do", "key", "value", "error"],
        "rows" => &["do", "is"],
        _ => &[],
    }
}

/// A value in which each `<x*N>` is written out.
fn filled(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let (mut text, mut rest) = (String::new(), text.as_str());
            while let Some((before, (count, after))) =
                rest.split_once("<x*").and_then(|(before, tail)| Some((before, tail.split_once('>')?)))
            {
                text.push_str(before);
                text.push_str(&"x".repeat(count.parse().unwrap()));
                rest = after;
            }
            Value::String(text + rest)
        }
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), filled(value))).collect(),
        other => other.clone(),
    }
}

/// Metadata with its leaves written out.
fn leaves(metadata: &Value) -> Value {
    match metadata {
        Value::Number(_) => json!({"timestamp": metadata}),
        Value::Array(items) => items.iter().map(leaves).collect(),
        Value::Object(fields) if fields.len() == 1 && fields.get("timestamp").is_some_and(Value::is_number) => {
            metadata.clone()
        }
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), leaves(value))).collect(),
        other => other.clone(),
    }
}

/// An expected document with the leaves of its metadata written out.
fn expected(document: &Value) -> Value {
    let mut document = document.clone();
    let parts = document.as_object_mut().into_iter().flatten();
    for (key, part) in parts {
        match key.as_str() {
            "metadata" => *part = leaves(part),
            "previous" | "current" => *part = expected(part),
            _ => (),
        }
    }
    document
}

fn body_of(step: &Value) -> Vec<u8> {
    if let Some(digits) = step["hex"].as_str() {
        return (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect();
    }
    step["body"].as_str().map_or_else(|| step["body"].to_string(), str::to_owned).into_bytes()
}

fn compare(what: &str, got: &Value, wanted: &Value) -> Result<(), Failed> {
    if got == wanted { Ok(()) } else { Err(format!("{what}\nexpected: {wanted}\n     got: {got}").into()) }
}

#[derive(Default)]
struct Run {
    book: Shadows,
    rows: BTreeMap<String, String>,
    now: i64,
    token: Option<String>,
}

impl Run {
    fn case(&mut self, case: &Value) -> Result<(), Failed> {
        for (i, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            let of = |key: &str| step.get(key).or_else(|| case.get(key)).and_then(Value::as_str);
            self.now = step["at"].as_i64().unwrap_or(self.now + 1);
            self.step(step, of("thing").unwrap_or("dock-1"), of("shadow"))
                .map_err(|failed| format!("step {i}: {step}\n{}", failed.message().unwrap_or_default()))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Value, thing: &str, shadow: Option<&str>) -> Result<(), Failed> {
        // The fraction of a second must not show anywhere.
        let now = Timestamp(self.now * 1000 + step["ms"].as_i64().unwrap_or(999));
        let address = Address::new(thing, shadow);
        let before = self.answers(&self.book, thing, address.as_ref().ok(), now);
        let result = match step["do"].as_str().unwrap() {
            "token" => {
                let token = client_token(&body_of(step));
                return compare("the token", &token.into(), &step["is"]);
            }
            "rows" => {
                let row = |(key, row): (&String, &String)| (key.clone(), serde_json::from_str::<Value>(row).unwrap());
                return compare("the rows", &self.rows.iter().map(row).collect(), &step["is"]);
            }
            "load" => return self.load(step),
            "update" => address.clone().and_then(|address| self.update(step, &address, now)),
            "get" => address.clone().and_then(|address| self.book.get(&address, now)).map(|got| is(step, &got)),
            "delete" => address.clone().and_then(|address| {
                let done = self.book.delete(&address, now)?;
                self.keep(done.writes);
                Ok(is(step, &done.reply))
            }),
            "list" => self.list(step, thing, now),
            other => return Err(format!("there is no step `{other}`").into()),
        };
        match (result, step.get("error")) {
            (Ok(compared), None) => compared?,
            (Ok(_), Some(error)) => return Err(format!("it is done, and was to fail with {error}").into()),
            (Err(error), None) => return Err(format!("it failed: {error}").into()),
            (Err(error), Some(wanted)) => {
                compare("the error", &json!([error.code.as_str(), error.message]), wanted)?;
                let after = self.answers(&self.book, thing, address.as_ref().ok(), now);
                compare("it failed, and changed", &after, &before)?;
            }
        }
        let mut anew = Shadows::new();
        for (key, value) in &self.rows {
            anew.load("shadows", key, value).map_err(|error| error.to_string())?;
        }
        let (here, there) = (
            self.answers(&self.book, thing, address.as_ref().ok(), now),
            self.answers(&anew, thing, address.as_ref().ok(), now),
        );
        compare("loaded anew", &there, &here)
    }

    fn update(&mut self, step: &Value, address: &Address, now: Timestamp) -> Result<Result<(), Failed>, ApiError> {
        let done = self.book.update(address, &body_of(step), now)?;
        self.keep(done.writes);
        let updated = done.reply;
        let compared = || {
            for (name, document) in [("accepted", &updated.accepted), ("documents", &updated.documents)] {
                if let Some(wanted) = step.get(name) {
                    compare(name, document, &expected(wanted))?;
                }
            }
            compare("delta", &updated.delta.unwrap_or_default(), &expected(&step["delta"]))
        };
        Ok(compared())
    }

    fn list(&mut self, step: &Value, thing: &str, now: Timestamp) -> Result<Result<(), Failed>, ApiError> {
        let given = match step["nextToken"].as_str() {
            Some("$last") => self.token.clone(),
            given => given.map(str::to_owned),
        };
        let size = step["pageSize"].as_i64().map(|size| i32::try_from(size).unwrap());
        let (names, token) = self.book.list_named(thing, size, given.as_deref())?;
        let mut listed = json!({ "results": names, "timestamp": now.seconds() });
        if let Some(token) = &token {
            listed["nextToken"] = if step["is"]["nextToken"] == "$any" { json!("$any") } else { json!(token) };
        }
        self.token = token;
        Ok(compare("the list", &listed, &step["is"]))
    }

    fn load(&mut self, step: &Value) -> Result<(), Failed> {
        let (key, value) = (step["key"].as_str().unwrap(), &step["value"]);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (self.book.load("shadows", key, &text), step["error"].as_str()) {
            (Ok(()), None) => {
                self.rows.insert(key.to_owned(), text);
                Ok(())
            }
            (Err(error), Some(wanted)) if error.to_string() == wanted => Ok(()),
            (result, _) => Err(format!("{result:?}").into()),
        }
    }

    fn keep(&mut self, writes: Vec<Write>) {
        for Write { table, key, value } in writes {
            assert_eq!(table, "shadows");
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    /// What can be asked of a book about a shadow and its thing.
    fn answers(&self, book: &Shadows, thing: &str, address: Option<&Address>, now: Timestamp) -> Value {
        let got = address.map(|address| book.get(address, now).map_err(|error| error.to_string()));
        let listed = book.list_named(thing, Some(100), None).map_err(|error| error.to_string());
        json!({"got": got, "listed": listed})
    }
}

fn is(step: &Value, got: &Value) -> Result<(), Failed> {
    compare("the answer", got, &expected(&step["is"]))
}
