//! The cases under `cases/`: what happens to commands and their executions, step by step. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, optionally a `command`: the request
//! that makes the command `cmd`, of the payload `{"a": 1}` in JSON as far as nothing else is given; and `steps`. There is the
//! thing `t1`, and no other. A step has `do`, optionally `after`, the seconds that pass before it, in which all that is due is done
//! at its time, and one of:
//! - an operation of the API, such as `CreateCommand`, whose `in` is its request (`commandId` is `cmd`, `commandArn` that of `cmd`,
//!   `targetArn` that of `t1`, and `executionId` `e1`, where they are needed and left out; one of null is left out), and comes to
//!   `is` or `error`, a code and a part of a message. The first execution that is started is `e1`, the next one `e2`;
//! - `report`: what a device publishes to the `topic` (`things/t1/e1/json` where it is left out), a `payload`: JSON, a text as it
//!   stands, or in `cbor` what JSON says, where `{"bytes": base64}` stands for bytes; `is` or `error` is the answer;
//! - `wait`: nothing but the time.
//!
//! An answer has to have what is expected, and may have more; what is expected as null must not be there. Each step may say
//! `sent`, what is published to devices: the topic, the payload (as JSON where it is that), the content type and after how many
//! seconds it expires; and `events`, the executions with the status that is told. In all texts `<x*N>` stands for N times `x`.
//! After each step the book is loaded anew from its rows, and has to be the same.

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

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;
use drydock_commands::device::{accepted, rejected};
use drydock_commands::report::{Format, Payload};
use drydock_commands::{Commands, Context, Fleet, Request, Target};
use drydock_core::{ApiError, Done, Event, Rulebook, Scope, Timestamp, Write};
use drydock_model::{Operation, iot, iot_jobs_data, validate};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Monday, 30 November 2026, 00:00 UTC.
const BEGIN: i64 = 1_795_996_800_000;
const STEP: &[&str] = &["do", "after", "in", "is", "error", "topic", "payload", "sent", "events"];

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 140, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let only = |object: &Value, allowed: &[&str], what: &str| texts::only(stem, object, allowed, what);
    only(content, &["source", "cases"], "the file");
    let cases = content["cases"].as_array().unwrap().iter().map(|case| {
        let name = case["name"].as_str().unwrap();
        only(case, &["name", "source", "command", "steps"], name);
        case["steps"].as_array().unwrap().iter().for_each(|step| only(step, STEP, name));
        let case = texts::filled(case);
        Trial::test(format!("{stem}::{name}"), move || Run::new().all(&case))
    });
    cases.collect()
}

struct OneThing;

impl Fleet for OneThing {
    fn has_thing(&self, thing: &str) -> bool {
        thing == "t1"
    }
}

