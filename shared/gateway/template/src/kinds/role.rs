//! `AWS::IAM::Role`, `AWS::IAM::ManagedPolicy` and `AWS::IAM::Policy`: accepted, with their ARNs known. Of a role it is known, too,
//! who may assume it.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, inert, optional, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A role of IAM. Of its policies only the one that says who may assume it is evaluated, where devices get credentials by a
/// role alias.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// Who may assume it.
    pub trust: Json,
    /// The longest that its credentials may live, in seconds.
    pub max_session_seconds: i64,
    /// Its own policies: name and document. They are looked at by audits alone.
    pub policies: Vec<(String, Json)>,
}

/// A policy of IAM, which is not evaluated here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IamPolicy {
    /// The name.
    pub name: String,
    /// The ARN; inline policies have none.
    pub arn: Option<String>,
    /// The document.
    pub document: Json,
    /// The names of the roles that have it.
    pub roles: Vec<String>,
}

/// How long credentials may live where a role does not say, in seconds.
const SESSION: i64 = 3600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    assume_role_policy_document: Json,
    max_session_duration: Option<i64>,
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
        required("AssumeRolePolicyDocument", Shape::Document),
        inert("Description", "it is for people"),
        inert("ManagedPolicyArns", IAM),
        optional("MaxSessionDuration", Shape::Integer(3600, 43_200)),
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
    plan: role,
};

fn role(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    Ok(Resource::Role(Role {
        name: identity.name.clone(),
        arn: resource("role", identity),
        trust: given.assume_role_policy_document,
        max_session_seconds: given.max_session_duration.unwrap_or(SESSION),
        policies: own_policies(properties),
    }))
}

/// The policies that a role holds itself, those that are complete.
fn own_policies(properties: &Properties<'_>) -> Vec<(String, Json)> {
    let policies = properties.node.get("Policies").map(|policies| policies.to_json());
    let policies = policies.as_ref().and_then(Json::as_array).into_iter().flatten();
    let own = policies.filter_map(|policy| {
        let name = policy.get("PolicyName").and_then(Json::as_str)?;
        Some((name.to_owned(), document(policy.get("PolicyDocument")?)?))
    });
    own.collect()
}

/// A document, which may be written as a text.
fn document(value: &Json) -> Option<Json> {
    match value {
        Json::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    }
}

fn iam_policy(identity: &Identity, properties: &Properties<'_>, arn: Option<String>) -> Resource {
    let given = properties.node.get("PolicyDocument").map(|given| given.to_json());
    let roles = properties.node.get("Roles").map(|roles| roles.to_json());
    let roles = roles.as_ref().and_then(Json::as_array).into_iter().flatten();
    Resource::IamPolicy(IamPolicy {
        name: identity.name.clone(),
        arn,
        document: given.as_ref().and_then(document).unwrap_or_default(),
        roles: roles.filter_map(|role| role.as_str().map(str::to_owned)).collect(),
    })
}

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

fn managed(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    Ok(iam_policy(identity, properties, Some(resource("policy", identity))))
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
    plan: |identity, properties| Ok(iam_policy(identity, properties, None)),
};
