//! Laws of the language that hold for every input.

#![expect(clippy::unwrap_used, reason = "a document of these tests that is not a policy has to stop the run")]

use drydock_core::{Scope, Timestamp};
use drydock_policy::pattern::Pattern;
use drydock_policy::variables::{CertificateField, NameFacts};
use drydock_policy::{Action, AppliedPolicy, CertificateFacts, CompiledDocument, Context, PolicySet, SessionPolicies};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A matcher written from the prose, by recursion, to hold the real one against.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], text) => {
            naive(rest, text) || text.split_first().is_some_and(|(_, after)| naive(pattern, after))
        }
        (['?', rest @ ..], [_, after @ ..]) => naive(rest, after),
        ([p, rest @ ..], [t, after @ ..]) => p == t && naive(rest, after),
        _ => false,
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn session(resource: &str, context: Context) -> SessionPolicies {
    let statement = json!({"Effect": "Allow", "Action": ["iot:Publish", "iot:Subscribe"], "Resource": resource});
    let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let document = Arc::new(CompiledDocument::parse(&text).unwrap());
    let policy = AppliedPolicy { name: "p".into(), version: None, attached_to: Vec::new(), document };
    SessionPolicies::new(Arc::new(PolicySet { generation: 0, policies: vec![policy] }), Arc::new(context))
}

fn context() -> Context {
    Context::new(Scope::new("123456789012", "us-east-1"), Timestamp(0))
}

proptest! {
    #[test]
    fn patterns_match_as_the_prose_says(pattern in "[abé*?/]{0,12}", text in "[abé/]{0,12}") {
        prop_assert_eq!(Pattern::parse(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
    }

    #[test]
    fn a_pattern_behind_a_prefix_is_the_pattern(pattern in "[ab:*?/]{0,14}", prefix in "[ab:/]{0,8}", rest in "[ab:/]{0,8}") {
        let whole = Pattern::parse(&pattern);
        let behind = whole.after(&prefix).iter().any(|tail| tail.matches(&rest));
        prop_assert_eq!(behind, whole.matches(&format!("{prefix}{rest}")));
    }

    #[test]
    fn the_compiled_session_agrees_with_the_statements(tail in "[ab*?/]{0,8}", topic in "[ab/]{1,8}", start in 0..4usize) {
        let starts = ["arn:aws:iot:us-east-1:123456789012:topic/", "arn:aws:iot:*:topic/", "arn:*/", "arn:aws:iot:us-east-1:*:topic*/"];
        let session = session(&format!("{}{tail}", starts[start]), context());
        for action in [Action::Publish, Action::Subscribe] {
            let arn = action.resource(&session.context().scope, &topic);
            prop_assert_eq!(session.decide(action, &topic), session.decide_arn(action.names(), &arn));
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,200}") {
        let _ = CompiledDocument::parse(&text);
    }

    #[test]
    fn any_json_like_text_is_parsed_or_refused(
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Action\"", "\"iot:*\"", "\"Resource\"",
            "\"*\"", "\"Condition\"", "\"Null\"", "\"${\"", "\"Version\"", "\"2012-10-17\"", "1e999", "null", "true", "\"\\ud800\"",
        ]), 0..24),
    ) {
        let _ = CompiledDocument::parse(&parts.concat());
    }

    #[test]
    fn any_resource_and_condition_is_evaluated(resource in "arn:[${}*?:a-z.\\[\\]]{0,30}", value in "[${}*?:a-zA-Z.,' ]{0,30}", operator in 0..6usize) {
        let operator = ["StringEquals", "StringLike", "ArnLike", "ForAllValues:StringNotLike", "StringEqualsIgnoreCaseIfExists", "ArnNotEquals"][operator];
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": resource, "Condition": {operator: {&value: &value}}});
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let set = Arc::new(PolicySet::of_documents("document", [text.as_str()]).unwrap());
        let session = SessionPolicies::new(set, Arc::new(context()));
        let explanation = session.explain(Action::Publish, "a/b");
        prop_assert_eq!(explanation.decision, session.decide(Action::Publish, "a/b"));
        prop_assert!(!explanation.to_string().is_empty());
    }

    /// Whatever a client calls itself, a variable stands for that text alone.
    #[test]
    fn substitution_never_widens(client_id in "[ab*?+#$/{}]{1,8}", topic in "[ab*?+#$/{}]{1,8}") {
        let mut context = context();
        context.client_id = Some(client_id.as_str().into());
        let session = session("arn:aws:iot:us-east-1:123456789012:topic/${iot:ClientId}", context);
        prop_assert_eq!(session.allows(Action::Publish, &topic), topic == client_id);
    }

    /// A certificate's value stands for itself, or, where it holds a wildcard, for nothing.
    #[test]
    fn a_certificates_value_never_widens(name in "[ab*?+#$]{1,6}", topic in "[ab*?+#$]{1,6}") {
        let mut context = context();
        let subject = NameFacts(BTreeMap::from([(CertificateField::CommonName, vec![name.clone()])]));
        context.certificate = Some(Arc::new(CertificateFacts { subject, ..CertificateFacts::default() }));
        let session = session("arn:aws:iot:us-east-1:123456789012:topic/${iot:Certificate.Subject.CommonName}", context);
        let plain = !name.contains(['*', '$', '+', '?', '#']);
        prop_assert_eq!(session.allows(Action::Publish, &topic), plain && topic == name);
    }
}
