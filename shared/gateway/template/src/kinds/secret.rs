//! `AWS::SecretsManager::Secret`, where the template says the secret itself.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The secret's name.
    pub name: String,
    /// The six characters behind the name in its ARN.
    pub suffix: String,
    /// What it is for.
    pub description: Option<String>,
    /// The secret.
    pub text: String,
}

/// Shows no secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    description: Option<String>,
    secret_string: String,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::SecretsManager::Secret",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html",
    properties: &[
        optional("Name", Shape::Text),
        optional("Description", Shape::Text),
        required("SecretString", Shape::Text),
        refused("GenerateSecretString", "a secret has either it or `SecretString`"),
        inert("KmsKeyId", "nothing is encrypted at rest here"),
        refused("ReplicaRegions", "secrets are of one region here"),
        TAGS,
    ],
    naming: Naming::by("Name", 512, "/_+=.@-"),
    extra: None,
    reference: arn,
    attributes: &[("Id", arn)],
    plan,
};

fn suffix(identity: &Identity) -> String {
    identity.suffix().chars().take(6).collect()
}

fn arn(identity: &Identity) -> String {
    identity.arn("secretsmanager", &format!("secret:{}-{}", identity.name, suffix(identity)))
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    if given.secret_string.len() > 65_536 {
        return Err(properties.fault("SecretString", "has more than 65536 bytes"));
    }
    Ok(Resource::Secret(Secret {
        name: identity.name.clone(),
        suffix: suffix(identity),
        description: given.description,
        text: given.secret_string,
    }))
}
