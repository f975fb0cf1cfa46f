//! STS, as far as tools ask it who they are. Follows the page "GetCallerIdentity" of the AWS STS API reference.

use crate::context::Context;
use crate::wire::query::{self, Params};
use bytes::Bytes;
use http::{Request, Response};

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers a request: `GetCallerIdentity`; any other operation is refused by name.
pub(crate) fn handle(context: &Context, request: &Request<Bytes>, request_id: &str) -> Response<Bytes> {
    let params = Params::read(request);
    match params.get("Action") {
        Some("GetCallerIdentity") => query::answer(NAMESPACE, "GetCallerIdentity", request_id, |xml| {
            let scope = &context.config.scope;
            xml.text("Arn", &format!("arn:{}:iam::{}:root", scope.partition(), scope.account));
            xml.text("UserId", &scope.account);
            xml.text("Account", &scope.account);
        }),
        Some(other) => {
            let message = format!("the STS operation `{other}` is not implemented by this gateway");
            query::error(NAMESPACE, 501, "NotImplemented", &message, request_id)
        }
        None => {
            query::error(NAMESPACE, 400, "MissingAction", "the request must contain the parameter Action", request_id)
        }
    }
}
