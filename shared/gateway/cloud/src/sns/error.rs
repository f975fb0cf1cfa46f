//! The errors of the SNS API ("Common errors" and those of each operation).

use crate::error::CloudError;
use std::fmt;

/// Which error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own; each is described in the SNS API reference")]
pub enum Code {
    AuthorizationError,
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InternalError,
    InvalidAction,
    InvalidBatchEntryId,
    InvalidParameter,
    MissingAction,
    NotFound,
    NotImplemented,
    ResourceNotFound,
    TooManyEntriesInBatchRequest,
}

impl Code {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationError => "AuthorizationError",
            Self::BatchEntryIdsNotDistinct => "BatchEntryIdsNotDistinct",
            Self::BatchRequestTooLong => "BatchRequestTooLong",
            Self::EmptyBatchRequest => "EmptyBatchRequest",
            Self::InternalError => "InternalError",
            Self::InvalidAction => "InvalidAction",
            Self::InvalidBatchEntryId => "InvalidBatchEntryId",
            Self::InvalidParameter => "InvalidParameter",
            Self::MissingAction => "MissingAction",
            Self::NotFound => "NotFound",
            Self::NotImplemented => "NotImplemented",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::TooManyEntriesInBatchRequest => "TooManyEntriesInBatchRequest",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::AuthorizationError => 403,
            Self::NotFound | Self::ResourceNotFound => 404,
            Self::InternalError => 500,
            Self::NotImplemented => 501,
            _ => 400,
        }
    }
}

/// An error as a caller of SNS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnsError {
    /// Which error.
    pub code: Code,
    /// What was wrong.
    pub message: String,
}

impl SnsError {
    /// An error with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(what: &str) -> Self {
        Self::new(Code::InvalidParameter, format!("Invalid parameter: {what}"))
    }

    pub(crate) fn no_topic() -> Self {
        Self::new(Code::NotFound, "Topic does not exist")
    }
}

impl fmt::Display for SnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for SnsError {}

impl From<CloudError> for SnsError {
    fn from(error: CloudError) -> Self {
        Self::new(Code::InternalError, error.to_string())
    }
}
