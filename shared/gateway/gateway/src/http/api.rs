//! The API endpoint: every AWS service on one port, told apart by the SigV4 scope.

use super::answer::json_error;
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
        Service::Cloud(service) => gateway.host.cloud.handle(service, request).await,
        Service::Iot(service) => {
            iot(
                gateway,
                Call { services: Arc::clone(&gateway.services), source: remote, device: None },
                service,
                request,
            )
            .await
        }
    }
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
