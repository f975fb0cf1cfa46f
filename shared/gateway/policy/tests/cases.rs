//! The cases under `cases/`: policies, a connection, and what each request comes to. One test per request.
//!
//! A file has a `source`, optionally a `context`, and `groups`. A group has a `name`, `policy` (one document) or `policies` (by
//! name), optionally a `context` that adds to the file's, and `asks`: `[action, name, decision]` with optionally an object of
//! `context`, and `explains`, texts that the explanation holds. A group may have `malformed` instead: `[document, error]`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken case file has to stop the run"
)]

#[path = "../../core/tests/cases/files.rs"]
mod files;

use drydock_core::{Scope, Timestamp};
use drydock_policy::variables::{CertificateField, NameFacts};
use drydock_policy::{
    Action, AppliedPolicy, CertificateFacts, CompiledDocument, ConnectFacts, Context, PolicySet, SessionPolicies,
    ThingFacts,
};
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value};
use std::sync::Arc;

fn main() {
    files::run(env!("CARGO_MANIFEST_DIR"), 200, trials_of);
}

fn trials_of(stem: &str, content: &Value) -> Vec<Trial> {
    let mut trials = Vec::new();
    for group in content["groups"].as_array().unwrap() {
        let name = group["name"].as_str().unwrap();
        let unknown =
            group.as_object().unwrap().keys().find(|k| {
                !["name", "source", "policy", "policies", "context", "asks", "malformed"].contains(&k.as_str())
            });
        assert_eq!(unknown, None, "{stem}::{name} has an unknown key");
        for ask in group["asks"].as_array().into_iter().flatten() {
            let context = merged(&[&content["context"], &group["context"], &ask[3]["context"]]);
            let (group, ask) = (group.clone(), ask.clone());
            let asked: String = ask[1].as_str().unwrap().chars().take(60).collect();
            let mut title = format!("{stem}::{name}::{} {asked}", ask[0].as_str().unwrap());
            if let Some(note) = ask[3]["note"].as_str() {
                title.push_str(&format!(" ({note})"));
            }
            trials.push(Trial::test(title, move || check(&group, &context, &ask)));
        }
        for (i, case) in group["malformed"].as_array().into_iter().flatten().enumerate() {
            let case = case.clone();
            trials.push(Trial::test(format!("{stem}::{name}::{i}"), move || check_malformed(&case)));
        }
    }
    trials
}

fn merged(parts: &[&Value]) -> Map<String, Value> {
    let mut all = Map::new();
    for part in parts {
        all.extend(part.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    }
    all
}

/// A document as it is given: text as it stands, an object as JSON.
fn text_of(document: &Value) -> String {
    document.as_str().map_or_else(|| document.to_string(), str::to_owned)
}

fn check(group: &Value, context: &Map<String, Value>, ask: &Value) -> Result<(), Failed> {
    let named: Vec<(String, &Value)> = match (&group["policy"], group["policies"].as_object()) {
        (_, Some(policies)) => policies.iter().map(|(name, document)| (name.clone(), document)).collect(),
        (policy, None) => vec![("Case".to_owned(), policy)],
    };
    let mut policies = Vec::new();
    for (name, document) in named {
        let document = Arc::new(CompiledDocument::parse(&text_of(document))?);
        policies.push(AppliedPolicy { name, version: Some("1".into()), attached_to: Vec::new(), document });
    }
    let (set, context) = (Arc::new(PolicySet { generation: 1, policies }), Arc::new(context_of(context)));
    let nobody = Context::new(context.scope.clone(), Timestamp(0));
    let shared = SessionPolicies::new(Arc::clone(&set), Arc::new(nobody)).for_another(Arc::clone(&context));
    let session = SessionPolicies::new(set, context);
    let (asked, name, expected) = (ask[0].as_str().unwrap(), ask[1].as_str().unwrap(), ask[2].as_str().unwrap());
    let (decision, explanation) = match asked.parse::<Action>() {
        Ok(action) => (session.decide(action, name), session.explain(action, name)),
        Err(_) => (session.decide_arn(&[asked], name), session.explain_arn(&[asked], name)),
    };
    let by_shared = match asked.parse::<Action>() {
        Ok(action) => shared.decide(action, name),
        Err(_) => shared.decide_arn(&[asked], name),
    };
    if by_shared != decision || shared.decide_again_at() != session.decide_again_at() {
        return Err(format!("{decision}, but {by_shared} by policies that were another connection's").into());
    }
    if decision.to_string() != expected || explanation.decision != decision {
        let (slow, decision) = (explanation.decision, decision.to_string());
        return Err(format!("expected {expected}, got {decision} (explained as {slow})\n{explanation}").into());
    }
    let text = explanation.to_string();
    for snippet in ask[3]["explains"].as_array().into_iter().flatten() {
        let snippet = snippet.as_str().unwrap();
        if !text.contains(snippet) {
            return Err(format!("the explanation does not say {snippet:?}:\n{text}").into());
        }
    }
    Ok(())
}

fn check_malformed(case: &Value) -> Result<(), Failed> {
    let (text, expected) = (text_of(&case[0]), case[1].as_str().unwrap());
    match CompiledDocument::parse(&text) {
        Ok(_) => Err(format!("accepted:\n{text}").into()),
        Err(error) if error.to_string() == expected => Ok(()),
        Err(error) => Err(format!("expected: {expected}\n     got: {error}").into()),
    }
}

fn context_of(given: &Map<String, Value>) -> Context {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut context = Context::new(Scope::new("123456789012", "us-east-1"), Timestamp(1_767_225_600_000));
    for (key, value) in given {
        if value.is_null() {
            continue;
        }
        match key.as_str() {
            "clientId" => context.client_id = Some(text(value).into()),
            "sourceIp" => context.source_ip = Some(text(value).parse().unwrap()),
            "domainName" => context.domain_name = Some(text(value).into()),
            "now" => context.now = Timestamp(value.as_i64().unwrap()),
            "connect" => {
                let last_will_topic = value["lastWillTopic"].as_str().map(Into::into);
                let persistent = value["persistent"].as_bool().unwrap_or(false);
                context.connect = Some(ConnectFacts { persistent, last_will_topic });
            }
            "thing" => {
                let attributes = value["attributes"].as_object().into_iter().flatten();
                context.thing = Some(Arc::new(ThingFacts {
                    name: text(&value["name"]).into(),
                    type_name: value["type"].as_str().map(Into::into),
                    attributes: attributes.map(|(k, v)| (k.into(), text(v).into())).collect(),
                }));
            }
            "certificate" => {
                context.certificate = Some(Arc::new(CertificateFacts {
                    id: value["id"].as_str().unwrap_or("c0ffee").to_owned(),
                    serial_number: value["serialNumber"].as_str().unwrap_or("1").to_owned(),
                    issuer: name_of(&value["issuer"]),
                    subject: name_of(&value["subject"]),
                }));
            }
            "keys" => {
                let values = |v: &Value| v.as_array().unwrap().iter().map(text).collect();
                context.keys = value.as_object().unwrap().iter().map(|(k, v)| (k.clone(), values(v))).collect();
            }
            other => panic!("a context has no `{other}`"),
        }
    }
    context
}

fn name_of(value: &Value) -> NameFacts {
    let field = |(name, values): (&String, &Value)| {
        let field = CertificateField::parse(name).unwrap_or_else(|| panic!("no certificate field `{name}`"));
        let values = match values {
            Value::String(one) => vec![one.clone()],
            many => many.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
        };
        (field, values)
    };
    NameFacts(value.as_object().into_iter().flatten().map(field).collect())
}
