//! Runs the SQL cases: every example of every function, and every case of the files in `cases/`.
//!
//! A file names the source of its cases. A case gives a statement, and where they matter a payload (`payload` as JSON, `raw`
//! as text), a topic, a version and the answers of outside calls; and it expects one of `result` (JSON), `undefined`,
//! `unmatched`, `bytes` (the outgoing payload as text), `failed` and `error` (parts of the messages).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_core::{Ids, Timestamp};
use drydock_rules::functions;
use drydock_rules::value::json;
use drydock_rules::{
    Answer, Capabilities, Env, External, ExternalCall, Externals, Message, Outcome, SqlVersion, Value, compile,
    evaluate,
};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: String,
    #[serde(default)]
    version: Option<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Case {
    name: Option<String>,
    #[serde(deserialize_with = "statement")]
    sql: String,
    version: Option<String>,
    topic: Option<String>,
    payload: Option<Box<RawValue>>,
    raw: Option<String>,
    answers: Option<BTreeMap<String, Box<RawValue>>>,
    result: Option<Box<RawValue>>,
    undefined: bool,
    unmatched: bool,
    bytes: Option<String>,
    failed: Option<String>,
    error: Option<String>,
}

/// A statement, or the lines of one.
fn statement<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Lines(Vec<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::One(sql) => sql,
        Written::Lines(lines) => lines.join(" "),
    })
}

/// Counts up, so that what is random is the same in every run.
struct Counting(AtomicU8);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// Answers each function with the value of its name; an object with `$error` alone is a failure.
struct Fixed(BTreeMap<String, Box<RawValue>>);

impl Externals for Fixed {
    fn capabilities(&self) -> Capabilities {
        use External::{AwsLambda, DecodeProto, GetDynamodb, GetRegistryData, GetSecret, GetThingShadow};
        let all = [AwsLambda, DecodeProto, GetDynamodb, GetRegistryData, GetSecret, GetThingShadow];
        let named =
            all.into_iter().filter(|external| self.0.keys().any(|name| external.as_str().starts_with(name.as_str())));
        named.fold(Capabilities::NONE, Capabilities::with)
    }

    fn ask(&self, call: &ExternalCall) -> Answer {
        let found = self.0.iter().find(|(name, _)| call.function.as_str().starts_with(name.as_str()));
        let value = json::parse(found.expect("an answer").1.get().as_bytes()).expect("an answer in JSON");
        match value.member("$error") {
            Value::String(why) => Answer::Failed(why.to_string()),
            _ if value.member("$arguments").is_true() => Answer::Value(Value::array(call.arguments.clone())),
            _ => Answer::Value(value),
        }
    }
}

fn message(topic: &str, payload: &str) -> Message {
    let mut message = Message::new(topic, payload.to_owned(), "123456789012", Timestamp(1_481_825_251_155));
    message.client_id = Some("client-1".into());
    message.principal = Some("ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373".into());
    message.source_ip = Some([192, 158, 1, 38].into());
    message.trace_id = Some("12345678-1234-1234-1234-123456789012".into());
    message.mqtt.utf8 = Some(true);
    message.mqtt.content_type = Some("application/json".to_owned());
    message.mqtt.response_topic = Some("answers/1".to_owned());
    message.mqtt.correlation_data = Some("rule".into());
    let pairs = [
        ("some key", "some value"),
        ("a different key", "a different value"),
        ("some key", "value with duplicate key"),
    ];
    message.mqtt.user_properties = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    message
}

/// JSON text as this engine writes it.
fn compact(text: &str) -> Result<String, Failed> {
    Ok(json::parse(text.as_bytes()).map_err(|e| format!("{text}: {e}"))?.to_json())
}

fn run(case: &Case, version: &str) -> Result<(), Failed> {
    let version = SqlVersion::parse(case.version.as_deref().unwrap_or(version)).ok_or("no such version")?;
    let payload = match (&case.payload, &case.raw) {
        (Some(payload), None) => payload.get().to_owned(),
        (None, Some(raw)) => raw.clone(),
        _ => "{}".to_owned(),
    };
    let message = message(case.topic.as_deref().unwrap_or("topic/subtopic"), &payload);
    let externals = Fixed(case.answers.clone().unwrap_or_default());
    let ids = Counting(AtomicU8::new(0));
    let env = Env { ids: &ids, externals: &externals };
    let compiled = compile(&case.sql, version, externals.capabilities());
    let program = match (compiled, &case.error) {
        (Ok(program), None) => program,
        (Err(error), Some(part)) if error.to_string().contains(part.as_str()) => return Ok(()),
        (Err(error), _) => return Err(error.report().into()),
        (Ok(_), Some(part)) => return Err(format!("it compiles, the error `{part}` is expected").into()),
    };
    match (evaluate(&program, &message, env), case) {
        (Outcome::Unmatched, Case { unmatched: true, .. }) => Ok(()),
        (Outcome::Failed(why) | Outcome::Exhausted(why), Case { failed: Some(part), .. })
            if why.contains(part.as_str()) =>
        {
            Ok(())
        }
        (Outcome::Matched(output), Case { undefined: true, .. }) if output.value.is_undefined() => Ok(()),
        (Outcome::Matched(output), Case { bytes: Some(bytes), .. }) if output.bytes() == bytes.as_bytes() => Ok(()),
        (Outcome::Matched(output), Case { result: Some(expected), .. }) => {
            let (expected, found) = (compact(expected.get())?, output.value.to_json());
            if expected == found { Ok(()) } else { Err(format!("expected {expected}\n   found {found}").into()) }
        }
        (outcome, _) => Err(format!("found {outcome:?}").into()),
    }
}

/// A test for each example and each case.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for function in functions::ALL {
        for (index, example) in function.examples.iter().enumerate() {
            trials.push(Trial::test(format!("functions/{}/{index}: {}", function.name, example.sql), move || {
                let case = Case {
                    // SELECT VALUE of an array exists in the later version alone; a column shows the same value.
                    sql: format!("SELECT {} AS result FROM '#'", example.sql),
                    raw: Some(example.payload.to_owned()),
                    topic: Some("things/myThings/thingOne".to_owned()),
                    bytes: Some(match example.result {
                        "" => "{}".to_owned(),
                        result => format!("{{\"result\":{result}}}"),
                    }),
                    ..Case::default()
                };
                run(&case, example.version.as_str())
            }));
        }
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("the folder of cases").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{stem}: {e}"));
        assert!(!file.source.is_empty(), "{stem} names no source");
        let version: Arc<str> = file.version.as_deref().unwrap_or("2016-03-23").into();
        for (index, case) in file.cases.into_iter().enumerate() {
            let name = format!("{stem}/{index}: {}", case.name.as_deref().unwrap_or(&case.sql));
            let version = Arc::clone(&version);
            trials.push(Trial::test(name, move || run(&case, &version)));
        }
    }
    trials
}
