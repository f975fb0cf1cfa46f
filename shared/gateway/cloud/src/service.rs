//! Which stand-in a request is for.

use crate::wire;
use bytes::Bytes;
use http::Response;
use std::fmt;

/// A service that this crate stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS Lambda.
    Lambda,
    /// Amazon DynamoDB, its streams included.
    DynamoDb,
    /// Amazon S3.
    S3,
    /// AWS Secrets Manager.
    SecretsManager,
    /// Amazon SNS.
    Sns,
    /// Amazon SQS.
    Sqs,
    /// AWS STS.
    Sts,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Lambda, Self::DynamoDb, Self::S3, Self::SecretsManager, Self::Sns, Self::Sqs, Self::Sts];

    /// The service of a SigV4 credential scope's service field, for example `dynamodb`; `None` where no stand-in is here.
    #[must_use]
    pub fn from_scope(service: &str) -> Option<Self> {
        Some(match service {
            "lambda" => Self::Lambda,
            "dynamodb" => Self::DynamoDb,
            "s3" => Self::S3,
            "secretsmanager" => Self::SecretsManager,
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
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
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

/// An error in the form of the query protocol, of whichever service.
#[must_use]
pub fn query_error(status: u16, code: &str, message: &str, request_id: &str) -> Response<Bytes> {
    wire::query::error("http://webservices.amazon.com/AWSFault/2005-15-09", status, code, message, request_id)
}

/// The answer of a service to a request that is not let in, in the form of its protocol: `code` is the error's name in the JSON
/// protocols, `query_code` in the query protocol.
#[must_use]
pub fn refusal(
    service: Service,
    code: &'static str,
    query_code: &str,
    message: &str,
    request_id: &str,
) -> Response<Bytes> {
    match service {
        Service::Lambda => {
            let body = serde_json::json!({ "message": message }).to_string();
            let mut response = wire::response(403, "application/json", body);
            wire::set_header(&mut response, "x-amzn-errortype", code);
            response
        }
        Service::DynamoDb | Service::SecretsManager | Service::Sqs => {
            let name = format!("com.amazon.coral.service#{code}");
            let body = serde_json::json!({ "__type": name, "message": message }).to_string();
            wire::response(400, wire::json::CONTENT_TYPE, body)
        }
        // In its own form: [`crate::s3::refusal`]; this is for callers that read no more than the status.
        Service::S3 => wire::response(403, "text/plain", message.to_owned()),
        Service::Sns => wire::query::error(crate::sns::api::NAMESPACE, 403, query_code, message, request_id),
        Service::Sts => wire::query::error(crate::sts::NAMESPACE, 403, query_code, message, request_id),
    }
}
