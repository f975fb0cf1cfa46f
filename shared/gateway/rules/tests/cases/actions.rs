//! Runs the cases of `action-cases`: what each action sends for a message, why it fails, and what is refused when a rule is
//! created. Identifiers are zeros, the time is 1700000000000, the client is `dock-1`, the rule is called `r`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_core::{Ids, Scope, Timestamp};
use drydock_model::iot;
use drydock_rules::{Capabilities, Env, Message, NoExternals, NotPrepared, Outcome, Outgoing, Rules};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<C> {
    #[serde(rename = "source")]
    _source: String,
    cases: Vec<C>,
}

/// A message through a rule of one action. A payload of `$elements` is an array so long, one of `$members` an object so large.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    topic: String,
    action: Value,
    payload: Option<Box<RawValue>>,
    raw: Option<String>,
    sent: Option<Sent>,
    failed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    service: Option<String>,
    method: Option<String>,
    path: Option<String>,
    endpoint: Option<String>,
    url: Option<String>,
    destination: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
    kafka: Option<Value>,
    lines: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Refused {
    name: String,
    action: Value,
    part: String,
    #[serde(default = "invalid")]
    code: String,
    #[serde(default)]
    error_action: bool,
}

fn invalid() -> String {
    "InvalidRequestException".to_owned()
}

struct Zeros;

impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn create(actions: &Value, error_action: Option<&Value>) -> Result<Rules, drydock_core::ApiError> {
    let mut rule = json!({ "sql": "SELECT * FROM '#'", "awsIotSqlVersion": "2016-03-23", "actions": actions });
    if let Some(action) = error_action {
        rule["errorAction"] = action.clone();
    }
    let mut book = Rules::new(Scope::new("123456789012", "us-east-1"), Capabilities::NONE);
    let request = iot::CreateTopicRuleRequest {
        rule_name: "r".to_owned(),
        tags: None,
        topic_rule_payload: iot::TopicRulePayload::from_json(&rule).unwrap(),
    };
    drop(book.create_topic_rule(request, NOW)?);
    Ok(book)
}

fn payload(case: &Case) -> Vec<u8> {
    if let Some(raw) = &case.raw {
        return raw.replace("\\xff", "\u{ff}").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    }
    let text = case.payload.as_ref().unwrap().get();
    let value: Value = serde_json::from_str(text).unwrap();
    if let Some(count) = value.get("$elements").and_then(Value::as_u64) {
        return Value::from((0..count).collect::<Vec<_>>()).to_string().into();
    }
    if let Some(count) = value.get("$members").and_then(Value::as_u64) {
        return Value::Object((0..count).map(|n| (format!("k{n}"), n.into())).collect()).to_string().into();
    }
    text.to_owned().into()
}

fn run(case: &Case) -> Result<(), Failed> {
    let book = create(&json!([case.action]), None).map_err(|error| error.message.into_owned())?;
    let mut message = Message::new(case.topic.as_str(), payload(case), "123456789012", NOW);
    message.client_id = Some("dock-1".into());
    let rule = book.rule(&drydock_core::RuleName::new("r").unwrap()).unwrap();
    let env = Env { ids: &Zeros, externals: &NoExternals };
    let Outcome::Matched(output) = rule.evaluate(&message, env) else { panic!("it is to match") };
    let prepared = rule.prepare(&output, &message, env).remove(0);
    match (&case.sent, &case.failed, &prepared.outgoing) {
        (Some(sent), None, Ok(outgoing)) => match &outgoing[..] {
            [one] => sent.check(one),
            other => Err(format!("one call is to go out, not {}", other.len()).into()),
        },
        (None, Some(part), Err(NotPrepared::Failed(failure))) if failure.error_message.contains(part.as_str()) => {
            Ok(())
        }
        (_, _, other) => Err(format!("{other:?}").into()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}").into()) }
}

impl Sent {
    fn check(&self, outgoing: &Outgoing) -> Result<(), Failed> {
        match outgoing {
            Outgoing::Aws(call) => {
                same("service", Some(call.service), self.service.as_deref())?;
                same("region", call.region.as_str(), "us-east-1")?;
                same("method", Some(call.method), self.method.as_deref())?;
                same("path", Some(call.path.as_str()), self.path.as_deref())?;
                same("endpoint", call.endpoint.as_deref(), self.endpoint.as_deref())?;
                for (name, value) in &self.headers {
                    let found = call.headers.iter().find(|(known, _)| known == name);
                    same(name, found.map(|(_, value)| value.as_str()), Some(value.as_str()))?;
                }
                self.body(&call.body)
            }
            Outgoing::Http(post) => {
                same("url", Some(post.url.as_str()), self.url.as_deref())?;
                same("destination", post.destination.as_deref(), self.destination.as_deref())?;
                let headers: BTreeMap<String, String> = post.headers.iter().cloned().collect();
                same("headers", &headers, &self.headers)?;
                self.body(&post.body)
            }
            Outgoing::Kafka(record) => {
                let found = json!({ "topic": record.topic, "key": record.key, "partition": record.partition,
                    "headers": record.headers });
                same("record", Some(&found), self.kafka.as_ref())?;
                self.body(&record.value)
            }
            Outgoing::InfluxDb(points) => same("lines", Some(&points.lines), self.lines.as_ref()),
            Outgoing::Publish { .. } => Err("it is not a publish".into()),
        }
    }

    fn body(&self, found: &[u8]) -> Result<(), Failed> {
        match (&self.json, &self.text) {
            (Some(expected), _) => same("body", &serde_json::from_slice::<Value>(found).unwrap(), expected),
            (None, Some(expected)) => same("body", std::str::from_utf8(found).unwrap(), expected.as_str()),
            (None, None) => Err("the case expects no body".into()),
        }
    }
}

fn refuse(case: &Refused) -> Result<(), Failed> {
    let given = json!([case.action]);
    let made = if case.error_action { create(&json!([]), Some(&case.action)) } else { create(&given, None) };
    let Err(error) = made else { return Err("it is to be refused".into()) };
    same("code", error.code.as_str(), case.code.as_str())?;
    if error.message.contains(case.part.as_str()) { Ok(()) } else { Err(error.message.into_owned().into()) }
}

/// A test for each case.
pub(crate) fn trials() -> Vec<Trial> {
    let sent: File<Case> = serde_json::from_str(include_str!("../../action-cases/sent.json")).unwrap();
    let refused: File<Refused> = serde_json::from_str(include_str!("../../action-cases/refused.json")).unwrap();
    let sent = sent.cases.into_iter().map(|case| Trial::test(format!("actions/{}", case.name), move || run(&case)));
    let refused = refused.cases.into_iter();
    let refused = refused.map(|case| Trial::test(format!("actions/refused: {}", case.name), move || refuse(&case)));
    sent.chain(refused).collect()
}
