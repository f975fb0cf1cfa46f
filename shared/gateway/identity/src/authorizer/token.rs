//! Token signatures: RSA with SHA-256 (PKCS #1 v1.5) over the token's bytes, in base64. AWS checks them before it calls the
//! function, so that strangers cannot make it run.

use crate::x509::{der, public_key};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The content of the algorithm identifier of RSA keys: `rsaEncryption` and NULL.
const RSA: [u8; 13] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// The least bits of a key ("at least 2048 bits").
const LEAST_BITS: usize = 2048;

/// The most characters of a token.
const LONGEST_TOKEN: usize = 6144;
/// The most characters of its signature.
const LONGEST_SIGNATURE: usize = 2560;

/// A public key that an authorizer cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PEM.
    #[error("it is not a PEM `PUBLIC KEY` block")]
    Pem,
    /// Not the key of RSA.
    #[error("it is not an RSA public key")]
    NotRsa,
    /// Too short.
    #[error("it has {0} bits: use an RSA key of at least 2048 bits")]
    TooShort(usize),
}

/// A token that an authorizer's function is not asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Token or signature are longer than AWS takes.
    #[error("the {what} has {length} characters: at most {most} are taken")]
    TooLong {
        /// Which of the two.
        what: &'static str,
        /// Its characters.
        length: usize,
        /// The most.
        most: usize,
    },
    /// There is no token.
    #[error("there is no token, and the authorizer requires a signed one")]
    NoToken,
    /// There is no signature.
    #[error("the token has no signature, and the authorizer requires one")]
    NoSignature,
    /// The signature is not base64.
    #[error("the token's signature is not base64")]
    NotBase64,
    /// None of the authorizer's keys made it.
    #[error("the token's signature was not made by any of the authorizer's keys")]
    Forged,
}

/// Checks the sizes of what a device shows, whether it has to be signed or not ("TestInvokeAuthorizer": `token`,
/// `tokenSignature`).
///
/// # Errors
/// [`BadToken::TooLong`].
pub fn check_sizes(token: Option<&str>, signature: Option<&str>) -> Result<(), BadToken> {
    for (what, text, most) in [("token", token, LONGEST_TOKEN), ("signature", signature, LONGEST_SIGNATURE)] {
        let length = text.map_or(0, |text| text.chars().count());
        if length > most {
            return Err(BadToken::TooLong { what, length, most });
        }
    }
    Ok(())
}

/// Checks that a PEM text is an RSA public key of at least 2,048 bits.
///
/// # Errors
/// [`BadKey`] with what is wrong.
pub fn check_key(pem: &str) -> Result<(), BadKey> {
    rsa_key(pem).map(drop)
}

/// Checks a token's signature against an authorizer's keys; one that fits suffices.
///
/// # Errors
/// [`BadToken`] with what is missing or wrong.
pub fn verify<'k>(
    token: Option<&str>,
    signature: Option<&str>,
    keys: impl IntoIterator<Item = &'k str>,
) -> Result<(), BadToken> {
    let token = token.filter(|token| !token.is_empty()).ok_or(BadToken::NoToken)?;
    let signature = signature.filter(|signature| !signature.is_empty()).ok_or(BadToken::NoSignature)?;
    let signature = STANDARD.decode(signature).map_err(|_| BadToken::NotBase64)?;
    let fits = |pem: &str| {
        rsa_key(pem).is_ok_and(|key| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(token.as_bytes(), &signature).is_ok()
        })
    };
    if keys.into_iter().any(fits) { Ok(()) } else { Err(BadToken::Forged) }
}

/// The PKCS #1 key inside.
fn rsa_key(pem: &str) -> Result<Vec<u8>, BadKey> {
    let text = pem.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END)).ok_or(BadKey::Pem)?;
    let text: String = text.split_ascii_whitespace().collect();
    let spki = STANDARD.decode(text).map_err(|_| BadKey::Pem)?;
    let (algorithm, key) = public_key(&spki).ok_or(BadKey::Pem)?;
    if algorithm != RSA {
        return Err(BadKey::NotRsa);
    }
    let modulus = der::expect(der::SEQUENCE, key)
        .and_then(|numbers| der::expect(der::INTEGER, numbers.content))
        .ok_or(BadKey::NotRsa)?;
    let bits = bits(modulus.content);
    if bits < LEAST_BITS { Err(BadKey::TooShort(bits)) } else { Ok(key.to_vec()) }
}

fn bits(number: &[u8]) -> usize {
    let mut digits = number.iter().skip_while(|digit| **digit == 0);
    match digits.next() {
        None => 0,
        // The first digit is not 0 and has at most 7 leading zeros.
        Some(first) => 8 * (digits.count() + 1) - usize::try_from(first.leading_zeros()).unwrap_or(0),
    }
}
