//! By what name others reach the gateway: in every answer that tells where something is.

use drydock_core::Scope;
use drydock_host::Endpoints;
use drydock_identity::book::domains::{credentials_name, endpoint_name};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port that is meant where a URL of HTTPS, or an SDK that is given a name, says none.
const HTTPS: u16 = 443;

/// How others reach the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Public {
    /// The name or address that is told to others; without it the address that the gateway listens on.
    pub host: Option<String>,
    /// The machine's addresses, where it listens on all of them: the first is told where no name is.
    pub addresses: Vec<IpAddr>,
    /// Whether AWS's names for the endpoints of devices point to this machine, so that they are what is told.
    pub aws_names: bool,
}

impl Public {
    /// The host that is told to others, of a gateway that listens on an address.
    #[must_use]
    pub fn host(&self, listening: IpAddr) -> String {
        if let Some(host) = &self.host {
            return host.clone();
        }
        let address = match listening.is_unspecified() {
            true => self.addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()),
            false => listening,
        };
        address.to_string()
    }

    /// Host and port of a socket, as they are told to others.
    #[must_use]
    pub fn authority(&self, socket: SocketAddr) -> String {
        format!("{}:{}", bracketed(&self.host(socket.ip())), socket.port())
    }

    /// The names and addresses that the server's certificate has, besides those of loopback.
    #[must_use]
    pub fn names(&self, listening: IpAddr) -> Vec<String> {
        let mut names = vec![self.host(listening), listening.to_string()];
        names.extend(self.addresses.iter().map(ToString::to_string));
        names.retain(|name| name != "0.0.0.0" && name != "::");
        names
    }

    /// What is told of where an account and region are.
    #[must_use]
    pub fn endpoints(&self, api: SocketAddr, tls: SocketAddr, scope: &Scope) -> Endpoints {
        let at = |host: String| if tls.port() == HTTPS { host } else { format!("{}:{}", bracketed(&host), tls.port()) };
        let (data, credentials) = match self.aws_names {
            true => (endpoint_name(scope), credentials_name(scope)),
            false => (self.host(tls.ip()), self.host(tls.ip())),
        };
        Endpoints { api: self.authority(api), tls: at(data), credentials: at(credentials) }
    }
}

/// A host as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_others_can_use() {
        let scope = Scope::new("123456789012", "eu-west-1");
        let on = |ip: &str, port: u16| SocketAddr::new(ip.parse().unwrap(), port);
        let lan = Public { addresses: vec!["192.0.2.7".parse().unwrap()], ..Public::default() };
        let named = Public { host: Some("dock.lan".to_owned()), ..lan.clone() };
        let aws = Public { aws_names: true, ..Public::default() };
        for (public, ip, port, api, tls) in [
            (Public::default(), "127.0.0.1", 8443, "127.0.0.1:4566", "127.0.0.1:8443"),
            (Public::default(), "127.0.0.1", 443, "127.0.0.1:4566", "127.0.0.1"),
            (Public::default(), "::1", 8443, "[::1]:4566", "[::1]:8443"),
            (lan.clone(), "0.0.0.0", 8443, "192.0.2.7:4566", "192.0.2.7:8443"),
            (named, "0.0.0.0", 443, "dock.lan:4566", "dock.lan"),
            (aws, "127.0.0.1", 443, "127.0.0.1:4566", "a123456789012-ats.iot.eu-west-1.amazonaws.com"),
        ] {
            let endpoints = public.endpoints(on(ip, 4566), on(ip, port), &scope);
            assert_eq!((endpoints.api.as_str(), endpoints.tls.as_str()), (api, tls));
        }
        assert_eq!(lan.names("0.0.0.0".parse().unwrap()), ["192.0.2.7", "192.0.2.7"]);
    }
}
