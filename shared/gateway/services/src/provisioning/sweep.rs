//! Certificates that a device asked for and did not provision in time go, claims that have expired, and tasks of bulk registration
//! that are kept no longer.

use super::bulk;
use super::run::touched;
use super::service::ProvisioningService;
use crate::service::AGAIN;
use async_trait::async_trait;
use drydock_core::{ApiError, CertificateId, Scope, Timestamp};
use drydock_host::books::Books;
use drydock_identity::Identity;
use drydock_identity::book::certificates::Attached;
use drydock_model::iot::{CertificateStatus, DeleteCertificateRequest};
use drydock_policy::Policies;
use drydock_registry::Registry;
use drydock_timers::Due;

#[async_trait]
impl Due for ProvisioningService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let books = &self.host.books;
        let swept = async {
            once(books).await?;
            bulk::forget_old(self).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "what provisioning left behind could not be swept");
            return Some(now.plus_millis(AGAIN));
        }
        let claims = books.identity.read(|identity| identity.next_claim_expiry());
        let others = books.provisioning.read(|book| [book.next_expiry(now), book.next_old_task()]);
        others.into_iter().flatten().chain(claims).min()
    }
}

/// Sweeps once, as of now.
///
/// # Errors
/// Where the disk does not take it.
pub async fn once(books: &Books) -> Result<(), ApiError> {
    let now = books.now();
    let swept = books.change(touched(books), |(identity, registry, policies, provisioning)| {
        let mut deleted = Vec::new();
        for (id, token) in provisioning.expired(now) {
            if is_left(&books.scope, (identity, registry, policies), &id) {
                let request = DeleteCertificateRequest { certificate_id: id.to_string(), ..Default::default() };
                identity.apply(|book| book.delete_certificate(&request, Attached::default()))?;
                deleted.push(id);
            }
            provisioning.run(|book| book.expire(&token));
        }
        identity.run(|book| book.forget_expired_claims(now));
        Ok(deleted)
    });
    for id in swept.await? {
        tracing::info!(certificate = %id, "deleted: it was not provisioned within the hour");
    }
    Ok(())
}

/// Whether a certificate waits still, with nothing attached.
fn is_left(
    scope: &Scope,
    (identity, registry, policies): (&Identity, &Registry, &Policies),
    id: &CertificateId,
) -> bool {
    let arn = scope.certificate(id);
    identity.certificate(id.as_str()).is_some_and(|row| row.status == CertificateStatus::PendingActivation)
        && !policies.is_attached(arn.as_str())
        && registry.things_of(arn.as_str()) == 0
}
