//! What a device reaches over HTTPS with its certificate or through a custom authorizer: the data plane, judged by its
//! policies. Signed requests on the same port go the way of the API endpoint.

mod identify;

use super::answer::{forbidden, json, with_request_id};
use crate::gateway::Gateway;
use crate::peer::TlsPeer;
use bytes::Bytes;
use drydock_gate::credential::HttpRequestFacts;
use drydock_identity::sigv4::Stated;
use drydock_model::iot::{ApplicationProtocol, AuthenticationType};
use drydock_services::call::Call;
use http::{Request, Response, StatusCode};
use identify::Visit;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;

/// The most bytes of a request's body: a message has up to 128 KiB.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// Whether a request goes the way of the API endpoint: it is signed, and its domain takes signatures.
pub(super) fn takes_signature<B>(
    gateway: &Gateway,
    request: &Request<B>,
    stated: Option<&Stated>,
    tls: &TlsPeer,
) -> bool {
    let server_name = tls.server_name.as_deref();
    if stated.is_none() || super::credentials::role_alias(request.uri().path(), server_name).is_some() {
        return false;
    }
    let domain = gateway.host.books.identity.read(|identity| identity.domain(server_name));
    domain.enabled
        && matches!(domain.application, ApplicationProtocol::Default | ApplicationProtocol::Https)
        && matches!(domain.authentication, AuthenticationType::Default | AuthenticationType::AwsSigv4)
}

/// Answers one request of a device.
pub async fn handle(gateway: &Gateway, request: Request<Bytes>, tls: &TlsPeer, remote: SocketAddr) -> Response<Bytes> {
    if let Some(alias) = super::credentials::role_alias(request.uri().path(), tls.server_name.as_deref()) {
        return super::credentials::handle(gateway, &request, &alias, tls, remote).await;
    }
    let domain = gateway.host.books.identity.read(|identity| identity.domain(tls.server_name.as_deref()));
    let visit = Visit { gateway, request: &HttpRequestFacts::of(&request), tls, remote, domain: &domain };
    if !domain.enabled {
        let why = "DOMAIN_CONFIGURATION_DISABLED: the domain configuration is disabled";
        return visit.refuse(domain.authentication, "", why, forbidden(gateway));
    }
    if !matches!(domain.application, ApplicationProtocol::Default | ApplicationProtocol::Https) {
        let why = "NOT_AUTHENTICATED: the domain configuration is not for HTTPS";
        return visit.refuse(domain.authentication, "", why, forbidden(gateway));
    }
    let session = match visit.identify().await {
        Ok(session) => session,
        Err(answer) => return with_request_id(gateway, answer),
    };
    let call =
        Call { services: Arc::clone(&gateway.services), source: remote, device: Some(Arc::new(session)), signer: None };
    let is_publish = request.uri().path().starts_with("/topics/");
    let service = plane(request.uri().path());
    let response = super::operations::iot(gateway, call, service, request).await;
    if is_publish && response.status() == StatusCode::OK {
        // What AWS IoT is seen to answer a device that publishes; the model knows no body.
        let trace = gateway.host.books.ids.uuid().to_string();
        return with_request_id(gateway, json(StatusCode::OK, &json!({ "message": "OK", "traceId": trace })));
    }
    match response.status() {
        // The reasons are in the logs: as AWS has it, a device is told of none.
        StatusCode::UNAUTHORIZED => forbidden(gateway),
        _ => response,
    }
}

/// Which part of AWS IoT has a path: one port serves both data planes, as the endpoint `iot:Data-ATS` does.
fn plane(path: &str) -> drydock_model::Service {
    let of_thing = path.strip_prefix("/things/").and_then(|rest| rest.split_once('/'));
    let is_jobs = of_thing.is_some_and(|(_, rest)| rest == "jobs" || rest.starts_with("jobs/"));
    if is_jobs || path.starts_with("/command-executions") {
        drydock_model::Service::IotJobsData
    } else {
        drydock_model::Service::IotData
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_which_data_plane_is_meant() {
        for (path, expected) in [
            ("/things/a/jobs", drydock_model::Service::IotJobsData),
            ("/things/a/jobs/$next", drydock_model::Service::IotJobsData),
            ("/things/jobs/shadow", drydock_model::Service::IotData),
            ("/things/a/shadow", drydock_model::Service::IotData),
            ("/topics/things/a/jobs", drydock_model::Service::IotData),
        ] {
            assert_eq!(plane(path), expected, "{path}");
        }
    }
}
