//! The cases under `cases/`: what happens to jobs, step by step. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, the `things` that there are (`t1`,
//! `t2` and `t3` where they are left out), `groups` with their things and `parents` of groups, optionally a `job`: the request
//! that makes the job `job` of `{"a": 1}` on `t1` first, as far as it is given; and `steps`. A step has `do`, optionally `after`,
//! the seconds that pass before it, in which all that is due is done at its time, and one of:
//! - an operation of the control plane, such as `CreateJob`, whose `in` is its request (`jobId` is `job`, `thingName` is `t1`
//!   where they are left out), and comes to `is` or `error`, a code and a message;
//! - `get`, `start`, `describe` and `update`, what a device asks over MQTT (`thing`, `job`, `namespace`, and a `payload`: JSON or a
//!   text as it stands), which comes to `accepted` or `rejected`;
//! - `make`, `delete`, `join`, `leave`: a `thing` and a `group` of the registry;
//! - `tell`: it is told what jobs have installed; `is` has for each thing the packages with their versions;
//! - `wait`: nothing but the time.
//!
//! There is the package `p` with the versions `1` (its default one, with the attributes `os` and `q` and an artifact), `2` (without
//! either) and `3` (a draft), and the package `q` with the version `1` and no default one.
//!
//! An answer has to have what is expected, and may have more; what is expected as null must not be there. Each step may say `state`, what jobs (`job`) and things (`t1`) are afterwards as
//! far as they are named, `told`, the things that are notified, and `events`. In all texts `<x*N>` stands for N times `x`. After
//! each step the book is loaded anew from its rows, and has to be the same.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;
#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/shelf.rs"]
mod shelf;
#[path = "../../core/tests/cases/texts.rs"]
mod texts;

use drydock_core::{ApiError, Done, Event, Rulebook, Scope, ThingName, Timestamp, Write};
use drydock_jobs::device::{Named, Refused};
use drydock_jobs::request::Payload;
use drydock_jobs::{Context, Jobs, Known, NewJob, Outcome, Tells, messages};
use drydock_model::{iot, validate};
use fleet::{Plain, Things};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use shelf::Shelf;
use std::collections::BTreeMap;

/// Monday, 30 November 2026, 00:00 UTC.
const BEGIN: i64 = 1_795_996_800_000;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 190, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let only = |object: &Value, allowed: &[&str], what: &str| texts::only(stem, object, allowed, what);
    only(content, &["source", "cases"], "the file");
    let mut trials = Vec::new();
    for case in content["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        only(case, &["name", "source", "things", "groups", "parents", "job", "steps"], name);
        for step in case["steps"].as_array().unwrap() {
            only(
                step,
                &[
                    "do",
                    "after",
                    "in",
                    "is",
                    "error",
                    "thing",
                    "group",
                    "job",
                    "namespace",
                    "payload",
                    "accepted",
                    "rejected",
                    "state",
                    "told",
                    "events",
                ],
                name,
            );
        }
        let case = texts::filled(case);
        trials.push(Trial::test(format!("{stem}::{name}"), move || Run::new(&case).all(&case)));
    }
    trials
}

