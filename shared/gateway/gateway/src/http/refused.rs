//! The answer to a request that met a fault which was asked for ([`super::faults`]), in its service's form.

use super::answer::json_error;
use super::faults::Fate;
use super::service::Service;
use bytes::Bytes;
use drydock_cloud::Service as Cloud;
use http::{Response, StatusCode};

/// The answer: what AWS says to one request too many, or of a failure of its own.
pub(super) fn refusal(service: Service, fate: Fate, request_id: &str) -> Response<Bytes> {
    let throttled = fate == Fate::Throttled;
    let (status, message) = match throttled {
        true => (StatusCode::TOO_MANY_REQUESTS, "Rate exceeded"),
        false => (StatusCode::INTERNAL_SERVER_ERROR, "An internal failure occurred, as drydock.toml asks for"),
    };
    match service {
        Service::Cloud(Cloud::Lambda) => {
            json_error(status, if throttled { "TooManyRequestsException" } else { "ServiceException" }, message)
        }
        Service::Iot(_) => {
            json_error(status, if throttled { "ThrottlingException" } else { "InternalFailureException" }, message)
        }
        Service::Cloud(service) => {
            let (code, query_code) = match throttled {
                true => ("ThrottlingException", "Throttling"),
                false => ("InternalServerError", "InternalFailure"),
            };
            let mut refusal = drydock_cloud::service::refusal(service, code, query_code, message, request_id);
            *refusal.status_mut() = if throttled { StatusCode::BAD_REQUEST } else { status };
            refusal
        }
    }
}
