//! Who signed what. The algorithms are those of the TLS library, so that what registers can also connect: RSA of 2,048 bits and
//! more with SHA-256, -384 and -512, ECDSA on P-256, P-384 and P-521, Ed25519. SHA-1 is not among them.

use super::der::{self, SEQUENCE};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};

/// A signature that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The bytes are not a signed structure.
    #[error("it is not a signed DER structure")]
    Malformed,
    /// Nothing here knows the algorithm, or it does not go with the signer's key.
    #[error(
        "its signature algorithm is not supported, or is not one for the signer's key (RSA from 2048 bits, ECDSA and Ed25519 are; SHA-1 is not)"
    )]
    Algorithm,
    /// The signature was made by another key, or over other content.
    #[error("its signature was not made by that key")]
    Forged,
}

/// The algorithms that TLS and the registration share.
pub(crate) fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// The common frame of certificates and signing requests: body, algorithm, signature.
pub(crate) struct Signed<'a> {
    /// What is signed, whole.
    pub(crate) body: &'a [u8],
    /// The content of the algorithm identifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let frame = der::expect(SEQUENCE, bytes)?;
        let body = der::expect(SEQUENCE, frame.content)?;
        let algorithm = der::expect(SEQUENCE, body.rest)?;
        let signature = der::expect(der::BIT_STRING, algorithm.rest)?;
        let (unused, signature) = signature.content.split_first()?;
        (*unused == 0).then_some(Self { body: body.whole, algorithm: algorithm.content, signature })
    }

    /// Checks that the holder of a public key (its SubjectPublicKeyInfo) signed this.
    pub(crate) fn verify(&self, signer: &[u8]) -> Result<(), BadSignature> {
        let (key_algorithm, key) = public_key(signer).ok_or(BadSignature::Malformed)?;
        let mut fitting = algorithms().all.iter().filter(|known| {
            known.public_key_alg_id().as_ref() == key_algorithm && known.signature_alg_id().as_ref() == self.algorithm
        });
        let algorithm = fitting.next().ok_or(BadSignature::Algorithm)?;
        algorithm.verify_signature(key, self.body, self.signature).map_err(|_| BadSignature::Forged)
    }
}

/// Takes a SubjectPublicKeyInfo apart into the content of its algorithm identifier and its key.
pub(crate) fn public_key(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let frame = der::expect(SEQUENCE, spki)?;
    let algorithm = der::expect(SEQUENCE, frame.content)?;
    let key = der::expect(der::BIT_STRING, algorithm.rest)?;
    let (unused, key) = key.content.split_first()?;
    (*unused == 0).then_some((algorithm.content, key))
}
