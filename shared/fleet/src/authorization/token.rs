//! A JSON Web Token in its compact form, read. Nothing it says counts before its signature is checked.

use super::key::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token, in bytes: what AWS IoT takes as a token.
pub const LONGEST: usize = 6144;
/// The longest key id, in bytes.
const LONGEST_KID: usize = 128;

/// A token that was read, and not checked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// How it says that it is signed.
    pub algorithm: Algorithm,
    /// The key that it says has signed it.
    pub kid: String,
    claims: Claims,
    signed: String,
    signature: Vec<u8>,
}

/// What a token says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Who the device is.
    pub subject: Option<String>,
    /// Whom the token is meant for.
    pub audience: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub issued_at: Option<i64>,
    /// When it begins to count, in seconds since 1970.
    pub not_before: Option<i64>,
    /// When it ends to count, in seconds since 1970.
    pub expires_at: Option<i64>,
    /// Its own id.
    pub id: Option<String>,
    /// What it is for, as words; `None` where it does not say.
    pub scope: Option<Vec<String>>,
}

/// A text that is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Too long.
    #[error("it has {0} bytes: at most 6144 are looked at")]
    TooLong(usize),
    /// Not the form of a JWT.
    #[error("it is not a JSON Web Token: {0}")]
    Form(&'static str),
    /// A member that is missing, or is something else than it must be.
    #[error("its `{member}` {rule}")]
    Member {
        /// The member of header or claims.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Signed in a way that is not taken, `none` included.
    #[error("it is signed with `{0}`: only ES256 and RS256 are taken")]
    Algorithm(String),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// [`BadToken`] with what is wrong with it.
    pub fn read(text: &str) -> Result<Self, BadToken> {
        if text.len() > LONGEST {
            return Err(BadToken::TooLong(text.len()));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(BadToken::Form("it has no signature"))?;
        let (header, claims) = signed.split_once('.').ok_or(BadToken::Form("it has two parts, not three"))?;
        let header: Header = serde_json::from_slice(&part(header, "its header is not base64url")?)
            .map_err(|_| BadToken::Form("its header is not a JSON object with an `alg`"))?;
        if header.crit.is_some() {
            return Err(BadToken::Member { member: "crit", rule: "asks for extensions, of which none is known" });
        }
        let algorithm = Algorithm::read(&header.alg).ok_or(BadToken::Algorithm(header.alg))?;
        let kid = header.kid.filter(|kid| (1..=LONGEST_KID).contains(&kid.len()));
        let kid = kid.ok_or(BadToken::Member { member: "kid", rule: "must name its key, in 1 to 128 bytes" })?;
        let claims: Map<String, Value> = serde_json::from_slice(&part(claims, "its claims are not base64url")?)
            .map_err(|_| BadToken::Form("its claims are not a JSON object"))?;
        let signature = part(signature, "its signature is not base64url")?;
        Ok(Self { algorithm, kid, claims: Claims::read(&claims)?, signed: signed.to_owned(), signature })
    }

    /// The bytes that were signed, and their signature.
    pub(super) fn signed(&self) -> (&[u8], &[u8]) {
        (self.signed.as_bytes(), &self.signature)
    }

    /// What it says; for those who have checked its signature.
    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }
}

fn part(text: &str, otherwise: &'static str) -> Result<Vec<u8>, BadToken> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken::Form(otherwise))
}

impl Claims {
    fn read(claims: &Map<String, Value>) -> Result<Self, BadToken> {
        Ok(Self {
            subject: text(claims, "sub")?,
            audience: audience(claims)?,
            issued_at: time(claims, "iat")?,
            not_before: time(claims, "nbf")?,
            expires_at: time(claims, "exp")?,
            id: text(claims, "jti")?,
            scope: text(claims, "scope")?.map(|words| words.split_ascii_whitespace().map(str::to_owned).collect()),
        })
    }
}

fn text(claims: &Map<String, Value>, member: &'static str) -> Result<Option<String>, BadToken> {
    match claims.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(BadToken::Member { member, rule: "must be text" }),
    }
}

fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, BadToken> {
    let bad = BadToken::Member { member: "aud", rule: "must be text, or a list of texts" };
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            several.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(|| bad.clone())).collect()
        }
        Some(_) => Err(bad),
    }
}

/// A "NumericDate", which may have a fraction: the second that it is in.
fn time(claims: &Map<String, Value>, member: &'static str) -> Result<Option<i64>, BadToken> {
    let bad = BadToken::Member { member, rule: "must be seconds since 1970" };
    match claims.get(member) {
        None => Ok(None),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            // Beyond what an integer holds, the conversion gives the largest one: a time that never comes.
            (None, Some(seconds)) => Ok(Some(seconds.floor() as i64)),
            (None, None) => Err(bad),
        },
        Some(_) => Err(bad),
    }
}
