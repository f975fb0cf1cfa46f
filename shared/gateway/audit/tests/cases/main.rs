//! The cases under `cases/`. One test per case. A file has a `source`, what it `judges`, and `cases`.
//!
//! Where `judges` names a check of policies, a case has a `name`, optionally a `source` of its own, `statements` (or one `statement`, or
//! `documents`, each a list of statements), optionally the `version` of the language, the services that are `used`, and what is `found`:
//! the codes of the reasons, in order; optionally `actions`, those that lead to the first reason, and `why`, how its text begins. A
//! statement is as a policy has it, or short: effect, action, resource and condition; a resource without `arn:` is one of AWS IoT's in
//! some region and account.
//!
//! `book` is in `book.rs`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

mod book;
#[path = "../../../core/tests/cases/files.rs"]
mod files;
#[path = "../../../core/tests/cases/texts.rs"]
mod texts;

use drydock_audit::checks::{
    authenticated_cognito_role, policy_misconfigured, policy_permissive, role_alias_permissive,
    role_alias_unused_services, unauthenticated_cognito_role,
};
use drydock_audit::{Document, Verdict};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CASE: &[&str] =
    &["name", "source", "version", "statements", "statement", "documents", "used", "found", "actions", "why"];

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 130, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    texts::only(stem, content, &["source", "judges", "cases"], "the file");
    let judges = content["judges"].as_str().unwrap().to_owned();
    let cases = content["cases"].as_array().unwrap().iter().map(|case| {
        let name = case["name"].as_str().unwrap();
        let (judges, case) = (judges.clone(), texts::filled(case));
        if judges == "book" {
            book::only(stem, &case, name);
            return Trial::test(format!("{stem}::{name}"), move || book::run(&case));
        }
        texts::only(stem, &case, CASE, name);
        Trial::test(format!("{stem}::{name}"), move || policy(&judges, &case))
    });
    cases.collect()
}

fn policy(judges: &str, case: &Value) -> Result<(), Failed> {
    let version = case["version"].as_str().unwrap_or("2012-10-17");
    let written: Vec<Value> = match (&case["documents"], &case["statements"], &case["statement"]) {
        (Value::Array(documents), ..) => {
            documents.iter().map(|list| list.as_array().unwrap().iter().map(statement).collect()).collect()
        }
        (_, Value::Array(list), _) => vec![list.iter().map(statement).collect()],
        (_, _, one) => vec![statement(one)],
    };
    let documents = written.iter().map(|written| Document::read(&json!({ "Version": version, "Statement": written })));
    let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
    let used: BTreeSet<String> =
        case["used"].as_array().into_iter().flatten().map(|used| used.as_str().unwrap().to_owned()).collect();
    let verdicts: Vec<Verdict> = match judges {
        "policy-permissive" => policy_permissive::judge(&documents[0]).into_iter().collect(),
        "policy-misconfigured" => policy_misconfigured::judge(&documents[0]),
        "role-alias-permissive" => role_alias_permissive::judge(&documents, &used),
        "role-alias-unused-services" => role_alias_unused_services::judge(&documents, &used).into_iter().collect(),
        "cognito-authenticated" => authenticated_cognito_role::judge(&documents),
        "cognito-unauthenticated" => unauthenticated_cognito_role::judge(&documents),
        other => panic!("there is no `{other}`"),
    };
    let found: Value = verdicts.iter().map(|verdict| verdict.code).collect();
    if found != case["found"] {
        return Err(format!("{found} instead of {}: {verdicts:#?}", case["found"]).into());
    }
    if case["actions"].is_array() {
        let actions: Value = verdicts[0].grants.iter().map(|grant| grant.action.as_str()).collect();
        if actions != case["actions"] {
            return Err(format!("{actions} instead of {}", case["actions"]).into());
        }
    }
    match case["why"].as_str() {
        Some(why) if !verdicts[0].why.starts_with(why) => Err(format!("because {}", verdicts[0].why).into()),
        _ => Ok(()),
    }
}

fn statement(written: &Value) -> Value {
    let Some(short) = written.as_array() else { return written.clone() };
    let full = |resource: &Value| {
        let resource = resource.as_str().unwrap();
        let is_full = resource == "*" || resource.starts_with("arn:");
        if is_full { json!(resource) } else { json!(format!("arn:aws:iot:region:account-id:{resource}")) }
    };
    let resource = match &short[2] {
        Value::Array(list) => list.iter().map(full).collect(),
        one => full(one),
    };
    let mut statement = json!({ "Effect": short[0], "Action": short[1], "Resource": resource });
    if let Some(condition) = short.get(3) {
        statement["Condition"] = condition.clone();
    }
    statement
}
