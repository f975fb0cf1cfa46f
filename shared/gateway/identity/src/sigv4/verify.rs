//! Whether a signature holds.

use super::canonical::{self, PathStyle, QueryToken, sha256_hex};
use super::claim::write_date;
use super::{Claim, Form, Secret, SignedRequest, key};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use drydock_core::Timestamp;

/// How far the signer's clock may be off, in seconds; also how long a presigned request holds that does not say.
const SKEW: i64 = 300;
/// How far it may be off for S3, in seconds.
const SKEW_S3: i64 = 900;
/// The longest that a presigned request may be valid, in seconds: seven days.
const LONGEST: u64 = 604_800;
/// What a client states instead of the body's hash where it did not sign the body.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// The header that states the body's hash.
const CONTENT_HASH: &str = "x-amz-content-sha256";

/// Why a request is not let in. The text of each is AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// What it says of its signature is not all there.
    #[error("{0}")]
    Incomplete(String),
    /// Nobody knows the access key, or its session token is not its own.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The temporary credentials are over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The request came too early or too late.
    #[error("{text}")]
    Untimely {
        /// What is told.
        text: String,
        /// Whether it was presigned.
        presigned: bool,
    },
    /// The scope or the signature is wrong; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// Headers that change what a request does came without being signed.
    #[error("There were headers present in the request which were not signed: {0}")]
    Unsigned(String),
}

impl Denied {
    /// AWS's name for the error, as services of the JSON protocols spell it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Untimely { .. } | Self::Invalid(_) | Self::Unsigned(_) => "InvalidSignatureException",
        }
    }

    /// The same as services of the query protocol spell it.
    #[must_use]
    pub fn query_code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Incomplete(_) => "IncompleteSignature",
            Self::UnknownKey => "InvalidClientTokenId",
            Self::ExpiredToken => "ExpiredToken",
            Self::Untimely { .. } | Self::Invalid(_) | Self::Unsigned(_) => "SignatureDoesNotMatch",
        }
    }

    /// The same as S3 spells it ("Error responses" of the Amazon S3 API reference).
    #[must_use]
    pub fn s3_code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Unsigned(_) | Self::Untimely { presigned: true, .. } => "AccessDenied",
            Self::Incomplete(_) => "AuthorizationHeaderMalformed",
            Self::UnknownKey => "InvalidAccessKeyId",
            Self::ExpiredToken => "ExpiredToken",
            Self::Untimely { presigned: false, .. } => "RequestTimeTooSkewed",
            Self::Invalid(_) => "SignatureDoesNotMatch",
        }
    }
}

/// Checks a claim against the request that it came with, by the secret of its access key.
///
/// # Errors
/// [`Denied::Invalid`], [`Denied::Incomplete`], [`Denied::Unsigned`] and [`Denied::Untimely`].
pub fn verify(claim: &Claim, request: &SignedRequest<'_>, secret: &Secret, now: Timestamp) -> Result<(), Denied> {
    judge(claim, request, payload(claim, request)?, secret, now)
}

/// The same before the body is there, by the hash that the request states of it: who reads the body has to compare it with
/// [`stated_hash`]. `None` where the request states none, so that nothing can be said yet.
///
/// # Errors
/// As [`verify`].
pub fn verify_head(
    claim: &Claim,
    request: &SignedRequest<'_>,
    secret: &Secret,
    now: Timestamp,
) -> Option<Result<(), Denied>> {
    let stated = request.header(CONTENT_HASH)?;
    (stated == UNSIGNED_PAYLOAD || stated_hash(request).is_some())
        .then(|| judge(claim, request, stated.to_owned(), secret, now))
}

/// The SHA-256 that a request states of its body, in lower-case hexadecimal.
#[must_use]
pub fn stated_hash(request: &SignedRequest<'_>) -> Option<String> {
    let stated = request.header(CONTENT_HASH)?;
    (stated.len() == 64 && stated.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| stated.to_ascii_lowercase())
}

/// Whether a claim is of now: neither too old nor of the future.
///
/// # Errors
/// [`Denied::Untimely`], and [`Denied::Incomplete`] for a presigned request that is to hold for longer than any may.
pub fn is_timely(claim: &Claim, now: Timestamp) -> Result<(), Denied> {
    in_time(claim, now)
}

/// The headers that are not signed although they change what is done ("Create a canonical request": the host and all
/// `x-amz-*` headers have to be signed). A presigned request is made to be handed on, so that AWS IoT's own, `x-amzn-*`, count
/// as well there. The hash of the body is part of what is signed in any case, and a session token fits its key alone: some clients
/// add it after signing.
fn unsigned_headers(claim: &Claim, request: &SignedRequest<'_>) -> Vec<String> {
    let presigned = claim.form != Form::Header;
    let matters = |name: &str| {
        name.starts_with("x-amz-") || (presigned && name.starts_with("x-amzn-") && name != "x-amzn-trace-id")
    };
    // The user agent changes nothing, and AWS's SDK for PHP does not sign it. A presigned request has its date in the query; one in
    // a header beside it is not looked at, and one of AWS's own cases has it.
    let is_bound = |name: &str| {
        matches!(name, CONTENT_HASH | "x-amz-security-token" | "x-amz-user-agent")
            || (presigned && name == "x-amz-date")
    };
    let names = request.headers.iter().map(|(name, _)| name.as_str()).filter(|name| matters(name) && !is_bound(name));
    let mut names: Vec<String> =
        names.filter(|name| !claim.signed_headers.iter().any(|signed| signed == name)).map(str::to_owned).collect();
    names.dedup();
    names
}

