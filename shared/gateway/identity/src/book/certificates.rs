//! The operations on device certificates.

use super::row::CertificateRow;
use super::{CERTIFICATES, Identity};
use crate::issuer::Issued;
use crate::x509::{Certificate, Malformed, signed_digest};
use drydock_core::{ApiError, CertificateId, Done, ErrorCode, Event, Ids, Timestamp, Write};
use drydock_model::iot::{
    CACertificateStatus, CertificateDescription, CertificateMode, CertificateStatus, CertificateValidity,
    CreateCertificateFromCsrRequest, CreateCertificateFromCsrResponse, CreateKeysAndCertificateRequest,
    CreateKeysAndCertificateResponse, DeleteCertificateRequest, DescribeCertificateRequest,
    DescribeCertificateResponse, KeyPair, RegisterCertificateRequest, RegisterCertificateResponse,
    RegisterCertificateWithoutCARequest, RegisterCertificateWithoutCAResponse, UpdateCertificateRequest,
};

const WHAT: &str = "the certificate";
const CA: &str = "the CA certificate";

/// What is attached to a certificate; the rulebooks of policies and things know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attached {
    /// How many policies.
    pub policies: usize,
    /// How many things.
    pub things: usize,
}

impl Identity {
    /// "CreateKeysAndCertificate", with what [`Authority::new_keys`](crate::Authority::new_keys) made.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where the very certificate exists already.
    pub fn create_keys_and_certificate(
        &mut self,
        request: &CreateKeysAndCertificateRequest,
        issued: Issued,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateKeysAndCertificateResponse>, ApiError> {
        let Issued { certificate, keys } = issued;
        let key_pair = keys.map(|keys| KeyPair { private_key: Some(keys.private), public_key: Some(keys.public) });
        let done =
            self.register(&certificate, initial(request.set_as_active), CertificateMode::Default, None, now, ids)?;
        Ok(done.map(|(arn, id)| CreateKeysAndCertificateResponse {
            certificate_arn: Some(arn),
            certificate_id: Some(id),
            certificate_pem: Some(certificate.pem()),
            key_pair,
        }))
    }

    /// "CreateCertificateFromCsr", with what [`Authority::sign_request`](crate::Authority::sign_request) signed.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where the very certificate exists already.
    pub fn create_certificate_from_csr(
        &mut self,
        request: &CreateCertificateFromCsrRequest,
        issued: Issued,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateCertificateFromCsrResponse>, ApiError> {
        let certificate = issued.certificate;
        let done =
            self.register(&certificate, initial(request.set_as_active), CertificateMode::Default, None, now, ids)?;
        Ok(done.map(|(arn, id)| CreateCertificateFromCsrResponse {
            certificate_arn: Some(arn),
            certificate_id: Some(id),
            certificate_pem: Some(certificate.pem()),
        }))
    }

    /// "RegisterCertificate": a certificate of a registered CA.
    ///
    /// # Errors
    /// `CertificateValidationException` where a certificate is malformed or the CA did not sign it;
    /// `CertificateConflictException` where several CAs have the issuer's name and none was given;
    /// `CertificateStateException` where the CA is inactive; `ResourceAlreadyExistsException`; `InvalidRequestException`
    /// for a status that cannot be set.
    pub fn register_certificate(
        &mut self,
        request: &RegisterCertificateRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<RegisterCertificateResponse>, ApiError> {
        let status = match (request.status, request.set_as_active) {
            (Some(status), _) => settable(status)?,
            (None, active) => initial(active),
        };
        let certificate = Certificate::from_pem(WHAT, &request.certificate_pem)?;
        let authority = self.authority_for(&certificate, request.ca_certificate_pem.as_deref())?;
        let (_, held) = self.known_authority(authority.as_str())?;
        if held.row.status != CACertificateStatus::Active {
            let message = format!("the CA certificate `{authority}` is not active: set it to ACTIVE first");
            return Err(ApiError::new(ErrorCode::CertificateStateException, message));
        }
        certificate
            .signed_by(&held.certificate)
            .map_err(|error| Malformed::new(WHAT, format!("{error}, that of the CA certificate `{authority}`")))?;
        let mode = held.row.mode;
        let done = self.register(&certificate, status, mode, Some(authority), now, ids)?;
        Ok(done.map(|(arn, id)| RegisterCertificateResponse { certificate_arn: Some(arn), certificate_id: Some(id) }))
    }

    /// The registered CA that a certificate is to be registered under.
    fn authority_for(&self, certificate: &Certificate, given: Option<&str>) -> Result<CertificateId, ApiError> {
        if let Some(pem) = given {
            let given = Certificate::from_pem(CA, pem)?;
            return match self.authorities.get_key_value(given.id()) {
                Some((id, _)) => Ok(id.clone()),
                None => Err(Malformed::new(CA, "it is not registered: see RegisterCACertificate").into()),
            };
        }
        match self.by_subject.get(certificate.issuer()).map(Vec::as_slice) {
            Some([only]) => Ok(only.clone()),
            None | Some([]) => {
                let why = "no registered CA certificate has its issuer's name: see RegisterCACertificate and \
                           RegisterCertificateWithoutCA";
                Err(Malformed::new(WHAT, why).into())
            }
            Some(several) => Err(ApiError::new(
                ErrorCode::CertificateConflictException,
                format!("{} registered CA certificates have its issuer's name: give `caCertificatePem`", several.len()),
            )),
        }
    }

    /// "RegisterCertificateWithoutCA": any certificate; devices must name the server when they connect with it.
    ///
    /// # Errors
    /// `CertificateValidationException` where it is malformed; `ResourceAlreadyExistsException`; `InvalidRequestException` for
    /// a status that cannot be set.
    pub fn register_certificate_without_ca(
        &mut self,
        request: &RegisterCertificateWithoutCARequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<RegisterCertificateWithoutCAResponse>, ApiError> {
        let status = request.status.map_or(Ok(CertificateStatus::Inactive), settable)?;
        let certificate = Certificate::from_pem(WHAT, &request.certificate_pem)?;
        let done = self.register(&certificate, status, CertificateMode::SniOnly, None, now, ids)?;
        Ok(done.map(|(arn, id)| RegisterCertificateWithoutCAResponse {
            certificate_arn: Some(arn),
            certificate_id: Some(id),
        }))
    }

    /// Registers a certificate and gives its ARN and id.
    pub(super) fn register(
        &mut self,
        certificate: &Certificate,
        status: CertificateStatus,
        mode: CertificateMode,
        authority: Option<CertificateId>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<(String, String)>, ApiError> {
        if let Some(why) = certificate.weak_key() {
            return Err(Malformed::new(WHAT, why).into());
        }
        // The one that is there may have another signature.
        let known = self.by_signed.get(certificate.signed());
        let id = known.unwrap_or(certificate.id()).clone();
        let arn = String::from(self.scope.certificate(&id));
        if self.certificates.contains_key(&id) {
            return Err(ApiError::exists("The certificate is already provisioned or registered", id.as_str(), arn));
        }
        let row = CertificateRow::new(certificate, status, mode, authority, now, ids);
        let reply = (arn, id.to_string());
        let write = self.keep(id, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeCertificate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_certificate(
        &self,
        request: &DescribeCertificateRequest,
    ) -> Result<Done<DescribeCertificateResponse>, ApiError> {
        let (id, row) = self.known(&request.certificate_id)?;
        let description = CertificateDescription {
            ca_certificate_id: row.authority.as_ref().map(ToString::to_string),
            certificate_arn: Some(self.scope.certificate(id).into()),
            certificate_id: Some(id.to_string()),
            certificate_mode: Some(row.mode),
            certificate_pem: Some(row.der.pem()),
            creation_date: Some(row.created),
            customer_version: Some(row.version),
            generation_id: Some(row.generation.to_string()),
            last_modified_date: Some(row.modified),
            owned_by: Some(self.scope.account.to_string()),
            previous_owned_by: row.previous_owner.as_ref().map(ToString::to_string),
            status: Some(row.status),
            // Empty where there was none, as AWS answers it.
            transfer_data: Some(row.transfer.as_ref().map(Into::into).unwrap_or_default()),
            validity: Some(CertificateValidity { not_before: Some(row.not_before), not_after: Some(row.not_after) }),
        };
        Ok(Done::reply(DescribeCertificateResponse { certificate_description: Some(description) }))
    }

    /// "UpdateCertificate": from pending, active or inactive to active, inactive or revoked. Revoked is for ever.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a status that is AWS's own; `CertificateStateException` where
    /// the certificate is revoked or in transfer.
    pub fn update_certificate(
        &mut self,
        request: &UpdateCertificateRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (id, row, wanted) = self.updatable(request)?;
        let (id, mut row) = (id.clone(), row.clone());
        let changed = row.status != wanted;
        row.status = wanted;
        row.touch(now);
        let active = row.is_active();
        let write = self.keep(id.clone(), row);
        let done = Done::written((), vec![write]);
        Ok(if changed { done.with(Event::CertificateStatusChanged { certificate_id: id, active }) } else { done })
    }

    /// Whether "UpdateCertificate" succeeds.
    ///
    /// # Errors
    /// What it would answer.
    pub fn check_update_certificate(&self, request: &UpdateCertificateRequest) -> Result<(), ApiError> {
        self.updatable(request).map(|_| ())
    }

    fn updatable(
        &self,
        request: &UpdateCertificateRequest,
    ) -> Result<(&CertificateId, &CertificateRow, CertificateStatus), ApiError> {
        let wanted = settable(request.new_status)?;
        let (id, row) = self.known(&request.certificate_id)?;
        let fixed = match row.status {
            CertificateStatus::Revoked => wanted != CertificateStatus::Revoked,
            CertificateStatus::PendingTransfer => true,
            CertificateStatus::Active
            | CertificateStatus::Inactive
            | CertificateStatus::PendingActivation
            | CertificateStatus::RegisterInactive => false,
        };
        if fixed {
            let message = format!("the certificate `{id}` is {}: it cannot become {wanted}", row.status);
            return Err(ApiError::new(ErrorCode::CertificateStateException, message));
        }
        Ok((id, row, wanted))
    }

    /// "DeleteCertificate". `forceDelete` deletes a certificate that policies are attached to (who knows of them detaches them
    /// on the event); things must be detached in any case.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `CertificateStateException` where it is active or in transfer; `DeleteConflictException` where
    /// something is attached.
    pub fn delete_certificate(
        &mut self,
        request: &DeleteCertificateRequest,
        attached: Attached,
    ) -> Result<Done<()>, ApiError> {
        let (id, row) = self.known(&request.certificate_id)?;
        if matches!(row.status, CertificateStatus::Active | CertificateStatus::PendingTransfer) {
            // AWS's own words for one that is active.
            let message = match row.status {
                CertificateStatus::Active => {
                    format!("Certificate must be deactivated (not ACTIVE) before deletion. Id: {id}")
                }
                other => format!("the certificate `{id}` is {other}: end the transfer before it is deleted"),
            };
            return Err(ApiError::new(ErrorCode::CertificateStateException, message));
        }
        // AWS's own words.
        let conflict = |what: &str| {
            let message = format!("{what} must be detached before deletion (arn: {})", self.scope.certificate(id));
            Err(ApiError::new(ErrorCode::DeleteConflictException, message))
        };
        if attached.things > 0 {
            return conflict("Things");
        }
        if attached.policies > 0 && request.force_delete != Some(true) {
            return conflict("Certificate policies");
        }
        let (id, place) = (id.clone(), (row.created, id.clone()));
        let authority = row.authority.clone();
        let expiry = (row.not_after, id.clone());
        if let Some(signed) = signed_digest(row.der.bytes()) {
            self.by_signed.remove(&signed);
        }
        self.certificates.remove(&id);
        self.by_age.remove(&place);
        self.by_expiry.remove(&expiry);
        if let Some(authority) = authority
            && let Some(of) = self.by_authority.get_mut(&authority)
        {
            of.remove(&place);
            if of.is_empty() {
                self.by_authority.remove(&authority);
            }
        }
        let write = Write::delete(CERTIFICATES, id.as_str());
        let event = Event::CertificateStatusChanged { certificate_id: id, active: false };
        Ok(Done::written((), vec![write]).with(event))
    }
}

fn initial(active: Option<bool>) -> CertificateStatus {
    if active == Some(true) { CertificateStatus::Active } else { CertificateStatus::Inactive }
}

/// The statuses that callers may set; the others are AWS's own.
fn settable(status: CertificateStatus) -> Result<CertificateStatus, ApiError> {
    match status {
        CertificateStatus::Active | CertificateStatus::Inactive | CertificateStatus::Revoked => Ok(status),
        CertificateStatus::PendingTransfer
        | CertificateStatus::PendingActivation
        | CertificateStatus::RegisterInactive => Err(ApiError::invalid(format!(
            "the status {status} is set by AWS IoT alone: use ACTIVE, INACTIVE or REVOKED"
        ))),
    }
}
