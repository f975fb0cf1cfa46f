//! The fleet's keys, and signatures checked against them.

use super::token::Token;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// How a token is signed (RFC 7518).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA with SHA-256, PKCS #1 v1.5; 2,048 bits and more.
    Rs256,
}

impl Algorithm {
    /// Reads JOSE's name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

/// Whether a key's tokens count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// They do.
    Active,
    /// They do not any more.
    Retired,
}

impl KeyStatus {
    /// Reads the word in the table.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "retired" => Some(Self::Retired),
            _ => None,
        }
    }
}

/// A public key of the fleet.
#[derive(Debug, Clone)]
pub struct FleetKey {
    /// How it signs. A token that names another way is not looked at: a key is for one algorithm.
    pub algorithm: Algorithm,
    /// Whether its tokens count.
    pub status: KeyStatus,
    key: ParsedPublicKey,
}

/// A text that is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PEM.
    #[error("it is not a PEM `PUBLIC KEY` block")]
    Pem,
    /// A key of another kind, or too short.
    #[error(
        "it is not a public key for its algorithm: ES256 takes one on P-256, RS256 one of RSA with 2,048 bits or more"
    )]
    Kind,
}

impl FleetKey {
    /// A key out of its PEM form (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// [`BadKey`] with what is wrong with it.
    pub fn new(algorithm: Algorithm, status: KeyStatus, pem: &str) -> Result<Self, BadKey> {
        let text = pem.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END)).ok_or(BadKey::Pem)?;
        let text: String = text.split_ascii_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|_| BadKey::Pem)?;
        let key = ParsedPublicKey::new(algorithm.verification(), &der).map_err(|_| BadKey::Kind)?;
        // A parsed key of RSA may be of any length: only checking a signature with it would tell.
        if algorithm == Algorithm::Rs256 {
            PublicEncryptingKey::from_der(&der).map_err(|_| BadKey::Kind)?;
        }
        Ok(Self { algorithm, status, key })
    }

    /// Whether this key has signed the token, in the way that both of them name.
    pub(super) fn signed(&self, token: &Token) -> bool {
        let (message, signature) = token.signed();
        self.algorithm == token.algorithm && self.key.verify_sig(message, signature).is_ok()
    }
}
