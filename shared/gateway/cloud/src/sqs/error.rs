//! The errors of the SQS API. Each has a name in the JSON protocol and one that the older query protocol used, which SDKs
//! still show ("x-amzn-query-error"); the pairs are those of the service model.

use crate::error::CloudError;
use std::fmt;

macro_rules! codes {
    ($($name:ident = $status:literal, $shape:literal, $query:literal;)*) => {
        /// Which error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are AWS's own; each is described in the SQS API reference")]
        pub enum Code { $($name,)* }

        impl Code {
            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The `__type` of the JSON protocol.
            #[must_use]
            pub fn shape(self) -> &'static str {
                match self { $(Self::$name => $shape,)* }
            }

            /// The code of the query protocol, which a failed entry of a batch carries too.
            #[must_use]
            pub fn query(self) -> &'static str {
                match self { $(Self::$name => $query,)* }
            }
        }
    };
}

codes! {
    BatchEntryIdsNotDistinct = 400, "com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
    BatchRequestTooLong = 400, "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong";
    EmptyBatchRequest = 400, "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest";
    InternalError = 500, "com.amazonaws.sqs#InternalError", "InternalError";
    InvalidAddress = 400, "com.amazonaws.sqs#InvalidAddress", "InvalidAddress";
    InvalidAttributeName = 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName";
    InvalidAttributeValue = 400, "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue";
    InvalidBatchEntryId = 400, "com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId";
    InvalidMessageContents = 400, "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents";
    InvalidParameterValue = 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue";
    MessageNotInflight = 400, "com.amazonaws.sqs#MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight";
    MissingParameter = 400, "com.amazonaws.sqs#MissingRequiredParameterException", "MissingParameter";
    NotImplemented = 501, "com.amazonaws.sqs#NotImplemented", "NotImplemented";
    OverLimit = 403, "com.amazonaws.sqs#OverLimit", "OverLimit";
    PurgeQueueInProgress = 403, "com.amazonaws.sqs#PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress";
    QueueDoesNotExist = 400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue";
    QueueNameExists = 400, "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists";
    ReceiptHandleIsInvalid = 400, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid";
    SerializationException = 400, "com.amazon.coral.service#SerializationException", "MalformedInput";
    TooManyEntriesInBatchRequest = 400, "com.amazonaws.sqs#TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    UnknownOperation = 400, "com.amazon.coral.service#UnknownOperationException", "InvalidAction";
    UnsupportedOperation = 400, "com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation";
}

/// An error as a caller of SQS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsError {
    /// Which error.
    pub code: Code,
    /// What was wrong.
    pub message: String,
}

impl SqsError {
    /// An error with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn no_queue() -> Self {
        Self::new(Code::QueueDoesNotExist, "The specified queue does not exist.")
    }

    pub(crate) fn parameter(name: &str, value: impl fmt::Display, reason: &str) -> Self {
        let message = format!("Value {value} for parameter {name} is invalid. Reason: {reason}");
        Self::new(Code::InvalidParameterValue, message)
    }
}

impl fmt::Display for SqsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.query(), self.message)
    }
}

impl std::error::Error for SqsError {}

impl From<CloudError> for SqsError {
    fn from(error: CloudError) -> Self {
        Self::new(Code::InternalError, error.to_string())
    }
}
