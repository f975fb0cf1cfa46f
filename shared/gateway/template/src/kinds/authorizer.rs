//! `AWS::IoT::Authorizer`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, optional, required};
use serde::Serialize;
use serde_json::Value as Json;

/// A custom authorizer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorizer {
    /// The authorizer's name.
    pub name: String,
    /// The body of `CreateAuthorizer`, in the API's names, with `authorizerName`.
    pub request: Json,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::Authorizer",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-authorizer.html",
    properties: &[
        required("AuthorizerFunctionArn", Shape::Text),
        optional("AuthorizerName", Shape::Text),
        optional("EnableCachingForHttp", Shape::Bool),
        optional("SigningDisabled", Shape::Bool),
        optional("Status", Shape::Choice(&["ACTIVE", "INACTIVE"])),
        optional("TokenKeyName", Shape::Text),
        optional("TokenSigningPublicKeys", Shape::TextMap),
        TAGS,
    ],
    naming: Naming::by("AuthorizerName", 128, "_=,@-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.arn("iot", &format!("authorizer/{}", identity.name)))],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut given = properties.json.clone();
    given.insert("AuthorizerName".to_owned(), identity.name.clone().into());
    let request = Shape::Object(KIND.properties).to_api(given.into());
    Ok(Resource::Authorizer(Authorizer { name: identity.name.clone(), request }))
}
