//! SAM's `Globals`: properties shared by all resources of a type.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>:
//! mappings are merged, lists are concatenated with the global items first, and of two other values the resource's own
//! wins. An intrinsic function counts as one value.

use crate::document::{Declared, unknown};
use crate::error::Fallible;
use crate::node::{Entry, Node, Value};

const SECTIONS: &[&str] =
    &["Function", "Api", "HttpApi", "SimpleTable", "StateMachine", "LayerVersion", "CapacityProvider", "WebSocketApi"];

const FUNCTION: &[&str] = &[
    "Handler",
    "Runtime",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "Tags",
    "PropagateTags",
    "Tracing",
    "KmsKeyArn",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "Layers",
    "DeploymentPreference",
    "RolePath",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "AssumeRolePolicyDocument",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "FunctionUrlConfig",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "RecursiveLoop",
    "SourceKMSKeyArn",
    "TenancyConfig",
    "DurableConfig",
    "CapacityProviderConfig",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "VersionDeletionPolicy",
];

const SIMPLE_TABLE: &[&str] = &["SSESpecification"];

const HTTP_API: &[&str] = &[
    "Auth",
    "AccessLogSettings",
    "StageVariables",
    "Tags",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "Domain",
    "RouteSettings",
    "FailOnWarnings",
    "PropagateTags",
];

/// Merges the globals into the resources they are for.
pub(crate) fn apply(globals: &Node, resources: &mut [Declared]) -> Fallible<()> {
    for section in globals.want_map("`Globals`")? {
        let (type_, known) = match section.key.as_str() {
            "Function" => ("AWS::Serverless::Function", FUNCTION),
            "SimpleTable" => ("AWS::Serverless::SimpleTable", SIMPLE_TABLE),
            "HttpApi" => ("AWS::Serverless::HttpApi", HTTP_API),
            // Globals of types that exist on AWS alone: the resources themselves are judged, not their globals.
            key if SECTIONS.contains(&key) => continue,
            _ => return Err(unknown(section, "`Globals`", SECTIONS)),
        };
        let what = format!("`Globals.{}`", section.key);
        for property in section.value.want_map(&what)? {
            if !known.contains(&property.key.as_str()) {
                return Err(unknown(property, &what, known));
            }
        }
        for resource in resources.iter_mut().filter(|resource| resource.type_ == type_) {
            let kept = section.value.entries().iter().filter(|entry| {
                !resource.ignored_globals.iter().any(|ignored| ignored == "*" || *ignored == entry.key)
            });
            let kept = Node { span: section.value.span, value: Value::Map(kept.cloned().collect()) };
            resource.properties = merge(&kept, &resource.properties);
        }
    }
    Ok(())
}

fn merge(global: &Node, local: &Node) -> Node {
    let value = match (&global.value, &local.value) {
        (Value::Map(globals), Value::Map(locals)) if global.intrinsic().is_none() && local.intrinsic().is_none() => {
            let mut merged: Vec<Entry> = globals.clone();
            for own in locals {
                match merged.iter_mut().find(|entry| entry.key == own.key) {
                    Some(entry) => *entry = Entry { value: merge(&entry.value, &own.value), ..own.clone() },
                    None => merged.push(own.clone()),
                }
            }
            Value::Map(merged)
        }
        (Value::List(globals), Value::List(locals)) => Value::List(globals.iter().chain(locals).cloned().collect()),
        _ => local.value.clone(),
    };
    Node { span: local.span, value }
}
