//! The check of a message on a warm session allocates nothing.

use drydock_core::{Scope, Timestamp};
use drydock_policy::{Action, Context, PolicySet, SessionPolicies, ThingFacts};
use std::sync::Arc;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive", "iot:RetainPublish"], "Resource": [
        "arn:aws:iot:*:123456789012:topic/*/${iot:Connection.Thing.ThingName}/??/state",
        "arn:aws:iot:us-east-1:123456789012:topic/${iot:ClientId}/*"]},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:us-east-1:123456789012:topicfilter/${iot:ClientId}/*"},
    {"Effect": "Deny", "Action": "iot:*", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/*/secret"},
    {"Effect": "Deny", "NotAction": "iot:Connect", "NotResource": "arn:aws:iot:us-east-1:123456789012:*"}]}"#;

#[test]
fn a_warm_check_allocates_nothing() {
    let mut context = Context::new(Scope::new("123456789012", "us-east-1"), Timestamp(0));
    context.client_id = Some("dock-1".into());
    context.thing = Some(Arc::new(ThingFacts { name: "dock-1".into(), ..ThingFacts::default() }));
    let set = PolicySet::of_documents("document", [POLICY]).unwrap();
    let session = SessionPolicies::new(Arc::new(set), Arc::new(context));
    for action in [Action::Publish, Action::RetainPublish, Action::Subscribe, Action::Receive] {
        for topic in ["dock-1/state", "fleet/a/dock-1/42/state", "fleet/secret", "other", "dock-1/#"] {
            let mut allowed = None;
            let counted = allocation_counter::measure(|| allowed = Some(session.allows(action, topic)));
            assert_eq!(counted.count_total, 0, "{action} on {topic}, allowed: {allowed:?}");
        }
    }
    assert!(session.allows(Action::Publish, "fleet/a/dock-1/42/state"));
    assert!(!session.allows(Action::Publish, "dock-1/secret"));
}
