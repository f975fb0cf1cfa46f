//! What the answer of an AWS service says: whether the call succeeded, and if not, whether to try again.

use super::AwsCall;
use serde_json::Value as Json;

/// Errors that pass, besides those of status 429 and 5xx ("Error retries" in the AWS SDKs' reference guide).
const PASSING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// The service's error, with its message where there is one, else the status.
    pub message: String,
    /// The name of the service's error.
    pub code: Option<String>,
    /// Whether the same call may succeed a little later: the service was throttling, or had trouble of its own.
    pub passing: bool,
}

impl AwsCall {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`CallFailure`] where the service refused the call, or an item of it.
    pub fn answered(&self, status: u16, body: &[u8]) -> Result<(), CallFailure> {
        let json: Option<Json> = serde_json::from_slice(body).ok();
        if (200..300).contains(&status) {
            let member = self.refused.and_then(|name| json.as_ref()?.get(name));
            return match member {
                Some(Json::Array(refused)) if !refused.is_empty() => {
                    Err(self.some_refused(refused.len(), json.as_ref()))
                }
                Some(Json::Number(count)) if count.as_u64().is_some_and(|count| count > 0) => {
                    let count = count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
                    Err(self.some_refused(count, json.as_ref()))
                }
                _ => Ok(()),
            };
        }
        let text = String::from_utf8_lossy(body);
        let member = |names: [&str; 3]| {
            let json = json.as_ref()?;
            names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
        };
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once("</").map(|(inner, _)| inner.to_owned())
        };
        let code = member(["__type", "Type", "code"]).or_else(|| element("Code"));
        let message = member(["message", "Message", "errorMessage"]).or_else(|| element("Message"));
        let code = code.as_deref().map(|code| code.rsplit('#').next().unwrap_or(code).to_owned());
        let service = self.service;
        let message = match (&code, message) {
            (Some(code), Some(message)) => format!("{service} answered {status} {code}: {message}"),
            (Some(known), None) => format!("{service} answered {status} {known}"),
            (None, Some(message)) => format!("{service} answered {status}: {message}"),
            (None, None) => format!("{service} answered {status}"),
        };
        let named = code.as_deref().is_some_and(|code| PASSING.contains(&code));
        Err(CallFailure { message, code, passing: named || status == 429 || status >= 500 })
    }

    /// A failure of some items of a call, with the first reason that the answer gives.
    fn some_refused(&self, count: usize, answer: Option<&Json>) -> CallFailure {
        let mut code = None;
        let mut message = None;
        if let Some(answer) = answer {
            first_reason(answer, &mut code, &mut message);
        }
        let reason = [code.clone(), message].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let passing =
            code.as_deref().is_some_and(|code| PASSING.contains(&code) || code.starts_with("ServiceUnavailable"));
        let items = if count == 1 { "an item".to_owned() } else { format!("{count} items") };
        let message = format!("{} refused {items}{}{reason}", self.service, if reason.is_empty() { "" } else { ": " });
        CallFailure { message, code, passing }
    }
}

/// The first error code and message, however deep: each batch operation has them elsewhere.
fn first_reason(json: &Json, code: &mut Option<String>, message: &mut Option<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                let slot = match name.as_str() {
                    "ErrorCode" | "errorCode" | "Code" => &mut *code,
                    "ErrorMessage" | "errorMessage" | "Message" => &mut *message,
                    _ => {
                        first_reason(value, code, message);
                        continue;
                    }
                };
                if let (None, Some(text)) = (&slot, value.as_str()) {
                    *slot = Some(text.to_owned());
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| first_reason(item, code, message)),
        _ => {}
    }
}
