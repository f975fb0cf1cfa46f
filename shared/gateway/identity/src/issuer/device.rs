//! Device certificates. They are put together from the requester's own bytes (subject and key), so that any name and any kind
//! of key that AWS takes goes through unchanged.

use super::{Authority, AuthorityError, KeyKind, make_key, serial};
use crate::x509::der::{self, INTEGER, OCTET_STRING, SEQUENCE};
use crate::x509::{Certificate, SigningRequest, pem_encode};
use drydock_core::{ApiError, Ids, Timestamp};
use rcgen::{PublicKeyData as _, SigningKey as _};
use time::OffsetDateTime;

/// The subject of a certificate whose key AWS made: `CN=AWS IoT Certificate`.
const COMMON_NAME: &[u8] = b"AWS IoT Certificate";
/// The end of every certificate that AWS signs: 2049-12-31T23:59:59Z.
const NOT_AFTER: &[u8] = b"491231235959Z";
/// A device's clock may be a little behind.
const SKEW_MILLIS: i64 = 2 * 60 * 1000;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const UTF8_STRING: u8 = 0x0c;
const SET: u8 = 0x31;
const BOOLEAN_TRUE: [u8; 3] = [0x01, 0x01, 0xff];

const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SHA256_WITH_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
const OID_COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const OID_SUBJECT_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0e];
const OID_KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0f];
const OID_BASIC_CONSTRAINTS: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x13];
const OID_AUTHORITY_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x23];

/// A key pair as "CreateKeysAndCertificate" hands it out.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPairPem {
    /// `-----BEGIN PUBLIC KEY-----`.
    pub public: String,
    /// `-----BEGIN RSA PRIVATE KEY-----`. Kept nowhere.
    pub private: String,
}

impl std::fmt::Debug for KeyPairPem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyPairPem { .. }")
    }
}

/// A device certificate fresh from the authority, not registered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Its keys, where they were made here.
    pub keys: Option<KeyPairPem>,
}

impl Authority {
    /// Makes an RSA key of 2,048 bits and a certificate for it, as "CreateKeysAndCertificate" does: subject
    /// `CN=AWS IoT Certificate`, valid until the end of 2049. Takes tens of milliseconds: call it outside of any lock.
    ///
    /// # Errors
    /// [`AuthorityError::Crypto`] where the library cannot make the key.
    pub fn new_keys(&self, now: Timestamp, ids: &dyn Ids) -> Result<Issued, AuthorityError> {
        let key = make_key(KeyKind::Rsa2048)?;
        let public_key = key.subject_public_key_info();
        let attribute = der::write(SEQUENCE, &[OID_COMMON_NAME, &der::write(UTF8_STRING, &[COMMON_NAME])]);
        let subject = der::write(SEQUENCE, &[&der::write(SET, &[&attribute])]);
        let certificate = self.issue(&subject, &public_key, now, ids)?;
        let keys =
            KeyPairPem { public: pem_encode("PUBLIC KEY", &public_key), private: private_pem(key.serialized_der()) };
        Ok(Issued { certificate, keys: Some(keys) })
    }

    /// Signs a request, as "CreateCertificateFromCsr" does: its subject and its key, none of the extensions that it asks for.
    ///
    /// # Errors
    /// An `InvalidRequestException` that says what is wrong with the request.
    pub fn sign_request(&self, pem: &str, now: Timestamp, ids: &dyn Ids) -> Result<Issued, ApiError> {
        let request = SigningRequest::from_pem(pem)?;
        let certificate = self.issue(&request.subject, &request.public_key, now, ids)?;
        Ok(Issued { certificate, keys: None })
    }

    fn issue(
        &self,
        subject: &[u8],
        public_key: &[u8],
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Certificate, AuthorityError> {
        let algorithm =
            if self.key().algorithm() == &rcgen::PKCS_RSA_SHA256 { SHA256_WITH_RSA } else { ECDSA_WITH_SHA256 };
        let algorithm = der::write(SEQUENCE, &[algorithm]);
        let validity =
            der::write(SEQUENCE, &[&time(now.plus_millis(-SKEW_MILLIS).utc()), &der::write(UTC_TIME, &[NOT_AFTER])]);
        let body = der::write(
            SEQUENCE,
            &[
                // Version 3.
                &[0xa0, 0x03, 0x02, 0x01, 0x02],
                &der::write(INTEGER, &[&serial(ids)]),
                &algorithm,
                self.certificate().subject(),
                &validity,
                subject,
                public_key,
                &self.extensions(public_key),
            ],
        );
        let signature = self.key().sign(&body).map_err(AuthorityError::crypto("signing a certificate"))?;
        let der = der::write(SEQUENCE, &[&body, &algorithm, &der::bit_string(&signature)]);
        Ok(Certificate::from_der("the new certificate", &der)?)
    }

    /// The four extensions that certificates signed by AWS IoT carry.
    fn extensions(&self, public_key: &[u8]) -> Vec<u8> {
        let authority = der::write(SEQUENCE, &[&der::write(0x80, &[&key_id(self.certificate().public_key())])]);
        let subject = der::write(OCTET_STRING, &[&key_id(public_key)]);
        let no_ca = der::write(SEQUENCE, &[]);
        // The bit for digital signatures, the first of eight.
        let usage = der::write(der::BIT_STRING, &[&[7, 0x80]]);
        let list = der::write(
            SEQUENCE,
            &[
                &der::write(SEQUENCE, &[OID_AUTHORITY_KEY_ID, &der::write(OCTET_STRING, &[&authority])]),
                &der::write(SEQUENCE, &[OID_SUBJECT_KEY_ID, &der::write(OCTET_STRING, &[&subject])]),
                &der::write(SEQUENCE, &[OID_BASIC_CONSTRAINTS, &BOOLEAN_TRUE, &der::write(OCTET_STRING, &[&no_ca])]),
                &der::write(SEQUENCE, &[OID_KEY_USAGE, &BOOLEAN_TRUE, &der::write(OCTET_STRING, &[&usage])]),
            ],
        );
        der::write(0xa3, &[&list])
    }
}

/// A key identifier by RFC 7093, method 1 over the whole key: what the library gives the CA certificates too.
fn key_id(public_key: &[u8]) -> Vec<u8> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public_key);
    digest.as_ref().iter().take(20).copied().collect()
}

/// A time as RFC 5280 writes it: two digits for years up to 2049, four after.
fn time(at: OffsetDateTime) -> Vec<u8> {
    let rest =
        format!("{:02}{:02}{:02}{:02}{:02}Z", u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second());
    if (1950..2050).contains(&at.year()) {
        der::write(UTC_TIME, &[format!("{:02}{rest}", at.year() % 100).as_bytes()])
    } else {
        der::write(GENERALIZED_TIME, &[format!("{:04}{rest}", at.year()).as_bytes()])
    }
}

/// An RSA key as AWS writes it, PKCS #1, out of the PKCS #8 that the library gives.
fn private_pem(pkcs8: &[u8]) -> String {
    let inner = || {
        let version = der::expect(INTEGER, der::expect(SEQUENCE, pkcs8)?.content)?;
        let algorithm = der::expect(SEQUENCE, version.rest)?;
        Some(der::expect(OCTET_STRING, algorithm.rest)?.content)
    };
    match inner() {
        Some(pkcs1) => pem_encode("RSA PRIVATE KEY", pkcs1),
        None => pem_encode("PRIVATE KEY", pkcs8),
    }
}