fn judge(
    claim: &Claim,
    request: &SignedRequest<'_>,
    payload: String,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), Denied> {
    if !claim.signed_headers.iter().any(|name| name == "host") {
        let why = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(Denied::Invalid(why.to_owned()));
    }
    if !claim.date.starts_with(&claim.day) {
        let date = claim.date.get(..8).unwrap_or_default();
        return Err(Denied::Invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{date}', from '{}'.",
            claim.day, claim.date
        )));
    }
    in_time(claim, now)?;
    let unsigned = unsigned_headers(claim, request);
    if !unsigned.is_empty() {
        return Err(Denied::Unsigned(unsigned.join(", ")));
    }
    let style = PathStyle::of(&claim.service);
    let scope = claim.scope();
    let texts = |token| {
        let canonical = canonical::request(request, style, &claim.signed_headers, &payload, token);
        let to_sign = canonical::string_to_sign(&claim.date, &scope, &canonical);
        (canonical, to_sign)
    };
    let fits = |to_sign: &str| {
        let expected = key::signature(secret, &claim.day, &claim.region, &claim.service, to_sign);
        verify_slices_are_equal(expected.as_bytes(), claim.signature.as_bytes()).is_ok()
    };
    // The URL of a WebSocket for MQTT gets its session token behind the signature, and one that has it signed is refused; in a
    // request to an API it is signed as everything else.
    let opens_websocket = request.path == "/mqtt" && matches!(claim.form, Form::Query { .. });
    let token = if opens_websocket { QueryToken::AddedLater } else { QueryToken::Signed };
    let (canonical, to_sign) = texts(token);
    if fits(&to_sign) {
        return Ok(());
    }
    Err(Denied::Invalid(mismatch(&without_token(&canonical, claim), &to_sign)))
}

/// The texts that AWS shows for finding the difference.
fn mismatch(canonical: &str, to_sign: &str) -> String {
    format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
         signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have \
         been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
    )
}

/// A session token is a secret: the texts that are shown do not have it.
fn without_token(canonical: &str, claim: &Claim) -> String {
    let Some(token) = claim.token.as_deref().filter(|token| !token.is_empty()) else { return canonical.to_owned() };
    let mut encoded = String::new();
    canonical::encode(token.as_bytes(), &mut encoded);
    canonical.replace(token, "***").replace(&encoded, "***")
}

fn in_time(claim: &Claim, now: Timestamp) -> Result<(), Denied> {
    let age = now.seconds() - claim.at.seconds();
    let shown = |seconds: i64| write_date(Timestamp(seconds * 1000));
    let presigned = claim.form != Form::Header;
    let untimely = |text: String| Err(Denied::Untimely { text, presigned });
    let skew = if claim.service == "s3" { SKEW_S3 } else { SKEW };
    if age < -skew {
        return untimely(format!(
            "Signature not yet current: {} is still later than {} ({} + {} min.)",
            claim.date,
            shown(now.seconds() + skew),
            shown(now.seconds()),
            skew / 60
        ));
    }
    let valid = match claim.form {
        Form::Query { expires: Some(seconds) } if seconds > LONGEST => {
            return Err(Denied::Incomplete("X-Amz-Expires must be less than a week (in seconds); i.e., the given X-Amz-Expires must be less than 604800 seconds".to_owned()));
        }
        Form::Query { expires: Some(seconds) } => i64::try_from(seconds).unwrap_or(i64::MAX),
        Form::Header | Form::Query { expires: None } => skew,
    };
    if age > valid {
        return untimely(match claim.form {
            Form::Header => format!(
                "Signature expired: {} is now earlier than {} ({} - {} min.)",
                claim.date,
                shown(now.seconds() - skew),
                shown(now.seconds()),
                skew / 60
            ),
            Form::Query { .. } if claim.service == "s3" => "Request has expired".to_owned(),
            Form::Query { .. } => format!(
                "Signature expired: {} is now later than {}",
                shown(now.seconds()),
                shown(claim.at.seconds().saturating_add(valid))
            ),
        });
    }
    Ok(())
}

/// The hash of the body that was signed: what the client states must be so. Of S3 the body is not here: who reads it compares
/// it with what is stated.
fn payload(claim: &Claim, request: &SignedRequest<'_>) -> Result<String, Denied> {
    let real = || sha256_hex(request.body);
    let stated = request.header(CONTENT_HASH);
    if claim.service == "s3" {
        return match (stated, claim.form) {
            (Some(stated), _) => Ok(stated.to_owned()),
            (None, Form::Query { .. }) => Ok(UNSIGNED_PAYLOAD.to_owned()),
            (None, Form::Header) => {
                Err(Denied::Incomplete("Missing required header for this request: x-amz-content-sha256".to_owned()))
            }
        };
    }
    match stated {
        None => Ok(real()),
        Some(UNSIGNED_PAYLOAD) => Ok(UNSIGNED_PAYLOAD.to_owned()),
        Some(stated) if stated.starts_with("STREAMING-") => {
            Err(Denied::Incomplete(format!("x-amz-content-sha256 '{stated}' is not supported by this service")))
        }
        Some(stated) if stated.eq_ignore_ascii_case(&real()) => Ok(stated.to_owned()),
        Some(_) => Err(Denied::Invalid(
            "The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned(),
        )),
    }
}
