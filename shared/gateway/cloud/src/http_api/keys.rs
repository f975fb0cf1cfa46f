//! The keys of issuers: of the file or the URL that [`issuers`](super::issuers) has; else what the issuer's own discovery document
//! names, where it is on this machine.
//!
//! As on AWS, keys are kept for two hours. A token of a key that is not known has them read again, at most once in ten seconds.

use super::issuers::{Source, is_here};
use crate::context::{Context, lock};
use crate::http_client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Uri};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// The most bytes of a document with keys.
const MOST: usize = 256 * 1024;
/// How long an issuer may take to answer.
const WITHIN: Duration = Duration::from_secs(5);
const KEPT_MS: i64 = 2 * 60 * 60 * 1000;
const AGAIN_MS: i64 = 10 * 1000;

/// A public key of RSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    kid: String,
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
}

/// The keys that were read, by issuer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kept: Mutex<HashMap<String, Kept>>,
    /// Held by who reads keys. Whoever needs none that are not known yet does not wait for that.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Kept {
    keys: Vec<Key>,
    at: i64,
}

impl Keys {
    /// The key of an issuer with this id.
    pub(super) async fn find(&self, context: &Context, issuer: &str, kid: &str) -> Result<Key, String> {
        let now = || context.timers.machine_now().millis();
        if let Some(known) = self.known(issuer, kid, now()) {
            return known;
        }
        // One reads at a time; whoever waits finds what was read.
        let _reading = self.reading.lock().await;
        let at = now();
        if let Some(known) = self.known(issuer, kid, at) {
            return known;
        }
        let keys = read(context, issuer).await?;
        let key = keys.iter().find(|key| key.kid == kid).cloned().ok_or_else(|| unknown(kid));
        lock(&self.kept).insert(issuer.to_owned(), Kept { keys, at });
        key
    }

    /// The key, or that there is none; `None` where the issuer's keys are to be read.
    fn known(&self, issuer: &str, kid: &str, now: i64) -> Option<Result<Key, String>> {
        let kept = lock(&self.kept);
        let known = kept.get(issuer).filter(|known| now - known.at < KEPT_MS)?;
        match known.keys.iter().find(|key| key.kid == kid) {
            Some(key) => Some(Ok(key.clone())),
            None => (now - known.at < AGAIN_MS).then(|| Err(unknown(kid))),
        }
    }

    pub(super) async fn clear(&self) {
        let _reading = self.reading.lock().await;
        lock(&self.kept).clear();
    }
}

fn unknown(kid: &str) -> String {
    format!("the issuer has no key `{:.64}`", kid.escape_default())
}

async fn read(context: &Context, issuer: &str) -> Result<Vec<Key>, String> {
    let document = match context.config.issuers.get(issuer) {
        Some(Source::File(path)) => {
            let bytes = tokio::fs::read(path).await;
            bytes.map_err(|error| format!("the file of the issuer's keys cannot be read: {error}"))?.into()
        }
        Some(Source::Url(uri)) => fetch(context, uri).await?,
        None => {
            let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let uri: Uri = discovery.parse().map_err(|_| "the issuer is not a URL".to_owned())?;
            if !is_here(&uri) {
                let why = "the keys of the issuer are not known here: name them below `[issuers]` in drydock.toml";
                return Err(why.to_owned());
            }
            let found: Value = serde_json::from_slice(&fetch(context, &uri).await?)
                .map_err(|_| "the issuer's discovery document is not JSON".to_owned())?;
            let keys = found.get("jwks_uri").and_then(Value::as_str).and_then(|uri| uri.parse().ok());
            let keys: Uri = keys.ok_or("the issuer's discovery document has no `jwks_uri`")?;
            if !is_here(&keys) {
                return Err("the issuer's keys are not on this machine".to_owned());
            }
            fetch(context, &keys).await?
        }
    };
    parse(&document)
}

async fn fetch(context: &Context, uri: &Uri) -> Result<Bytes, String> {
    let request = Request::get(uri.clone()).body(Bytes::new()).map_err(|error| error.to_string())?;
    let answer = http_client::send(&context.config.own, request, MOST, WITHIN).await?;
    match answer.status().is_success() {
        true => Ok(answer.into_body()),
        false => Err(format!("`{uri}` answered with {}", answer.status())),
    }
}

/// The keys of RSA in a JWKS; others are passed over.
fn parse(document: &[u8]) -> Result<Vec<Key>, String> {
    let document: Value =
        serde_json::from_slice(document).map_err(|error| format!("the issuer's keys are not JSON: {error}"))?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or("the issuer's keys have no `keys`")?;
    let key = |key: &Value| {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let usable = text("kty") == Some("RSA") && text("use").is_none_or(|of| of == "sig");
        usable.then_some(())?;
        Some(Key { kid: text("kid")?.to_owned(), modulus: number("n")?, exponent: number("e")? })
    };
    Ok(keys.iter().filter_map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_others_passed_over() {
        let document = r#"{"keys": [
            {"kty": "EC", "kid": "a", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "RSA", "kid": "b", "n": "AQID", "e": "AQAB", "use": "sig"},
            {"kty": "RSA", "kid": "c", "n": "AQID", "e": "AQAB", "use": "enc"}]}"#;
        let key = Key { kid: "b".to_owned(), modulus: vec![1, 2, 3], exponent: vec![1, 0, 1] };
        assert_eq!(parse(document.as_bytes()), Ok(vec![key]));
        assert!(parse(b"{}").is_err() && parse(b"x").is_err());
    }
}
