//! What a signed request says of its signature: in the `Authorization` header, or in the query of a presigned request.

use super::canonical::{TOKEN, decode};
use super::{ALGORITHM, Denied, SignedRequest, TERMINATOR};
use drydock_core::Timestamp;
use std::fmt;
use time::format_description::well_known::Rfc2822;
use time::{Date, Month, OffsetDateTime, Time};

/// Where a signature was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned request.
    Query {
        /// The seconds that it is valid for from its date on, where it says so.
        expires: Option<u64>,
    },
}

/// A signature and what it was made with.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// The access key id.
    pub access_key: String,
    /// The date of the scope, `YYYYMMDD`.
    pub day: String,
    /// The region of the scope.
    pub region: String,
    /// The signing name of the service.
    pub service: String,
    /// When it was signed, as it was written.
    pub date: String,
    /// The same as a time.
    pub at: Timestamp,
    /// The names of the headers that are signed, in lower case and in order.
    pub signed_headers: Vec<String>,
    /// In hexadecimal.
    pub signature: String,
    /// The session token.
    pub token: Option<String>,
    /// Where all this was.
    pub form: Form,
}

/// Neither the signature nor the token is shown.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("access_key", &self.access_key)
            .field("scope", &self.scope())
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Whose a signature says that it is, and what for: what a request is routed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope {
    /// The access key id.
    pub access_key: String,
    /// The region that the caller signed for.
    pub region: String,
    /// The signing name of the service.
    pub service: String,
}

/// What a request says of its signature, read once and in one way: who routes a request by it and who judges it see the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The scope, also where the rest of the claim is incomplete, as tools for local use leave it; `None` where there is none
    /// that reads.
    pub scope: Option<CredentialScope>,
    /// The claim, where all of it is there.
    pub claim: Result<Claim, Denied>,
}

impl Stated {
    /// Reads it from a request; `None` where the request is not signed. The header alone, or the query alone, has to say it
    /// all: a request that says it twice has no scope and a claim that is refused.
    #[must_use]
    pub fn read(request: &SignedRequest<'_>) -> Option<Self> {
        let mut headers = request.headers.iter().filter(|(name, _)| name == "authorization").map(|(_, value)| value);
        let in_header = headers.next().and_then(|value| value.strip_prefix(ALGORITHM));
        let has = |name| parameter(request.query, name).is_some();
        let in_query = has("X-Amz-Algorithm") || has("X-Amz-Credential");
        let credential = match (in_header, in_query) {
            (None, false) => return None,
            (Some(_), true) => None,
            (Some(_), false) if headers.next().is_some() => None,
            (Some(rest), false) if FIELDS.iter().any(|name| fields(rest, name).nth(1).is_some()) => None,
            (None, true) if PARAMETERS.iter().any(|name| parameters(request.query, name).nth(1).is_some()) => None,
            (Some(rest), false) => Some((field(rest, "Credential"), Claim::from_header(request, rest))),
            (None, true) => Some((parameter(request.query, "X-Amz-Credential"), Claim::from_query(request))),
        };
        let Some((credential, claim)) = credential else {
            return Some(Self { scope: None, claim: Err(Denied::Incomplete(ONCE.to_owned())) });
        };
        Some(Self { scope: credential.as_deref().and_then(CredentialScope::read).map(|(scope, _)| scope), claim })
    }
}

/// What an `Authorization` header states, each once.
const FIELDS: [&str; 3] = ["Credential", "SignedHeaders", "Signature"];
/// What a query states, each once: which of two counts must not depend on who reads it.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    TOKEN,
];

/// S3's words for a request that is signed in several ways.
const ONCE: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter \
                    or the Authorization header should be specified";

impl CredentialScope {
    /// Takes a credential apart: the scope, and the day that is in its middle.
    fn read(credential: &str) -> Option<(Self, &str)> {
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let &[TERMINATOR, service, region, day, access_key] = parts.as_slice() else { return None };
        let scope = Self { access_key: access_key.to_owned(), region: region.to_owned(), service: service.to_owned() };
        Some((scope, day))
    }
}

impl Claim {
    /// Reads it from a request; `None` where the request is not signed.
    ///
    /// # Errors
    /// [`Denied::Incomplete`] with all that is missing.
    pub fn read(request: &SignedRequest<'_>) -> Option<Result<Self, Denied>> {
        Stated::read(request).map(|stated| stated.claim)
    }

