//! What can help against an error of AWS's, by its code.

use fleet::ports::{ErrorKind, PortError};

/// A call that failed, with the code that AWS gave, if it answered.
pub(crate) fn failed(operation: &'static str, code: Option<&str>, text: String) -> PortError {
    PortError::new(operation, text).of_kind(code.map_or(ErrorKind::Passing, kind))
}

/// The codes of "Common errors" and of the services' own lists that say that a request will never be carried out as it is, or
/// that there are too many.
fn kind(code: &str) -> ErrorKind {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown" => ErrorKind::Throttled,
        "ValidationException"
        | "ValidationError"
        | "InvalidRequestException"
        | "InvalidParameter"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "ParameterValueInvalid"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "UnauthorizedException"
        | "ItemCollectionSizeLimitExceededException"
        | "InvalidMessageContents" => ErrorKind::Permanent,
        _ => ErrorKind::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_what_can_help() {
        for (code, expected) in [
            (None, ErrorKind::Passing),
            (Some("InternalServerError"), ErrorKind::Passing),
            (Some("ThrottlingException"), ErrorKind::Throttled),
            (Some("ValidationException"), ErrorKind::Permanent),
            (Some("AccessDeniedException"), ErrorKind::Permanent),
        ] {
            assert_eq!(failed("UpdateItem", code, String::new()).kind, expected, "{code:?}");
        }
    }
}
