//! Which AWS service a request on the one API port is meant for.
//!
//! The SigV4 credential scope names the service (`Credential=<key>/<date>/<region>/<service>/aws4_request`), in the
//! `Authorization` header or, of a presigned request, in the query; as the local emulators' tools expect. A request that is
//! not signed at all is told by its path and `X-Amz-Target`.

use drydock_cloud::stand_ins;
use drydock_identity::sigv4::CredentialScope;
use drydock_model::Service as Plane;
use http::{HeaderMap, Request};

/// What stands before the gateway's own paths.
pub const OWN: &str = "/_drydock/";

/// The services that the API endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS IoT: control plane, data plane, or the data plane of jobs.
    Iot(drydock_model::Service),
    /// One of the stand-ins beside IoT.
    Cloud(drydock_cloud::Service),
}

impl Service {
    /// The most bytes of a request's body that are read whole.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::Cloud(service) => service.most,
            Self::Iot(_) => 1024 * 1024,
        }
    }
}

/// The value of a query parameter, decoded.
#[must_use]
pub fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

/// The value of a parameter of a request's query, decoded.
#[must_use]
pub fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    query_value(request.uri().query().unwrap_or_default(), name)
}

/// The name by which signatures know a part of AWS IoT.
#[must_use]
pub fn signing_name(plane: Plane) -> &'static str {
    match plane {
        Plane::Iot => "iot",
        Plane::IotData => "iotdata",
        Plane::IotJobsData => "iot-jobs-data",
    }
}

/// The signing names of all services that the endpoint serves.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    let planes = [Plane::Iot, Plane::IotData, Plane::IotJobsData].map(signing_name);
    planes.into_iter().chain(stand_ins::services().map(drydock_cloud::Service::as_str))
}

/// Tells the service; `Err` holds the name that nothing here answers to.
///
/// # Errors
/// The signing name or target, where it is none of the services served.
pub fn of(scope: Option<&CredentialScope>, headers: &HeaderMap, path: &str) -> Result<Service, String> {
    if let Some(scope) = scope {
        return match scope.service.as_str() {
            // The CLI and SDKs of before 2021 signed AWS IoT as `execute-api`.
            "iot" | "execute-api" => Ok(Service::Iot(Plane::Iot)),
            "iotdata" | "iotdevicegateway" => Ok(Service::Iot(Plane::IotData)),
            "iot-jobs-data" => Ok(Service::Iot(Plane::IotJobsData)),
            other => stand_ins::of_scope(other).map(Service::Cloud).ok_or_else(|| other.to_owned()),
        };
    }
    if let Some(target) = headers.get("x-amz-target").and_then(|v| v.to_str().ok()) {
        return stand_ins::of_target(target).map(Service::Cloud).ok_or_else(|| target.to_owned());
    }
    if let Some(service) = stand_ins::of_path(path) {
        return Ok(Service::Cloud(service));
    }
    let is_data = path.starts_with("/topics/")
        || path.starts_with("/retainedMessage")
        || path.starts_with("/connections/")
        || path.starts_with("/api/things/shadow/")
        || (path.starts_with("/things/") && path.ends_with("/shadow"));
    Ok(Service::Iot(if is_data { Plane::IotData } else { Plane::Iot }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_request_is_told_by_its_path() {
        let headers = HeaderMap::new();
        assert_eq!(of(None, &headers, "/topics/a"), Ok(Service::Iot(Plane::IotData)));
        assert_eq!(of(None, &headers, "/things/a"), Ok(Service::Iot(Plane::Iot)));
    }
}
