//! Which stage and route a request is for ("Working with routes for HTTP APIs").

use super::definition::{Route, Stage};
use super::state::Api;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A request's head, as far as an API looks at it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: http::Method,
    /// What follows the host name on AWS, as it came: `/stage/path`, or `/path` where the stage is `$default`.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// The headers.
    pub headers: http::HeaderMap,
    /// Who sends it.
    pub source: IpAddr,
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) stage: Stage,
    pub(super) route: Route,
    /// What the route's labels stand for, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

/// The stage that a path begins with, else `$default`, and what of the path is the route's.
pub(super) fn stage<'a>(api: &'a Api, path: &'a str) -> Option<(&'a Stage, &'a str)> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (first, _) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(stage) = api.stages.get(first).filter(|_| first != "$default") {
        return Some((stage, rest.get(first.len()..).unwrap_or_default()));
    }
    Some((api.stages.get("$default")?, path))
}

pub(super) fn find(api: &Api, asked: &Asked) -> Option<Found> {
    let (stage, path) = stage(api, &asked.path)?;
    let wanted: Vec<String> = segments(path).map(decoded).collect();
    let mut best: Option<(Vec<u8>, &Route, BTreeMap<String, String>)> = None;
    for route in api.routes.values() {
        let Some((rank, parameters)) = matched(&route.route_key, asked.method.as_str(), &wanted) else { continue };
        if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
            best = Some((rank, route, parameters));
        }
    }
    best.map(|(_, route, parameters)| Found { stage: stage.clone(), route: route.clone(), parameters })
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// How well a route fits, the smaller the better, and what its labels stand for: a segment as it is before a label, a label before
/// a greedy one, the method before `ANY`, and `$default` last.
fn matched(key: &str, method: &str, path: &[String]) -> Option<(Vec<u8>, BTreeMap<String, String>)> {
    let mut parameters = BTreeMap::new();
    let Some((of, template)) = key.split_once(' ') else {
        return (key == "$default").then(|| (vec![u8::MAX], parameters));
    };
    if of != "ANY" && of != method {
        return None;
    }
    let mut rank = Vec::new();
    let mut rest = path;
    for segment in segments(template) {
        let label = segment.strip_prefix('{').and_then(|label| label.strip_suffix('}'));
        if let Some(label) = label.and_then(|label| label.strip_suffix('+')) {
            if rest.iter().all(String::is_empty) {
                return None;
            }
            parameters.insert(label.to_owned(), rest.join("/"));
            rank.push(2);
            rest = &[];
            continue;
        }
        let (first, others) = rest.split_first()?;
        match label {
            Some(label) if !first.is_empty() => {
                parameters.insert(label.to_owned(), first.clone());
                rank.push(1);
            }
            None if segment == first => rank.push(0),
            _ => return None,
        }
        rest = others;
    }
    rank.push(u8::from(of == "ANY"));
    rest.is_empty().then_some((rank, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_route_is_taken() {
        // The example of "Routing API requests" in the developer guide, and what follows from it.
        let keys = [
            "GET /pets/dog/1",
            "GET /pets/dog/{id}",
            "GET /pets/{proxy+}",
            "ANY /{proxy+}",
            "ANY /pets/dog/{id}",
            "$default",
        ];
        for (method, path, expected) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("PUT", "/pets/dog/2", "ANY /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("GET", "/", "$default"),
        ] {
            let path: Vec<String> = segments(path).map(decoded).collect();
            let best = keys.iter().filter_map(|key| Some((matched(key, method, &path)?.0, *key))).min();
            assert_eq!(best.map(|(_, key)| key), Some(expected), "{method} {path:?}");
        }
    }

    #[test]
    fn labels_are_decoded_and_greedy_ones_take_the_rest() {
        let path: Vec<String> = segments("/a/b%2Fc/d/e").map(decoded).collect();
        let (_, found) = matched("GET /a/{one}/{rest+}", "GET", &path).unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("one".to_owned(), "b/c".to_owned()), ("rest".to_owned(), "d/e".to_owned())]
        );
        assert!(matched("GET /a", "GET", &path).is_none() && matched("GET /a/{x}", "POST", &path).is_none());
    }
}
