//! The cases under `cases/`: streams, and what devices ask of them. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, the `objects` of Amazon S3 with their
//! sizes in bytes (`b/k` of 1,000 where they are left out; `b/k@v` is a version), optionally the `files` of a stream `s` that is made
//! first, and `steps`. A step has `do` and one of:
//! - an operation of the control plane, such as `CreateStream`, whose `in` is its request (`streamId` is `s` and `roleArn` a role
//!   where they are left out), and comes to `is` or `error`, a code and a message;
//! - `make`, which makes the update `u` of its files in Amazon S3, each `signed` with a signature and a certificate's path where that
//!   is said, and comes to the `document` of its job, to more of the job's request as `job`, or to `error`;
//! - `get` and `describe`, what a device asks: a `payload` (JSON, or a text as it stands), as `format` says (`json` where nothing is
//!   said; `cbor` writes the JSON as CBOR, with `{"hex": …}` as bytes), of `stream` (`s`), which comes to `blocks`, `told` (the
//!   description) or `rejected`, a code and a message.
//!
//! An answer has to have what is expected, and may have more; what is expected as null must not be there. In all texts `<x*N>`
//! stands for N times `x`. After each step the book is loaded anew from its rows, and has to be the same.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;
#[path = "../../core/tests/cases/texts.rs"]
mod texts;

use ciborium::Value as Cbor;
use drydock_core::{ApiError, Done, Rulebook, Scope, Timestamp, Write};
use drydock_model::{Operation, Wire, iot, validate};
use drydock_ota::request::{Format, Payload, Refused};
use drydock_ota::{Found, Ota, Place, Seen, place};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 85, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in content["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        texts::only(stem, case, &["name", "source", "objects", "files", "steps"], name);
        let case = texts::filled(case);
        trials.push(Trial::test(format!("{stem}::{name}"), move || Run::new(&case).all(&case)));
    }
    trials
}

struct Run {
    book: Ota,
    rows: BTreeMap<(String, String), String>,
    objects: Value,
    now: i64,
}

impl Run {
    fn new(case: &Value) -> Self {
        let objects = case.get("objects").cloned().unwrap_or_else(|| json!({ "b/k": 1000 }));
        Self { book: Ota::new(scope()), rows: BTreeMap::new(), objects, now: 1_795_996_800_000 }
    }

    fn all(mut self, case: &Value) -> Result<(), Failed> {
        if let Some(files) = case.get("files") {
            self.step(&json!({ "do": "CreateStream", "in": { "files": files } }))?;
        }
        for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            self.step(step).map_err(|why| format!("step {at}: {}", why.message().unwrap_or_default()))?;
            let mut again = Ota::new(scope());
            for ((table, key), value) in &self.rows {
                again.load(table, key, value).unwrap();
            }
            assert_eq!(format!("{again:?}"), format!("{:?}", self.book), "step {at}: loaded anew");
        }
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Result<(), Failed> {
        self.now += 1000;
        match step["do"].as_str().unwrap() {
            "get" => self.get(step),
            "describe" => self.describe(step),
            "make" => self.make(step),
            operation => {
                let done = self.operation(operation, step.get("in").cloned().unwrap_or_else(|| json!({})));
                match (done, step.get("error")) {
                    (Ok(answer), None) => fits(&answer, step.get("is").unwrap_or(&json!({}))),
                    (Err(error), Some(expected)) => {
                        let (code, why) = (error.code.as_str(), error.message.as_ref());
                        refused((code, why), expected)
                    }
                    (Ok(answer), Some(expected)) => Err(format!("expected {expected}, got {answer}").into()),
                    (Err(error), None) => Err(format!("refused: {error}").into()),
                }
            }
        }
    }

