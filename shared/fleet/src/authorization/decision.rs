//! The checks, and every reason against. A token is checked in two steps, as the second asks a table: nobody but the holder of
//! a key of the fleet makes the backend ask for anything but that key.

use super::access::{Area, policies};
use super::key::{FleetKey, KeyStatus};
use super::token::{BadToken, Claims, Token};
use crate::EpochMillis;
use crate::naming::is_device_name;
use serde_json::Value;

/// How far two clocks may be apart, in seconds.
const SKEW: i64 = 60;
/// AWS's bounds on how long a connection lives, and on how long until the authorizer is asked again, in seconds.
const SHORTEST: i64 = 300;
const LONGEST: i64 = 86_400;

/// The fleet's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The `aud` of its tokens.
    pub audience: String,
    /// The beginning of AWS IoT's ARNs in the account and region, such as `arn:aws:iot:us-east-1:123456789012`.
    pub iot_arn: String,
    /// After how many seconds a connected device's token is looked at again: how long a revoked one stays at the most.
    pub refresh_seconds: u32,
}

/// What a device asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The MQTT client id, where there is one.
    pub client_id: Option<&'a str>,
    /// The id of the certificate that the device has shown besides.
    pub certificate_id: Option<&'a str>,
    /// Whether it asks for a connection that stays, not for a single request.
    pub stays: bool,
}

/// Why a device is turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It shows no token.
    #[error("there is no token: send it as the password, as a bearer token, or as the authorizer's token")]
    NoToken,
    /// It shows something that is not a token.
    #[error("the token cannot be read: {0}")]
    Malformed(#[from] BadToken),
    /// Signed by a key that the fleet does not have.
    #[error("the fleet has no key `{0}`")]
    UnknownKey(String),
    /// Signed by a key whose time is over.
    #[error("the key `{0}` is retired")]
    RetiredKey(String),
    /// Signed by somebody else.
    #[error("the token was not signed by the key `{0}` in the way that both name")]
    Forged(String),
    /// Meant for somebody else.
    #[error("the token is not meant for `{0}`")]
    Audience(String),
    /// A claim that has to be there.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// Not any more.
    #[error("the token has expired {0} s ago")]
    Expired(i64),
    /// Not yet.
    #[error("the token counts only in {0} s")]
    NotYet(i64),
    /// A connection would outlive it.
    #[error("the token expires in {0} s: a connection takes at least 300 s")]
    TooShort(i64),
    /// Not the name of a thing.
    #[error("the subject `{0}` is not a device name")]
    Subject(String),
    /// Another client id than the token's.
    #[error("the client id `{0}` is not the token's subject")]
    ClientId(String),
    /// On the block list.
    #[error("{entry} is on the block list: {why}")]
    Blocked {
        /// The entry.
        entry: String,
        /// Its reason.
        why: String,
    },
}

impl Denial {
    /// A word for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "NoToken",
            Self::Malformed(_) => "Malformed",
            Self::UnknownKey(_) => "UnknownKey",
            Self::RetiredKey(_) => "RetiredKey",
            Self::Forged(_) => "Forged",
            Self::Audience(_) => "WrongAudience",
            Self::Missing(_) => "MissingClaim",
            Self::Expired(_) => "Expired",
            Self::NotYet(_) => "NotYetValid",
            Self::TooShort(_) => "ExpiresTooSoon",
            Self::Subject(_) => "BadSubject",
            Self::ClientId(_) => "WrongClientId",
            Self::Blocked { .. } => "Blocked",
        }
    }
}

/// What a device gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The thing that it is.
    pub thing_name: String,
    /// Who it is to AWS IoT. Names that differ in their punctuation alone share a principal: AWS takes letters and digits only.
    pub principal_id: String,
    /// What it may do.
    pub policies: Vec<Value>,
    /// For how long, in seconds.
    pub disconnect_after_seconds: u32,
    /// When the token is looked at again, in seconds.
    pub refresh_after_seconds: u32,
}

/// Checks a token against the key that it names, the fleet's rules and the time: what it says is true then.
///
/// # Errors
/// [`Denial`] with the first reason against.
pub fn check<'t>(
    token: &'t Token,
    key: Option<&FleetKey>,
    asked: &Asked<'_>,
    rules: &Rules,
    now: EpochMillis,
) -> Result<&'t Claims, Denial> {
    let key = key.ok_or_else(|| Denial::UnknownKey(token.kid.clone()))?;
    if !key.signed(token) {
        return Err(Denial::Forged(token.kid.clone()));
    }
    if key.status == KeyStatus::Retired {
        return Err(Denial::RetiredKey(token.kid.clone()));
    }
    let claims = token.claims();
    if !claims.audience.contains(&rules.audience) {
        return Err(Denial::Audience(rules.audience.clone()));
    }
    let now = now.div_euclid(1000);
    let begins = claims.issued_at.ok_or(Denial::Missing("iat"))?.max(claims.not_before.unwrap_or(i64::MIN));
    if begins > now.saturating_add(SKEW) {
        return Err(Denial::NotYet(begins.saturating_sub(now)));
    }
    let left = claims.expires_at.ok_or(Denial::Missing("exp"))?.saturating_sub(now);
    if left <= 0 {
        return Err(Denial::Expired(left.saturating_neg()));
    }
    if asked.stays && left < SHORTEST {
        return Err(Denial::TooShort(left));
    }
    let subject = claims.subject.as_deref().ok_or(Denial::Missing("sub"))?;
    if !is_device_name(subject) || !subject.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Denial::Subject(subject.to_owned()));
    }
    match asked.client_id.filter(|client_id| *client_id != subject) {
        Some(other) => Err(Denial::ClientId(other.to_owned())),
        None => Ok(claims),
    }
}

/// The entries of the block list that would block this device or this token: `thing#NAME` and `token#ID`.
#[must_use]
pub fn block_list_entries(claims: &Claims) -> Vec<String> {
    let thing = claims.subject.iter().map(|name| format!("thing#{name}"));
    thing.chain(claims.id.iter().map(|id| format!("token#{id}"))).collect()
}

/// What a device gets whose claims were [checked](check) and that is not blocked.
#[must_use]
pub fn grant(claims: &Claims, asked: &Asked<'_>, rules: &Rules, now: EpochMillis) -> Grant {
    let name = claims.subject.clone().unwrap_or_default();
    let left = claims.expires_at.unwrap_or_default().saturating_sub(now.div_euclid(1000));
    let bounded = |seconds: i64| u32::try_from(seconds.clamp(SHORTEST, LONGEST)).unwrap_or(u32::MAX);
    let disconnect_after_seconds = bounded(left);
    Grant {
        // With a certificate, AWS wants its id as the principal.
        principal_id: asked
            .certificate_id
            .map_or_else(|| name.chars().filter(char::is_ascii_alphanumeric).collect(), str::to_owned),
        policies: policies(&rules.iot_arn, &name, &Area::of_scope(claims.scope.as_deref())),
        disconnect_after_seconds,
        refresh_after_seconds: bounded(i64::from(rules.refresh_seconds)).min(disconnect_after_seconds),
        thing_name: name,
    }
}
