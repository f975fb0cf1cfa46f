//! What a certificate says of its device.

use crate::EpochMillis;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION};
use x509_parser::pem::parse_x509_pem;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo};

/// The public key's kind, as far as the checks tell kinds apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// RSA, with the modulus's length.
    Rsa {
        /// In bits.
        bits: usize,
    },
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Anything else, by object identifier.
    Other(String),
}

/// What a device's certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// The subject's common name: the thing's name.
    pub common_name: Option<String>,
    /// The subject's `serialNumber`: the device's serial number.
    pub serial_number: Option<String>,
    /// The subject's organizational unit: the device's model.
    pub model: Option<String>,
    /// The public key.
    pub key: Key,
    /// Valid from then, inclusive.
    pub not_before: EpochMillis,
    /// Valid until then, inclusive.
    pub not_after: EpochMillis,
    /// Whether it is itself a CA's certificate.
    pub is_ca: bool,
}

/// Why a certificate could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be read: {0}")]
pub struct Unreadable(String);

impl DeviceCertificate {
    /// Reads a certificate in PEM form. Where a name occurs several times in the subject, the first counts, as it does in
    /// AWS IoT's policy variables.
    ///
    /// # Errors
    /// [`Unreadable`] if it is not PEM, or no X.509 certificate.
    pub fn read(pem: &str) -> Result<Self, Unreadable> {
        let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| Unreadable(error.to_string()))?;
        let certificate = pem.parse_x509().map_err(|error| Unreadable(error.to_string()))?;
        let subject = certificate.subject();
        let validity = certificate.validity();
        Ok(Self {
            common_name: first(subject.iter_common_name()),
            serial_number: first(subject.iter_by_oid(&x509_parser::oid_registry::OID_X509_SERIALNUMBER)),
            model: first(subject.iter_organizational_unit()),
            key: Key::of(certificate.public_key()),
            not_before: validity.not_before.timestamp().saturating_mul(1000),
            not_after: validity.not_after.timestamp().saturating_mul(1000).saturating_add(999),
            is_ca: is_ca(&certificate),
        })
    }

    /// The device's serial number: the subject's `serialNumber`, or its common name.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.serial_number.as_deref().or(self.common_name.as_deref())
    }
}

impl Key {
    fn of(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = &info.algorithm;
        if algorithm.algorithm == OID_PKCS1_RSAENCRYPTION
            && let Ok(PublicKey::RSA(rsa)) = info.parsed()
        {
            return Self::Rsa { bits: rsa.key_size() };
        }
        if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
            && let Some(Ok(curve)) = algorithm.parameters.as_ref().map(|parameters| parameters.as_oid())
        {
            return match curve {
                curve if curve == OID_EC_P256 => Self::P256,
                curve if curve == OID_NIST_EC_P384 => Self::P384,
                curve => Self::Other(curve.to_id_string()),
            };
        }
        Self::Other(algorithm.algorithm.to_id_string())
    }
}

fn is_ca(certificate: &X509Certificate<'_>) -> bool {
    certificate.basic_constraints().ok().flatten().is_some_and(|constraints| constraints.value.ca)
}

fn first<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    let text = attributes.next()?.as_str().ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}
