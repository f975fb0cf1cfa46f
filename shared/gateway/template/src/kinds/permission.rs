//! `AWS::Lambda::Permission`.

use super::{Identity, Kind, Properties, Resource, function_name};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, optional, refused, required};
use serde::{Deserialize, Serialize};

/// Who may invoke a function: a statement of its resource policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LambdaPermission {
    /// The statement's id.
    pub statement_id: String,
    /// The function's name.
    pub function: String,
    /// The version or alias that the permission is for.
    pub qualifier: Option<String>,
    /// For example `lambda:InvokeFunction`.
    pub action: String,
    /// For example `iot.amazonaws.com`.
    pub principal: String,
    /// The ARN that may invoke, with `*` and `?`.
    pub source_arn: Option<String>,
    /// The account that may invoke.
    pub source_account: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    function_name: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
}

pub(super) const KIND: Kind = Kind {
    type_: "AWS::Lambda::Permission",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-permission.html",
    properties: &[
        required("FunctionName", Shape::Text),
        required("Action", Shape::Text),
        required("Principal", Shape::Text),
        optional("SourceArn", Shape::Text),
        optional("SourceAccount", Shape::Text),
        refused("EventSourceToken", "Alexa skills do not invoke functions here"),
        refused("FunctionUrlAuthType", "functions have no URL here"),
        refused("InvokedViaFunctionUrl", "functions have no URL here"),
        refused("PrincipalOrgID", "there are no organizations here"),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Id", |identity| identity.name.clone())],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let (function, qualifier) = function_name(&given.function_name);
    Ok(Resource::LambdaPermission(LambdaPermission {
        statement_id: identity.name.clone(),
        function: function.to_owned(),
        qualifier: qualifier.map(str::to_owned),
        action: given.action,
        principal: given.principal,
        source_arn: given.source_arn,
        source_account: given.source_account,
    }))
}
