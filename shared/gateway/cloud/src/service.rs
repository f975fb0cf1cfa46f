//! Which stand-in a request is for.

use std::fmt;

/// A service that this crate stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS Lambda.
    Lambda,
    /// Amazon DynamoDB, its streams included.
    DynamoDb,
    /// Amazon SNS.
    Sns,
    /// Amazon SQS.
    Sqs,
    /// AWS STS.
    Sts,
}

impl Service {
    /// The service of a SigV4 credential scope's service field, for example `dynamodb`; `None` where no stand-in is here.
    #[must_use]
    pub fn from_scope(service: &str) -> Option<Self> {
        Some(match service {
            "lambda" => Self::Lambda,
            "dynamodb" => Self::DynamoDb,
            "sns" => Self::Sns,
            "sqs" => Self::Sqs,
            "sts" => Self::Sts,
            _ => return None,
        })
    }

    /// The service's name in ARNs and credential scopes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::DynamoDb => "dynamodb",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
            Self::Sts => "sts",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
