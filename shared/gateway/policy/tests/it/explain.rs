//! What an explanation looks like to people and to programs, and when a session is to be made anew.

#![expect(clippy::unwrap_used, reason = "helpers of these tests stop the run where a document is not a policy")]

use drydock_core::{Scope, Timestamp};
use drydock_policy::{
    Action, AppliedPolicy, CertificateFacts, CompiledDocument, Context, PolicySet, SessionPolicies, ThingFacts,
};
use expect_test::expect;
use std::sync::Arc;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
    {"Sid": "Telemetry", "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
     "Resource": ["arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*",
                  "arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.Attributes[site]}/alarm"]},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    {"Effect": "Deny", "NotAction": ["iot:Connect", "iot:Publish"], "Resource": "*"}]}"#;

fn session(policy: &str) -> SessionPolicies {
    let mut context = Context::new(Scope::new("123456789012", "us-east-1"), Timestamp(1_767_225_600_000));
    context.client_id = Some("dock-1".into());
    context.source_ip = Some("192.0.2.1".parse().unwrap());
    context.thing = Some(Arc::new(ThingFacts { name: "dock-1".into(), ..ThingFacts::default() }));
    let policy = AppliedPolicy {
        name: "Device".into(),
        version: Some("3".into()),
        attached_to: vec!["arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet".into()],
        document: Arc::new(CompiledDocument::parse(policy).unwrap()),
    };
    SessionPolicies::new(Arc::new(PolicySet { generation: 1, policies: vec![policy] }), Arc::new(context))
}

