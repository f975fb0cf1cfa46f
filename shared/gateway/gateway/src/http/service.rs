//! Which AWS service a request on the one API port is meant for.
//!
//! The SigV4 credential scope names the service (`Credential=<key>/<date>/<region>/<service>/aws4_request`), in the
//! `Authorization` header or, of a presigned request, in the query; as the local emulators' tools expect. A request that is
//! not signed at all is told by its path and `X-Amz-Target`.

use drydock_model::Service as Plane;
use http::{HeaderMap, Request};

/// The services that the API endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS IoT: control plane, data plane, or the data plane of jobs.
    Iot(drydock_model::Service),
    /// One of the stand-ins beside IoT.
    Cloud(drydock_cloud::Service),
}

/// The credential scope of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope {
    /// The access key id.
    pub access_key: String,
    /// The region that the caller signed for.
    pub region: String,
    /// The signing name of the service.
    pub service: String,
}

/// Reads the credential scope from the `Authorization` header or the query of a presigned request.
#[must_use]
pub fn credential_scope(headers: &HeaderMap, query: &str) -> Option<CredentialScope> {
    let header = headers.get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let credential = header
        .split(['=', ',', ' '])
        .skip_while(|part| *part != "Credential")
        .nth(1)
        .map(str::to_owned)
        .or_else(|| query_value(query, "X-Amz-Credential"))?;
    let mut fields = credential.rsplitn(5, '/');
    let (_terminator, service, region, _date, access_key) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(CredentialScope { access_key: access_key.to_owned(), region: region.to_owned(), service: service.to_owned() })
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
            other => drydock_cloud::Service::from_scope(other).map(Service::Cloud).ok_or_else(|| other.to_owned()),
        };
    }
    if let Some(target) = headers.get("x-amz-target").and_then(|v| v.to_str().ok()) {
        let service = match target.split(['_', '.']).next() {
            Some("DynamoDB" | "DynamoDBStreams") => drydock_cloud::Service::DynamoDb,
            Some("AmazonSQS") => drydock_cloud::Service::Sqs,
            _ => return Err(target.to_owned()),
        };
        return Ok(Service::Cloud(service));
    }
    if path.starts_with("/2015-03-31/") {
        return Ok(Service::Cloud(drydock_cloud::Service::Lambda));
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
    fn the_scope_is_read_from_header_and_query() {
        let mut headers = HeaderMap::new();
        let query = "a=b&X-Amz-Credential=KEY%2F20260101%2Feu-west-1%2Fiotdevicegateway%2Faws4_request";
        assert_eq!(credential_scope(&headers, query).unwrap().service, "iotdevicegateway");
        headers.insert(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=ff"
                .parse()
                .unwrap(),
        );
        let scope = credential_scope(&headers, "").unwrap();
        assert_eq!(
            (scope.access_key.as_str(), scope.region.as_str(), scope.service.as_str()),
            ("AKID", "us-east-1", "iot")
        );
        assert_eq!(of(Some(&scope), &headers, "/things"), Ok(Service::Iot(Plane::Iot)));
    }

    #[test]
    fn an_unsigned_request_is_told_by_its_path() {
        let headers = HeaderMap::new();
        assert_eq!(of(None, &headers, "/topics/a"), Ok(Service::Iot(Plane::IotData)));
        assert_eq!(of(None, &headers, "/things/a"), Ok(Service::Iot(Plane::Iot)));
    }
}
