//! What the gateway's lists have, and how its paths are written.

use crate::client::{Api, CallError, encoded};
use http::Method;
use serde_json::Value;

/// The principals of a thing.
pub(super) async fn principals(api: &Api, name: &str) -> Result<Vec<String>, CallError> {
    let path = format!("/things/{name}/principals");
    let texts = |page: &Value| texts(page, "principals");
    pages(api, "ListThingPrincipals", &path, &[], texts).await
}

/// The things that a principal is attached to.
pub(super) async fn things_of(api: &Api, principal: &str) -> Result<Vec<String>, CallError> {
    let header = [("x-amzn-principal", principal)];
    pages(api, "ListPrincipalThings", "/principals/things", &header, |page| texts(page, "things")).await
}

/// What a list has, page by page.
pub(super) async fn pages<T>(
    api: &Api,
    operation: &str,
    path: &str,
    headers: &[(&str, &str)],
    read: impl Fn(&Value) -> Vec<T>,
) -> Result<Vec<T>, CallError> {
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let next = token.as_ref().map(|token| format!("{joint}nextToken={}", encoded(token))).unwrap_or_default();
        let page = api.iot(operation, Method::GET, &format!("{path}{next}"), headers, &Value::Null).await?;
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

/// The certificate id in a principal's ARN; `None` where it is not a certificate.
pub(super) fn certificate_id(principal: &str) -> Option<&str> {
    principal.split_once(":cert/").map(|(_, id)| id)
}