    /// The scope: `day/region/service/aws4_request`.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service)
    }

    fn from_header(request: &SignedRequest<'_>, rest: &str) -> Result<Self, Denied> {
        let mut missing = Vec::new();
        let mut need = |name: &str| {
            field(rest, name).unwrap_or_else(|| {
                missing.push(format!("Authorization header requires '{name}' parameter."));
                String::new()
            })
        };
        let (credential, signed, signature) = (need("Credential"), need("SignedHeaders"), need("Signature"));
        let date = request.header("x-amz-date").or_else(|| request.header("date"));
        if date.is_none() {
            missing.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
            );
        }
        if !missing.is_empty() {
            return Err(Denied::Incomplete(missing.join(" ")));
        }
        let token = request.header("x-amz-security-token").map(str::to_owned);
        Self::new(&credential, date.unwrap_or_default(), &signed, signature, token, Form::Header)
    }

    fn from_query(request: &SignedRequest<'_>) -> Result<Self, Denied> {
        let mut missing = Vec::new();
        let mut need = |name: &str| {
            parameter(request.query, name).unwrap_or_else(|| {
                missing.push(format!("AWS query-string parameters must include '{name}'."));
                String::new()
            })
        };
        let (algorithm, credential, date) = (need("X-Amz-Algorithm"), need("X-Amz-Credential"), need("X-Amz-Date"));
        let (signed, signature) = (need("X-Amz-SignedHeaders"), need("X-Amz-Signature"));
        if !missing.is_empty() {
            return Err(Denied::Incomplete(missing.join(" ")));
        }
        if algorithm != ALGORITHM {
            return Err(Denied::Incomplete(format!("X-Amz-Algorithm must be '{ALGORITHM}'.")));
        }
        let expires = parameter(request.query, "X-Amz-Expires")
            .map(|text| text.parse().map_err(|_| Denied::Incomplete("X-Amz-Expires should be a number".to_owned())))
            .transpose()?;
        Self::new(&credential, &date, &signed, signature, parameter(request.query, TOKEN), Form::Query { expires })
    }

    fn new(
        credential: &str,
        date: &str,
        signed_headers: &str,
        signature: String,
        token: Option<String>,
        form: Form,
    ) -> Result<Self, Denied> {
        let Some((scope, day)) = CredentialScope::read(credential) else {
            return Err(Denied::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'."
            )));
        };
        let (date, at) = read_date(date)
            .ok_or_else(|| Denied::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'.")))?;
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
        Ok(Self {
            access_key: scope.access_key,
            day: day.to_owned(),
            region: scope.region,
            service: scope.service,
            date,
            at,
            signed_headers,
            signature,
            token,
            form,
        })
    }
}

/// A field of the `Authorization` header.
fn field(rest: &str, name: &str) -> Option<String> {
    fields(rest, name).next().map(str::to_owned)
}

fn fields<'r>(rest: &'r str, name: &str) -> impl Iterator<Item = &'r str> {
    let fields = rest.split([',', ' ']).filter_map(|field| field.split_once('='));
    fields.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// The value of a query parameter, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    parameters(query, name).next().map(|value| String::from_utf8_lossy(&decode(value)).into_owned())
}

fn parameters<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// Reads `YYYYMMDDTHHMMSSZ`, or the form of an HTTP `Date` header; gives it in the first form, too.
fn read_date(text: &str) -> Option<(String, Timestamp)> {
    let at = basic(text).or_else(|| OffsetDateTime::parse(text, &Rfc2822).ok())?;
    Some((write_date(Timestamp(at.unix_timestamp() * 1000)), Timestamp(at.unix_timestamp() * 1000)))
}

fn basic(text: &str) -> Option<OffsetDateTime> {
    if text.len() != 16 || !text.ends_with('Z') || text.get(8..9) != Some("T") {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let month = Month::try_from(number(4, 6)?).ok()?;
    let date = Date::from_calendar_date(text.get(..4)?.parse().ok()?, month, number(6, 8)?).ok()?;
    let time = Time::from_hms(number(9, 11)?, number(11, 13)?, number(13, 15)?).ok()?;
    Some(date.with_time(time).assume_utc())
}

/// `YYYYMMDDTHHMMSSZ`.
#[must_use]
pub fn write_date(at: Timestamp) -> String {
    let t = at.utc();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}