    fn keep<T: Wire>(&mut self, done: Done<T>) -> Value {
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => self.rows.insert((table.to_owned(), key), value),
                None => self.rows.remove(&(table.to_owned(), key)),
            };
        }
        done.reply.write()
    }

    fn operation(&mut self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        let fields = input.as_object_mut().unwrap();
        if operation.ends_with("Stream") {
            fields.entry("streamId").or_insert(json!("s"));
        }
        if operation.ends_with("OTAUpdate") {
            fields.entry("otaUpdateId").or_insert(json!("u"));
        }
        if operation == "CreateOTAUpdate" {
            fields.entry("targets").or_insert(json!(["arn:aws:iot:us-east-1:123456789012:thing/t"]));
        }
        if matches!(operation, "CreateStream" | "CreateOTAUpdate") {
            fields.entry("roleArn").or_insert(json!("arn:aws:iam::123456789012:role/files"));
        }
        let objects = self.objects.clone();
        let seen = move |bucket: &str, key: &str, version: Option<&str>| {
            let version = version.map(|version| format!("@{version}")).unwrap_or_default();
            let size = objects.get(format!("{bucket}/{key}{version}"))?.as_u64()?;
            Some(Seen { size, etag: format!("{bucket}/{key}{version}") })
        };
        let now = Timestamp(self.now);
        match operation {
            "CreateStream" => {
                let done = self.book.create_stream(read::<iot::ops::CreateStream>(&input)?, &seen, now)?;
                Ok(self.keep(done))
            }
            "UpdateStream" => {
                let done = self.book.update_stream(read::<iot::ops::UpdateStream>(&input)?, &seen, now)?;
                Ok(self.keep(done))
            }
            "DeleteStream" => {
                let done = self.book.delete_stream(&read::<iot::ops::DeleteStream>(&input)?)?;
                Ok(self.keep(done))
            }
            "CreateOTAUpdate" => {
                let done = self.book.create_update(read::<iot::ops::CreateOTAUpdate>(&input)?, now)?;
                Ok(self.keep(done))
            }
            "GetOTAUpdate" => Ok(self.book.get_update(&read::<iot::ops::GetOTAUpdate>(&input)?)?.write()),
            "ListOTAUpdates" => Ok(self.book.list_updates(&read::<iot::ops::ListOTAUpdates>(&input)?)?.write()),
            "DeleteOTAUpdate" => {
                let request = read::<iot::ops::DeleteOTAUpdate>(&input)?;
                let done = self.book.delete_update(&request.ota_update_id, request.delete_stream == Some(true))?;
                Ok(self.keep(done.map(|_| iot::DeleteOTAUpdateResponse {})))
            }
            "DescribeStream" => Ok(self.book.describe_stream(&read::<iot::ops::DescribeStream>(&input)?)?.write()),
            "ListStreams" => Ok(self.book.list_streams(&read::<iot::ops::ListStreams>(&input)?)?.write()),
            other => panic!("`{other}` is not an operation of these cases"),
        }
    }

    fn make(&mut self, step: &Value) -> Result<(), Failed> {
        let (request, _) = self.book.to_make("u").ok_or("there is no update to be made")?;
        let signed = step["signed"].as_array().map(|pair| {
            let text = |at: usize| pair.get(at).and_then(Value::as_str).map(str::to_owned);
            (text(0).unwrap(), text(1))
        });
        let found: Vec<Found> = request.files.iter().map(|file| self.found(file, signed.clone())).collect();
        let now = Timestamp(self.now);
        let done = self.book.update_job("u", &found, "AFR_OTA-x");
        let request = match (done, step.get("error")) {
            (Ok(request), None) => request,
            (Err(error), Some(expected)) => return refused((error.code.as_str(), error.message.as_ref()), expected),
            (done, expected) => return Err(format!("expected {expected:?}, got {done:?}").into()),
        };
        let done = self.book.complete_update("u", &found, "AFR_OTA-x", now).map_err(|error| error.to_string())?;
        for Write { table, key, value } in done.writes {
            self.rows.insert((table.to_owned(), key), value.unwrap());
        }
        let document: Value = serde_json::from_str(request.document.as_deref().unwrap()).unwrap();
        fits(&document["afr_ota"], step.get("document").unwrap_or(&json!({})))?;
        fits(&request.write(), step.get("job").unwrap_or(&json!({})))
    }

    fn found(&self, file: &iot::OTAUpdateFile, signature: Option<(String, Option<String>)>) -> Found {
        match place(file).unwrap() {
            Place::S3(bucket, key, version) => {
                let of = version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
                let size = self.objects[format!("{bucket}/{key}{of}")].as_u64().unwrap();
                let etag = format!("{bucket}/{key}");
                Found { bucket, key, version, size, etag, stream: None, signature }
            }
            Place::Stream(stream, id) => Found { signature, ..self.book.stream_file(&stream, id).unwrap() },
            Place::Signed => panic!("these cases know no signing jobs"),
        }
    }

    fn get(&self, step: &Value) -> Result<(), Failed> {
        let stream = step["stream"].as_str().unwrap_or("s");
        let done = payload(step).and_then(|(_, payload)| self.book.delivery(stream, &payload.get()?));
        match (done, step.get("rejected")) {
            (Ok(delivery), None) => {
                let of = json!(delivery.blocks);
                let lengths: Vec<u64> = delivery.blocks.iter().map(|block| delivery.length(*block)).collect();
                let answer = json!({
                    "blocks": of, "lengths": lengths, "file": delivery.file_id, "key": delivery.file.key,
                    "version": delivery.file.version,
                });
                let expected = step.as_object().unwrap().iter().filter(|(key, _)| answer.get(key.as_str()).is_some());
                fits(&answer, &Value::Object(expected.map(|(key, value)| (key.clone(), value.clone())).collect()))
            }
            (Err(error), Some(expected)) => refused((error.refusal.as_str(), &error.message), expected),
            (done, expected) => Err(format!("expected {expected:?}, got {done:?}").into()),
        }
    }

    fn describe(&self, step: &Value) -> Result<(), Failed> {
        let stream = step["stream"].as_str().unwrap_or("s");
        let done = payload(step).and_then(|(format, payload)| {
            let token = payload.client_token()?;
            Ok((format, self.book.description(stream, format, token.as_deref())?))
        });
        match (done, step.get("rejected")) {
            (Ok((format, bytes)), None) => {
                let answer: Value = match format {
                    Format::Json => serde_json::from_slice(&bytes).unwrap(),
                    Format::Cbor => ciborium::from_reader(bytes.as_slice()).unwrap(),
                };
                fits(&answer, &step["told"])
            }
            (Err(error), Some(expected)) => refused((error.refusal.as_str(), &error.message), expected),
            (done, expected) => Err(format!("expected {expected:?}, got {done:?}").into()),
        }
    }
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

