//! The texts that are signed: the canonical request and the string to sign.

use super::{ALGORITHM, SignedRequest};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;

/// The query parameter that carries the signature; it is not a part of what is signed.
const SIGNATURE: &str = "X-Amz-Signature";
/// The query parameter of the session token.
pub const TOKEN: &str = "X-Amz-Security-Token";

/// Whether the session token in a query is part of what is signed. For a WebSocket of AWS IoT clients add it afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryToken {
    /// It is.
    Signed,
    /// It was added afterwards.
    AddedLater,
}

/// How a service has the path signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathStyle {
    /// With its dots and doubled slashes resolved, and encoded once more.
    Resolved,
    /// As the key of an object, in which dots and slashes are what they are: S3.
    Key,
}

impl PathStyle {
    /// The style of a service, by its signing name.
    #[must_use]
    pub fn of(service: &str) -> Self {
        if service == "s3" { Self::Key } else { Self::Resolved }
    }
}

/// The canonical request ("Create a canonical request"); headers in the order that the signer names them in.
#[must_use]
pub fn request(
    request: &SignedRequest<'_>,
    style: PathStyle,
    signed_headers: &[String],
    payload: &str,
    token: QueryToken,
) -> String {
    let path = match style {
        PathStyle::Resolved => path(request.path),
        PathStyle::Key => key_path(request.path),
    };
    let mut text = format!("{}\n{path}\n{}\n", request.method, query(request.query, token));
    for name in signed_headers {
        let values: Vec<String> =
            request.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| one_spaced(value)).collect();
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    let _ = write!(text, "\n{}\n{payload}", signed_headers.join(";"));
    text
}

/// The string to sign ("Create a string to sign").
#[must_use]
pub fn string_to_sign(date: &str, scope: &str, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// The SHA-256 of bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The path with its dots and doubled slashes resolved and each segment encoded once more, as every service but S3 has it.
fn path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut text = String::with_capacity(path.len() + 8);
    for segment in &segments {
        text.push('/');
        encode(segment.as_bytes(), &mut text);
    }
    if segments.is_empty() || path.ends_with('/') {
        text.push('/');
    }
    text
}

/// The path with each segment encoded in the one way.
fn key_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len() + 8);
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            text.push('/');
        }
        encode(&decode(segment), &mut text);
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

/// The query, decoded, encoded in the one way, and sorted.
fn query(query: &str, token: QueryToken) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (recode(name), recode(value));
        let later = token == QueryToken::AddedLater && name == TOKEN;
        if name != SIGNATURE && !later {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn recode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(&decode(text), &mut out);
    out
}

/// Takes percent-encoding away; a percent sign that begins none stands for itself.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let decoded = digits.and_then(|digits| hex::decode(digits).ok()).and_then(|decoded| decoded.first().copied());
        match decoded {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// A header's value without spaces around it, and with one where there were several.
fn one_spaced(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
