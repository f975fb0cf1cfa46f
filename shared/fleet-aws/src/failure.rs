//! What can help against an error of AWS's, by its code.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use fleet::ports::{ErrorKind, PortError};
use std::error::Error;
use std::fmt::Debug;

/// A call that failed, whatever the service: its kind is that of the code that AWS gave, if it answered.
pub(crate) fn failed<E, R>(operation: &'static str, error: &SdkError<E, R>) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
    R: Debug + 'static,
{
    let text = DisplayErrorContext(error).to_string();
    PortError::new(operation, text).of_kind(kind(error.code()))
}

/// What can help, by the code; without one AWS has not answered. The codes are those of "Common errors" and of the services' own lists
/// that say that a request will never be carried out as it is, or that there are too many.
fn kind(code: Option<&str>) -> ErrorKind {
    let Some(code) = code else { return ErrorKind::Passing };
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
            assert_eq!(kind(code), expected, "{code:?}");
        }
    }
}
