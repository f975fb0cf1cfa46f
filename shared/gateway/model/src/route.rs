//! From a method and a path to an operation.
//!
//! A path is split at its slashes before it is decoded, so that a slash inside a label may be sent as `%2F`. Where several
//! operations fit, the more literal path wins: `/thing-groups/addThingToThingGroup` is not a thing group's name.

use crate::operation::{OperationMeta, of_service};
use drydock_core::{ApiError, ErrorCode, Service};
use percent_encoding::percent_decode_str;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Labels that take slashes as they are, though the model does not say so: `POST /topics/a/b` publishes to `a/b`, as
/// `POST /topics/a%2Fb` does. Devices that publish with curl rely on it (AWS IoT developer guide, "HTTPS").
const GREEDY: [(&str, &str); 1] = [("Publish", "topic")];

/// An operation that a path leads to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The operation.
    pub operation: &'static OperationMeta,
    /// The labels of its path, decoded.
    pub labels: Vec<(&'static str, String)>,
}

/// The operation of a service that a method and a raw path lead to.
///
/// # Errors
/// `UnknownOperationException` where no operation has the path, `MethodNotAllowedException` where some have it with another
/// method, `InvalidRequestException` where a label is not UTF-8 once decoded.
pub fn find(service: Service, method: &str, path: &str) -> Result<Found, ApiError> {
    let raw: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let mut methods = Vec::new();
    let routes = raw.first().and_then(|first| routes(service).get(decode(first).ok()?.as_str()));
    for route in routes.into_iter().flatten() {
        let Some(labels) = route.matches(&raw) else { continue };
        if route.operation.method != method {
            methods.push(route.operation.method);
            continue;
        }
        let labels = labels
            .into_iter()
            .map(|(label, raw)| decode(&raw).map(|value| (label, value)))
            .collect::<Result<Vec<_>, ApiError>>()?;
        return Ok(Found { operation: route.operation, labels });
    }
    Err(if methods.is_empty() {
        let message = format!("`{method} {path}` is not an operation of {service}");
        ApiError::new(ErrorCode::UnknownOperationException, message)
    } else {
        let message = format!("method `{method}` is not allowed on `{path}`, which takes {}", methods.join(", "));
        ApiError::new(ErrorCode::MethodNotAllowedException, message)
    })
}

/// A path's part as text.
fn decode(raw: &str) -> Result<String, ApiError> {
    percent_decode_str(raw)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| ApiError::invalid(format!("`{raw}` in the path is not UTF-8 once it is decoded")))
}

/// One operation's path.
#[derive(Debug)]
struct Route {
    operation: &'static OperationMeta,
    segments: Vec<Segment>,
}

/// A part of a path, the more special the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    Greedy(&'static str),
}

impl Route {
    fn new(operation: &'static OperationMeta) -> Self {
        let path = operation.uri.strip_prefix('/').unwrap_or(operation.uri);
        let segment = |part: &'static str| {
            let Some(label) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                return Segment::Literal(part);
            };
            match label.strip_suffix('+') {
                Some(label) => Segment::Greedy(label),
                None if GREEDY.contains(&(operation.name, label)) => Segment::Greedy(label),
                None => Segment::Label(label),
            }
        };
        Self { operation, segments: path.split('/').map(segment).collect() }
    }

    /// The raw labels, where the path is this one's. A label is never empty.
    fn matches(&self, raw: &[&str]) -> Option<Vec<(&'static str, String)>> {
        let mut labels = Vec::new();
        let mut rest = raw;
        for segment in &self.segments {
            let (first, after) = rest.split_first()?;
            match segment {
                Segment::Literal(literal) if decode(first).is_ok_and(|text| text == *literal) => {}
                Segment::Label(label) if !first.is_empty() => labels.push((*label, (*first).to_owned())),
                Segment::Greedy(label) => {
                    let value = rest.join("/");
                    labels.push((*label, value));
                    rest = &[];
                    continue;
                }
                _ => return None,
            }
            rest = after;
        }
        (rest.is_empty() && labels.iter().all(|(_, value)| !value.is_empty())).then_some(labels)
    }
}

/// The routes of a service by their first segment, which is a literal in all of them; the most literal first.
fn routes(service: Service) -> &'static HashMap<&'static str, Vec<Route>> {
    static IOT: OnceLock<HashMap<&str, Vec<Route>>> = OnceLock::new();
    static IOT_DATA: OnceLock<HashMap<&str, Vec<Route>>> = OnceLock::new();
    static IOT_JOBS_DATA: OnceLock<HashMap<&str, Vec<Route>>> = OnceLock::new();
    let routes = match service {
        Service::Iot => &IOT,
        Service::IotData => &IOT_DATA,
        Service::IotJobsData => &IOT_JOBS_DATA,
    };
    routes.get_or_init(|| {
        let mut by_first: HashMap<&'static str, Vec<Route>> = HashMap::new();
        for operation in of_service(service) {
            let route = Route::new(operation);
            if let Some(Segment::Literal(first)) = route.segments.first() {
                by_first.entry(first).or_default().push(route);
            }
        }
        by_first.values_mut().for_each(|routes| routes.sort_by(more_literal));
        by_first
    })
}

fn more_literal(left: &Route, right: &Route) -> Ordering {
    left.segments.cmp(&right.segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_reached_by_its_own_path() {
        for service in Service::ALL {
            for operation in of_service(service) {
                let path = operation.uri.replace("+}", "}").replace('{', "a").replace('}', "z");
                let found = find(service, operation.method, &path).unwrap();
                assert_eq!(found.operation.name, operation.name, "{path}");
                assert_eq!(found.labels.len(), operation.uri.matches('{').count(), "{path}");
            }
        }
    }
}
