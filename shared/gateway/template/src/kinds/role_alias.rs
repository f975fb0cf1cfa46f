//! `AWS::IoT::RoleAlias`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, optional, required};
use serde::{Deserialize, Serialize};

/// A role alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAlias {
    /// The alias.
    pub name: String,
    /// The IAM role that it points to.
    pub role_arn: String,
    /// How long its credentials live, in seconds; AWS IoT's default where the template does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    role_arn: String,
    credential_duration_seconds: Option<i32>,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::IoT::RoleAlias",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iot-rolealias.html",
    properties: &[
        optional("CredentialDurationSeconds", Shape::Integer(900, 43_200)),
        optional("RoleAlias", Shape::Text),
        required("RoleArn", Shape::Text),
        TAGS,
    ],
    naming: Naming::by("RoleAlias", 128, "_=,@-"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("RoleAliasArn", |identity| identity.arn("iot", &format!("rolealias/{}", identity.name)))],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let (name, role_arn) = (identity.name.clone(), given.role_arn);
    Ok(Resource::RoleAlias(RoleAlias { name, role_arn, seconds: given.credential_duration_seconds }))
}
