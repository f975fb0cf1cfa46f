//! The keys that are taken: "X.509 client certificates", RSA of at least 2,048 bits, and ECC on P-256, P-384 and P-521.

use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The least bits of an RSA key.
const RSA_BITS: usize = 2048;

/// Why AWS IoT does not sign a key; `None` where it does.
pub(super) fn unfit_for_signing(info: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() < RSA_BITS => {
            Some(format!("its RSA key has {} bits, and at least {RSA_BITS} are asked for", rsa.key_size()))
        }
        Ok(PublicKey::RSA(_)) => None,
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            let known = [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521];
            (!curve.is_some_and(|curve| known.contains(&curve)))
                .then(|| "its key is on another curve than P-256, P-384 and P-521".to_owned())
        }
        Ok(_) => Some("its key is neither RSA nor on P-256, P-384 or P-521".to_owned()),
        Err(error) => Some(format!("its key does not read ({error})")),
    }
}

/// Why a certificate with a key is not registered; `None` where it is. Ed25519 is taken besides.
pub(super) fn unfit_for_registration(info: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    if info.algorithm.algorithm == OID_SIG_ED25519 { None } else { unfit_for_signing(info) }
}
