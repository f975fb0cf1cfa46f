//! The revocation lists of CAs: fetched from where certificates say that they are, as far as that is on this machine. Whoever registers
//! a certificate says where its list is, so nothing else is asked.

use crate::rules::outbound::Outbound;
use bytes::Bytes;
use drydock_audit::checks::{Check, intermediate_ca_revoked, revoked_ca_certificate, revoked_device_certificate};
use drydock_audit::revocation::{Revocations, distribution_points};
use drydock_host::Host;
use drydock_identity::book::row::CertificateRow;
use drydock_model::iot::CertificateStatus;
use http::Request;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// Resources that are read under one lock.
pub(super) const AT_ONCE: usize = 1000;
/// The most lists that an audit fetches.
const MOST: usize = 100;
/// The most bytes of a list.
const LARGEST: usize = 16 << 20;
/// How long a list may take to come.
const WITHIN: Duration = Duration::from_secs(5);

/// The lists that a check looks at: none where it looks at something else.
pub(super) async fn fetch(host: &Host, outbound: &Outbound, check: &Check) -> Revocations {
    let mut lists = Revocations::default();
    let of = [&revoked_device_certificate::CHECK, &revoked_ca_certificate::CHECK, &intermediate_ca_revoked::CHECK];
    if !of.iter().any(|one| one.name == check.name) {
        return lists;
    }
    let identity = &host.books.identity;
    let authorities: Vec<Vec<u8>> =
        identity.read(|identity| identity.all_authorities().map(|(_, row, _)| row.der.bytes().to_vec()).collect());
    for address in addresses(host, &authorities).await {
        let Ok(request) = Request::get(&address).body(Bytes::new()) else { continue };
        match outbound.send(request, LARGEST, WITHIN).await {
            Ok(answer) if answer.status.is_success() => {
                let known = authorities.iter().map(Vec::as_slice);
                if let Err(why) = lists.add(&answer.body, known) {
                    tracing::warn!(address, why, "a revocation list does not count");
                }
            }
            Ok(answer) => tracing::warn!(address, status = %answer.status, "a revocation list did not come"),
            Err(error) => tracing::warn!(address, %error, "a revocation list did not come"),
        }
    }
    lists
}

/// Where certificates say that lists are, on this machine.
async fn addresses(host: &Host, authorities: &[Vec<u8>]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = authorities.iter().flat_map(|der| distribution_points(der)).collect();
    let books = std::sync::Arc::clone(&host.books);
    let of_devices = tokio::task::spawn_blocking(move || {
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let some: Vec<_> = books.identity.read(|identity| {
                let rows = identity.certificates_after(after.as_ref()).take(AT_ONCE);
                rows.map(|(id, row)| (id.clone(), may_connect(row).then(|| row.der.clone()))).collect()
            });
            let Some((last, _)) = some.last() else { return found };
            after = Some(last.clone());
            found.extend(
                some.iter().filter_map(|(_, der)| der.as_ref()).flat_map(|der| distribution_points(der.bytes())),
            );
            if found.len() > MOST {
                return found;
            }
        }
    });
    found.extend(of_devices.await.unwrap_or_default());
    found.into_iter().filter(|address| is_on_this_machine(address)).take(MOST).collect()
}

/// Whether audits look at a certificate.
pub(super) fn may_connect(row: &CertificateRow) -> bool {
    matches!(row.status, CertificateStatus::Active | CertificateStatus::PendingTransfer)
}

fn is_on_this_machine(address: &str) -> bool {
    let Ok(uri) = address.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("http") && is_loopback
}

#[cfg(test)]
mod tests {
    use super::is_on_this_machine;

    #[test]
    fn only_this_machine_is_asked() {
        for address in ["http://127.0.0.1:8080/ca.crl", "http://localhost/ca.crl", "http://[::1]:99/x"] {
            assert!(is_on_this_machine(address), "{address}");
        }
        for address in [
            "http://example.com/ca.crl",
            "ldap://127.0.0.1/x",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "http://127.0.0.1.example.com/",
        ] {
            assert!(!is_on_this_machine(address), "{address}");
        }
    }
}
