//! The certificate of a plan: found, registered or made, and at the very end given its status.

use super::failure::NotProvisioned;
use super::settled::Settled;
use drydock_core::{ApiError, Arn, CertificateId, ErrorCode};
use drydock_host::Host;
use drydock_model::iot::{
    CertificateStatus, CreateCertificateFromCsrRequest, RegisterCertificateRequest, UpdateCertificateRequest,
};
use drydock_provisioning::plan::{CertificatePlan, CertificateSource, Override};

/// The certificate of a plan.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) id: CertificateId,
    pub(super) arn: Arn,
    pub(super) pem: String,
    /// Whether it was made or registered for this plan.
    fresh: bool,
}

/// Looks whether the plan's certificate can be had, and gives its ARN where it is registered.
pub(super) fn check_certificate(
    host: &Host,
    wanted: &CertificatePlan,
    settled: &Settled,
) -> Result<Option<Arn>, NotProvisioned> {
    let books = &host.books;
    let id = match &wanted.source {
        CertificateSource::Request(_) => return Ok(None),
        CertificateSource::Id(id) => id.clone(),
        CertificateSource::Pem { certificate, .. } => {
            let read = drydock_identity::Certificate::from_pem("the certificate", certificate);
            let read = read.map_err(|error| NotProvisioned::of(wanted.logical_name.clone())(error.into()))?;
            read.id().clone()
        }
    };
    let status = books.identity.read(|identity| identity.certificate(id.as_str()).map(|row| row.status));
    let Some(status) = status else {
        if matches!(wanted.source, CertificateSource::Id(_)) {
            let error = ApiError::not_found(format!("there is no certificate `{id}`"));
            return Err(NotProvisioned::of(wanted.logical_name.clone())(error));
        }
        return Ok(None);
    };
    let other = match status {
        // What waits is what provisioning is for.
        CertificateStatus::PendingActivation => false,
        // A run of this plan that was cut short registered it.
        _ if settled.registers => false,
        CertificateStatus::Active => !wanted.active,
        _ => wanted.active,
    };
    if other && wanted.status_override == Some(Override::Fail) {
        return Err(NotProvisioned::Conflict(format!("the certificate `{id}` exists and is {status}")));
    }
    Ok(Some(books.scope.certificate(&id)))
}

/// Finds the certificate, or registers or makes it; new ones are inactive.
pub(super) async fn find_or_make(
    host: &Host,
    wanted: &CertificatePlan,
    settled: &Settled,
) -> Result<Certificate, NotProvisioned> {
    let books = &host.books;
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let (id, fresh) = match &wanted.source {
        CertificateSource::Id(id) => (id.clone(), false),
        CertificateSource::Request(request) => {
            let issued = match &settled.issued {
                Some(issued) => issued.clone(),
                None => host.issuer.sign(request.clone()).await.map_err(failed())?,
            };
            let id = issued.certificate.id().clone();
            // A run of this plan that was cut short made it.
            if settled.issued.is_none() || !is_registered(host, &id) {
                let request = CreateCertificateFromCsrRequest::default();
                let made = books.apply(&books.identity, |book| {
                    book.create_certificate_from_csr(&request, issued, books.now(), books.ids.as_ref())
                });
                made.await.map_err(failed())?;
            }
            (id, true)
        }
        CertificateSource::Pem { certificate, ca } => {
            let read = drydock_identity::Certificate::from_pem("the certificate", certificate);
            let id = read.map_err(|error| failed()(error.into()))?.id().clone();
            let request = RegisterCertificateRequest {
                certificate_pem: certificate.clone(),
                ca_certificate_pem: ca.clone(),
                status: Some(CertificateStatus::Inactive),
                ..RegisterCertificateRequest::default()
            };
            let made = books
                .apply(&books.identity, |book| book.register_certificate(&request, books.now(), books.ids.as_ref()));
            let fresh = match made.await {
                Ok(_) => true,
                Err(error) if error.code == ErrorCode::ResourceAlreadyExistsException => settled.registers,
                Err(error) => return Err(failed()(error)),
            };
            (id, fresh)
        }
    };
    let pem = books.identity.read(|identity| identity.certificate(id.as_str()).map(|row| row.der.pem()));
    let pem = pem.ok_or_else(|| failed()(ApiError::not_found(format!("there is no certificate `{id}`"))))?;
    let arn = books.scope.certificate(&id);
    Ok(Certificate { id, arn, pem, fresh })
}

/// Whether there is such a certificate.
pub(super) fn is_registered(host: &Host, id: &CertificateId) -> bool {
    host.books.identity.read(|identity| identity.certificate(id.as_str()).is_some())
}

/// Gives the certificate its status: the step that lets the device in.
pub(super) async fn set_status(
    host: &Host,
    wanted: &CertificatePlan,
    certificate: &Certificate,
) -> Result<(), NotProvisioned> {
    let books = &host.books;
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let id = &certificate.id;
    let status = books.identity.read(|identity| identity.certificate(id.as_str()).map(|row| row.status));
    let status = status.ok_or_else(|| failed()(ApiError::not_found(format!("there is no certificate `{id}`"))))?;
    let existed = !certificate.fresh && status != CertificateStatus::PendingActivation;
    let new_status = if wanted.active { CertificateStatus::Active } else { CertificateStatus::Inactive };
    if status == new_status || (existed && wanted.status_override == Some(Override::DoNothing)) {
        return Ok(());
    }
    let request = UpdateCertificateRequest { certificate_id: id.to_string(), new_status };
    books.apply(&books.identity, |book| book.update_certificate(&request, books.now())).await.map_err(failed())
}