fn read<O: Operation>(input: &Value) -> Result<O::Input, ApiError> {
    validate::validate(O::META.input_shape, input).map_err(ApiError::invalid)?;
    Ok(<O::Input as Wire>::read(input, &drydock_model::wire::At::ROOT).unwrap())
}

fn payload(step: &Value) -> Result<(Format, Payload), Refused> {
    let given = &step["payload"];
    let format = Format::of(step["format"].as_str().unwrap_or("json")).unwrap();
    let bytes = match (format, given) {
        (_, Value::Null) => Vec::new(),
        (_, Value::String(text)) => text.clone().into_bytes(),
        (Format::Json, given) => given.to_string().into_bytes(),
        (Format::Cbor, given) => {
            let mut bytes = Vec::new();
            ciborium::into_writer(&cbor(given), &mut bytes).unwrap();
            bytes
        }
    };
    Ok((format, Payload::read(format, &bytes)?))
}

fn cbor(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(number) => number.as_i64().map_or_else(|| Cbor::Float(number.as_f64().unwrap()), Cbor::from),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(cbor).collect()),
        Value::Object(members) => match members.get("hex") {
            Some(hex) => {
                let digits = hex.as_str().unwrap();
                Cbor::Bytes(
                    (0..digits.len())
                        .step_by(2)
                        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                        .collect(),
                )
            }
            None => Cbor::Map(members.iter().map(|(key, value)| (Cbor::Text(key.clone()), cbor(value))).collect()),
        },
    }
}

fn refused((code, message): (&str, &str), expected: &Value) -> Result<(), Failed> {
    if expected[0] == code && message.contains(expected[1].as_str().unwrap_or_default()) {
        Ok(())
    } else {
        Err(format!("expected {expected}, got {code}: {message}").into())
    }
}

/// Whether an answer has what is expected.
fn fits(answer: &Value, expected: &Value) -> Result<(), Failed> {
    let fit = match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => expected.iter().all(|(key, value)| match answer.get(key) {
            None => value.is_null(),
            Some(found) => fits(found, value).is_ok(),
        }),
        (answer, expected) => answer == expected,
    };
    if fit { Ok(()) } else { Err(format!("expected {expected}, got {answer}").into()) }
}
