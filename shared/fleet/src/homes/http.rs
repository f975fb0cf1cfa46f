//! A request as API Gateway hands it to a function, and the answer that it takes ("Working with AWS Lambda proxy integrations for
//! HTTP APIs", payload format 2.0).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The path, decoded.
    pub raw_path: String,
    /// The headers by their names in lower case; several of one name are joined with commas.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The query, decoded; several values of one name are joined with commas.
    #[serde(default)]
    pub query_string_parameters: BTreeMap<String, String>,
    /// What API Gateway says of the request.
    pub request_context: Context,
    /// The body.
    pub body: Option<String>,
    /// Whether the body is in base64: one whose type is not text.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// What API Gateway says of a request.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Context {
    /// How it came.
    pub http: Http,
    /// Who sends it, where an authorizer has let it in.
    #[serde(default)]
    pub authorizer: Option<Authorizer>,
}

/// How a request came.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Http {
    /// `GET`, …
    pub method: String,
}

/// Who sends a request.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Authorizer {
    /// What the token says that API Gateway has checked.
    pub jwt: Option<Jwt>,
}

/// A token that was checked.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Jwt {
    /// Its claims.
    pub claims: BTreeMap<String, Value>,
}

impl Request {
    /// The `sub` of the token that the request was let in with.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        let claims = &self.request_context.authorizer.as_ref()?.jwt.as_ref()?.claims;
        claims.get("sub")?.as_str().filter(|subject| (1..=255).contains(&subject.len()))
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body; empty where there is none.
    pub body: String,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status_code: u16) -> Self {
        // What one caller may see is not for caches that others share.
        let headers = BTreeMap::from([("cache-control".to_owned(), "no-store".to_owned())]);
        Self { status_code, headers, body: String::new() }
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status_code: u16, body: &impl Serialize) -> Self {
        // What the API answers with has texts for keys and no numbers that JSON lacks: it is always JSON.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { body, ..Self::empty(status_code) }.with("content-type", "application/json")
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}
