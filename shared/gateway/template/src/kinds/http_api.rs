//! HTTP APIs of API Gateway: `AWS::ApiGatewayV2::Api` and its routes, integrations, stages, deployments and authorizers. SAM's
//! `AWS::Serverless::HttpApi` and `HttpApi` events become these.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, TEXTS, inert, optional, refused, required};
use serde::Serialize;
use serde_json::Value as Json;

/// What stands before the id of an HTTP API in paths of the gateway's own API: what follows is what follows the host name on AWS.
pub const EXECUTE_API: &str = "/_aws/execute-api/";

/// What an HTTP API consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HttpApiPart {
    /// The API itself.
    Api,
    /// Which requests go to which integration.
    Route,
    /// The function that answers.
    Integration,
    /// What stands at the beginning of a path, or nothing.
    Stage,
    /// A snapshot of the API, which here is always the newest.
    Deployment,
    /// Who lets callers in.
    Authorizer,
}

/// A part of an HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpApi {
    /// Which.
    pub part: HttpApiPart,
    /// Its id; the name of a stage.
    pub id: String,
    /// The id of the API that it belongs to.
    pub api: String,
    /// Its properties, as CloudFormation spells them.
    pub properties: Json,
}

const IAM: &str = "a function's resource policy decides here";
const PEOPLE: &str = "it is for people";
const DOMAIN: &str = "the API is reached by this gateway's address";
const LOGS: &str = "requests are not logged here";
const ROUTE_SETTINGS: &[Field] = &[
    optional("ThrottlingBurstLimit", Shape::Integer(0, 5_000_000)),
    optional("ThrottlingRateLimit", Shape::Text),
    inert("DetailedMetricsEnabled", "there are no metrics of API Gateway here"),
    inert("DataTraceEnabled", "it is of WebSocket APIs"),
    inert("LoggingLevel", "it is of WebSocket APIs"),
];

fn part(part: HttpApiPart, identity: &Identity, properties: &Properties<'_>) -> Resource {
    let of = properties.json.get("ApiId").and_then(Json::as_str);
    let id = match part {
        HttpApiPart::Stage => identity.name.clone(),
        _ => identity.short_id(),
    };
    let api = of.map_or_else(|| id.clone(), str::to_owned);
    Resource::HttpApi(HttpApi { part, id, api, properties: Json::Object(properties.json.clone()) })
}

pub(super) const API: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Api",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html",
    properties: &[
        optional("Name", Shape::Text),
        required("ProtocolType", Shape::Choice(&["HTTP", "WEBSOCKET"])),
        optional(
            "CorsConfiguration",
            Shape::Object(&[
                optional("AllowCredentials", Shape::Bool),
                optional("AllowHeaders", TEXTS),
                optional("AllowMethods", TEXTS),
                optional("AllowOrigins", TEXTS),
                optional("ExposeHeaders", TEXTS),
                optional("MaxAge", Shape::Integer(-1, 86_400)),
            ]),
        ),
        optional("DisableExecuteApiEndpoint", Shape::Bool),
        inert("Description", PEOPLE),
        inert("IpAddressType", DOMAIN),
        inert("Version", PEOPLE),
        refused("Body", "an API is made of its routes here: write them as resources, or as events of functions"),
        refused(
            "BodyS3Location",
            "an API is made of its routes here: write them as resources, or as events of functions",
        ),
        refused("Target", "name a route, an integration and a stage"),
        refused("RouteKey", "name a route, an integration and a stage"),
        refused("CredentialsArn", "name a route, an integration and a stage"),
        refused("BasePath", "it is of imported APIs"),
        refused("FailOnWarnings", "it is of imported APIs"),
        refused("ApiKeySelectionExpression", "it is of WebSocket APIs"),
        refused("DisableSchemaValidation", "it is of WebSocket APIs"),
        refused("RouteSelectionExpression", "it is of WebSocket APIs"),
        TAGS,
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::short_id,
    attributes: &[
        ("ApiId", Identity::short_id),
        ("ApiEndpoint", |identity| format!("{}{EXECUTE_API}{}", identity.queue_url_base, identity.short_id())),
    ],
    plan: |identity, properties| {
        if properties.json.get("ProtocolType").and_then(Json::as_str) == Some("WEBSOCKET") {
            return Err(properties.fault("ProtocolType", "may only be `HTTP`: WebSocket APIs are not implemented here"));
        }
        Ok(part(HttpApiPart::Api, identity, properties))
    },
};

pub(super) const ROUTE: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Route",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-route.html",
    properties: &[
        required("ApiId", Shape::Text),
        required("RouteKey", Shape::Text),
        optional("Target", Shape::Text),
        optional("AuthorizationType", Shape::Choice(&["NONE", "JWT", "CUSTOM", "AWS_IAM"])),
        optional("AuthorizerId", Shape::Text),
        optional("AuthorizationScopes", TEXTS),
        inert("OperationName", PEOPLE),
        refused("ApiKeyRequired", "it is of WebSocket APIs"),
        refused("ModelSelectionExpression", "it is of WebSocket APIs"),
        refused("RequestModels", "it is of WebSocket APIs"),
        refused("RequestParameters", "it is of WebSocket APIs"),
        refused("RouteResponseSelectionExpression", "it is of WebSocket APIs"),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::short_id,
    attributes: &[("RouteId", Identity::short_id)],
    plan: route,
};

