//! What functions get ("Working with AWS Lambda proxy integrations for HTTP APIs", payload formats 2.0 and 1.0).

use super::routing::{Asked, Found, decoded};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use drydock_core::{Scope, Timestamp};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, COOKIE, USER_AGENT};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What is known of a request besides what it says.
pub(super) struct Setting<'a> {
    pub(super) api: &'a str,
    pub(super) scope: &'a Scope,
    pub(super) request_id: &'a str,
    pub(super) at: Timestamp,
    /// `authorizer` of the request's context, where somebody let it in.
    pub(super) authorizer: Option<Value>,
}

impl Setting<'_> {
    pub(super) fn domain(&self) -> String {
        let suffix = if self.scope.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{}.execute-api.{}.{suffix}", self.api, self.scope.region)
    }
}

/// A body as functions get it, and whether it is in base64: what is not text is.
fn body(headers: &HeaderMap, body: &Bytes) -> Option<(String, bool)> {
    if body.is_empty() {
        return None;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("text/plain");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml")
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => Some((text.to_owned(), false)),
        _ => Some((STANDARD.encode(body), true)),
    }
}

/// The headers by name, each with all its values. Who sends the request is what the gateway has seen.
fn headers(asked: &Asked) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &asked.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.as_str().to_owned()).or_default().push(value);
    }
    all.insert("x-forwarded-for".to_owned(), vec![asked.source.to_string()]);
    all.insert("x-forwarded-proto".to_owned(), vec!["http".to_owned()]);
    all
}

fn query(asked: &Asked) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(asked.query.as_bytes()) {
        all.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    all
}

fn joined(all: BTreeMap<String, Vec<String>>) -> Value {
    all.into_iter().map(|(name, values)| (name, Value::String(values.join(",")))).collect::<Map<_, _>>().into()
}

fn last(all: &BTreeMap<String, Vec<String>>) -> Value {
    let one = |(name, values): (&String, &Vec<String>)| (name.clone(), json!(values.last()));
    all.iter().map(one).collect::<Map<_, _>>().into()
}

fn agent(asked: &Asked) -> &str {
    asked.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

/// `12/Mar/2020:19:03:58 +0000`.
fn time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// The event of format 2.0.
pub(super) fn second(setting: &Setting<'_>, asked: &Asked, found: &Found, sent: &Bytes) -> Value {
    let path = decoded(&asked.path);
    let mut headers = headers(asked);
    let cookies = headers.remove(COOKIE.as_str()).unwrap_or_default();
    let cookies: Vec<&str> = cookies.iter().flat_map(|line| line.split(';')).map(str::trim).collect();
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.route.route_key,
        "rawPath": path,
        "rawQueryString": asked.query,
        "headers": joined(headers),
        "requestContext": {
            "accountId": setting.scope.account.as_str(),
            "apiId": setting.api,
            "domainName": setting.domain(),
            "domainPrefix": setting.api,
            "http": {
                "method": asked.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": asked.source.to_string(),
                "userAgent": agent(asked),
            },
            "requestId": setting.request_id,
            "routeKey": found.route.route_key,
            "stage": found.stage.stage_name,
            "time": time(setting.at),
            "timeEpoch": setting.at.millis(),
        },
        "isBase64Encoded": false,
    });
    if let Some(context) = event.get_mut("requestContext").and_then(Value::as_object_mut)
        && let Some(authorizer) = &setting.authorizer
    {
        context.insert("authorizer".to_owned(), authorizer.clone());
    }
    let Some(object) = event.as_object_mut() else { return event };
    if !cookies.is_empty() {
        object.insert("cookies".to_owned(), json!(cookies));
    }
    let query = query(asked);
    if !query.is_empty() {
        object.insert("queryStringParameters".to_owned(), joined(query));
    }
    if !found.parameters.is_empty() {
        object.insert("pathParameters".to_owned(), json!(found.parameters));
    }
    if !found.stage.stage_variables.is_empty() {
        object.insert("stageVariables".to_owned(), json!(found.stage.stage_variables));
    }
    if let Some((text, is_base64)) = body(&asked.headers, sent) {
        object.insert("body".to_owned(), json!(text));
        object.insert("isBase64Encoded".to_owned(), json!(is_base64));
    }
    event
}

/// The event of format 1.0.
pub(super) fn first(setting: &Setting<'_>, asked: &Asked, found: &Found, sent: &Bytes) -> Value {
    let path = decoded(&asked.path);
    let resource = found.route.route_key.split_once(' ').map_or("$default", |(_, path)| path);
    let (headers, query) = (headers(asked), query(asked));
    let text = body(&asked.headers, sent);
    let is_base64 = text.as_ref().is_some_and(|(_, is_base64)| *is_base64);
    let or_null = |is_empty: bool, value: Value| if is_empty { Value::Null } else { value };
    let mut event = json!({
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": asked.method.as_str(),
        "headers": last(&headers),
        "multiValueHeaders": headers,
        "queryStringParameters": or_null(query.is_empty(), last(&query)),
        "multiValueQueryStringParameters": or_null(query.is_empty(), json!(query)),
        "requestContext": {
            "accountId": setting.scope.account.as_str(),
            "apiId": setting.api,
            "domainName": setting.domain(),
            "domainPrefix": setting.api,
            "extendedRequestId": setting.request_id,
            "httpMethod": asked.method.as_str(),
            "identity": {
                "accessKey": null, "accountId": null, "caller": null, "cognitoAmr": null,
                "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null, "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null, "principalOrgId": null, "sourceIp": asked.source.to_string(), "user": null,
                "userAgent": agent(asked), "userArn": null,
            },
            "path": path,
            "protocol": "HTTP/1.1",
            "requestId": setting.request_id,
            "requestTime": time(setting.at),
            "requestTimeEpoch": setting.at.millis(),
            "resourceId": found.route.route_key,
            "resourcePath": resource,
            "stage": found.stage.stage_name,
        },
        "pathParameters": or_null(found.parameters.is_empty(), json!(found.parameters)),
        "stageVariables": or_null(found.stage.stage_variables.is_empty(), json!(found.stage.stage_variables)),
        "body": text.map(|(text, _)| text),
        "isBase64Encoded": is_base64,
    });
    if let Some(context) = event.get_mut("requestContext").and_then(Value::as_object_mut)
        && let Some(authorizer) = &setting.authorizer
    {
        // What format 2.0 has below `jwt` or `lambda` stands here itself.
        let of = authorizer.get("jwt").or_else(|| authorizer.get("lambda")).unwrap_or(authorizer);
        context.insert("authorizer".to_owned(), of.clone());
    }
    event
}
