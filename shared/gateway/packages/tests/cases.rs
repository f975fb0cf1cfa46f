//! The cases under `cases/`: what happens to the software package catalog, step by step. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, optionally `package`: the version
//! `1.0` of the package `p` is there, in the status that it names (`DRAFT`, `PUBLISHED`, `DEPRECATED`); and `steps`. A step has
//! `do`, optionally `after`, the seconds that pass before it, and is one of:
//! - an operation of the API, such as `CreatePackage`, whose `in` is its request (`packageName` is `p`, and `versionName` `1.0`,
//!   where they are needed and left out), and comes to `is` or `error`, a code and a part of a message. That of
//!   "AssociateSbomWithPackageVersion" also has `archive`: its files by name, each JSON or a text as it stands; a text in the
//!   place of the files is the whole archive; `unreadable` is why it cannot be read instead;
//! - `many`: the operation `of` for each number up to `times`, which stands for `#` in its `in`.
//!
//! An answer has to have what is expected, and may have more; what is expected as null must not be there, and a text that is
//! expected with `~` in front is only a part of the one that comes. In all texts `<x*N>`
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

use drydock_core::{ApiError, Done, ErrorCode, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::SbomValidationResultSummary;
use drydock_model::{Operation, iot, validate};
use drydock_packages::{Packages, sbom};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

/// Monday, 30 November 2026, 00:00 UTC.
const BEGIN: i64 = 1_795_996_800_000;
const STEP: &[&str] = &["do", "after", "in", "is", "error", "archive", "unreadable", "of", "times"];

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 120, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let only = |object: &Value, allowed: &[&str], what: &str| texts::only(stem, object, allowed, what);
    only(content, &["source", "cases"], "the file");
    let cases = content["cases"].as_array().unwrap().iter().map(|case| {
        let name = case["name"].as_str().unwrap();
        only(case, &["name", "source", "package", "steps"], name);
        case["steps"].as_array().unwrap().iter().for_each(|step| only(step, STEP, name));
        let case = texts::filled(case);
        Trial::test(format!("{stem}::{name}"), move || Run::new().all(&case))
    });
    cases.collect()
}

/// A book, with its rows.
struct Run {
    book: Packages,
    now: Timestamp,
    rows: BTreeMap<(&'static str, String), String>,
}

fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

impl Run {
    fn new() -> Self {
        Self { book: Packages::new(scope()), now: Timestamp(BEGIN), rows: BTreeMap::new() }
    }

    fn all(mut self, case: &Value) -> Result<(), Failed> {
        if let Some(status) = case["package"].as_str() {
            let mut steps = vec![json!({ "do": "CreatePackage" }), json!({ "do": "CreatePackageVersion" })];
            let actions: &[&str] = match status {
                "DRAFT" => &[],
                "PUBLISHED" => &["PUBLISH"],
                "DEPRECATED" => &["PUBLISH", "DEPRECATE"],
                other => panic!("{other}"),
            };
            steps.extend(
                actions.iter().map(|action| json!({ "do": "UpdatePackageVersion", "in": { "action": action } })),
            );
            for step in steps {
                self.step(&step)?;
            }
        }
        for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            self.step(step).map_err(|why| format!("step {}: {}", at + 1, why.message().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// Runs a command on the book, and keeps its rows.
    fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Packages, Timestamp) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let done = command(&mut self.book, self.now)?;
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => drop(self.rows.insert((table, key), value)),
                None => drop(self.rows.remove(&(table, key))),
            }
        }
        assert_eq!(done.events, []);
        Ok(done.reply)
    }

    fn step(&mut self, step: &Value) -> Result<(), Failed> {
        self.now = self.now.plus_millis(step["after"].as_i64().unwrap_or_default() * 1000);
        match step["do"].as_str().unwrap() {
            "many" => {
                for number in 1..=step["times"].as_i64().unwrap() {
                    let given = texts::mapped(&step["in"], &|text| text.replace('#', &number.to_string()));
                    self.operation(step["of"].as_str().unwrap(), &given, step)??;
                }
            }
            operation => {
                let answer = self.operation(operation, &step["in"], step)?;
                let answer = answer.map_err(|error| (error.code.as_str().to_owned(), error.message.into_owned()));
                compare(step, answer)?;
            }
        }
        self.reload()
    }

