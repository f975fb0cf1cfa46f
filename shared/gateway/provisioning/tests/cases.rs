//! The cases under `cases/`: template bodies, parameters, and what they come to. One test per case.
//!
//! A file has a `source`, and `cases`. A case has a `name`, optionally a `source` of its own, a `template` (an object, or text as it
//! stands), optionally its `dialect`, and either `malformed`, the error at its creation, or with `parameters` (by default none)
//! `plan`, or `failure`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;

use drydock_provisioning::plan::{CertificateSource, Override};
use drydock_provisioning::{Dialect, Plan, Template};
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 60, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let cases = content["cases"].as_array().unwrap().clone();
    let trial = |case: Value| {
        let name = case["name"].as_str().unwrap();
        let known = ["name", "source", "dialect", "template", "parameters", "plan", "failure", "malformed"];
        let unknown = case.as_object().unwrap().keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(unknown, None, "{stem}::{name} has an unknown key");
        Trial::test(format!("{stem}::{name}"), move || check(&case))
    };
    cases.into_iter().map(trial).collect()
}

fn check(case: &Value) -> Result<(), Failed> {
    let body = case["template"].as_str().map_or_else(|| case["template"].to_string(), str::to_owned);
    let dialect = match case["dialect"].as_str() {
        Some("fleet") => Dialect::Fleet,
        Some("jitp") => Dialect::Jitp,
        None => Dialect::Registration,
        Some(other) => panic!("no dialect `{other}`"),
    };
    let template = match (Template::parse(&body, dialect), case["malformed"].as_str()) {
        (Ok(template), None) => template,
        (Ok(_), Some(_)) => return Err("the template was taken".into()),
        (Err(error), Some(expected)) => return same(&json!(expected), &json!(error.to_string())),
        (Err(error), None) => return Err(error.into()),
    };
    let parameters = case["parameters"].as_object().into_iter().flatten();
    let parameters: BTreeMap<String, String> =
        parameters.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    match (template.plan(&parameters), case["failure"].as_str()) {
        (Ok(plan), None) => same(&case["plan"], &shown(&plan)),
        (Ok(plan), Some(_)) => Err(format!("it has a plan: {}", shown(&plan)).into()),
        (Err(error), Some(expected)) => same(&json!(expected), &json!(error.to_string())),
        (Err(error), None) => Err(error.into()),
    }
}

fn same(expected: &Value, got: &Value) -> Result<(), Failed> {
    if expected == got { Ok(()) } else { Err(format!("expected: {expected:#}\n     got: {got:#}").into()) }
}

/// A plan as cases write it: what it has nothing of is left out.
fn shown(plan: &Plan) -> Value {
    let mut out = Map::new();
    if let Some(thing) = &plan.thing {
        let mut object = Map::from_iter([("name".to_owned(), json!(thing.name))]);
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        put("attributes", thing.attributes.as_ref().map(|attributes| json!(attributes)));
        put("type", thing.thing_type.as_ref().map(|name| json!(name)));
        put("groups", Some(json!(thing.groups)).filter(|groups| *groups != json!([])));
        put("billingGroup", thing.billing_group.as_ref().map(|name| json!(name)));
        put("attributesOverride", thing.overrides.attributes.map(word));
        put("typeOverride", thing.overrides.thing_type.map(word));
        put("groupsOverride", thing.overrides.groups.map(word));
        out.insert(thing.logical_name.clone(), Value::Object(object));
    }
    if let Some(certificate) = &plan.certificate {
        let mut object = match &certificate.source {
            CertificateSource::Request(request) => json!({ "request": request }),
            CertificateSource::Id(id) => json!({ "id": id }),
            CertificateSource::Pem { certificate, ca: None } => json!({ "pem": certificate }),
            CertificateSource::Pem { certificate, ca } => json!({ "pem": certificate, "ca": ca }),
        };
        object["active"] = json!(certificate.active);
        if let Some(setting) = certificate.status_override {
            object["override"] = word(setting);
        }
        out.insert(certificate.logical_name.clone(), object);
    }
    for policy in &plan.policies {
        let shown = match &policy.document {
            Some(document) => json!({ "hash": policy.name, "document": document }),
            None => json!({ "name": policy.name }),
        };
        out.insert(policy.logical_name.clone(), shown);
    }
    if !plan.device_configuration.is_empty() {
        out.insert("DeviceConfiguration".to_owned(), json!(plan.device_configuration));
    }
    Value::Object(out)
}

fn word(setting: Override) -> Value {
    json!(match setting {
        Override::DoNothing => "DO_NOTHING",
        Override::Replace => "REPLACE",
        Override::Fail => "FAIL",
        Override::Merge => "MERGE",
    })
}
