//! The operations on CA certificates.

use super::row::{AuthorityRow, Der, Provisioning};
use super::{AUTHORITIES, CODES, Identity, json};
use crate::x509::{Certificate, Malformed};
use drydock_core::{ApiError, Done, ErrorCode, Ids, Timestamp, Write};
use drydock_model::iot::{
    AutoRegistrationStatus, CACertificateDescription, CACertificateStatus, CertificateMode, CertificateValidity,
    DeleteCACertificateRequest, DeleteCACertificateResponse, DeleteRegistrationCodeRequest,
    DeleteRegistrationCodeResponse, DescribeCACertificateRequest, DescribeCACertificateResponse,
    GetRegistrationCodeRequest, GetRegistrationCodeResponse, RegisterCACertificateRequest,
    RegisterCACertificateResponse, UpdateCACertificateRequest,
};
use smol_str::ToSmolStr as _;

/// The most CAs with the same subject in an account and region (quota "Maximum number of CA certificates with the same
/// subject field allowed per AWS account per Region").
const MOST_PER_SUBJECT: usize = 10;

const CA: &str = "the CA certificate";
const VERIFICATION: &str = "the verification certificate";

impl Identity {
    /// "GetRegistrationCode": the code that a verification certificate must have as its common name. Made at the first call.
    pub fn get_registration_code(
        &mut self,
        _request: &GetRegistrationCodeRequest,
        ids: &dyn Ids,
    ) -> Done<GetRegistrationCodeResponse> {
        let reply = |code: &str| GetRegistrationCodeResponse { registration_code: Some(code.to_owned()) };
        if let Some(code) = &self.registration_code {
            return Done::reply(reply(code));
        }
        let code = self.registration_code.insert(ids.hex64());
        Done::written(reply(code), vec![Write::put(CODES, "code", code.clone())])
    }

    /// "DeleteRegistrationCode".
    ///
    /// # Errors
    /// `ResourceNotFoundException` where there is none.
    pub fn delete_registration_code(
        &mut self,
        _request: &DeleteRegistrationCodeRequest,
    ) -> Result<Done<DeleteRegistrationCodeResponse>, ApiError> {
        self.registration_code.take().ok_or_else(|| ApiError::not_found("there is no registration code"))?;
        Ok(Done::written(DeleteRegistrationCodeResponse {}, vec![Write::delete(CODES, "code")]))
    }

