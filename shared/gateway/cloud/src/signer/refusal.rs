//! Why an operation is refused.

use crate::error::CloudError;

/// An error's name, and its text.
pub(super) type Refused = (&'static str, String);

pub(super) fn invalid(why: impl Into<String>) -> Refused {
    ("ValidationException", why.into())
}

pub(super) fn missing(why: impl Into<String>) -> Refused {
    ("ResourceNotFoundException", why.into())
}

pub(super) fn failed(error: CloudError) -> Refused {
    ("InternalServiceErrorException", error.to_string())
}
