//! A fleet's key, and the tokens that it signs: JSON Web Tokens with ES256.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A key that signs tokens.
pub struct TokenKey(KeyPair);

impl TokenKey {
    /// Makes a key.
    ///
    /// # Panics
    /// Where the cryptographic library does not.
    #[must_use]
    pub fn new() -> Self {
        Self(KeyPair::generate().unwrap_or_else(|e| panic!("no key: {e}")))
    }

    /// Its public half as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// A token for a device that counts for so many seconds from now; a negative number is one that has expired.
    #[must_use]
    pub fn token(&self, subject: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let (begin, end) = (now.min(now + seconds) - 60, now + seconds);
        self.sign(&json!({ "sub": subject, "aud": "drydock-fleet", "iat": begin, "exp": end }))
    }

    /// A token with these claims, by the key `k1`.
    ///
    /// # Panics
    /// Where the cryptographic library does not sign.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "k1" })), part(claims));
        let der = self.0.sign(signed.as_bytes()).unwrap_or_else(|e| panic!("no signature: {e}"));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(fixed(&der)))
    }
}

impl Default for TokenKey {
    fn default() -> Self {
        Self::new()
    }
}

/// The two numbers of an ECDSA signature side by side, out of their DER form.
fn fixed(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(*der.get(at + 1).unwrap_or(&0));
        let digits = der.get(at + 2..at + 2 + length).unwrap_or_default();
        let digits: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
        ([vec![0; 32 - digits.len()], digits].concat(), at + 2 + length)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}
