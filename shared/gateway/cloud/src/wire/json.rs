//! AWS JSON 1.0, as SQS and DynamoDB speak it: a POST to `/` whose `X-Amz-Target` names the operation.

use bytes::Bytes;
use http::Request;

/// The content type of the protocol.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The operation that a request names, without the prefix of its service; `None` where it names none with that prefix.
pub(crate) fn operation<'a>(request: &'a Request<Bytes>, prefixes: &[&str]) -> Option<&'a str> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    prefixes.iter().find_map(|prefix| target.strip_prefix(prefix))
}