    fn operation(&mut self, operation: &str, given: &Value, step: &Value) -> Result<Result<Value, ApiError>, Failed> {
        macro_rules! operations {
            ($($name:ident $shape:ident |$book:ident, $input:ident, $now:ident| $command:expr;)*) => {
                match operation {
                    $(stringify!($name) => {
                        let meta = &<iot::ops::$name as Operation>::META;
                        let given = with_defaults(meta.input_shape, given);
                        if let Err(why) = validate::validate(meta.input_shape, &given) {
                            return Ok(Err(ApiError::new(ErrorCode::ValidationException, why)));
                        }
                        let $input: iot::$shape = drydock_model::Wire::read(&given, &drydock_model::wire::At::ROOT)?;
                        let answer = self.run(|$book, $now| $command);
                        if let Err(error) = &answer {
                            let name = error.code.as_str();
                            assert!(meta.errors.contains(&error.code), "{operation} has no {name} in the model");
                        }
                        answer.map(|answer| drydock_model::Wire::write(&answer))
                    })*
                    other => return Err(format!("there is no operation `{other}`").into()),
                }
            };
        }
        let found = found(step);
        Ok(operations!(
            CreatePackage CreatePackageRequest |book, input, now| book.create_package(input, now);
            GetPackage GetPackageRequest |book, input, _now| book.get_package(&input).map(Done::reply);
            ListPackages ListPackagesRequest |book, input, _now| book.list_packages(&input).map(Done::reply);
            UpdatePackage UpdatePackageRequest |book, input, now| book.update_package(input, now);
            DeletePackage DeletePackageRequest |book, input, now| book.delete_package(input, now);
            CreatePackageVersion CreatePackageVersionRequest |book, input, now| book.create_version(input, now);
            GetPackageVersion GetPackageVersionRequest |book, input, _now| book.get_version(&input).map(Done::reply);
            ListPackageVersions ListPackageVersionsRequest |book, input, _now| book.list_versions(&input).map(Done::reply);
            UpdatePackageVersion UpdatePackageVersionRequest |book, input, now| book.update_version(input, now);
            DeletePackageVersion DeletePackageVersionRequest |book, input, now| book.delete_version(input, now);
            GetPackageConfiguration GetPackageConfigurationRequest |book, _input, _now|
                Ok(Done::reply(book.get_configuration()));
            UpdatePackageConfiguration UpdatePackageConfigurationRequest |book, input, now|
                book.update_configuration(input, now);
            AssociateSbomWithPackageVersion AssociateSbomWithPackageVersionRequest |book, input, now|
                book.associate_sbom(input, found, now);
            DisassociateSbomFromPackageVersion DisassociateSbomFromPackageVersionRequest |book, input, now|
                book.disassociate_sbom(input, now);
            ListSbomValidationResults ListSbomValidationResultsRequest |book, input, _now|
                book.list_sbom_results(&input).map(Done::reply);
        ))
    }

    /// The book as it is after a restart has to be the book that there is.
    fn reload(&self) -> Result<(), Failed> {
        let mut loaded = Packages::new(scope());
        for table in Packages::TABLES {
            for ((of, key), row) in self.rows.iter().filter(|((of, _), _)| of == table) {
                loaded.load(of, key, row)?;
            }
        }
        let (is, after) = (format!("{:#?}", self.book), format!("{loaded:#?}"));
        if is == after { Ok(()) } else { Err(format!("after a restart the book is {after} instead of {is}").into()) }
    }
}

/// What is found in the archive of a step.
fn found(step: &Value) -> Result<Vec<SbomValidationResultSummary>, ApiError> {
    if let Some(why) = step["unreadable"].as_str() {
        return Err(ApiError::new(ErrorCode::ValidationException, why.to_owned()));
    }
    let bytes = match &step["archive"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(files) => {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for (name, content) in files {
                let options = zip::write::SimpleFileOptions::default();
                let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                if name.ends_with('/') {
                    writer.add_directory(name.as_str(), options).unwrap();
                } else {
                    writer.start_file(name.as_str(), options).unwrap();
                    writer.write_all(text.as_bytes()).unwrap();
                }
            }
            writer.finish().unwrap().into_inner()
        }
        _ => return Ok(Vec::new()),
    };
    if bytes.len() as u64 > sbom::LARGEST_ARCHIVE {
        return Ok(sbom::too_large("k.zip"));
    }
    Ok(sbom::validate("k.zip", &bytes))
}

/// A request, with what most of them are about.
fn with_defaults(shape: &'static drydock_model::schema::Shape, given: &Value) -> Value {
    let mut given = if given.is_null() { json!({}) } else { given.clone() };
    let drydock_model::schema::Kind::Structure(members) = shape.kind else { return given };
    let sbom = json!({ "s3Location": { "bucket": "b", "key": "k.zip" } });
    for (name, value) in [("packageName", json!("p")), ("versionName", json!("1.0")), ("sbom", sbom)] {
        let is_needed = members.iter().any(|member| member.name == name && member.required);
        if is_needed && given.get(name).is_none() {
            given[name] = value;
        }
    }
    given
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
            (Value::String(expected), Value::String(got)) if expected.starts_with('~') => got.contains(&expected[1..]),
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
