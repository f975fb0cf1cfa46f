//! The API endpoint: every AWS service on one port, told apart by the SigV4 scope.
//!
//! - [`http`]: serving HTTP on a connection.
//! - [`lines`]: answers that go on while the caller listens.
//! - [`service`]: which service a request is for.
//! - [`admin`]: `/_drydock/…`, the gateway's own few paths.
//! - [`control`]: the operations of AWS IoT, one line each, handed to the rulebooks.
//! - [`device`]: what a device reaches with its certificate: HTTPS publish. [`credentials`]: credentials by a role alias.
//! - [`s3`]: requests to S3, whose bodies are not read whole.
//! - [`signature`]: who signed a request.
//! - [`websocket`]: who may open a WebSocket for MQTT.

pub mod admin;
pub mod control;
pub mod credentials;
pub mod device;
pub mod http;
pub mod lines;
pub mod s3;
pub mod service;
pub mod signature;
pub mod websocket;

use crate::gateway::Gateway;
use ::http::{HeaderValue, Request, Response, StatusCode};
use bytes::Bytes;
use control::Call;
use drydock_core::Ids;
use service::{CredentialScope, Service};
use std::net::SocketAddr;

/// Answers one request.
pub async fn handle(gateway: &Gateway, request: Request<Bytes>, remote: SocketAddr) -> Response<Bytes> {
    let path = request.uri().path();
    if path.starts_with("/_drydock/") {
        return admin::handle(gateway, &request).await;
    }
    let scope = service::credential_scope(request.headers(), request.uri().query().unwrap_or_default());
    let service = match service::of(scope.as_ref(), request.headers(), path) {
        Ok(service) => service,
        Err(name) => return unknown_service(&name),
    };
    if let Some(refusal) = scope.and_then(|scope| wrong_region(gateway, &scope)) {
        return refusal;
    }
    if let Err(why) = signature::of_request(gateway, service, &request) {
        if service == Service::Iot(drydock_model::Service::IotData) {
            signature::log(gateway, &request, remote, &why);
        }
        return signature::denied(gateway, service, &why);
    }
    match service {
        Service::Cloud(service) => gateway.cloud().handle(service, request).await,
        Service::Iot(service) => {
            iot(Call { gateway: gateway.clone(), source: remote, device: None }, service, request).await
        }
    }
}

/// Hands a request to the operations of AWS IoT.
async fn iot(call: Call, service: drydock_model::Service, request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let request = drydock_model::Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    };
    let gateway = call.gateway.clone();
    let answer = gateway.router().call(call, service, &request).await;
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (::http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    with_request_id(&gateway, response)
}

/// Adds the id that AWS's support would ask for.
fn with_request_id(gateway: &Gateway, mut response: Response<Bytes>) -> Response<Bytes> {
    if let Ok(id) = HeaderValue::try_from(gateway.books().ids.uuid().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn unknown_service(name: &str) -> Response<Bytes> {
    http::json_error(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplementedException",
        &format!(
            "`{name}` is not a service of this gateway; it serves iot, iotdata, iot-jobs-data, lambda, dynamodb, s3, sns, sqs and sts"
        ),
    )
}

/// State is of one account and region; a caller of another region gets told so instead of an empty world.
fn wrong_region(gateway: &Gateway, scope: &CredentialScope) -> Option<Response<Bytes>> {
    let here = &gateway.books().scope.region;
    (scope.region != here.as_str()).then(|| {
        http::json_error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestException",
            &format!(
                "the request is signed for region `{}`, this gateway plays `{here}`: set AWS_REGION={here}, or start it with --region {}",
                scope.region, scope.region
            ),
        )
    })
}
