//! Who issues the tokens that people have: JSON Web Tokens with RS256, whose key is in a file.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The `iss` of the tokens.
pub(crate) const ISSUER: &str = "https://login.example.com";

/// An issuer.
pub(crate) struct Issuer(KeyPair);

impl Issuer {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// The lines of `drydock.toml` that name its keys.
    pub(crate) fn settings() -> String {
        format!("[issuers]\n\"{ISSUER}\" = \"jwks.json\"\n")
    }

    /// Writes its keys into a folder.
    pub(crate) fn write(&self, folder: &Path) {
        let key = self.0.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) = (
            number(key.modulus().big_endian_without_leading_zero()),
            number(key.exponent().big_endian_without_leading_zero()),
        );
        let keys = json!({ "keys": [{ "kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": n, "e": e }] });
        std::fs::write(folder.join("jwks.json"), keys.to_string()).unwrap();
    }

    /// A token with these claims besides those that every one has.
    pub(crate) fn token(&self, subject: &str, more: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({ "iss": ISSUER, "sub": subject, "aud": "app", "iat": now - 10, "exp": now + 600 });
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "kid": "k1" })), part(&claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
