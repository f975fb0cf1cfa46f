//! `AWS::IoT::Policy`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, optional, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// An AWS IoT policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The policy's name.
    pub name: String,
    /// The policy document.
    pub document: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    policy_document: Json,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::Policy",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-policy.html",
    properties: &[required("PolicyDocument", Shape::Document), optional("PolicyName", Shape::Text), TAGS],
    naming: Naming::by("PolicyName", 128, "+=,.@-_"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[
        ("Arn", |identity| identity.arn("iot", &format!("policy/{}", identity.name))),
        ("Id", |identity| identity.name.clone()),
    ],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    Ok(Resource::Policy(Policy { name: identity.name.clone(), document: given.policy_document }))
}
