//! The errors of the Lambda API ("Invoke", section Errors).

use crate::error::CloudError;
use drydock_core::Scope;

/// An error as a caller of Lambda sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LambdaError {
    /// There is no such function, or no such qualifier of it.
    #[error("Function not found: {0}")]
    NotFound(String),
    /// All processes that the function may have are busy.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is not JSON.
    #[error("Could not parse request body into json: {0}")]
    InvalidContent(String),
    /// The payload is too large.
    #[error("{actual} byte payload is too large for the {kind} invocation type (limit {limit} bytes)")]
    TooLarge {
        /// Its bytes.
        actual: usize,
        /// The bytes allowed.
        limit: usize,
        /// `RequestResponse` or `Event`.
        kind: &'static str,
    },
    /// A header or parameter is wrong.
    #[error("{0}")]
    InvalidParameter(String),
    /// The function's resource policy does not allow it.
    #[error("not authorized to perform: lambda:InvokeFunction on resource: {function}: {why}")]
    AccessDenied {
        /// The function's ARN.
        function: String,
        /// Who asked, and what the policy says.
        why: String,
    },
    /// The server that runs the functions cannot be reached or answered what is not an answer.
    #[error("the Lambda endpoint failed: {0}")]
    Remote(String),
    /// The operation is not written.
    #[error("the Lambda operation `{0}` is not implemented by this gateway")]
    NotImplemented(String),
    /// The gateway itself failed.
    #[error("{0}")]
    Service(String),
}

impl LambdaError {
    pub(super) fn not_found(scope: &Scope, name: &str) -> Self {
        let arn = || scope.arn("lambda", &format!("function:{name}")).to_string();
        Self::NotFound(if name.starts_with("arn:") { name.to_owned() } else { arn() })
    }

    /// The name of the error, as `x-amzn-errortype` carries it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::InvalidContent(_) => "InvalidRequestContentException",
            Self::TooLarge { .. } => "RequestTooLargeException",
            Self::InvalidParameter(_) => "InvalidParameterValueException",
            Self::AccessDenied { .. } => "AccessDeniedException",
            Self::Remote(_) | Self::Service(_) => "ServiceException",
            Self::NotImplemented(_) => "NotImplementedException",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::Throttled => 429,
            Self::TooLarge { .. } => 413,
            Self::InvalidContent(_) | Self::InvalidParameter(_) => 400,
            Self::AccessDenied { .. } => 403,
            Self::Remote(_) => 502,
            Self::Service(_) => 500,
            Self::NotImplemented(_) => 501,
        }
    }
}

impl From<CloudError> for LambdaError {
    fn from(error: CloudError) -> Self {
        Self::Service(error.to_string())
    }
}

/// Checks a payload's size, and that it is JSON: an empty one is none, which is allowed.
pub(super) fn check_payload(payload: &[u8], limit: usize) -> Result<(), LambdaError> {
    if payload.len() > limit {
        let kind = if limit == super::invocation::MAX_EVENT { "Event" } else { "RequestResponse" };
        return Err(LambdaError::TooLarge { actual: payload.len(), limit, kind });
    }
    if payload.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(payload)
        .map(|_| ())
        .map_err(|e| LambdaError::InvalidContent(e.to_string()))
}