fn route(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let text = |name: &str| properties.json.get(name).and_then(Json::as_str);
    match (text("AuthorizationType").unwrap_or("NONE"), text("AuthorizerId")) {
        ("AWS_IAM", _) => {
            Err(properties.fault("AuthorizationType", "may not be `AWS_IAM` here: that is not implemented"))
        }
        ("NONE", Some(_)) => Err(properties.fault("AuthorizerId", "wants an `AuthorizationType` of `JWT` or `CUSTOM`")),
        ("JWT" | "CUSTOM", None) => Err(properties.fault("AuthorizationType", "wants an `AuthorizerId`")),
        _ => Ok(part(HttpApiPart::Route, identity, properties)),
    }
}

pub(super) const INTEGRATION: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Integration",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-integration.html",
    properties: &[
        required("ApiId", Shape::Text),
        required("IntegrationType", Shape::Choice(&["AWS_PROXY", "HTTP_PROXY", "AWS", "HTTP", "MOCK"])),
        required("IntegrationUri", Shape::Text),
        optional("PayloadFormatVersion", Shape::Choice(&["1.0", "2.0"])),
        optional("TimeoutInMillis", Shape::Integer(50, 30_000)),
        inert("IntegrationMethod", "functions are invoked by POST"),
        inert("Description", PEOPLE),
        inert("CredentialsArn", IAM),
        inert("ConnectionType", "functions are reached here whatever it says"),
        refused("ConnectionId", "there is no VPC here"),
        refused("ContentHandlingStrategy", "it is of WebSocket APIs"),
        refused("IntegrationSubtype", "only functions are integrated here"),
        refused("PassthroughBehavior", "it is of WebSocket APIs"),
        refused("RequestParameters", "requests are handed on as they come"),
        refused("RequestTemplates", "it is of WebSocket APIs"),
        refused("ResponseParameters", "responses are handed on as they come"),
        refused("TemplateSelectionExpression", "it is of WebSocket APIs"),
        refused("TlsConfig", "only functions are integrated here"),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::short_id,
    attributes: &[("IntegrationId", Identity::short_id)],
    plan: |identity, properties| match properties.json.get("IntegrationType").and_then(Json::as_str) {
        Some("AWS_PROXY") => Ok(part(HttpApiPart::Integration, identity, properties)),
        _ => {
            Err(properties
                .fault("IntegrationType", "may only be `AWS_PROXY`: other integrations are not implemented here"))
        }
    },
};

pub(super) const STAGE: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Stage",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-stage.html",
    properties: &[
        required("ApiId", Shape::Text),
        required("StageName", Shape::Text),
        optional("DefaultRouteSettings", Shape::Object(ROUTE_SETTINGS)),
        optional("RouteSettings", Shape::Document),
        optional("StageVariables", Shape::TextMap),
        inert("AutoDeploy", "a stage is always of the newest deployment here"),
        inert("DeploymentId", "a stage is always of the newest deployment here"),
        inert("AccessLogSettings", LOGS),
        inert("AccessPolicyId", "it is of WebSocket APIs"),
        inert("Description", PEOPLE),
        refused("ClientCertificateId", "it is of WebSocket APIs"),
        TAGS,
    ],
    naming: Naming::by("StageName", 128, "-_$"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |identity, properties| Ok(part(HttpApiPart::Stage, identity, properties)),
};

pub(super) const DEPLOYMENT: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Deployment",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-deployment.html",
    properties: &[
        required("ApiId", Shape::Text),
        inert("Description", PEOPLE),
        inert("StageName", "a stage is always of the newest deployment here"),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::short_id,
    attributes: &[("DeploymentId", Identity::short_id)],
    plan: |identity, properties| Ok(part(HttpApiPart::Deployment, identity, properties)),
};

pub(super) const AUTHORIZER: Kind = Kind {
    type_: "AWS::ApiGatewayV2::Authorizer",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-authorizer.html",
    properties: &[
        required("ApiId", Shape::Text),
        required("Name", Shape::Text),
        required("AuthorizerType", Shape::Choice(&["JWT", "REQUEST"])),
        optional("IdentitySource", TEXTS),
        optional("JwtConfiguration", Shape::Object(&[required("Audience", TEXTS), required("Issuer", Shape::Text)])),
        optional("AuthorizerUri", Shape::Text),
        optional("AuthorizerPayloadFormatVersion", Shape::Choice(&["1.0", "2.0"])),
        optional("EnableSimpleResponses", Shape::Bool),
        optional("AuthorizerCredentialsArn", Shape::Text),
        inert("AuthorizerResultTtlInSeconds", "the function is asked for each request here"),
        refused("IdentityValidationExpression", "it is not of HTTP APIs"),
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::short_id,
    attributes: &[("AuthorizerId", Identity::short_id)],
    plan: authorizer,
};

fn authorizer(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let (type_, wanted) = match properties.json.get("AuthorizerType").and_then(Json::as_str) {
        Some("JWT") => ("JWT", ["JwtConfiguration", "IdentitySource"]),
        _ => ("REQUEST", ["AuthorizerUri", "AuthorizerPayloadFormatVersion"]),
    };
    match wanted.into_iter().find(|name| !properties.json.contains_key(*name)) {
        Some(missing) => Err(properties.fault("AuthorizerType", format!("`{type_}` wants `{missing}`"))),
        None => Ok(part(HttpApiPart::Authorizer, identity, properties)),
    }
}
