//! The errors of the API.

use crate::error::CloudError;
use serde_json::{Map, Value, json};
use std::fmt;

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Its name.
    pub code: &'static str,
    /// What was wrong.
    pub message: String,
    /// More members of the answer.
    pub(super) more: Map<String, Value>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), more: Map::new() }
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(super) fn no_group() -> Self {
        Self::new("ResourceNotFoundException", "The specified log group does not exist.")
    }

    pub(super) fn no_stream() -> Self {
        Self::new("ResourceNotFoundException", "The specified log stream does not exist.")
    }

    pub(super) fn not_implemented(what: impl fmt::Display) -> Self {
        Self::new("NotImplementedException", format!("{what} is not implemented by this gateway"))
    }

    pub(super) fn status(&self) -> u16 {
        match self.code {
            "InternalServerError" => 500,
            "NotImplementedException" => 501,
            _ => 400,
        }
    }

    pub(super) fn body(&self) -> Value {
        let mut body = self.more.clone();
        body.insert("__type".to_owned(), self.code.into());
        body.insert("message".to_owned(), self.message.as_str().into());
        body.into()
    }

    /// A query that cannot be read: from which character to which.
    pub(super) fn query(why: &str, begin: usize, end: usize) -> Self {
        let location = json!({ "startCharOffset": begin, "endCharOffset": end });
        let mut fault = Self::new("MalformedQueryException", why);
        fault.more.insert("queryCompileError".to_owned(), json!({ "location": location, "message": why }));
        fault
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

impl From<CloudError> for Fault {
    fn from(error: CloudError) -> Self {
        Self::new("InternalServerError", error.to_string())
    }
}
