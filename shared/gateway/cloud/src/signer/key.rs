//! The key that objects are signed with, and its certificate.

use crate::error::CloudError;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use serde::{Deserialize, Serialize};

/// The file of the data folder that has the certificate, in PEM.
pub const CERTIFICATE: &str = "signer-certificate.pem";
/// How long the certificate is valid, in milliseconds: ten years.
const VALID: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// A key pair of the curve P-256. It has no `Debug`: one half is secret.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    /// The private key in PKCS #8, in base64.
    private: String,
    /// Its certificate, in PEM.
    pub(super) certificate: String,
}

pub(super) fn broken(why: impl std::fmt::Display) -> CloudError {
    CloudError::resource("key", "signer", format!("the key for signatures cannot be used: {why}"))
}

impl Key {
    pub(super) fn make(now: Timestamp) -> Result<Self, CloudError> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(broken)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Drydock code signing");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        (params.not_before, params.not_after) = (now.utc(), now.plus_millis(VALID).utc());
        let certificate = params.self_signed(&pair).map_err(broken)?;
        Ok(Self { private: STANDARD.encode(pair.serialize_der()), certificate: certificate.pem() })
    }

    /// Signs a digest: in DER, as FreeRTOS agents and OpenSSL check it.
    pub(super) fn sign(&self, digest: &Digest) -> Result<Vec<u8>, CloudError> {
        let der = STANDARD.decode(&self.private).map_err(broken)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).map_err(broken)?;
        let signature = pair.sign_digest(digest).map_err(|_| broken("it does not sign"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// Sums up bytes as they come.
pub(super) fn hasher() -> digest::Context {
    digest::Context::new(&digest::SHA256)
}
