//! What an HTTP API consists of, as CloudFormation spells it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of an API, to be made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The API itself.
    Api,
    /// A route.
    Route,
    /// An integration.
    Integration,
    /// A stage.
    Stage,
    /// An authorizer.
    Authorizer,
}

/// `AWS::ApiGatewayV2::Api`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct ApiProperties {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What browsers are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors_configuration: Option<Cors>,
    /// Whether it is not to be reached by its own name.
    #[serde(default)]
    pub disable_execute_api_endpoint: bool,
}

/// `CorsConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"), default)]
pub struct Cors {
    /// Whether pages may send cookies.
    pub allow_credentials: bool,
    /// The headers that pages may send.
    pub allow_headers: Vec<String>,
    /// The methods that they may use.
    pub allow_methods: Vec<String>,
    /// The pages that may call.
    pub allow_origins: Vec<String>,
    /// The headers that they may read.
    pub expose_headers: Vec<String>,
    /// For how many seconds browsers may remember it.
    pub max_age: Option<i64>,
}

/// `AWS::ApiGatewayV2::Route`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Route {
    /// `GET /items/{id}`, or `$default`.
    pub route_key: String,
    /// `integrations/ID`.
    #[serde(default)]
    pub target: Option<String>,
    /// `NONE`, `JWT` or `CUSTOM`.
    #[serde(default = "none")]
    pub authorization_type: String,
    /// The authorizer.
    #[serde(default)]
    pub authorizer_id: Option<String>,
    /// The scopes of which a token has to have one.
    #[serde(default)]
    pub authorization_scopes: Vec<String>,
}

fn none() -> String {
    "NONE".to_owned()
}

/// `AWS::ApiGatewayV2::Integration`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Integration {
    /// `AWS_PROXY`.
    pub integration_type: String,
    /// The function.
    pub integration_uri: String,
    /// `1.0` or `2.0`.
    #[serde(default = "first_format")]
    pub payload_format_version: String,
    /// How long it may take, in milliseconds.
    #[serde(default = "longest")]
    pub timeout_in_millis: u64,
}

fn first_format() -> String {
    "1.0".to_owned()
}

/// "Integration timeout: 30 seconds" ("Quotas for HTTP APIs").
fn longest() -> u64 {
    30_000
}

/// `AWS::ApiGatewayV2::Stage`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Stage {
    /// Its name.
    pub stage_name: String,
    /// How much is let through where the route says nothing.
    #[serde(default)]
    pub default_route_settings: RouteSettings,
    /// How much is let through, by the route's key.
    #[serde(default)]
    pub route_settings: BTreeMap<String, RouteSettings>,
    /// What functions get.
    #[serde(default)]
    pub stage_variables: BTreeMap<String, String>,
}

/// How much is let through.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct RouteSettings {
    /// How many requests at once.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<f64>,
    /// How many a second in the long run.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
}

/// A number, or a text that reads as one, as templates have it.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(f64),
        Text(String),
    }
    let number = match Given::deserialize(deserializer)? {
        Given::Number(number) => number,
        Given::Text(text) => text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is not a number")))?,
    };
    match number >= 0.0 {
        true => Ok(Some(number)),
        false => Err(serde::de::Error::custom(format!("`{number}` is not a number of requests"))),
    }
}

/// `AWS::ApiGatewayV2::Authorizer`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct Authorizer {
    /// Its name.
    pub name: String,
    /// `JWT` or `REQUEST`.
    pub authorizer_type: String,
    /// Where a request says who sends it.
    #[serde(default)]
    pub identity_source: Vec<String>,
    /// Whose tokens are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt_configuration: Option<JwtConfiguration>,
    /// The function that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// The format of what it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_payload_format_version: Option<String>,
    /// Whether it answers with a truth value rather than a policy.
    #[serde(default)]
    pub enable_simple_responses: bool,
    /// The role by which it is invoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_credentials_arn: Option<String>,
}

/// `JwtConfiguration`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "PascalCase", serialize = "camelCase"))]
pub struct JwtConfiguration {
    /// Whom tokens have to be meant for, one of them.
    pub audience: Vec<String>,
    /// Who has to have issued them.
    pub issuer: String,
}

/// The function that an integration's URI means, by name or ARN.
pub(super) fn function_of(uri: &str) -> String {
    let arn = uri.split_once("/functions/").and_then(|(_, rest)| rest.strip_suffix("/invocations"));
    arn.unwrap_or(uri).to_owned()
}
