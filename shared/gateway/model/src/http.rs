//! Requests and responses as plain values: the caller has an HTTP library, this crate has none.

use bytes::Bytes;
use drydock_core::{ApiError, Service};
use serde_json::{Map, Value};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path as it was sent: percent-encoded, beginning with `/`.
    pub path: String,
    /// The query as it was sent, without the `?`; empty where there is none.
    pub query: String,
    /// The headers; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The first header with a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A response. The caller adds what is not of the operation: `x-amzn-RequestId`, `Date`, `Content-Length`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An error as AWS's REST-JSON protocol writes it: its name in the `x-amzn-errortype` header, its message in the body.
    #[must_use]
    pub fn error(service: Service, error: &ApiError) -> Self {
        let mut body = Map::new();
        body.insert("message".to_owned(), Value::String(error.message.clone().into_owned()));
        if let Some((id, arn)) = &error.resource {
            body.insert("resourceId".to_owned(), Value::String(id.clone()));
            body.insert("resourceArn".to_owned(), Value::String(arn.clone()));
        }
        let mut response = Self::json(error.code.status_in(service), &Value::Object(body));
        response.headers.push(("x-amzn-errortype".to_owned(), error.code.as_str().to_owned()));
        response
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Bytes::from(body.to_string()),
        }
    }
}
