//! What provisioning needs of certificates: those that wait for it, what a certificate's subject gives a template, and
//! provisioning claims.
//!
//! Follows "Fleet provisioning", "Just-in-time provisioning" and "CreateProvisioningClaim". A claim is a certificate that is
//! good for five minutes and for provisioning alone; it is in no list and has no status.

use super::row::Provisioning;
use super::{CLAIMS, Identity, json};
use crate::issuer::Issued;
use crate::x509::{Certificate, certificate_id};
use drydock_core::{ApiError, CertificateId, Done, Ids, Timestamp, Write};
use drydock_model::iot::{CertificateMode, CertificateStatus, CreateProvisioningClaimResponse, KeyPair};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a claim is good for: five minutes, in milliseconds.
pub const CLAIM_LIFETIME: i64 = 5 * 60 * 1000;

/// The parameters of just-in-time provisioning, and the attribute of the certificate's subject that each is taken from.
const PARAMETERS: [(&str, &str); 7] = [
    ("AWS::IoT::Certificate::Country", "Country"),
    ("AWS::IoT::Certificate::Organization", "Organization"),
    ("AWS::IoT::Certificate::OrganizationalUnit", "OrganizationalUnit"),
    ("AWS::IoT::Certificate::DistinguishedNameQualifier", "DistinguishedNameQualifier"),
    ("AWS::IoT::Certificate::StateName", "State"),
    ("AWS::IoT::Certificate::CommonName", "CommonName"),
    ("AWS::IoT::Certificate::SerialNumber", "SerialNumber"),
];

/// A provisioning claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The template that it is for.
    pub template: String,
    /// When it is good no more.
    pub expires: Timestamp,
}

impl Identity {
    /// Registers a certificate that a device asked for over MQTT: it waits for its provisioning.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where the very certificate exists already.
    pub fn create_pending_certificate(
        &mut self,
        certificate: &Certificate,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CertificateId>, ApiError> {
        let status = CertificateStatus::PendingActivation;
        let done = self.register(certificate, status, CertificateMode::Default, None, now, ids)?;
        Ok(done.map(|_| certificate.id().clone()))
    }

    /// How the CA of a certificate provisions its devices; `None` where it does not, and for one of no registered CA.
    #[must_use]
    pub fn provisioning_of(&self, id: &CertificateId) -> Option<&Provisioning> {
        let authority = self.certificates.get(id)?.authority.as_ref()?;
        self.authorities.get(authority)?.row.provisioning.as_ref()
    }

    /// The certificates that wait for their provisioning: registered by their first connect, and of a CA that provisions its
    /// devices.
    #[must_use]
    pub fn to_provision(&self) -> Vec<CertificateId> {
        let provisions = self.authorities.iter().filter(|(_, held)| held.row.provisioning.is_some());
        let signed = provisions.filter_map(|(authority, _)| self.by_authority.get(authority)).flatten();
        let waits = |id: &CertificateId| {
            self.certificates.get(id).is_some_and(|row| row.status == CertificateStatus::PendingActivation)
        };
        signed.map(|(_, id)| id).filter(|id| waits(id)).cloned().collect()
    }

    /// The parameters that a registered certificate gives a template: its id, and the attributes of its subject that it has. Of
    /// an attribute that comes several times the first counts.
    #[must_use]
    pub fn provisioning_parameters(&self, id: &CertificateId) -> Option<BTreeMap<String, String>> {
        let facts = self.certificates.get(id)?.facts();
        let mut parameters = BTreeMap::from([("AWS::IoT::Certificate::Id".to_owned(), id.to_string())]);
        for (parameter, attribute) in PARAMETERS {
            if let Some(value) = facts.subject_values(attribute).next() {
                parameters.insert(parameter.to_owned(), value.to_owned());
            }
        }
        Some(parameters)
    }

    /// "CreateProvisioningClaim", with what [`Authority::new_keys`](crate::Authority::new_keys) made. Whoever calls it has
    /// looked up the template.
    pub fn create_provisioning_claim(
        &mut self,
        template: &str,
        issued: Issued,
        now: Timestamp,
    ) -> Done<CreateProvisioningClaimResponse> {
        let Issued { certificate, keys } = issued;
        let id = certificate.id().clone();
        let row = ClaimRow { template: template.to_owned(), expires: now.plus_millis(CLAIM_LIFETIME) };
        let reply = CreateProvisioningClaimResponse {
            certificate_id: Some(id.to_string()),
            certificate_pem: Some(certificate.pem()),
            expiration: Some(row.expires),
            key_pair: keys.map(|keys| KeyPair { private_key: Some(keys.private), public_key: Some(keys.public) }),
        };
        let write = Write::put(CLAIMS, id.as_str(), json(&row));
        self.claims.insert(id, row);
        Done::written(reply, vec![write])
    }

    /// Forgets the claims that have expired.
    pub fn forget_expired_claims(&mut self, now: Timestamp) -> Done<()> {
        let expired = self.claims.iter().filter(|(_, row)| row.expires <= now);
        let expired: Vec<CertificateId> = expired.map(|(id, _)| id.clone()).collect();
        let forget = |id: &CertificateId| {
            self.claims.remove(id);
            Write::delete(CLAIMS, id.as_str())
        };
        Done::written((), expired.iter().map(forget).collect())
    }

    /// When the next claim expires.
    #[must_use]
    pub fn next_claim_expiry(&self) -> Option<Timestamp> {
        self.claims.values().map(|row| row.expires).min()
    }

    /// The claim that a client has shown, if it is one.
    pub(super) fn claim(&self, chain: &[&[u8]]) -> Option<(&CertificateId, &ClaimRow)> {
        if self.claims.is_empty() {
            return None;
        }
        self.claims.get_key_value(&certificate_id(chain.first()?))
    }
}