/// A book, with all that it needs from the outside.
struct Run {
    book: Jobs,
    things: Things,
    now: Timestamp,
    rows: BTreeMap<(&'static str, String), String>,
    told: Vec<String>,
    events: Vec<String>,
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

fn arn(name: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{name}")
}

impl Run {
    fn new(case: &Value) -> Self {
        let mut things = Things::default();
        match case["things"].as_array() {
            Some(names) => names.iter().for_each(|name| things.make(name.as_str().unwrap())),
            None => ["t1", "t2", "t3"].iter().for_each(|name| things.make(name)),
        }
        for (group, members) in case["groups"].as_object().into_iter().flatten() {
            things.group(group, case["parents"][group].as_str());
            for member in members.as_array().unwrap() {
                things.join(member.as_str().unwrap(), group);
            }
        }
        let (rows, told, events) = Default::default();
        Self { book: Jobs::new(scope()), things, now: Timestamp(BEGIN), rows, told, events }
    }

    fn all(mut self, case: &Value) -> Result<(), Failed> {
        if let Some(job) = case["job"].as_object() {
            let mut request = json!({ "targets": [arn("thing/t1")], "document": "{\"a\": 1}" });
            for (key, value) in job {
                request[key] = value.clone();
            }
            if ["documentSource", "jobTemplateArn"].iter().any(|key| job.contains_key(*key)) {
                request.as_object_mut().unwrap().remove("document");
            }
            self.operation("CreateJob", &request)?.map_err(|error| error.to_string())?;
            self.reload()?;
        }
        for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            self.step(step).map_err(|why| format!("step {}: {}", at + 1, why.message().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Runs a command, and keeps its rows.
    fn run<T, E>(
        &mut self,
        command: impl FnOnce(&mut Jobs, &Context<'_>) -> Result<Done<Outcome<T>>, E>,
    ) -> Result<T, E> {
        let tells = Tells::default();
        let context = Context { now: self.now, fleet: &self.things, links: &Plain, tells };
        let done = command(&mut self.book, &context)?;
        self.keep(done.writes);
        for changed in done.reply.changed {
            let what = match (changed.list, changed.next) {
                (true, true) => "list next",
                (true, false) => "list",
                (false, _) => "next",
            };
            let namespace = changed.namespace.map(|name| format!(" {name}")).unwrap_or_default();
            self.told.push(format!("{}{namespace}: {what}", changed.thing));
        }
        for event in done.events {
            self.events.push(match event {
                Event::JobChanged { job, stage, .. } => format!("{} {}", job.id, stage.as_str()),
                Event::JobExecutionChanged { execution, stage, .. } => {
                    format!("{} {} #{} {}", execution.job, execution.thing, execution.number, stage.as_str())
                }
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(done.reply.due, self.book.next_due());
        Ok(done.reply.reply)
    }

    fn keep(&mut self, writes: Vec<Write>) {
        for Write { table, key, value } in writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
    }

    fn advance(&mut self, seconds: i64) -> Result<(), Failed> {
        let to = self.now.plus_millis(seconds * 1000);
        while let Some(due) = self.book.next_due().filter(|due| *due <= to) {
            self.now = due.max(self.now);
            while self.run(|book, context| Ok::<_, Failed>(book.due(context)))? {}
            let next = self.book.next_due();
            assert!(next.is_none_or(|next| next > self.now), "still due: {next:?} at {:?}", self.now);
        }
        self.now = to;
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Result<(), Failed> {
        self.told.clear();
        self.events.clear();
        if let Some(seconds) = step["after"].as_i64() {
            self.advance(seconds)?;
        }
        let thing = step["thing"].as_str().unwrap_or("t1").to_owned();
        let group = step["group"].as_str().unwrap_or_default();
        match step["do"].as_str().unwrap() {
            "wait" => {}
            "make" => self.things.make(&thing),
            "delete" => self.things.delete(&thing),
            "join" => self.things.join(&thing, group),
            "leave" => self.things.leave(&thing, group),
            "tell" => {
                let mut told = json!({});
                for of in self.book.installed(100) {
                    for install in &of.installs {
                        told[of.thing.as_str()][install.package.as_str()] = json!(install.version);
                    }
                    self.run(|book, context| Ok::<_, Failed>(book.told_installed(&of, context)))?;
                }
                assert!(!self.book.has_installed());
                same(&step["is"], &told, "tell")?;
            }
            asked @ ("get" | "start" | "describe" | "update") => self.ask(asked, &thing, step)?,
            operation => {
                let answer = self.operation(operation, &step["in"])?;
                match (answer, step["error"].as_array()) {
                    (Ok(answer), None) => like(&step["is"], &answer, operation)?,
                    (Ok(answer), Some(_)) => return Err(format!("it was done: {answer}").into()),
                    (Err(error), None) => return Err(error.to_string().into()),
                    (Err(error), Some(expected)) => {
                        let code = expected[0].as_str().unwrap();
                        let message = expected[1].as_str().unwrap();
                        if error.code.as_str() != code || !error.message.contains(message) {
                            return Err(format!("{error}").into());
                        }
                    }
                }
            }
        }
        if matches!(step["do"].as_str(), Some("make" | "delete" | "join" | "leave")) {
            let things = [ThingName::new(&thing).unwrap()];
            self.run(|book, context| Ok::<_, Failed>(book.follow(&things, context)))?;
        }
        self.reload()?;
        self.told.sort();
        for (name, list) in [("told", &self.told), ("events", &self.events)] {
            if let Some(expected) = step.get(name) {
                same(expected, &json!(list), name)?;
            }
        }
        for (name, expected) in step["state"].as_object().into_iter().flatten() {
            same(expected, &json!(self.shown(name)), name)?;
        }
        Ok(())
    }

    /// What a job is, or what jobs are on a thing, in a line.
    fn shown(&self, name: &str) -> String {
        if self.book.has_job(name) {
            let job = self.book.describe_job(&request(json!({ "jobId": name })), self.now).unwrap().job.unwrap();
            let details = job.job_process_details.unwrap().to_json();
            let counts = details.as_object().unwrap().iter().filter_map(|(name, count)| {
                let kind = name.strip_prefix("numberOf")?.strip_suffix("Things")?;
                (count.as_i64()? != 0).then(|| format!(" {kind}={count}"))
            });
            return format!("{}{}", job.status.unwrap(), counts.collect::<String>());
        }
        let mut shown = Vec::new();
        for (key, row) in self.rows.iter().filter(|((table, _), _)| *table == "job_things") {
            let (job, thing) = key.1.split_once('/').unwrap();
            if thing != name {
                continue;
            }
            let row: Value = serde_json::from_str(row).unwrap();
            for one in row["executions"].as_array().unwrap() {
                let job = if job == "job" { String::new() } else { format!("{job} ") };
                shown.push(format!("{job}#{} {} v{}", one["number"], one["status"].as_str().unwrap(), one["version"]));
            }
        }
        shown.join(", ")
    }

    fn ask(&mut self, asked: &str, thing: &str, step: &Value) -> Result<(), Failed> {
        let payload = match &step["payload"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let named = Named { thing, job: step["job"].as_str().unwrap_or("job"), namespace: step["namespace"].as_str() };
        let now = self.now;
        let answer = Payload::read(payload.as_bytes()).and_then(|payload| {
            let token = payload.client_token()?;
            let token = token.as_deref();
            Ok(match asked {
                "get" => self.run(|book, context| {
                    let found = book.pending_of(thing, named.namespace, context)?;
                    let body = messages::pending(&found, now, token);
                    Ok::<_, Refused>(Done::reply(Outcome { reply: body, changed: Vec::new(), due: book.next_due() }))
                })?,
                "start" => {
                    let start = payload.start()?;
                    let found = self.run(|book, context| book.start_next(thing, named.namespace, start, context))?;
                    messages::execution(found, now, token)
                }
                "describe" => {
                    let (number, with_document) = payload.describe()?;
                    self.run(|book, context| {
                        let found = book.describe_for_device(named, number, with_document, context)?;
                        let body = messages::execution(found, now, token);
                        let outcome = Outcome { reply: body, changed: Vec::new(), due: book.next_due() };
                        Ok::<_, Refused>(Done::reply(outcome))
                    })?
                }
                _ => {
                    let update = payload.update()?;
                    let done = self.run(|book, context| book.update_execution(named, update, context))?;
                    messages::updated(done, now, token)
                }
            })
        });
        match (answer, step.get("rejected")) {
            (Ok(answer), None) => like(&step["accepted"], &answer, "accepted"),
            (Ok(answer), Some(_)) => Err(format!("it was accepted: {answer}").into()),
            (Err(refused), None) => Err(format!("{refused:?}").into()),
            (Err(refused), Some(expected)) => like(expected, &messages::rejected(&refused, now, None), "rejected"),
        }
    }

    fn operation(&mut self, operation: &str, given: &Value) -> Result<Result<Value, ApiError>, Failed> {
        macro_rules! operations {
            ($($name:ident $shape:ident |$book:ident, $input:ident, $context:ident| $command:expr;)*) => {
                match operation {
                    $(stringify!($name) => {
                        let shape = <iot::ops::$name as drydock_model::Operation>::META.input_shape;
                        let given = with_defaults(shape, given);
                        if let Err(why) = validate::validate(shape, &given) {
                            return Ok(Err(ApiError::invalid(why)));
                        }
                        let $input: iot::$shape = request(given);
                        let answer = self.run(|$book, $context| $command);
                        answer.map(|answer| drydock_model::Wire::write(&answer))
                    })*
                    other => return Err(format!("there is no operation `{other}`").into()),
                }
            };
        }
        fn read<T>(book: &Jobs, reply: Result<T, ApiError>) -> Result<Done<Outcome<T>>, ApiError> {
            Ok(Done::reply(Outcome { reply: reply?, changed: Vec::new(), due: book.next_due() }))
        }
        fn plain<T>(book: &Jobs, done: Result<Done<T>, ApiError>) -> Result<Done<Outcome<T>>, ApiError> {
            let due = book.next_due();
            Ok(done?.map(|reply| Outcome { reply, changed: Vec::new(), due }))
        }
        let at_source = |source: &Option<String>| source.as_ref().map(|_| "{\"from\": \"s3\"}".to_owned());
        Ok(operations!(
            CreateJob CreateJobRequest |book, input, context| {
                let source = at_source(&input.document_source);
                book.create_job_with(NewJob { request: input, source }, &Known { catalog: &Shelf, signatures: &Shelf }, context)
            };
            DescribeJob DescribeJobRequest |book, input, context| read(book, book.describe_job(&input, context.now));
            GetJobDocument GetJobDocumentRequest |book, input, _context| read(book, book.get_job_document(&input));
            UpdateJob UpdateJobRequest |book, input, context| book.update_job(input, context);
            CancelJob CancelJobRequest |book, input, context| book.cancel_job(input, context);
            DeleteJob DeleteJobRequest |book, input, context| book.delete_job(&input, context);
            AssociateTargetsWithJob AssociateTargetsWithJobRequest |book, input, context|
                book.associate_targets(&input, context);
            DescribeJobExecution DescribeJobExecutionRequest |book, input, context|
                read(book, book.describe_execution(&input, context.now));
            CancelJobExecution CancelJobExecutionRequest |book, input, context| book.cancel_execution(input, context);
            DeleteJobExecution DeleteJobExecutionRequest |book, input, context| book.delete_execution(&input, context);
            ListJobs ListJobsRequest |book, input, _context| read(book, book.list_jobs(&input));
            ListJobExecutionsForJob ListJobExecutionsForJobRequest |book, input, _context|
                read(book, book.list_executions_for_job(&input));
            ListJobExecutionsForThing ListJobExecutionsForThingRequest |book, input, context|
                read(book, book.list_executions_for_thing(&input, context.fleet));
            CreateJobTemplate CreateJobTemplateRequest |book, input, context| {
                let source = at_source(&input.document_source);
                let done = book.create_job_template(input, source, context.now);
                plain(book, done)
            };
            DescribeJobTemplate DescribeJobTemplateRequest |book, input, _context|
                read(book, book.describe_job_template(&input));
            ListJobTemplates ListJobTemplatesRequest |book, input, _context|
                read(book, book.list_job_templates(&input));
            DeleteJobTemplate DeleteJobTemplateRequest |book, input, _context| {
                let done = book.delete_job_template(&input);
                plain(book, done)
            };
            DescribeManagedJobTemplate DescribeManagedJobTemplateRequest |book, input, _context|
                read(book, book.describe_managed_job_template(&input));
            ListManagedJobTemplates ListManagedJobTemplatesRequest |book, input, _context|
                read(book, book.list_managed_job_templates(&input));
        ))
    }

    /// The book as it is after a restart has to be the book that there is.
    fn reload(&self) -> Result<(), Failed> {
        let mut loaded = Jobs::new(scope());
        for table in Jobs::TABLES {
            for ((of, key), row) in self.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(of, key, row)?;
            }
        }
        same(&json!(format!("{:#?}", self.book)), &json!(format!("{loaded:#?}")), "the book after a restart")
    }
}

/// A request, with what most of them are about.
fn with_defaults(shape: &'static drydock_model::schema::Shape, given: &Value) -> Value {
    let mut given = if given.is_null() { json!({}) } else { given.clone() };
    let drydock_model::schema::Kind::Structure(members) = shape.kind else { return given };
    for (name, value) in [("jobId", "job"), ("thingName", "t1"), ("jobTemplateId", "template")] {
        let is_needed = members.iter().any(|member| member.name == name && member.required);
        if is_needed && given.get(name).is_none() {
            given[name] = json!(value);
        }
    }
    given
}

fn request<T: drydock_model::Wire>(given: Value) -> T {
    T::read(&given, &drydock_model::wire::At::ROOT).unwrap()
}

/// Whether an answer has what is expected.
fn like(expected: &Value, got: &Value, what: &str) -> Result<(), Failed> {
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
    if expected.is_null() || has(expected, got) {
        Ok(())
    } else {
        Err(format!("{what}\nexpected: {expected:#}\n     got: {got:#}").into())
    }
}

fn same(expected: &Value, got: &Value, what: &str) -> Result<(), Failed> {
    if expected == got { Ok(()) } else { Err(format!("{what}\nexpected: {expected}\n     got: {got}").into()) }
}
