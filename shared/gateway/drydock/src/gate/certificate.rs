//! What happens when a device shows its certificate, and what the policies may know of it.

use crate::books::Books;
use drydock_core::{ApiError, CertificateId};
use drydock_identity::{CertificateFacts as X509Facts, Reason};
use drydock_policy::CertificateFacts;
use std::sync::Arc;

/// A certificate that may be used now.
#[derive(Debug, Clone)]
pub struct DeviceCertificate {
    /// Its id: the connection's principal.
    pub id: CertificateId,
    /// What policies may ask about it.
    pub facts: Arc<CertificateFacts>,
    /// The provisioning template that it is a claim for.
    pub claim: Option<String>,
}

/// What a certificate counts for.
#[derive(Debug)]
pub enum Standing {
    /// It may be used.
    Active(Box<DeviceCertificate>),
    /// It waits for its activation; an event tells so.
    Pending(CertificateId),
    /// It may not be used.
    Refused {
        /// Its id, where it has one.
        id: Option<CertificateId>,
        /// Why, in a line.
        why: String,
    },
    /// It could not be found out: its registration was not saved.
    Unknown(String),
}

/// Shows a chain to the identity book: this is where a certificate registers itself just in time.
pub async fn present(books: &Books, chain: &[Vec<u8>], sni: Option<&str>) -> Standing {
    let parts: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let shown = books.apply(&books.identity, |identity| {
        Ok::<_, ApiError>(identity.present(&parts, sni, books.now(), books.ids.as_ref()))
    });
    match shown.await {
        Ok(Ok(admitted)) => {
            let said = parts.first().map(|leaf| X509Facts::from_der(leaf)).unwrap_or_default();
            let facts = CertificateFacts::from_variables(admitted.certificate_id.as_str(), said.variables());
            Standing::Active(Box::new(DeviceCertificate {
                id: admitted.certificate_id,
                facts: Arc::new(facts),
                claim: admitted.claim,
            }))
        }
        Ok(Err(refusal)) => match refusal.certificate_id {
            Some(id) if refusal.reason == Reason::DeviceCertificateInactive && is_pending(books, &id) => {
                Standing::Pending(id)
            }
            id => Standing::Refused { id, why: format!("{}: {}", refusal.reason.as_str(), refusal.why) },
        },
        Err(error) => Standing::Unknown(error.message.into_owned()),
    }
}

fn is_pending(books: &Books, id: &CertificateId) -> bool {
    books.identity.read(|identity| {
        identity
            .certificate(id.as_str())
            .is_some_and(|row| row.status == drydock_model::iot::CertificateStatus::PendingActivation)
    })
}
