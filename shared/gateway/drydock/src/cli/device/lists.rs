//! What the gateway's lists have, and how its paths are written.

use crate::client::{Api, CallError};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The principals of a thing.
pub(super) async fn principals(api: &Api, name: &str) -> Result<Vec<String>, CallError> {
    let path = format!("/things/{name}/principals");
    let texts = |page: &Value| texts(page, "principals");
    pages(api, "ListThingPrincipals", &path, texts).await
}

/// What a list has, page by page.
pub(super) async fn pages<T>(
    api: &Api,
    operation: &str,
    path: &str,
    read: impl Fn(&Value) -> Vec<T>,
) -> Result<Vec<T>, CallError> {
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let next = token.as_ref().map(|token| format!("{joint}nextToken={}", encoded(token))).unwrap_or_default();
        let page = api.iot(operation, Method::GET, &format!("{path}{next}"), &[], &Value::Null).await?;
        found.extend(read(&page));
        let further = page.get("nextToken").and_then(Value::as_str).map(str::to_owned);
        // The same token again would go on for ever.
        if further.is_none() || further == token {
            return Ok(found);
        }
        token = further;
    }
}

/// The texts of a list that an answer has.
pub(super) fn texts(answer: &Value, name: &str) -> Vec<String> {
    let list = answer.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A text as a part of a path.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The certificate id in a principal's ARN; `None` where it is not a certificate.
pub(super) fn certificate_id(principal: &str) -> Option<&str> {
    principal.split_once(":cert/").map(|(_, id)| id)
}
