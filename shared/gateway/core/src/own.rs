//! The gateway's own sockets: what it is told to send must not come back in through them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where the gateway listens. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnAddresses(Arc<[SocketAddr]>);

impl OwnAddresses {
    /// The addresses that its sockets are bound to.
    pub fn new(bound: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(bound.into_iter().collect())
    }

    /// Whether a connection to `peer`, made from `local`, has reached one of them. It is asked of the connection and not of the
    /// name that was looked up, so that no name can lead here unseen.
    #[must_use]
    pub fn are_reached(&self, local: IpAddr, peer: SocketAddr) -> bool {
        let (local, ip) = (local.to_canonical(), peer.ip().to_canonical());
        // The kernel connects to an address of this machine from that same address.
        let is_here = ip.is_loopback() || ip.is_unspecified() || ip == local;
        self.0.iter().any(|bound| {
            let at = bound.ip().to_canonical();
            bound.port() == peer.port() && (at == ip || (at.is_unspecified() && is_here))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_on_all_addresses_is_reached_by_each() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = OwnAddresses::new([at("127.0.0.1:4566")]);
        for (local, peer, expected) in [
            ("127.0.0.1", "127.0.0.1:4566", true),
            ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]:4566", true),
            ("127.0.0.1", "127.0.0.1:4567", false),
            ("127.0.0.1", "127.0.0.2:4566", false),
        ] {
            assert_eq!(one.are_reached(ip(local), at(peer)), expected, "{peer}");
        }
        let all = OwnAddresses::new([at("0.0.0.0:4566")]);
        for (local, peer, expected) in [
            ("127.0.0.1", "127.0.0.2:4566", true),
            ("192.0.2.7", "192.0.2.7:4566", true),
            ("192.0.2.7", "192.0.2.8:4566", false),
            ("::1", "[::1]:4566", true),
        ] {
            assert_eq!(all.are_reached(ip(local), at(peer)), expected, "{peer}");
        }
    }
}
