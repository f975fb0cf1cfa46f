//! A certificate signing request.

use super::certificate::Malformed;
use super::key;
use super::signature::{BadSignature, Signed};
use drydock_core::{ApiError, ErrorCode};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

const WHAT: &str = "the certificate signing request";

/// A request whose signature has been checked: who sent it holds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    /// The subject's name as DER.
    pub subject: Vec<u8>,
    /// The public key as a SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

impl SigningRequest {
    /// Reads a request from PEM and checks it as "CreateCertificateFromCsr" asks: an RSA key of at least 2,048 bits, or one on
    /// P-256, P-384 or P-521.
    ///
    /// # Errors
    /// An `InvalidRequestException` that says what is wrong.
    pub fn from_pem(text: &str) -> Result<Self, ApiError> {
        Self::read(text).map_err(|error| ApiError::new(ErrorCode::InvalidRequestException, error.to_string()))
    }

    fn read(text: &str) -> Result<Self, Malformed> {
        let malformed = |why: String| Malformed::new(WHAT, why);
        let der = CertificateSigningRequestDer::from_pem_slice(text.as_bytes()).map_err(|error| {
            malformed(format!("it holds no `-----BEGIN CERTIFICATE REQUEST-----` section that reads as PEM ({error})"))
        })?;
        let (_, parsed) = X509CertificationRequest::from_der(&der)
            .map_err(|error| malformed(format!("it is not a PKCS #10 request ({error})")))?;
        let info = &parsed.certification_request_info;
        if let Some(why) = key::unfit_for_signing(&info.subject_pki) {
            return Err(malformed(why));
        }
        Signed::read(&der)
            .ok_or(BadSignature::Malformed)
            .and_then(|signed| signed.verify(info.subject_pki.raw))
            .map_err(|error| malformed(error.to_string()))?;
        Ok(Self { subject: info.subject.as_raw().to_vec(), public_key: info.subject_pki.raw.to_vec() })
    }
}