/// A book, with all that it needs from the outside.
struct Run {
    book: Commands,
    now: Timestamp,
    rows: BTreeMap<(&'static str, String), String>,
    started: usize,
    sent: Vec<Value>,
    events: Vec<String>,
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

impl Run {
    fn new() -> Self {
        let (rows, started, sent, events) = Default::default();
        Self { book: Commands::new(scope()), now: Timestamp(BEGIN), rows, started, sent, events }
    }

    fn all(mut self, case: &Value) -> Result<(), Failed> {
        if let Some(command) = case["command"].as_object() {
            let mut request = json!({});
            if !command.contains_key("payloadTemplate") {
                request["payload"] =
                    json!({ "content": STANDARD.encode("{\"a\": 1}"), "contentType": "application/json" });
            }
            for (key, value) in command {
                request[key] = value.clone();
            }
            self.operation("CreateCommand", &request)?.map_err(|error| error.to_string())?;
            self.reload()?;
        }
        for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            self.step(step).map_err(|why| format!("step {}: {}", at + 1, why.message().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Runs a command on the book, and keeps its rows.
    fn run<T, E>(&mut self, command: impl FnOnce(&mut Commands, Timestamp) -> Result<Done<T>, E>) -> Result<T, E> {
        let done = command(&mut self.book, self.now)?;
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
        for event in done.events {
            assert!(self.book.promises(&event));
            let Event::CommandExecutionChanged { execution, at } = event else { panic!("{event:?}") };
            assert_eq!(at, self.now);
            let reason = execution.reason.map(|(code, _)| format!(" {code}")).unwrap_or_default();
            self.events.push(format!("{} {}{reason}", execution.id, execution.status));
        }
        Ok(done.reply)
    }

    fn advance(&mut self, seconds: i64) -> Result<(), Failed> {
        let to = self.now.plus_millis(seconds * 1000);
        while let Some(due) = self.book.next_due().filter(|due| *due <= to) {
            self.now = due.max(self.now);
            while self.run(|book, now| Ok::<_, Failed>(book.due(now)))?.more {}
            let next = self.book.next_due();
            assert!(next.is_none_or(|next| next > self.now), "still due: {next:?} at {:?}", self.now);
        }
        self.now = to;
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Result<(), Failed> {
        self.sent.clear();
        self.events.clear();
        if let Some(seconds) = step["after"].as_i64() {
            self.advance(seconds)?;
        }
        match step["do"].as_str().unwrap() {
            "wait" => {}
            "report" => self.report(step)?,
            operation => {
                let answer = self.operation(operation, &step["in"])?;
                let answer = answer.map_err(|error| (error.code.as_str().to_owned(), error.message.into_owned()));
                compare(step, answer)?;
            }
        }
        self.reload()?;
        for (name, got) in [("sent", json!(self.sent)), ("events", json!(self.events))] {
            if let Some(expected) = step.get(name).filter(|expected| **expected != got) {
                return Err(format!("{name}: {got} instead of {expected}").into());
            }
        }
        Ok(())
    }

    fn report(&mut self, step: &Value) -> Result<(), Failed> {
        let topic: Vec<&str> = step["topic"].as_str().unwrap_or("things/t1/e1/json").split('/').collect();
        let [kind, device, execution, format] = topic[..] else { panic!("{topic:?}") };
        let format = Format::of(format).unwrap();
        let payload = match (&step["payload"], format) {
            (Value::String(text), _) => text.clone().into_bytes(),
            (value, Format::Json) => value.to_string().into_bytes(),
            (value, Format::Cbor) => {
                let mut bytes = Vec::new();
                ciborium::into_writer(&to_cbor(value), &mut bytes).unwrap();
                bytes
            }
        };
        let target = Target::of_topic(kind, device).unwrap();
        let read = Payload::read(format, &payload).and_then(|payload| Ok((payload.client_token()?, payload.report()?)));
        let done = read.and_then(|(token, report)| {
            self.run(|book, now| book.update_execution(&target, execution, report, now)).map(|()| token)
        });
        let done = done.map(|token| accepted(execution, token.as_deref()));
        let done = done.map_err(|refused| {
            let body = rejected(&refused, execution, None);
            assert_eq!(body["executionId"], execution);
            (body["error"].as_str().unwrap().to_owned(), body["errorMessage"].as_str().unwrap().to_owned())
        });
        compare(step, done)
    }

    fn operation(&mut self, operation: &str, given: &Value) -> Result<Result<Value, ApiError>, Failed> {
        macro_rules! operations {
            ($($api:ident $name:ident $shape:ident |$book:ident, $input:ident, $now:ident| $command:expr;)*) => {
                match operation {
                    $(stringify!($name) => {
                        let shape = <$api::ops::$name as Operation>::META.input_shape;
                        let given = with_defaults(shape, given);
                        if let Err(why) = validate::validate(shape, &given) {
                            return Ok(Err(ApiError::new(drydock_core::ErrorCode::ValidationException, why)));
                        }
                        let $input: $api::$shape = drydock_model::Wire::read(&given, &drydock_model::wire::At::ROOT)?;
                        let answer = self.run(|$book, $now| $command);
                        answer.map(|answer| drydock_model::Wire::write(&answer))
                    })*
                    "StartCommandExecution" => return self.start(given),
                    other => return Err(format!("there is no operation `{other}`").into()),
                }
            };
        }
        Ok(operations!(
            iot CreateCommand CreateCommandRequest |book, input, now| book.create_command(input, now);
            iot GetCommand GetCommandRequest |book, input, _now| book.get_command(&input).map(Done::reply);
            iot ListCommands ListCommandsRequest |book, input, _now| book.list_commands(&input).map(Done::reply);
            iot UpdateCommand UpdateCommandRequest |book, input, now| book.update_command(input, now);
            iot DeleteCommand DeleteCommandRequest |book, input, now| Ok::<_, ApiError>(book.delete_command(&input, now));
            iot GetCommandExecution GetCommandExecutionRequest |book, input, _now|
                book.get_execution(&input).map(Done::reply);
            iot ListCommandExecutions ListCommandExecutionsRequest |book, input, _now|
                book.list_executions(&input).map(Done::reply);
            iot DeleteCommandExecution DeleteCommandExecutionRequest |book, input, _now| book.delete_execution(&input);
        ))
    }

    /// Starts an execution, and publishes its request.
    fn start(&mut self, given: &Value) -> Result<Result<Value, ApiError>, Failed> {
        let shape = <iot_jobs_data::ops::StartCommandExecution as Operation>::META.input_shape;
        let given = with_defaults(shape, given);
        if let Err(why) = validate::validate(shape, &given) {
            return Ok(Err(ApiError::new(drydock_core::ErrorCode::ValidationException, why)));
        }
        let input = iot_jobs_data::StartCommandExecutionRequest::from_json(&given)?;
        let id = format!("e{}", self.started + 1);
        let context = |now| Context { now, fleet: &OneThing };
        let started = match self.run(|book, now| book.start_execution(input, id.as_str().into(), &context(now))) {
            Ok(started) => started,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(request) = started.request {
            self.started += 1;
            assert_eq!(self.book.unsent(), std::slice::from_ref(&request), "what a kill would leave");
            self.reload()?;
            let Request { execution, topic, payload, content_type, expires } = request;
            self.run(|book, _| Ok::<_, Failed>(book.sent(&execution)))?;
            let payload = serde_json::from_slice(&payload).unwrap_or_else(|_| json!(STANDARD.encode(&payload)));
            self.sent.push(json!([topic, payload, content_type, expires.since(self.now) / 1000]));
        }
        assert_eq!(self.book.unsent(), []);
        Ok(Ok(json!({ "executionId": started.execution })))
    }

    /// The book as it is after a restart has to be the book that there is.
    fn reload(&self) -> Result<(), Failed> {
        let mut loaded = Commands::new(scope());
        for table in Commands::TABLES {
            for ((of, key), row) in self.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(of, key, row)?;
            }
        }
        let (is, after) = (format!("{:#?}", self.book), format!("{loaded:#?}"));
        if is == after { Ok(()) } else { Err(format!("after a restart the book is {after} instead of {is}").into()) }
    }
}

/// A request, with what most of them are about.
fn with_defaults(shape: &'static drydock_model::schema::Shape, given: &Value) -> Value {
    let mut given = if given.is_null() { json!({}) } else { given.clone() };
    let drydock_model::schema::Kind::Structure(members) = shape.kind else { return given };
    let arn = |resource: &str| format!("arn:aws:iot:us-east-1:123456789012:{resource}");
    let defaults = [
        ("commandId", "cmd".to_owned()),
        ("commandArn", arn("command/cmd")),
        ("targetArn", arn("thing/t1")),
        ("executionId", "e1".to_owned()),
    ];
    for (name, value) in defaults {
        let is_needed = members.iter().any(|member| member.name == name && member.required);
        if is_needed && given.get(name).is_none() {
            given[name] = json!(value);
        }
    }
    given.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    given
}

/// JSON as CBOR; `{"bytes": base64}` stands for bytes.
fn to_cbor(value: &Value) -> Cbor {
    match value {
        Value::Object(members) if members.len() == 1 && members.contains_key("bytes") => {
            Cbor::Bytes(STANDARD.decode(members["bytes"].as_str().unwrap()).unwrap())
        }
        Value::Object(members) => {
            Cbor::Map(members.iter().map(|(name, member)| (Cbor::Text(name.clone()), to_cbor(member))).collect())
        }
        Value::Array(items) => Cbor::Array(items.iter().map(to_cbor).collect()),
        plain => Cbor::serialized(plain).unwrap(),
    }
}

/// Whether an answer is what a step expects.
fn compare(step: &Value, answer: Result<Value, (String, String)>) -> Result<(), Failed> {
    fn has(expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                expected.iter().all(|(key, value)| has(value, got.get(key).unwrap_or(&Value::Null)))
            }
            (Value::Array(expected), Value::Array(got)) => {
                expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| has(expected, got))
            }
            _ => expected == got,
        }
    }
    match (answer, step["error"].as_array()) {
        (Ok(answer), None) if step["is"].is_null() || has(&step["is"], &answer) => Ok(()),
        (Ok(answer), None) => Err(format!("{answer} instead of {}", step["is"]).into()),
        (Ok(answer), Some(_)) => Err(format!("it was done: {answer}").into()),
        (Err((code, message)), None) => Err(format!("{code}: {message}").into()),
        (Err((code, message)), Some(expected)) => {
            let is = expected[0] == *code && message.contains(expected[1].as_str().unwrap());
            if is { Ok(()) } else { Err(format!("{code}: {message}").into()) }
        }
    }
}
