//! Runs every case in `tests/cases/*.case`: a template in, a plan or an error out.
//!
//! A file begins with `source: <where its facts come from>`. A case is
//! ```text
//! === title
//! param Name=value      (any number; likewise `import Name=value`, `made Id=name`, `secret name=text`, `stack name`
//!                       and `lenient yes`)
//! show /outputs         (JSON pointers into the plan; the whole plan where there are none)
//! --- t.yaml            (or t.json: the template follows)
//! --- plan              (or `--- error`: the expectation follows)
//! ```
//! `UPDATE=1 cargo test -p drydock-template` rewrites the expectations.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken case file ends the run, and its name is in the message"
)]

use drydock_core::Scope;
use drydock_model::iot::{CreateProvisioningTemplateRequest, CreateThingTypeRequest, TopicRulePayload};
use drydock_template::{Resource, Settings, Template};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Clone)]
struct Case {
    title: String,
    options: Vec<String>,
    file: String,
    template: String,
    outcome: String,
    expected: String,
}

fn read(path: &Path) -> (String, Vec<Case>) {
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once("=== ").unwrap_or_else(|| panic!("{} has no case", path.display()));
    assert!(head.starts_with("source: "), "{} names no source", path.display());
    let cases = rest.split("\n=== ").map(|block| {
        let mut case = Case {
            title: String::new(),
            options: Vec::new(),
            file: String::new(),
            template: String::new(),
            outcome: String::new(),
            expected: String::new(),
        };
        for line in block.lines() {
            match line.strip_prefix("--- ") {
                _ if case.title.is_empty() => case.title = line.to_owned(),
                Some(outcome @ ("plan" | "error")) => case.outcome = outcome.to_owned(),
                Some(file) => case.file = file.to_owned(),
                None if !case.outcome.is_empty() => case.expected += &format!("{line}\n"),
                None if !case.file.is_empty() => case.template += &format!("{line}\n"),
                None => case.options.push(line.to_owned()),
            }
        }
        case.expected.truncate(case.expected.trim_end().len());
        case
    });
    (head.to_owned(), cases.collect())
}

fn write(path: &Path, head: &str, cases: &[Case]) {
    let mut text = head.to_owned();
    for case in cases {
        writeln!(text, "=== {}", case.title).unwrap();
        for option in &case.options {
            writeln!(text, "{option}").unwrap();
        }
        let (outcome, expected) = run(case);
        writeln!(text, "--- {}\n{}--- {outcome}\n{expected}\n", case.file, case.template).unwrap();
    }
    std::fs::write(path, text.trim_end().to_owned() + "\n").unwrap();
}

fn run(case: &Case) -> (&'static str, String) {
    let mut settings = Settings::new(Scope::new("123456789012", "us-east-1"), "stack", "http://127.0.0.1:4566");
    let mut shown = Vec::new();
    for option in &case.options {
        let (word, rest) = option.split_once(' ').unwrap_or_else(|| panic!("malformed option `{option}`"));
        let pair = || rest.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        match word {
            "param" => settings.parameters.extend([pair()]),
            "import" => settings.imports.extend([pair()]),
            "made" => settings.made.extend([pair()]),
            "secret" => settings.secrets.get_or_insert_default().0.extend([pair()]),
            "lenient" => settings.lenient = rest == "yes",
            "stack" => settings.stack_name = rest.to_owned(),
            "region" => settings.scope = Scope::new("123456789012", rest),
            "show" => shown.push(rest.to_owned()),
            _ => panic!("unknown option `{option}`"),
        }
    }
    let plan = Template::parse(&case.file, &case.template).and_then(|template| template.plan(&settings));
    match plan {
        Ok(plan) => {
            plan.resources.iter().for_each(|planned| is_what_the_api_takes(&planned.resource));
            let plan = serde_json::to_value(&plan).unwrap();
            let plan = sorted(plan);
            let parts: Vec<String> = shown
                .iter()
                .map(|pointer| {
                    let part = pointer.split(' ').next().unwrap();
                    let value = plan.pointer(part).unwrap_or_else(|| panic!("the plan has no `{part}`: {plan:#}"));
                    serde_json::to_string_pretty(value).unwrap()
                })
                .collect();
            let whole = || serde_json::to_string_pretty(&plan).unwrap();
            ("plan", if parts.is_empty() { whole() } else { parts.join("\n") })
        }
        Err(errors) => ("error", errors.to_string()),
    }
}

/// What a plan hands to AWS IoT's API is read by the API's own model, and nothing of it is lost.
fn is_what_the_api_takes(resource: &Resource) {
    let (given, read) = match resource {
        Resource::TopicRule(rule) => {
            (&rule.payload, TopicRulePayload::from_json(&rule.payload).map(|read| read.to_json()))
        }
        Resource::ProvisioningTemplate(template) => {
            let request = &template.request;
            (request, CreateProvisioningTemplateRequest::from_json(request).map(|read| read.to_json()))
        }
        Resource::ThingType(type_) => {
            (&type_.request, CreateThingTypeRequest::from_json(&type_.request).map(|read| read.to_json()))
        }
        _ => return,
    };
    assert_eq!(&read.unwrap_or_else(|error| panic!("{given}: {error:?}")), given);
}

/// Object keys in order, whichever map `serde_json` was built with.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            entries.into_iter().collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut trials = Vec::new();
    for path in files {
        let (head, cases) = read(&path);
        if std::env::var_os("UPDATE").is_some() {
            write(&path, &head, &cases);
        }
        let group = path.file_stem().unwrap().to_string_lossy().into_owned();
        for case in read(&path).1 {
            trials.push(Trial::test(format!("{group}: {}", case.title), move || {
                let (outcome, found) = run(&case);
                if (outcome, found.as_str()) == (case.outcome.as_str(), case.expected.as_str()) {
                    return Ok(());
                }
                Err(Failed::from(format!("wanted {}:\n{}\n\nfound {outcome}:\n{found}", case.outcome, case.expected)))
            }));
        }
    }
    assert!(trials.len() > 100, "the cases were not found");
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
