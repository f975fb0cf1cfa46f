//! The answer to a request that met a fault which was asked for ([`super::faults`]), in its service's form.

use super::answer::json_error;
use super::faults::Fate;
use super::service::Service;
use bytes::Bytes;
use drydock_cloud::Cloud;
use drydock_cloud::stand_in::Refusal;
use http::{Response, StatusCode};

/// The answer: what AWS says to one request too many, or of a failure of its own.
pub(super) fn refusal(cloud: &Cloud, service: Service, fate: Fate, request_id: &str) -> Response<Bytes> {
    let throttled = fate == Fate::Throttled;
    let (status, code, message) = match throttled {
        true => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded"),
        false => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailureException",
            "An internal failure occurred, as drydock.toml asks for",
        ),
    };
    match service {
        Service::Iot(_) => json_error(status, code, message),
        Service::Cloud(service) if throttled => cloud.refusal(service, &Refusal::throttled(message, request_id)),
        Service::Cloud(service) => cloud.refusal(service, &Refusal::failed(message, request_id)),
    }
}
