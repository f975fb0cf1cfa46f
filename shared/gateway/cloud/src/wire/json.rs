//! AWS JSON 1.0, as SQS and DynamoDB speak it: a POST to `/` whose `X-Amz-Target` names the operation.

use crate::stand_in::Refusal;
use bytes::Bytes;
use http::{Request, Response};

/// The content type of the protocol.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The operation that a request names, without the prefix of its service; `None` where it names none with that prefix.
pub(crate) fn operation<'a>(request: &'a Request<Bytes>, prefixes: &[&str]) -> Option<&'a str> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    prefixes.iter().find_map(|prefix| target.strip_prefix(prefix))
}

/// The answer to a request that is not carried out.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> Response<Bytes> {
    let name = format!("com.amazon.coral.service#{}", refusal.code);
    let body = serde_json::json!({ "__type": name, "message": refusal.message }).to_string();
    super::response(refusal.status(400), CONTENT_TYPE, body)
}
