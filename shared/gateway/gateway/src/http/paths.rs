//! Every path of every HTTP listener, from where they are registered: so that who tries them all forgets none.

use super::{admin, execute_api, links, service};
use drydock_cloud::stand_ins;
use serde::Serialize;

/// A path of a listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Path {
    /// `api` or `tls`.
    pub listener: &'static str,
    /// What is behind it.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The path with its labels in braces.
    pub path: String,
    /// The service that a signature has to be for; none where a signature is of no use.
    pub service: Option<&'static str>,
    /// What its `X-Amz-Target` begins with.
    pub target: Option<&'static str>,
}

/// All of them, in order.
#[must_use]
pub fn all() -> Vec<Path> {
    let router = drydock_services::router::router();
    let mut paths = Vec::new();
    for listener in ["api", "tls"] {
        let mut add = |name: &str, method: &str, path: &str, service, target| {
            let (name, method, path) = (name.to_owned(), method.to_owned(), path.to_owned());
            paths.push(Path { listener, name, method, path, service, target });
        };
        for operation in router.implemented() {
            let service = service::signing_name(operation.service);
            add(&format!("{service} {}", operation.name), operation.method, operation.uri, Some(service), None);
        }
        for service in stand_ins::services() {
            let (name, method, path) = (service.as_str(), service.method, service.path);
            let mut targets = service.targets.iter().copied();
            add(name, method, path, Some(name), targets.next());
            for target in targets {
                add(&format!("{name} {target}"), method, path, Some(name), Some(target));
            }
        }
        add("websocket", "GET", "/mqtt", Some("iotdevicegateway"), None);
        // They are registered once, and tried on both ports: on one of them they are not to be there.
        for (name, method) in admin::PATHS {
            let several = admin::PATHS.iter().filter(|(known, _)| known == name).count() > 1;
            let label = if several { format!("drydock {name} {method}") } else { format!("drydock {name}") };
            add(&label, method.as_str(), &format!("{}{name}", service::OWN), Some("iot"), None);
        }
        for path in admin::front::PATHS {
            add(&format!("drydock {path}"), "GET", path, Some("iot"), None);
        }
        for (name, link) in links::forms() {
            add(&format!("link {name}"), "GET", &link, None, None);
        }
        add("execute-api", "GET", execute_api::FORM, None, None);
        add("credentials", "GET", "/role-aliases/{roleAlias}/credentials", None, None);
    }
    paths
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_is_there_once() {
        let paths = super::all();
        let mut names: Vec<_> = paths.iter().map(|path| (path.listener, &path.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(paths.len(), names.len());
        assert!(paths.len() > 200, "{}", paths.len());
    }
}
