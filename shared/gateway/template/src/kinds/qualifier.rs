//! `AWS::Lambda::Version` and `AWS::Lambda::Alias`. A function has one version here, its latest code, which all of them run.

use super::{Identity, Kind, Properties, Resource, function_name};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, inert, optional, refused, required};
use serde::Serialize;

/// A version or an alias of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Qualifier {
    /// The function's name.
    pub function: String,
    /// `1` for a version, else the alias.
    pub qualifier: String,
}

const ONE: &str = "a function has one version here, its latest code";
const AT_ONCE: &str = "processes are started when they are needed";

fn function(identity: &Identity) -> &str {
    function_name(identity.extra.as_deref().unwrap_or_default()).0
}

fn version_arn(identity: &Identity) -> String {
    identity.arn("lambda", &format!("function:{}:1", function(identity)))
}

fn alias_arn(identity: &Identity) -> String {
    identity.arn("lambda", &format!("function:{}:{}", function(identity), identity.name))
}

fn made(identity: &Identity, qualifier: &str) -> Resource {
    Resource::Qualifier(Qualifier { function: function(identity).to_owned(), qualifier: qualifier.to_owned() })
}

pub(super) const VERSION: Kind = Kind {
    type_: "AWS::Lambda::Version",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html",
    properties: &[
        required("FunctionName", Shape::Text),
        inert("CodeSha256", ONE),
        inert("Description", "it is for people"),
        inert("FunctionScalingConfig", "there are no capacity providers here"),
        inert("ProvisionedConcurrencyConfig", AT_ONCE),
        inert("RuntimePolicy", "the runtime is this machine's"),
    ],
    naming: Naming::GENERATED,
    extra: Some("FunctionName"),
    reference: version_arn,
    attributes: &[("FunctionArn", version_arn), ("Version", |_| "1".to_owned())],
    plan: |identity, _| Ok(made(identity, "1")),
};

pub(super) const ALIAS: Kind = Kind {
    type_: "AWS::Lambda::Alias",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-alias.html",
    properties: &[
        required("FunctionName", Shape::Text),
        required("Name", Shape::Text),
        optional("FunctionVersion", Shape::Text),
        inert("Description", "it is for people"),
        inert("ProvisionedConcurrencyConfig", AT_ONCE),
        refused("RoutingConfig", ONE),
    ],
    naming: Naming::by("Name", 128, "-_"),
    extra: Some("FunctionName"),
    reference: alias_arn,
    attributes: &[("AliasArn", alias_arn)],
    plan: alias,
};

fn alias(identity: &Identity, _: &Properties<'_>) -> Fallible<Resource> {
    Ok(made(identity, &identity.name))
}
