//! How an invocation ends, and what it may carry.

use bytes::Bytes;

/// The most bytes of a synchronous payload and of a response: 6 MB ("Lambda quotas").
pub const MAX_PAYLOAD: usize = 6_291_556;
/// The most bytes of an asynchronous payload: 1 MB since October 2025.
pub const MAX_EVENT: usize = 1_048_576;

/// The end of an invocation.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// The response's payload, or the error's.
    pub payload: Bytes,
    /// `Unhandled` where the function failed: its code, its process, or its time limit.
    pub function_error: Option<&'static str>,
    /// The last 4 KB of the log of this invocation.
    pub log_tail: String,
}

impl Invoked {
    pub(crate) fn failed(request_id: &str, error_type: &str, message: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: {message}");
        let payload = serde_json::json!({"errorType": error_type, "errorMessage": message}).to_string();
        Self { payload: payload.into(), function_error: Some("Unhandled"), log_tail: String::new() }
    }

    /// The error's type and message, where the function failed.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        self.function_error?;
        let error: serde_json::Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        let field = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        Some(match (field("errorType"), field("errorMessage")) {
            ("", "") => String::from_utf8_lossy(&self.payload).into_owned(),
            ("", message) => message.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        })
    }
}
