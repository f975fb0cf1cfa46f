//! `AWS::IoT::TopicRule`.

use super::{Identity, Kind, Properties, Resource, topic_rule_actions};
use crate::error::{Fallible, Fault, Problem};
use crate::names::Naming;
use crate::shape::{Shape, TAGS, optional, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A topic rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicRule {
    /// The rule's name: letters, digits and `_`.
    pub name: String,
    /// The `topicRulePayload` of `CreateTopicRule`, in the API's names.
    pub payload: Json,
}

/// The rule's payload: what `CreateTopicRule` takes, under CloudFormation's names.
const PAYLOAD: Shape = Shape::Object(&[
    required("Sql", Shape::Text),
    required("Actions", Shape::List(&topic_rule_actions::ACTION)),
    optional("AwsIotSqlVersion", Shape::Text),
    optional("Description", Shape::Text),
    optional("ErrorAction", topic_rule_actions::ACTION),
    optional("RuleDisabled", Shape::Bool),
]);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    topic_rule_payload: Json,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::TopicRule",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-topicrule.html",
    properties: &[required("TopicRulePayload", PAYLOAD), optional("RuleName", Shape::Text), TAGS],
    naming: Naming { separator: '_', ..Naming::by("RuleName", 128, "_") },
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.arn("iot", &format!("rule/{}", identity.name)))],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let actions = properties.node.get("TopicRulePayload").and_then(|payload| payload.get("Actions"));
    let error_action = properties.node.get("TopicRulePayload").and_then(|payload| payload.get("ErrorAction"));
    let actions = actions.map(|actions| actions.want_list("`Actions`")).transpose()?.unwrap_or_default();
    for action in actions.iter().chain(error_action) {
        if action.entries().len() != 1 {
            let found = format!("{} kinds", action.entries().len());
            let problem =
                Problem::Shape { what: "a rule action".to_owned(), expected: "of one kind".to_owned(), found };
            return Err(Fault::with_help(action.span, problem, "give each action an item of its own in the list"));
        }
    }
    Ok(Resource::TopicRule(TopicRule {
        name: identity.name.clone(),
        payload: PAYLOAD.to_api(given.topic_rule_payload),
    }))
}
