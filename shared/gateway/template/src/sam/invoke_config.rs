//! A function's `EventInvokeConfig`.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventinvokeconfiguration.html>

use crate::document::{Declared, unknown};
use crate::error::{Fallible, Fault, Problem};
use crate::node::Node;

const KEYS: &[&str] = &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"];
const DESTINATIONS: &[&str] = &["OnFailure", "OnSuccess"];
const DESTINATION_KEYS: &[&str] = &["Type", "Destination"];
const TYPES: &str = "one of `SQS`, `SNS`, `Lambda`, `EventBridge`, `S3Bucket`";

pub(super) fn expand(declared: &Declared, config: &Node, generated: &mut Vec<Declared>) -> Fallible<()> {
    let what = format!("`EventInvokeConfig` of `{}`", declared.logical_id);
    let span = config.span;
    let id = format!("{}EventInvokeConfig", declared.logical_id);
    let qualifier = match declared.properties.get("AutoPublishAlias") {
        Some(alias) => alias.clone(),
        None => Node::text(span, "$LATEST"),
    };
    let mut properties =
        Node::map(span, [("FunctionName", Node::reference(span, &declared.logical_id)), ("Qualifier", qualifier)]);
    for entry in config.want_map(&what)? {
        match entry.key.as_str() {
            "DestinationConfig" => {
                let mut destinations = Node::map(entry.value.span, []);
                for outcome in entry.value.want_map(&format!("`DestinationConfig` in {what}"))? {
                    if !DESTINATIONS.contains(&outcome.key.as_str()) {
                        return Err(unknown(outcome, &format!("`DestinationConfig` in {what}"), DESTINATIONS));
                    }
                    let arn = destination(declared, &id, &outcome.key, &outcome.value, generated)?;
                    destinations.set(&outcome.key, Node::map(outcome.value.span, [("Destination", arn)]));
                }
                properties.set("DestinationConfig", destinations);
            }
            key if KEYS.contains(&key) => properties.set(key, entry.value.clone()),
            _ => return Err(unknown(entry, &what, KEYS)),
        }
    }
    generated.push(Declared::generated(id, "AWS::Lambda::EventInvokeConfig", span, properties, declared));
    Ok(())
}

/// A destination's ARN. A queue or topic that is not given is made.
fn destination(
    declared: &Declared,
    config_id: &str,
    outcome: &str,
    node: &Node,
    generated: &mut Vec<Declared>,
) -> Fallible<Node> {
    let what = format!("`{outcome}` of `{}`", declared.logical_id);
    for entry in node.want_map(&what)? {
        if !DESTINATION_KEYS.contains(&entry.key.as_str()) {
            return Err(unknown(entry, &what, DESTINATION_KEYS));
        }
    }
    let missing = |name: &str| Fault::new(node.span, Problem::Missing { of: what.clone(), name: name.to_owned() });
    let type_ = node.get("Type").ok_or_else(|| missing("Type"))?;
    let given = node.get("Destination").cloned();
    let (kind, suffix, attribute) = match (type_.as_text(), given) {
        (Some("SQS" | "SNS" | "Lambda" | "EventBridge" | "S3Bucket"), Some(given)) => return Ok(given),
        (Some("SQS"), None) => ("AWS::SQS::Queue", "Queue", "Arn"),
        (Some("SNS"), None) => ("AWS::SNS::Topic", "Topic", "TopicArn"),
        (Some("Lambda" | "EventBridge" | "S3Bucket"), None) => return Err(missing("Destination")),
        _ => return Err(type_.mismatch(format!("`Type` of {what}"), TYPES)),
    };
    let id = format!("{config_id}{outcome}{suffix}");
    generated.push(Declared::generated(id.clone(), kind, node.span, Node::map(node.span, []), declared));
    Ok(Node::attribute(node.span, &id, attribute))
}
