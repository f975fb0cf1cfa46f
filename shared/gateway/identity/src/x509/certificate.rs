//! One certificate.

use super::facts::CertificateFacts;
use super::signature::{BadSignature, Signed};
use super::{der, key, pem};
use drydock_core::{ApiError, CertificateId, ErrorCode, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

/// What is wrong with a certificate or a signing request that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not valid: {why}")]
pub struct Malformed {
    /// What it was meant to be, for example `the CA certificate`.
    pub what: &'static str,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl Malformed {
    pub(crate) fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}

impl From<Malformed> for ApiError {
    fn from(error: Malformed) -> Self {
        Self::new(ErrorCode::CertificateValidationException, error.to_string())
    }
}

/// A certificate that has been read. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Arc<[u8]>,
    id: CertificateId,
    signed: SignedDigest,
    weak_key: Option<Box<str>>,
    subject: Box<[u8]>,
    issuer: Box<[u8]>,
    public_key: Box<[u8]>,
    not_before: Timestamp,
    not_after: Timestamp,
    signs: bool,
}

impl Certificate {
    /// Reads a certificate from DER. `what` names it in the error.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are not one whole X.509 certificate.
    pub fn from_der(what: &'static str, der: &[u8]) -> Result<Self, Malformed> {
        let malformed = |why: String| Malformed::new(what, why);
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|e| malformed(format!("it is not an X.509 certificate ({e})")))?;
        if !rest.is_empty() {
            return Err(malformed(format!("{} bytes follow the certificate", rest.len())));
        }
        if !der::is_strict(der) {
            return Err(malformed("it is BER and not DER: it has other encodings than the shortest".into()));
        }
        let tbs = &parsed.tbs_certificate;
        Ok(Self {
            der: der.into(),
            id: certificate_id(der),
            signed: signed_digest(der).ok_or_else(|| malformed("it is not a signed structure".into()))?,
            weak_key: key::unfit_for_registration(&tbs.subject_pki).map(Into::into),
            subject: tbs.subject.as_raw().into(),
            issuer: tbs.issuer.as_raw().into(),
            public_key: tbs.subject_pki.raw.into(),
            not_before: Timestamp(tbs.validity.not_before.timestamp().saturating_mul(1000)),
            not_after: Timestamp(tbs.validity.not_after.timestamp().saturating_mul(1000)),
            signs: may_sign(&parsed),
        })
    }

    /// Reads the one certificate in a PEM text. `what` names it in the error.
    ///
    /// # Errors
    /// [`Malformed`] where the text is not PEM, or holds no certificate or several.
    pub fn from_pem(what: &'static str, text: &str) -> Result<Self, Malformed> {
        let malformed = |why: String| Malformed::new(what, why);
        let mut found = CertificateDer::pem_slice_iter(text.as_bytes());
        let first = match found.next() {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(malformed(format!("it is not PEM text ({error})"))),
            None => {
                let why = "it holds no `-----BEGIN CERTIFICATE-----` section: send the certificate as PEM text";
                return Err(malformed(why.into()));
            }
        };
        if found.next().is_some() {
            return Err(malformed("it holds several certificates, one is expected".into()));
        }
        Self::from_der(what, &first)
    }

    /// The SHA-256 of the DER, which is the certificate's id on AWS.
    #[must_use]
    pub fn id(&self) -> &CertificateId {
        &self.id
    }

    /// The digest of what its issuer signed: that of two certificates is the same where nothing but the signature differs, as
    /// with the two that each signature of ECDSA has.
    pub(crate) fn signed(&self) -> &SignedDigest {
        &self.signed
    }

    /// Why its key is not one that AWS IoT takes; `None` where it is.
    #[must_use]
    pub fn weak_key(&self) -> Option<&str> {
        self.weak_key.as_deref()
    }

    /// The certificate as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// The subject's name as DER: what a certificate signed by this one has as its issuer.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The issuer's name as DER.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The public key as a SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Valid from.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Valid until, that second included.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether it may sign certificates: basic constraints say that it is a CA, and the key usage, where there is one, does too.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.signs
    }

    /// Why it is not valid at a time; `None` where it is.
    #[must_use]
    pub fn invalid_at(&self, now: Timestamp) -> Option<String> {
        if now.seconds() < self.not_before.seconds() {
            Some(format!("it is not valid before {}", self.not_before))
        } else if now.seconds() > self.not_after.seconds() {
            Some(format!("it expired at {}", self.not_after))
        } else {
            None
        }
    }

    /// Checks that this certificate carries the signature of another one's key.
    ///
    /// # Errors
    /// [`BadSignature`] where it does not.
    pub fn signed_by(&self, signer: &Self) -> Result<(), BadSignature> {
        Signed::read(&self.der).ok_or(BadSignature::Malformed)?.verify(&signer.public_key)
    }

    /// What the certificate says about its subject and issuer.
    #[must_use]
    pub fn facts(&self) -> CertificateFacts {
        CertificateFacts::from_der(&self.der)
    }
}

/// The SubjectPublicKeyInfo of a certificate in DER, without reading more of it than its structure; `None` where the bytes are
/// not one whole certificate.
pub(crate) fn public_key_info(der: &[u8]) -> Option<&[u8]> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(parsed.tbs_certificate.subject_pki.raw)
}

/// The SHA-256 of the part of a certificate that its issuer signed.
pub(crate) type SignedDigest = [u8; 32];

/// The digest of what a certificate's issuer signed; `None` where the bytes are not a signed structure in DER.
pub(crate) fn signed_digest(der: &[u8]) -> Option<SignedDigest> {
    let body = Signed::read(der)?.body;
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body).as_ref().try_into().ok()
}

/// The id of a certificate on AWS: the SHA-256 of its DER in hexadecimal digits.
#[must_use]
pub fn certificate_id(der: &[u8]) -> CertificateId {
    let mut hash = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    CertificateId::from_digest(&hash)
}

fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    let mut is_ca = false;
    let mut usage = true;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => is_ca = constraints.ca,
            ParsedExtension::KeyUsage(key_usage) => usage = key_usage.key_cert_sign(),
            _ => {}
        }
    }
    is_ca && usage
}
