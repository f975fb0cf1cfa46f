//! Secrets, and signing with them.

use super::canonical::{self, PathStyle, QueryToken, encode, sha256_hex};
use super::claim::write_date;
use super::{ALGORITHM, Claim, SignedRequest, TERMINATOR};
use aws_lc_rs::constant_time::verify_slices_are_equal;
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
        let text =
            canonical::request(&signed, PathStyle::of(service), &names, &sha256_hex(request.body), QueryToken::Signed);
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

    /// The query of a presigned request for an object of S3, which holds for `seconds` ("Authenticating requests: using query
    /// parameters"). `path` is percent-encoded.
    #[must_use]
    pub fn presign(&self, method: &str, host: &str, path: &str, seconds: u32, now: Timestamp) -> String {
        self.presign_version(method, host, path, None, seconds, now)
    }

    /// The same for a version of an object.
    #[must_use]
    pub fn presign_version(
        &self,
        method: &str,
        host: &str,
        path: &str,
        version: Option<&str>,
        seconds: u32,
        now: Timestamp,
    ) -> String {
        let date = write_date(now);
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/{TERMINATOR}", self.region);
        let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
        encode(format!("{}/{scope}", self.access_key).as_bytes(), &mut query);
        query.push_str(&format!("&X-Amz-Date={date}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"));
        if let Some(token) = &self.token {
            query.push_str("&X-Amz-Security-Token=");
            encode(token.0.as_bytes(), &mut query);
        }
        if let Some(version) = version {
            query.push_str("&versionId=");
            encode(version.as_bytes(), &mut query);
        }
        let headers = [("host".to_owned(), host.to_owned())];
        let request = SignedRequest { method, path, query: &query, headers: &headers, body: b"" };
        let names = ["host".to_owned()];
        let text = canonical::request(&request, PathStyle::Key, &names, "UNSIGNED-PAYLOAD", QueryToken::Signed);
        let text = canonical::string_to_sign(&date, &scope, &text);
        query.push_str("&X-Amz-Signature=");
        query.push_str(&signature(&self.secret, day, &self.region, "s3", &text));
        query
    }
}

/// The signatures of a body in chunks, each of which signs the one before it ("Signature calculations: transferring payload in
/// multiple chunks" of the Amazon S3 API reference).
#[derive(Debug)]
pub struct Chunks {
    claim: Claim,
    secret: Secret,
    previous: String,
}

impl Chunks {
    /// Those that follow the signature of a request's headers.
    #[must_use]
    pub fn after(claim: Claim, secret: Secret) -> Self {
        let previous = claim.signature.clone();
        Self { claim, secret, previous }
    }

    /// Whether the signature of the next piece holds; `sha256` is that of its bytes.
    pub fn holds(&mut self, trailer: bool, sha256: &str, signature: &str) -> bool {
        let Claim { date, day, region, service, .. } = &self.claim;
        let start = format!("{date}\n{}\n{}", self.claim.scope(), self.previous);
        let text = match trailer {
            true => format!("{ALGORITHM}-TRAILER\n{start}\n{sha256}"),
            false => format!("{ALGORITHM}-PAYLOAD\n{start}\n{}\n{sha256}", sha256_hex(b"")),
        };
        let expected = self::signature(&self.secret, day, region, service, &text);
        let holds = verify_slices_are_equal(expected.as_bytes(), signature.as_bytes()).is_ok();
        self.previous = expected;
        holds
    }
}
