//! What happens when a device shows its certificate, and what the policies may know of it.

use crate::authorizer::AuthorizerClient;
use drydock_core::{ApiError, Arn, CertificateId};
use drydock_host::books::Books;
use drydock_identity::book::domains::Domain;
use drydock_identity::{Certificate, CertificateFacts as X509Facts, Reason};
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

impl DeviceCertificate {
    /// Whether it may still be used: it has been active and valid when it was shown, and may have been revoked, deleted or
    /// have expired since. A claim counts until its connection ends.
    #[must_use]
    pub fn is_good(&self, books: &Books) -> bool {
        self.claim.is_some() || books.identity.read(|identity| identity.is_good(&self.id, books.now()))
    }
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
        /// What to do about it.
        help: &'static str,
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
            let id = admitted.certificate_id;
            books.connects_with(&id);
            let facts = books.facts.get_or(&id, || {
                let said = parts.first().map(|leaf| X509Facts::from_der(leaf)).unwrap_or_default();
                (id.clone(), Arc::new(CertificateFacts::from_variables(id.as_str(), said.variables())))
            });
            Standing::Active(Box::new(DeviceCertificate { id, facts, claim: admitted.claim }))
        }
        Ok(Err(refusal)) => match refusal.certificate_id {
            Some(id) if refusal.reason == Reason::DeviceCertificateInactive && is_pending(books, &id) => {
                Standing::Pending(id)
            }
            id => {
                let (why, help) = (format!("{}: {}", refusal.reason.as_str(), refusal.why), refusal.reason.help());
                Standing::Refused { id, why, help }
            }
        },
        Err(error) => Standing::Unknown(error.message.into_owned()),
    }
}

/// Asks the function that a domain configuration has for client certificates, where it has one ("Custom client certificate
/// validation").
///
/// # Errors
/// Why the device may not go on.
pub async fn ask_callback(
    authorizer_client: &AuthorizerClient,
    domain: &Domain,
    chain: &[Vec<u8>],
    certificate: &DeviceCertificate,
    server_name: Option<&str>,
) -> Result<(), String> {
    let Some(function) = &domain.certificate_callback else { return Ok(()) };
    let pem = |der: &Vec<u8>| Certificate::from_der("client certificate", der).ok().map(|read| read.pem());
    let chain: Vec<String> = chain.iter().filter_map(pem).collect();
    let Some(arn) = Arn::parse(&domain.arn) else { return Err(format!("`{}` is not an ARN", domain.arn)) };
    let asked = authorizer_client.ask_about_certificate(&arn, function, &chain, certificate.id.as_str(), server_name);
    match Box::pin(asked).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("NOT_AUTHENTICATED: the domain's function `{function}` refuses the certificate")),
        Err(error) => {
            Err(format!("INTERNAL_SERVER_ERROR: the domain's function was asked about the certificate: {error}"))
        }
    }
}

fn is_pending(books: &Books, id: &CertificateId) -> bool {
    books.identity.read(|identity| {
        identity
            .certificate(id.as_str())
            .is_some_and(|row| row.status == drydock_model::iot::CertificateStatus::PendingActivation)
    })
}
