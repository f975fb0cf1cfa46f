//! The paths by which people and tools look whether a gateway is there: `/`, `/health`, and `/_localstack/health`, which tools
//! that were written for another emulator wait for. With keys configured they need a signature, as all of the gateway's own
//! paths do.

use crate::gateway::Gateway;
use crate::http::answer::json;
use crate::http::service;
use bytes::Bytes;
use drydock_identity::sigv4::CredentialScope;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

/// The path that says what this is.
const ROOT: &str = "/";
/// The path that says how it is.
const HEALTH: &str = "/health";
/// The path that says which services there are.
const SERVICES: &str = "/_localstack/health";

/// All of them.
pub(in crate::http) const PATHS: [&str; 3] = [ROOT, HEALTH, SERVICES];

/// Whether a request looks for a gateway, and not for a service that has the same path.
pub(in crate::http) fn is_meant<B>(request: &Request<B>, scope: Option<&CredentialScope>) -> bool {
    PATHS.contains(&request.uri().path())
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().query().is_none()
        && !request.headers().contains_key("x-amz-target")
        && scope.is_none_or(|scope| scope.service == "iot")
}

/// The answer to a request for one of these paths; `None` where it is for another.
pub(super) fn answer(gateway: &Gateway, path: &str) -> Option<Response<Bytes>> {
    let answer = match path {
        ROOT => json!({
            "name": "drydock",
            "what": "AWS IoT Core and the services beside it, on this machine: set AWS_ENDPOINT_URL to this address",
            "version": env!("CARGO_PKG_VERSION"),
            "status": "up",
            "health": format!("{}health", service::OWN),
        }),
        HEALTH => gateway.health(),
        SERVICES => {
            json!({ "services": services(gateway), "edition": "drydock", "version": env!("CARGO_PKG_VERSION") })
        }
        _ => return None,
    };
    Some(json(StatusCode::OK, &answer))
}

/// The services that answer, by their signing names.
fn services(gateway: &Gateway) -> Map<String, Value> {
    let iot = gateway.router.implemented().map(|operation| service::signing_name(operation.service));
    let cloud = drydock_cloud::stand_ins::services().map(drydock_cloud::Service::as_str);
    iot.chain(cloud).map(|name| (name.to_owned(), "running".into())).collect()
}
