//! The certificate of a plan: found, registered or made, and at the very end given its status.

use super::failure::NotProvisioned;
use drydock_core::{ApiError, Arn, CertificateId, ErrorCode};
use drydock_host::books::Books;
use drydock_identity::{Identity, Issued};
use drydock_model::iot::{
    CertificateStatus, CreateCertificateFromCsrRequest, RegisterCertificateRequest, UpdateCertificateRequest,
};
use drydock_provisioning::plan::{CertificatePlan, CertificateSource, Override};
use drydock_store::Part;

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
    books: &Books,
    identity: &Identity,
    wanted: &CertificatePlan,
) -> Result<Option<Arn>, NotProvisioned> {
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let id = match &wanted.source {
        CertificateSource::Request(_) => return Ok(None),
        CertificateSource::Id(id) => id.clone(),
        CertificateSource::Pem { certificate, .. } => {
            let read = drydock_identity::Certificate::from_pem("the certificate", certificate);
            read.map_err(|error| failed()(error.into()))?.id().clone()
        }
    };
    let Some(status) = identity.certificate(id.as_str()).map(|row| row.status) else {
        if matches!(wanted.source, CertificateSource::Id(_)) {
            return Err(failed()(ApiError::not_found(format!("there is no certificate `{id}`"))));
        }
        return Ok(None);
    };
    let other = match status {
        // What waits is what provisioning is for.
        CertificateStatus::PendingActivation => false,
        CertificateStatus::Active => !wanted.active,
        _ => wanted.active,
    };
    if other && wanted.status_override == Some(Override::Fail) {
        return Err(NotProvisioned::Conflict(format!("the certificate `{id}` exists and is {status}")));
    }
    if let Some(request) = status_update(wanted, &id, status, false) {
        identity.check_update_certificate(&request).map_err(failed())?;
    }
    Ok(Some(books.scope.certificate(&id)))
}

/// Finds the certificate, or registers or makes it; new ones are inactive.
pub(super) fn find_or_make(
    books: &Books,
    identity: &mut Part<'_, Identity>,
    wanted: &CertificatePlan,
    issued: Option<&Issued>,
) -> Result<Certificate, NotProvisioned> {
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let (id, fresh) = match &wanted.source {
        CertificateSource::Id(id) => (id.clone(), false),
        CertificateSource::Request(_) => {
            let unsigned = || ApiError::new(ErrorCode::InternalFailureException, "the request was not signed");
            let issued = issued.cloned().ok_or_else(|| failed()(unsigned()))?;
            let id = issued.certificate.id().clone();
            let request = CreateCertificateFromCsrRequest::default();
            identity
                .apply(|book| book.create_certificate_from_csr(&request, issued, books.now(), books.ids.as_ref()))
                .map_err(failed())?;
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
            let made = identity.apply(|book| book.register_certificate(&request, books.now(), books.ids.as_ref()));
            let fresh = match made {
                Ok(_) => true,
                Err(error) if error.code == ErrorCode::ResourceAlreadyExistsException => false,
                Err(error) => return Err(failed()(error)),
            };
            (id, fresh)
        }
    };
    let pem = identity.certificate(id.as_str()).map(|row| row.der.pem());
    let pem = pem.ok_or_else(|| failed()(ApiError::not_found(format!("there is no certificate `{id}`"))))?;
    let arn = books.scope.certificate(&id);
    Ok(Certificate { id, arn, pem, fresh })
}

/// What gives a certificate the status that the plan wants; `None` where it stays as it is.
fn status_update(
    wanted: &CertificatePlan,
    id: &CertificateId,
    status: CertificateStatus,
    fresh: bool,
) -> Option<UpdateCertificateRequest> {
    let existed = !fresh && status != CertificateStatus::PendingActivation;
    let new_status = if wanted.active { CertificateStatus::Active } else { CertificateStatus::Inactive };
    if status == new_status || (existed && wanted.status_override == Some(Override::DoNothing)) {
        return None;
    }
    Some(UpdateCertificateRequest { certificate_id: id.to_string(), new_status })
}

/// Gives the certificate its status: what lets the device in.
pub(super) fn set_status(
    books: &Books,
    identity: &mut Part<'_, Identity>,
    wanted: &CertificatePlan,
    Certificate { id, fresh, .. }: &Certificate,
) -> Result<(), NotProvisioned> {
    let failed = || NotProvisioned::of(wanted.logical_name.clone());
    let status = identity.certificate(id.as_str()).map(|row| row.status);
    let status = status.ok_or_else(|| failed()(ApiError::not_found(format!("there is no certificate `{id}`"))))?;
    match status_update(wanted, id, status, *fresh) {
        Some(request) => identity.apply(|book| book.update_certificate(&request, books.now())).map_err(failed()),
        None => Ok(()),
    }
}
