//! What a device reaches over HTTPS with its certificate: the data plane, judged by its policies. Signed requests on the same
//! port go the way of the API endpoint.

use super::control::Call;
use super::http::{json, json_error};
use crate::gate::{HttpsSession, Standing};
use crate::gateway::Gateway;
use crate::listen::TlsPeer;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;

/// Answers one request of a device.
pub async fn handle(gateway: &Gateway, request: Request<Bytes>, tls: &TlsPeer, remote: SocketAddr) -> Response<Bytes> {
    if let Some(alias) = super::credentials::role_alias(request.uri().path(), tls.server_name.as_deref()) {
        return super::credentials::handle(gateway, &request, &alias, tls, remote).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let signed = super::service::credential_scope(request.headers(), query).is_some();
    if signed || request.uri().path().starts_with("/_drydock/") {
        return super::handle(gateway, request, remote).await;
    }
    if tls.chain.is_empty() {
        return forbidden(gateway);
    }
    let certificate = match crate::gate::present(gateway.books(), &tls.chain, tls.server_name.as_deref()).await {
        Standing::Active(certificate) => *certificate,
        Standing::Pending(id) => return unauthorized(&format!("certificate {id} is PENDING_ACTIVATION")),
        Standing::Refused { why, .. } => return unauthorized(&why),
        Standing::Unknown(why) => {
            return json_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", &why);
        }
    };
    let session =
        HttpsSession::new(gateway.books(), gateway.notices(), certificate, remote, tls.server_name.as_deref());
    let call = Call { gateway: gateway.clone(), source: remote, device: Some(Arc::new(session)) };
    let is_publish = request.uri().path().starts_with("/topics/");
    let response = super::iot(call, drydock_model::Service::IotData, request).await;
    if is_publish && response.status() == StatusCode::OK {
        // What AWS IoT is seen to answer a device that publishes; the model knows no body.
        let trace = gateway.books().ids.uuid().to_string();
        return super::with_request_id(gateway, json(StatusCode::OK, &json!({ "message": "OK", "traceId": trace })));
    }
    response
}

/// What AWS IoT's data plane answers to whom it does not know: the reason is in its logs, not in the answer.
pub(super) fn forbidden(gateway: &Gateway) -> Response<Bytes> {
    let trace = gateway.books().ids.uuid().to_string();
    let mut response = json(StatusCode::FORBIDDEN, &json!({ "message": "Forbidden", "traceId": trace }));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static("ForbiddenException"));
    super::with_request_id(gateway, response)
}

fn unauthorized(why: &str) -> Response<Bytes> {
    json_error(StatusCode::UNAUTHORIZED, "UnauthorizedException", why)
}