    /// "RegisterCACertificate".
    ///
    /// # Errors
    /// `CertificateValidationException` where a certificate is malformed, expired, no CA, or not signed by the CA;
    /// `RegistrationCodeValidationException` where the verification certificate's common name is not the registration code;
    /// `ResourceAlreadyExistsException`; `LimitExceededException` at the eleventh CA of a subject.
    pub fn register_ca_certificate(
        &mut self,
        request: &RegisterCACertificateRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<RegisterCACertificateResponse>, ApiError> {
        let certificate = Certificate::from_pem(CA, &request.ca_certificate)?;
        if !certificate.signs() {
            let why = "it may not sign certificates: its basic constraints must say CA, and its key usage, where it has one, \
                       must allow to sign certificates";
            return Err(Malformed::new(CA, why).into());
        }
        if let Some(why) = certificate.invalid_at(now) {
            return Err(Malformed::new(CA, why).into());
        }
        let mode = request.certificate_mode.unwrap_or(CertificateMode::Default);
        match (mode, &request.verification_certificate) {
            (CertificateMode::Default, Some(pem)) => self.verify_possession(&certificate, pem, now)?,
            (CertificateMode::Default, None) => {
                let why = "it is missing: sign one with the CA whose common name is the registration code, or register the CA \
                           in the mode `SNI_ONLY`";
                return Err(Malformed::new(VERIFICATION, why).into());
            }
            (CertificateMode::SniOnly, Some(_)) => {
                return Err(ApiError::invalid(
                    "a CA in the mode `SNI_ONLY` is registered without `verificationCertificate`",
                ));
            }
            (CertificateMode::SniOnly, None) => {}
        }
        let id = certificate.id().clone();
        let arn = String::from(self.scope.ca_certificate(&id));
        if let Some(why) = certificate.weak_key() {
            return Err(Malformed::new(CA, why).into());
        }
        let known = self.authorities.values().find(|held| held.certificate.signed() == certificate.signed());
        if let Some(known) = known {
            let id = known.certificate.id();
            let arn = String::from(self.scope.ca_certificate(id));
            return Err(ApiError::exists("the CA certificate is already registered", id.as_str(), arn));
        }
        let same = self.by_subject.get(certificate.subject()).map_or(0, Vec::len);
        if same >= MOST_PER_SUBJECT {
            let message =
                format!("{MOST_PER_SUBJECT} CA certificates with this subject are registered: delete one first");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let row = AuthorityRow {
            der: Der::new(certificate.der()),
            status: if request.set_as_active == Some(true) {
                CACertificateStatus::Active
            } else {
                CACertificateStatus::Inactive
            },
            auto_registration: auto_registration(request.allow_auto_registration == Some(true)),
            mode,
            provisioning: request.registration_config.as_ref().map(Provisioning::from),
            created: now,
            modified: now,
            version: 1,
            generation: ids.uuid().to_smolstr(),
        };
        let write = Write::put(AUTHORITIES, id.as_str(), json(&row));
        self.take_in_authority(row, certificate);
        let reply = RegisterCACertificateResponse { certificate_arn: Some(arn), certificate_id: Some(id.to_string()) };
        Ok(Done::written(reply, vec![write]))
    }

    /// Whoever registers a CA proves to hold its key by signing the registration code with it.
    fn verify_possession(&self, authority: &Certificate, pem: &str, now: Timestamp) -> Result<(), ApiError> {
        let mismatch = |why: String| ApiError::new(ErrorCode::RegistrationCodeValidationException, why);
        let proof = Certificate::from_pem(VERIFICATION, pem)?;
        let invalid = |why: String| ApiError::from(Malformed::new(VERIFICATION, why));
        if proof.issuer() != authority.subject() {
            return Err(invalid("its issuer is not the subject of the CA certificate".into()));
        }
        proof.signed_by(authority).map_err(|error| invalid(format!("{error}, that of the CA certificate")))?;
        if let Some(why) = proof.invalid_at(now) {
            return Err(invalid(why));
        }
        let Some(code) = &self.registration_code else {
            return Err(mismatch("there is no registration code: ask for one with GetRegistrationCode".into()));
        };
        let facts = proof.facts();
        let names: Vec<&str> = facts.subject_values("CommonName").collect();
        if names != [code.as_str()] {
            let names = names.join("`, `");
            return Err(mismatch(format!(
                "the common name of the verification certificate is `{names}`, and has to be the registration code `{code}`"
            )));
        }
        Ok(())
    }

    /// "DescribeCACertificate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_ca_certificate(
        &self,
        request: &DescribeCACertificateRequest,
    ) -> Result<Done<DescribeCACertificateResponse>, ApiError> {
        let (id, held) = self.known_authority(&request.certificate_id)?;
        let row = &held.row;
        let description = CACertificateDescription {
            auto_registration_status: Some(row.auto_registration),
            certificate_arn: Some(self.scope.ca_certificate(id).into()),
            certificate_id: Some(id.to_string()),
            certificate_mode: Some(row.mode),
            certificate_pem: Some(row.der.pem()),
            creation_date: Some(row.created),
            customer_version: Some(row.version),
            generation_id: Some(row.generation.to_string()),
            last_modified_date: Some(row.modified),
            owned_by: Some(self.scope.account.to_string()),
            status: Some(row.status),
            validity: Some(CertificateValidity {
                not_before: Some(held.certificate.not_before()),
                not_after: Some(held.certificate.not_after()),
            }),
        };
        Ok(Done::reply(DescribeCACertificateResponse {
            certificate_description: Some(description),
            registration_config: row.provisioning.as_ref().map(Into::into),
        }))
    }

    /// "UpdateCACertificate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn update_ca_certificate(
        &mut self,
        request: &UpdateCACertificateRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let row = &mut self.known_authority_mut(&request.certificate_id)?.row;
        if let Some(status) = request.new_status {
            row.status = status;
        }
        if let Some(status) = request.new_auto_registration_status {
            row.auto_registration = status;
        }
        if let Some(config) = &request.registration_config {
            row.provisioning = Some(config.into());
        }
        if request.remove_auto_registration == Some(true) {
            row.provisioning = None;
            row.auto_registration = AutoRegistrationStatus::Disable;
        }
        row.touch(now);
        let write = Write::put(AUTHORITIES, request.certificate_id.as_str(), json(row));
        Ok(Done::written((), vec![write]))
    }

    /// "DeleteCACertificate". The device certificates that it signed stay.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `CertificateStateException` where it is active.
    pub fn delete_ca_certificate(
        &mut self,
        request: &DeleteCACertificateRequest,
    ) -> Result<Done<DeleteCACertificateResponse>, ApiError> {
        let (_, held) = self.known_authority(&request.certificate_id)?;
        if held.row.status == CACertificateStatus::Active {
            return Err(ApiError::new(
                ErrorCode::CertificateStateException,
                format!("the CA certificate `{}` is active: set it to INACTIVE first", request.certificate_id),
            ));
        }
        let subject: Box<[u8]> = held.certificate.subject().into();
        self.authorities.remove(request.certificate_id.as_str());
        if let Some(ids) = self.by_subject.get_mut(&subject) {
            ids.retain(|id| id.as_str() != request.certificate_id);
            if ids.is_empty() {
                self.by_subject.remove(&subject);
            }
        }
        let write = Write::delete(AUTHORITIES, request.certificate_id.as_str());
        Ok(Done::written(DeleteCACertificateResponse {}, vec![write]))
    }
}

fn auto_registration(on: bool) -> AutoRegistrationStatus {
    if on { AutoRegistrationStatus::Enable } else { AutoRegistrationStatus::Disable }
}
