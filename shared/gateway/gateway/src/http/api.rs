//! The API endpoint: every AWS service on one port, told apart by the SigV4 scope.

use super::answer::{json_error, with_request_id};
use super::operations::{iot, wrong_region};
use super::service::{self, Service};
use super::{admin, signature};
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_services::call::Call;
use http::{Request, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

/// Answers one request.
pub async fn handle(gateway: &Gateway, request: Request<Bytes>, remote: SocketAddr) -> Response<Bytes> {
    let path = request.uri().path();
    if path.starts_with("/_drydock/") {
        return admin::handle(gateway, &request).await;
    }
    let scope = service::credential_scope(request.headers(), request.uri().query().unwrap_or_default());
    let service = match service::of(scope.as_ref(), request.headers(), path) {
        Ok(service) => service,
        Err(name) => return in_form_of(gateway, &request, unknown_service(&name)),
    };
    if let Some(refusal) = scope.and_then(|scope| wrong_region(gateway, &scope)) {
        return in_form_of(gateway, &request, refusal);
    }
    let signer = match signature::of_request(gateway, service, &request) {
        Ok(signer) => signer,
        Err(why) => {
            if service == Service::Iot(drydock_model::Service::IotData) {
                signature::log(gateway, &request, remote, &why);
            }
            return signature::denied(gateway, service, &why);
        }
    };
    match service {
        Service::Cloud(service) => gateway.host.cloud.handle(service, request).await,
        Service::Iot(service) => {
            iot(
                gateway,
                Call { services: Arc::clone(&gateway.services), source: remote, device: None, signer },
                service,
                request,
            )
            .await
        }
    }
}

/// A refusal in the form that the caller reads: clients of the query protocol, such as those of IAM and CloudFormation, read
/// XML.
fn in_form_of(gateway: &Gateway, request: &Request<Bytes>, refusal: Response<Bytes>) -> Response<Bytes> {
    let form = request.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let speaks_query = form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        || service::query_value(request.uri().query().unwrap_or_default(), "Action").is_some();
    if !speaks_query {
        return refusal;
    }
    let code = refusal.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(refusal.body()).unwrap_or_default();
    let message = body.get("message").and_then(serde_json::Value::as_str).unwrap_or_default();
    let id = gateway.host.books.ids.uuid().to_string();
    let code = code.strip_suffix("Exception").unwrap_or(code);
    let answer = drydock_cloud::service::query_error(refusal.status().as_u16(), code, message, &id);
    with_request_id(gateway, answer)
}

fn unknown_service(name: &str) -> Response<Bytes> {
    json_error(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplementedException",
        &format!(
            "`{name}` is not a service of this gateway; it serves iot, iotdata, iot-jobs-data, lambda, dynamodb, s3, sns, sqs and sts"
        ),
    )
}
