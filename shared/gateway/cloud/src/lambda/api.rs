//! The Lambda API, as far as one invokes functions and looks at them. Other operations are refused by name: functions come
//! from the template.

use super::error::LambdaError;
use super::{Function, Lambda, SERVICE};
use crate::error::CloudError;
use crate::stand_in::{Parcel, Refusal, Service, StandIn, Why};
use crate::wire::{self, set_header};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use drydock_core::Arn;
use drydock_timers::Due;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;

const JSON: &str = "application/json";
const FUNCTIONS: &str = "/2015-03-31/functions";

impl Due for Lambda {}

#[async_trait]
impl StandIn for Lambda {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes> {
        answer(&self, &request, request_id).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let (status, code) = match refusal.why {
            Why::Denied => (403, refusal.code),
            Why::Throttled => (429, "TooManyRequestsException"),
            Why::Failed => (500, "ServiceException"),
        };
        wire::rest_error(status, code, &json!({ "message": refusal.message }))
    }

    /// An event for a function, which may have to allow it.
    async fn take(self: Arc<Self>, to: &Arn, parcel: Parcel) -> Result<(), String> {
        let event = parcel.body.into();
        let accepted = match &parcel.sender {
            Some((principal, source)) => self.invoke_from(principal, source, to.as_str(), event).await,
            None => self.invoke_async(to.as_str(), event).await,
        };
        accepted.map(|_| ()).map_err(|e| format!("{}: {e}", e.code()))
    }

