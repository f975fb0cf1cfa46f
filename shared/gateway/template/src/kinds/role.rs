//! `AWS::IAM::Role`, `AWS::IAM::ManagedPolicy` and `AWS::IAM::Policy`: accepted, with their ARNs known.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, inert, optional};
use serde::Serialize;

/// A role or policy of IAM, which is not evaluated here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The name.
    pub name: String,
    /// The ARN; inline policies have none.
    pub arn: Option<String>,
}

const IAM: &str = "IAM is not evaluated here: every call of a function is allowed";
const PATH: Field = optional("Path", Shape::Text);

/// The name with its path, `/` where none is given.
fn resource(kind: &str, identity: &Identity) -> String {
    identity.iam(&format!("{kind}{}{}", identity.extra.as_deref().unwrap_or("/"), identity.name))
}

pub(super) const ROLE: Kind = Kind {
    type_: "AWS::IAM::Role",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html",
    properties: &[
        optional("RoleName", Shape::Text),
        PATH,
        inert("AssumeRolePolicyDocument", IAM),
        inert("Description", "it is for people"),
        inert("ManagedPolicyArns", IAM),
        inert("MaxSessionDuration", IAM),
        inert("PermissionsBoundary", IAM),
        inert("Policies", IAM),
        TAGS,
    ],
    naming: Naming::by("RoleName", 64, "+=,.@-_"),
    extra: Some("Path"),
    reference: |identity| identity.name.clone(),
    attributes: &[
        ("Arn", |identity| resource("role", identity)),
        ("RoleId", |identity| format!("AROADRYDOCK{}", identity.suffix().chars().take(10).collect::<String>())),
    ],
    plan: |identity, _| {
        let arn = Some(resource("role", identity));
        Ok(Resource::Role(Role { name: identity.name.clone(), arn }))
    },
};

const ATTACHED: &[Field] = &[
    optional("ManagedPolicyName", Shape::Text),
    PATH,
    inert("PolicyDocument", IAM),
    inert("Description", "it is for people"),
    inert("Groups", IAM),
    inert("Roles", IAM),
    inert("Users", IAM),
];

pub(super) const MANAGED_POLICY: Kind = Kind {
    type_: "AWS::IAM::ManagedPolicy",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html",
    properties: ATTACHED,
    naming: Naming::by("ManagedPolicyName", 128, "+=,.@-_"),
    extra: Some("Path"),
    reference: |identity| resource("policy", identity),
    attributes: &[("PolicyArn", |identity| resource("policy", identity))],
    plan: managed,
};

fn managed(identity: &Identity, _: &Properties<'_>) -> Fallible<Resource> {
    let arn = Some(resource("policy", identity));
    Ok(Resource::IamPolicy(Role { name: identity.name.clone(), arn }))
}

pub(super) const INLINE_POLICY: Kind = Kind {
    type_: "AWS::IAM::Policy",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-policy.html",
    properties: &[
        optional("PolicyName", Shape::Text),
        inert("PolicyDocument", IAM),
        inert("Groups", IAM),
        inert("Roles", IAM),
        inert("Users", IAM),
    ],
    naming: Naming::by("PolicyName", 128, "+=,.@-_"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |identity, _| Ok(Resource::IamPolicy(Role { name: identity.name.clone(), arn: None })),
};
