//! The errors of CloudWatch ("Common error types" and those of each operation), by their names in each protocol.

use crate::error::CloudError;
use std::fmt;

/// Which error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidParameterValue,
    InvalidParameterCombination,
    MissingParameter,
    ValidationError,
    InvalidNextToken,
    InvalidFormat,
    LimitExceeded,
    ResourceNotFound,
    ResourceNotFoundException,
    Throttling,
    InternalServiceError,
    InvalidAction,
    NotImplemented,
}

impl Code {
    /// The name in the query protocol, the name of the shape in the others, and the status.
    pub(super) fn names(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::InvalidParameterValue => ("InvalidParameterValue", "InvalidParameterValueException", 400),
            Self::InvalidParameterCombination => {
                ("InvalidParameterCombination", "InvalidParameterCombinationException", 400)
            }
            Self::MissingParameter => ("MissingParameter", "MissingRequiredParameterException", 400),
            Self::ValidationError => ("ValidationError", "ValidationException", 400),
            Self::InvalidNextToken => ("InvalidNextToken", "InvalidNextToken", 400),
            Self::InvalidFormat => ("InvalidFormat", "InvalidFormatFault", 400),
            Self::LimitExceeded => ("LimitExceeded", "LimitExceededFault", 400),
            Self::ResourceNotFound => ("ResourceNotFound", "ResourceNotFound", 404),
            Self::ResourceNotFoundException => ("ResourceNotFoundException", "ResourceNotFoundException", 404),
            Self::Throttling => ("Throttling", "ThrottlingException", 400),
            Self::InternalServiceError => ("InternalServiceError", "InternalServiceFault", 500),
            Self::InvalidAction => ("InvalidAction", "UnknownOperationException", 400),
            Self::NotImplemented => ("NotImplemented", "NotImplementedException", 501),
        }
    }
}

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterValue, message)
    }

    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterCombination, message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationError, message)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(Code::MissingParameter, format!("The parameter {parameter} is required."))
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        Self::new(Code::NotImplemented, format!("{what} is not implemented by this gateway"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<CloudError> for Fault {
    fn from(error: CloudError) -> Self {
        Self::new(Code::InternalServiceError, error.to_string())
    }
}