    fn check(&self, to: &Arn, (principal, source): (&'static str, &Arn)) -> Result<(), String> {
        self.check_permission(principal, source, to.as_str()).map_err(|error| error.to_string())
    }

    fn resume(self: Arc<Self>) {
        self.resume_events();
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn answer(lambda: &Arc<Lambda>, request: &Request<Bytes>, request_id: &str) -> Response<Bytes> {
    match dispatch(lambda, request, request_id).await {
        Ok(response) => response,
        Err(error) => {
            let kind = if error.status() < 500 { "User" } else { "Server" };
            let mut body = json!({"Type": kind, "Message": error.to_string()});
            if let (LambdaError::Throttled, Value::Object(map)) = (&error, &mut body) {
                map.insert("Reason".into(), "ReservedFunctionConcurrentInvocationLimitExceeded".into());
            }
            wire::rest_error(error.status(), error.code(), &body)
        }
    }
}

async fn dispatch(
    lambda: &Arc<Lambda>,
    request: &Request<Bytes>,
    request_id: &str,
) -> Result<Response<Bytes>, LambdaError> {
    let (method, path) = (request.method(), request.uri().path());
    let unknown = || LambdaError::NotImplemented(format!("{method} {path}"));
    let rest = path.strip_prefix(FUNCTIONS).ok_or_else(unknown)?.trim_matches('/');
    let segments: Vec<&str> = rest.split('/').collect();
    match (method, segments.as_slice()) {
        (&Method::GET, [""]) => Ok(list(lambda, request.uri().query())),
        (&Method::GET, [name]) => {
            let function = lambda.function(&reference(name, request.uri().query()))?;
            let definition = function.definition();
            let mut answer = json!({
                "Configuration": configuration(lambda, &function),
                "Code": {"RepositoryType": "local", "Location": format!("file://{}", definition.code().display())},
            });
            if let (Some(reserved), Value::Object(map)) = (definition.max_concurrency, &mut answer) {
                map.insert("Concurrency".into(), json!({"ReservedConcurrentExecutions": reserved}));
            }
            Ok(wire::response(200, JSON, answer.to_string()))
        }
        (&Method::GET, [name, "configuration"]) => {
            let function = lambda.function(&reference(name, request.uri().query()))?;
            Ok(wire::response(200, JSON, configuration(lambda, &function).to_string()))
        }
        (&Method::POST, [name, "invocations"]) => {
            invoke(lambda, &reference(name, request.uri().query()), request, request_id).await
        }
        _ => Err(unknown()),
    }
}

/// The function that a path and the query parameter `Qualifier` name.
fn reference(segment: &str, query: Option<&str>) -> String {
    let name = percent_decode_str(segment).decode_utf8_lossy().into_owned();
    match parameter(query, "Qualifier") {
        Some(qualifier) if !name.ends_with(&format!(":{qualifier}")) => format!("{name}:{qualifier}"),
        _ => name,
    }
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn invoke(
    lambda: &Arc<Lambda>,
    function: &str,
    request: &Request<Bytes>,
    request_id: &str,
) -> Result<Response<Bytes>, LambdaError> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let payload = request.body().clone();
    let unknown = |what: &str, value: &str| LambdaError::InvalidParameter(format!("`{value}` is not a valid {what}"));
    let client_context = match header("x-amz-client-context") {
        None => None,
        Some(text) => {
            let bytes = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let context = bytes.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
            Some(context.ok_or_else(|| unknown("client context: it must be Base64 of JSON", text))?)
        }
    };
    match header("x-amz-invocation-type").unwrap_or("RequestResponse") {
        "RequestResponse" => {
            let tail = match header("x-amz-log-type").unwrap_or("None") {
                "None" => false,
                "Tail" => true,
                other => return Err(unknown("log type", other)),
            };
            let invoked = lambda.invoke_as(function, payload, request_id, client_context).await?;
            let mut response = wire::response(200, JSON, invoked.payload);
            set_header(&mut response, "x-amz-executed-version", "$LATEST");
            if let Some(error) = invoked.function_error {
                set_header(&mut response, "x-amz-function-error", error);
            }
            if tail {
                set_header(&mut response, "x-amz-log-result", &BASE64.encode(invoked.log_tail));
            }
            Ok(response)
        }
        "Event" => {
            let id = lambda.invoke_async(function, payload).await?;
            let mut response = wire::response(202, JSON, Bytes::new());
            set_header(&mut response, "x-amzn-requestid", &id);
            Ok(response)
        }
        "DryRun" => {
            lambda.function(function)?;
            super::error::check_payload(&payload, super::MAX_PAYLOAD)?;
            Ok(wire::response(204, JSON, Bytes::new()))
        }
        other => Err(unknown("invocation type", other)),
    }
}

fn list(lambda: &Lambda, query: Option<&str>) -> Response<Bytes> {
    let after = parameter(query, "Marker").unwrap_or_default();
    let max = parameter(query, "MaxItems").and_then(|max| max.parse().ok()).unwrap_or(50).clamp(1, 50);
    let all: Vec<_> = lambda.functions().into_iter().filter(|function| function.definition().name > after).collect();
    let shown: Vec<Value> = all.iter().take(max).map(|function| configuration(lambda, function)).collect();
    let mut answer = json!({"Functions": shown});
    if let (true, Some(last), Value::Object(map)) = (all.len() > max, all.get(max - 1), &mut answer) {
        map.insert("NextMarker".into(), last.definition().name.clone().into());
    }
    wire::response(200, JSON, answer.to_string())
}

fn configuration(lambda: &Lambda, function: &Function) -> Value {
    let definition = function.definition();
    let events = &definition.events;
    let mut answer = json!({
        "FunctionName": definition.name,
        "FunctionArn": lambda.arn(&definition.name).as_str(),
        "Runtime": definition.runtime,
        "Role": definition.role,
        "Handler": definition.handler,
        "CodeSize": std::fs::metadata(definition.code()).map_or(0, |file| file.len()),
        "Description": definition.description,
        "Timeout": definition.timeout,
        "MemorySize": definition.memory,
        "Version": "$LATEST",
        "PackageType": "Zip",
        "Architectures": [definition.architecture],
        "State": "Active",
        "LastUpdateStatus": "Successful",
    });
    if let Value::Object(map) = &mut answer {
        if !definition.environment.is_empty() {
            map.insert("Environment".into(), json!({"Variables": definition.environment}));
        }
        if let Some(target) = &events.dead_letter {
            map.insert("DeadLetterConfig".into(), json!({"TargetArn": target.as_str()}));
        }
    }
    answer
}
