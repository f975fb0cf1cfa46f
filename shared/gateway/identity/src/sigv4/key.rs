//! Secrets, and signing with them.

use super::canonical::{self, QueryToken, sha256_hex};
use super::claim::write_date;
use super::{ALGORITHM, SignedRequest, TERMINATOR};
use aws_lc_rs::hmac;
use drydock_core::Timestamp;
use std::fmt;

/// A secret access key or a session token: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: for a request or an answer that has to carry it, never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The signature of a string to sign, in hexadecimal ("Calculate the signature").
#[must_use]
pub fn signature(secret: &Secret, day: &str, region: &str, service: &str, string_to_sign: &str) -> String {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", secret.0).as_bytes());
    for part in [day, region, service, TERMINATOR] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    hex::encode(hmac::sign(&key, string_to_sign.as_bytes()))
}

/// Signs requests of our own: those of the command line to a gateway, and those of rules to services elsewhere.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The access key id.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// The session token of temporary credentials.
    pub token: Option<Secret>,
    /// The region to sign for.
    pub region: String,
}

impl Signer {
    /// The headers to add to a request, whose `headers` must have `host`; all of these are signed.
    #[must_use]
    pub fn headers(&self, service: &str, request: &SignedRequest<'_>, now: Timestamp) -> Vec<(String, String)> {
        let date = write_date(now);
        let mut added = vec![("x-amz-date".to_owned(), date.clone())];
        if let Some(token) = &self.token {
            added.push(("x-amz-security-token".to_owned(), token.0.clone()));
        }
        let mut headers = [request.headers, &added].concat();
        headers.sort();
        let mut names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        let signed = SignedRequest { headers: &headers, ..*request };
        let text = canonical::request(&signed, service, &names, &sha256_hex(request.body), QueryToken::Signed);
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{service}/{TERMINATOR}", self.region);
        let text = canonical::string_to_sign(&date, &scope, &text);
        let signature = signature(&self.secret, day, &self.region, service, &text);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.access_key,
            names.join(";")
        );
        added.push(("authorization".to_owned(), authorization));
        added
    }
}
