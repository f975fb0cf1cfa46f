//! What the HTTP listeners let in: which hosts are this gateway's, which pages may call it, what may be read of bodies.

use super::bodies::Bodies;
use drydock_cloud::stand_ins;
use drydock_core::OwnAddresses;
use std::net::IpAddr;

/// What `[api]` of `drydock.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Further names of this gateway, in small letters; `*.` at the beginning stands for all names below.
    pub hosts: Vec<String>,
    /// The origins whose pages may call it, such as `http://localhost:5173`.
    pub origins: Vec<String>,
}

/// What the HTTP listeners let in.
#[derive(Debug)]
pub struct Door {
    allowed: Allowed,
    /// The address that was asked to listen on.
    host: IpAddr,
    /// Where the gateway itself is reached: nothing that it sends goes there.
    pub own: OwnAddresses,
    /// What may be read of bodies.
    pub bodies: Bodies,
}

impl Door {
    /// The door of listeners that were asked to listen on a host.
    #[must_use]
    pub fn new(allowed: Allowed, host: IpAddr, own: OwnAddresses) -> Self {
        Self { allowed, host: host.to_canonical(), own, bodies: Bodies::default() }
    }

    /// Whether a host, with or without a port, is one that this gateway is called by. An address cannot be made to point
    /// elsewhere by others, a name can: so those have to be known. `is_domain` knows the names of domain configurations.
    pub(super) fn is_own_host(&self, is_domain: impl Fn(&str) -> bool, host: &str, local: IpAddr) -> bool {
        let Some(name) = name_of(host) else { return false };
        if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || address == local.to_canonical() || !self.host.is_loopback();
        }
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        name == "localhost"
            || name.ends_with(".localhost")
            || is_aws(name)
            || self.allowed.hosts.iter().any(|own| is_named(own, name))
            // A name without a dot is given by the machine or its network of containers, which cannot reach loopback.
            || (!self.host.is_loopback() && !name.contains('.'))
            || is_domain(name)
    }

    /// Whether an origin is that of one of the pages that may call, or the gateway's own.
    pub(super) fn is_allowed_origin(
        &self,
        is_domain: impl Fn(&str) -> bool,
        origin: &str,
        request_host: Option<&str>,
        local: IpAddr,
    ) -> bool {
        if self.allowed.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        // Clients of MQTT over WebSocket that are not browsers name the endpoint itself, some without the scheme.
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        let same = request_host.is_some_and(|host| {
            let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
            let standard = |port: &Option<String>| matches!(port.as_deref(), None | Some("80" | "443"));
            let (theirs, ours) = (port(authority), port(host));
            name_of(authority).map(str::to_ascii_lowercase) == name_of(host).map(str::to_ascii_lowercase)
                && (theirs == ours || (standard(&theirs) && standard(&ours)))
        });
        same && self.is_own_host(is_domain, authority, local)
    }
}

/// The name in a host, without its port; `None` where it is not a host at all.
fn name_of(host: &str) -> Option<&str> {
    let name = match host.rfind(':') {
        Some(at) if !host.get(at..)?.contains(']') && (host.starts_with('[') || host.matches(':').count() == 1) => {
            let (name, port) = host.split_at(at);
            port.get(1..)?.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)?
        }
        _ => host,
    };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!name.is_empty() && name.bytes().all(valid)).then_some(name)
}

/// Whether a name is AWS's for one of the services here: `SERVICE.REGION.amazonaws.com` and what stands before it. What customers
/// of AWS name themselves ends otherwise.
fn is_aws(name: &str) -> bool {
    let Some(rest) = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().find_map(|of| name.strip_suffix(of))
    else {
        return false;
    };
    let is_region = |label: &str| {
        let parts: Vec<&str> = label.split('-').collect();
        parts.len() >= 3 && parts.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let service = rest.rsplit('.').find(|label| !is_region(label));
    service.is_some_and(|service| matches!(service, "iot" | "execute-api") || stand_ins::of_scope(service).is_some())
}

fn is_named(own: &str, name: &str) -> bool {
    match own.strip_prefix("*.") {
        Some(parent) => name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1),
        None => own == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_apart() {
        for (host, name) in [
            ("localhost:4566", Some("localhost")),
            ("[::1]:4566", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("localhost:x", None),
            ("user@localhost", None),
            ("localhost/..", None),
            ("", None),
            (":80", None),
        ] {
            assert_eq!(name_of(host), name, "{host}");
        }
    }

    #[test]
    fn names_of_aws_are_those_of_its_services() {
        for (name, expected) in [
            ("iot.us-east-1.amazonaws.com", true),
            ("data.jobs.iot.us-east-1.amazonaws.com", true),
            ("a1-ats.iot.us-gov-west-1.amazonaws.com", true),
            ("bucket.s3.amazonaws.com", true),
            ("sqs.cn-north-1.amazonaws.com.cn", true),
            ("evil-1234567890.us-east-1.elb.amazonaws.com", false),
            ("ec2-192-0-2-1.compute-1.amazonaws.com", false),
            ("iot.us-east-1.amazonaws.com.evil.example", false),
            ("evil-amazonaws.com", false),
            ("amazonaws.com", false),
        ] {
            assert_eq!(is_aws(name), expected, "{name}");
        }
        assert!(is_named("*.dock.test", "a.b.dock.test") && !is_named("*.dock.test", "dock.test"));
        assert!(!is_named("*.dock.test", "evildock.test") && is_named("dock", "dock"));
    }
}
