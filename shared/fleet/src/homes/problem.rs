//! What callers are told when something is not done: `application/problem+json`, as RFC 9457 has it.

use super::http::Reply;
use serde::Serialize;

/// Every kind of problem. Callers tell them apart by the `type`, which does not change; the `detail` is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request makes no sense: JSON that is not JSON, a query that is not known.
    BadRequest,
    /// Nobody has said who asks.
    Unauthorized,
    /// The caller's role does not allow it.
    Forbidden,
    /// Serial number and code do not belong together.
    ClaimRefused,
    /// There is no such thing, or none that the caller may see.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The device is in a home already.
    AlreadyClaimed,
    /// The room is not there.
    NoSuchRoom,
    /// A home keeps an owner.
    LastOwner,
    /// There is something in it still.
    NotEmpty,
    /// There may be no more of it.
    LimitReached,
    /// It is a member already.
    AlreadyMember,
    /// Others were changing the same at the same time.
    Busy,
    /// `If-Match` does not name the version that there is.
    PreconditionFailed,
    /// The body is too large.
    TooLarge,
    /// The body is not of a type that is read.
    UnsupportedMediaType,
    /// The body is JSON and not what is expected.
    Unprocessable,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// Too many claims have failed.
    TooManyAttempts,
    /// It is the API's own fault.
    Internal,
    /// It is not possible now.
    Unavailable,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::ClaimRefused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::AlreadyClaimed,
        Self::NoSuchRoom,
        Self::LastOwner,
        Self::NotEmpty,
        Self::LimitReached,
        Self::AlreadyMember,
        Self::Busy,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Unprocessable,
        Self::IdempotencyKeyReused,
        Self::TooManyAttempts,
        Self::Internal,
        Self::Unavailable,
    ];

    fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "bad-request", "The request is not valid"),
            Self::Unauthorized => (401, "unauthorized", "No token says who asks"),
            Self::Forbidden => (403, "forbidden", "Your role in the home does not allow it"),
            Self::ClaimRefused => (403, "claim-refused", "Serial number and code do not belong together"),
            Self::NotFound => (404, "not-found", "There is nothing here, or nothing that you may see"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "The method is not allowed here"),
            Self::AlreadyClaimed => (409, "already-claimed", "The device belongs to a home already"),
            Self::NoSuchRoom => (409, "no-such-room", "The home has no such room"),
            Self::LastOwner => (409, "last-owner", "A home keeps at least one owner"),
            Self::NotEmpty => (409, "not-empty", "There is something in it still"),
            Self::LimitReached => (409, "limit-reached", "There may be no more of it"),
            Self::AlreadyMember => (409, "already-member", "You are a member of the home already"),
            Self::Busy => (409, "busy", "Others change the same at the same time: try again"),
            Self::PreconditionFailed => (412, "precondition-failed", "There is another version by now"),
            Self::TooLarge => (413, "too-large", "The request is too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "The body must be application/json"),
            Self::Unprocessable => (422, "unprocessable", "The body is not what is expected"),
            Self::IdempotencyKeyReused => (422, "idempotency-key-reused", "The key was used for another request"),
            Self::TooManyAttempts => (429, "too-many-attempts", "Too many claims: wait"),
            Self::Internal => (500, "internal", "Something is wrong here, not with the request"),
            Self::Unavailable => (503, "unavailable", "It is not possible now: try again"),
        }
    }

    /// The status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.facts().0
    }

    /// The `type`: a URI that stays.
    #[must_use]
    pub fn uri(self) -> String {
        format!("urn:drydock:problem:{}", self.facts().1)
    }
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub kind: Kind,
    /// What is wrong with this very request, for people.
    pub detail: Option<String>,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

/// A problem as it is sent.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Problem9457<'a> {
    /// Which kind of problem it is.
    #[serde(rename = "type")]
    pub type_: String,
    /// The same for people.
    pub title: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong with this very request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

impl Problem {
    /// With what is wrong with this very request.
    #[must_use]
    pub fn detail(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: Some(detail.into()), headers: Vec::new() }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let (status, _, title) = self.kind.facts();
        let body = Problem9457 { type_: self.kind.uri(), title, status, detail: self.detail.as_deref() };
        let mut reply = Reply::json(status, &body).with("content-type", "application/problem+json");
        if matches!(self.kind, Kind::Unavailable | Kind::Busy) {
            reply = reply.with("retry-after", "1");
        }
        for (name, value) in &self.headers {
            reply = reply.with(name, value.as_str());
        }
        reply
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self { kind, detail: None, headers: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    #[test]
    fn kinds_differ_and_say_what_is_wrong() {
        let uris: BTreeSet<String> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(uris.len(), Kind::ALL.len());
        let reply = Problem::detail(Kind::NotEmpty, "two devices").with("allow", "GET").reply();
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            body,
            json!({ "type": "urn:drydock:problem:not-empty", "title": "There is something in it still", "status": 409, "detail": "two devices" })
        );
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        assert_eq!(reply.headers["allow"], "GET");
    }
}
