//! `AWS::Lambda::EventInvokeConfig`.

use super::{Identity, Kind, Properties, Resource, function_name};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

/// How a function's asynchronous invokes are retried, and where they end.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventInvokeConfig {
    /// The function's name.
    pub function: String,
    /// The version or alias; `$LATEST` for the function itself.
    pub qualifier: String,
    /// 0 to 2; 2 where the template says nothing.
    pub maximum_retry_attempts: u32,
    /// 60 to 21600; 21600 where the template says nothing.
    pub maximum_event_age_in_seconds: u32,
    /// The ARN of a queue, topic, function, event bus or bucket that hears of successes.
    pub on_success: Option<String>,
    /// The ARN of what hears of failures.
    pub on_failure: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    function_name: String,
    qualifier: String,
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u32>,
    #[serde(default)]
    destination_config: Destinations,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Destinations {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    destination: String,
}

const DESTINATION: Shape = Shape::Object(&[required("Destination", Shape::Text)]);

pub(super) const KIND: Kind = Kind {
    type_: "AWS::Lambda::EventInvokeConfig",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventinvokeconfig.html",
    properties: &[
        required("FunctionName", Shape::Text),
        required("Qualifier", Shape::Text),
        optional("MaximumEventAgeInSeconds", Shape::Integer(60, 21_600)),
        optional("MaximumRetryAttempts", Shape::Integer(0, 2)),
        optional(
            "DestinationConfig",
            Shape::Object(&[optional("OnFailure", DESTINATION), optional("OnSuccess", DESTINATION)]),
        ),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan,
};

fn plan(_: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let destination = |destination: Option<Destination>| destination.map(|given| given.destination);
    Ok(Resource::EventInvokeConfig(EventInvokeConfig {
        function: function_name(&given.function_name).0.to_owned(),
        qualifier: given.qualifier,
        maximum_retry_attempts: given.maximum_retry_attempts.unwrap_or(2),
        maximum_event_age_in_seconds: given.maximum_event_age_in_seconds.unwrap_or(21_600),
        on_success: destination(given.destination_config.on_success),
        on_failure: destination(given.destination_config.on_failure),
    }))
}
