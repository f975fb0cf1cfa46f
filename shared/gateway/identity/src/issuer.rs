//! The local authorities. One stands in for the Amazon root that devices trust (it signs the server's certificate), another
//! for the one behind "CreateKeysAndCertificate" and "CreateCertificateFromCsr". They are two, so that a device that chooses
//! its own subject can never pass for the server.

mod device;
mod files;

pub use device::{Issued, KeyPairPem};

use crate::x509::{Certificate, Malformed};
use drydock_core::{Ids, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::path::PathBuf;
use std::sync::Arc;

/// What can go wrong with an authority.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthorityError {
    /// A key or certificate could not be made.
    #[error("{attempt} failed: {source}")]
    Crypto {
        /// What was attempted, for example `making a key`.
        attempt: &'static str,
        /// What the library said.
        source: Arc<rcgen::Error>,
    },
    /// A file could not be read or written.
    #[error("`{path}` cannot be {attempt}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        attempt: &'static str,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// A file is not what it is meant to be.
    #[error("`{path}` is not usable: {why}; move it and its key away to have new ones made")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The certificate does not read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl AuthorityError {
    pub(crate) fn crypto(attempt: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |source| Self::Crypto { attempt, source: Arc::new(source) }
    }
}

impl From<AuthorityError> for drydock_core::ApiError {
    fn from(error: AuthorityError) -> Self {
        Self::new(drydock_core::ErrorCode::InternalFailureException, error.to_string())
    }
}

/// The kind of key an authority signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2,048 bits: what every TLS client can check. Takes a moment to make.
    Rsa2048,
    /// ECDSA on P-256.
    EcdsaP256,
}

/// A CA of our own: its certificate and its key.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    /// Makes a self-signed CA, valid from a day before `now` for twenty-five years.
    ///
    /// # Errors
    /// [`AuthorityError::Crypto`] where the library cannot make the key.
    pub fn create(common_name: &str, kind: KeyKind, now: Timestamp, ids: &dyn Ids) -> Result<Self, AuthorityError> {
        let key = make_key(kind)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        params.serial_number = Some(serial(ids).to_vec().into());
        params.not_before = now.utc() - time::Duration::DAY;
        params.not_after = now.utc() + time::Duration::days(25 * 365);
        let signed = params.self_signed(&key).map_err(AuthorityError::crypto("signing a CA certificate"))?;
        Ok(Self { certificate: Certificate::from_der("the new CA certificate", signed.der())?, key })
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn key(&self) -> &KeyPair {
        &self.key
    }
}

pub(crate) fn make_key(kind: KeyKind) -> Result<KeyPair, AuthorityError> {
    match kind {
        KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
        KeyKind::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
    }
    .map_err(AuthorityError::crypto("making a key"))
}

pub(crate) fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Drydock");
    name.push(DnType::CommonName, common_name);
    name
}

/// A serial number of 20 bytes whose first is 1 to 127: positive, and of a fixed length.
pub(crate) fn serial(ids: &dyn Ids) -> [u8; 20] {
    let mut bytes = [0; 20];
    ids.fill(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 1;
    }
    bytes
}