#[test]
fn for_people() {
    expect![[r#"
        `iot:Publish` on `arn:aws:iot:us-east-1:123456789012:topic/dock-2/state` is denied, as no statement allows it
        policy `Device` version 3, attached to `arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet`
          `Statement[0]`: Allow is about other actions: `iot:Connect`
          `Statement[1]` (`Telemetry`): Allow is about other resources: `arn:aws:iot:us-east-1:123456789012:topic/dock-1/*` (written `arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*`), `arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.Attributes[site]}/alarm` (a variable in it has no value)
          `Statement[2]`: Allow fits, but a condition fails: `aws:SourceIp` is `192.0.2.1`, and `IpAddress` asks for `10.0.0.0/8`
          `Statement[3]`: Deny is not about `iot:Connect`, `iot:Publish`
        variables
          `aws:SourceIp` is `192.0.2.1`
          `iot:Connection.Thing.ThingName` is `dock-1`
          `iot:Connection.Thing.Attributes[site]` is absent: the thing has no such attribute
        help: `${iot:Connection.Thing.Attributes[site]}` has no value to substitute: the thing has no such attribute
    "#]]
    .assert_eq(&session(POLICY).explain(Action::Publish, "dock-2/state").to_string());
}

#[test]
fn for_a_log() {
    let summary = |policy: &str, topic: &str| session(policy).explain(Action::Publish, topic).summary();
    expect!["`iot:Publish` on `arn:aws:iot:us-east-1:123456789012:topic/dock-2/state` is denied, as no statement allows it: `${iot:Connection.Thing.Attributes[site]}` has no value to substitute: the thing has no such attribute"].assert_eq(&summary(POLICY, "dock-2/state"));
    expect!["`iot:Publish` on `arn:aws:iot:us-east-1:123456789012:topic/dock-1/state` is allowed"]
        .assert_eq(&summary(POLICY, "dock-1/state"));
    let other = r#"{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/a"}}"#;
    expect!["`iot:Publish` on `arn:aws:iot:us-east-1:123456789012:topic/b` is denied, as no statement allows it: `Statement[0]` of policy `Device` version 3: Allow is about other resources: `arn:aws:iot:us-east-1:123456789012:topic/a`"].assert_eq(&summary(other, "b"));
    let deny = r#"{"Statement": [
        {"Effect": "Allow", "Action": "iot:*", "Resource": "arn:aws:iot:*:topic/b"},
        {"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}]}"#;
    expect!["`iot:Publish` on `arn:aws:iot:us-east-1:123456789012:topic/a` is denied by a statement: `Statement[1]` of policy `Device` version 3: Deny applies through `*`"].assert_eq(&summary(deny, "a"));
}

#[test]
fn for_programs() {
    expect![[r#"
        {
          "action": "iot:Receive",
          "resource": "arn:aws:iot:us-east-1:123456789012:topic/dock-1/state",
          "decision": "EXPLICIT_DENY",
          "statements": [
            {
              "policy": "Device",
              "version": "3",
              "attachedTo": [
                "arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet"
              ],
              "statement": 0,
              "effect": "Allow",
              "outcome": "actionDiffers",
              "except": false,
              "actions": [
                "iot:Connect"
              ]
            },
            {
              "policy": "Device",
              "version": "3",
              "attachedTo": [
                "arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet"
              ],
              "statement": 1,
              "sid": "Telemetry",
              "effect": "Allow",
              "outcome": "applies",
              "resource": {
                "written": "arn:aws:iot:us-east-1:123456789012:topic/${iot:Connection.Thing.ThingName}/*",
                "resolved": "arn:aws:iot:us-east-1:123456789012:topic/dock-1/*"
              }
            },
            {
              "policy": "Device",
              "version": "3",
              "attachedTo": [
                "arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet"
              ],
              "statement": 2,
              "effect": "Allow",
              "outcome": "actionDiffers",
              "except": false,
              "actions": [
                "iot:Publish"
              ]
            },
            {
              "policy": "Device",
              "version": "3",
              "attachedTo": [
                "arn:aws:iot:us-east-1:123456789012:thinggroup/Fleet"
              ],
              "statement": 3,
              "effect": "Deny",
              "outcome": "applies",
              "resource": {
                "written": "*",
                "resolved": "*"
              }
            }
          ],
          "variables": [
            {
              "name": "iot:Connection.Thing.ThingName",
              "values": [
                "dock-1"
              ]
            },
            {
              "name": "iot:Connection.Thing.Attributes[site]",
              "values": null,
              "why": "the thing has no such attribute"
            }
          ],
          "help": [
            "a statement allows this, but `Statement[3]` of policy `Device` version 3 denies it, and a Deny always wins"
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&session(POLICY).explain(Action::Receive, "dock-1/state")).unwrap());
}

#[test]
fn a_condition_on_the_time_says_when_to_ask_again() {
    let until = |condition: &str| {
        let policy = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "iot:*", "Resource": "*", "Condition": {condition}}}}}"#
        );
        session(&policy).decide_again_at()
    };
    assert_eq!(until(r#"{"IpAddress": {"aws:SourceIp": "10.0.0.1"}}"#), None);
    assert_eq!(until(r#"{"DateLessThan": {"aws:CurrentTime": "2025-01-01"}}"#), None);
    assert_eq!(
        until(r#"{"DateLessThan": {"aws:CurrentTime": ["2026-01-02", "2027-01-01"]}}"#),
        Some(Timestamp(1_767_312_000_000))
    );
    assert_eq!(until(r#"{"DateEquals": {"aws:CurrentTime": "2026-01-01"}}"#), Some(Timestamp(1_767_225_600_001)));
    assert_eq!(until(r#"{"NumericGreaterThan": {"aws:EpochTime": 1767225600}}"#), Some(Timestamp(1_767_225_601_000)));
}

#[test]
fn a_certificates_facts_come_from_its_variables() {
    let variable = |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(ToString::to_string).collect());
    let facts = CertificateFacts::from_variables(
        "abc",
        [
            variable("iot:Certificate.AvailableKeys", &["iot:Certificate.SerialNumber"]),
            variable("iot:Certificate.Issuer.Organization", &["CA"]),
            variable("iot:Certificate.SerialNumber", &["01ff"]),
            variable("iot:Certificate.Subject.AlternativeName.DNSName", &["dock.example"]),
            variable("iot:Certificate.Subject.CommonName", &["first", "second"]),
        ],
    );
    let mut context = Context::new(Scope::new("123456789012", "us-east-1"), Timestamp(0));
    context.certificate = Some(Arc::new(facts));
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource":
        "arn:aws:iot:us-east-1:123456789012:topic/${iot:CertificateId}/${iot:Certificate.SerialNumber}/${iot:Certificate.Issuer.Organization}/${iot:Certificate.Subject.AlternativeName.DNSName}/${iot:Certificate.Subject.CommonName.1}"}}"#;
    let set = PolicySet::of_documents("document", [policy]).unwrap();
    let session = SessionPolicies::new(Arc::new(set), Arc::new(context));
    assert!(session.allows(Action::Publish, "abc/01ff/CA/dock.example/second"));
}
