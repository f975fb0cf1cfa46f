//! Functions that let callers in ("Controlling access to HTTP APIs with AWS Lambda authorizers"): asked with what the request says of
//! who sends it, they answer with a truth value, or with a policy.

use super::definition::{Authorizer, function_of};
use super::event::{self, Setting};
use super::routing::{Asked, Found, decoded};
use super::state::HttpApis;
use crate::lambda::permission::like;
use bytes::Bytes;
use drydock_core::Arn;
use serde_json::{Value, json};

/// What a function says of a caller.
pub(super) enum Verdict {
    /// It is let in; what functions get to know of it.
    Admitted(Value),
    /// The request does not say who sends it.
    Anonymous,
    /// It is not let in.
    Denied,
    /// The function could not be asked, or said what cannot be read.
    Failed(String),
}

/// The values of identity sources; `None` where one is missing.
pub(super) fn identity(sources: &[String], asked: &Asked, found: &Found) -> Option<Vec<String>> {
    let value = |source: &String| {
        let (kind, name) = source.trim_start_matches('$').rsplit_once('.')?;
        let text = match kind {
            "request.header" => asked
                .headers
                .get(name.to_ascii_lowercase())
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            "request.querystring" => form_urlencoded::parse(asked.query.as_bytes())
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned()),
            "stageVariables" => found.stage.stage_variables.get(name).cloned(),
            "context" => match name {
                "routeKey" => Some(found.route.route_key.clone()),
                "stage" => Some(found.stage.stage_name.clone()),
                "path" => Some(decoded(&asked.path)),
                "httpMethod" => Some(asked.method.to_string()),
                _ => None,
            },
            _ => None,
        };
        text.filter(|text| !text.is_empty())
    };
    sources.iter().map(value).collect()
}

pub(super) async fn ask(
    apis: &HttpApis,
    authorizer: (&str, &Authorizer),
    setting: &Setting<'_>,
    asked: &Asked,
    found: &Found,
) -> Verdict {
    let (id, authorizer) = authorizer;
    let Some(sources) = identity(&authorizer.identity_source, asked, found) else { return Verdict::Anonymous };
    let Some(function) = authorizer.authorizer_uri.as_deref().map(function_of) else {
        return Verdict::Failed("the authorizer names no function".to_owned());
    };
    let path = decoded(&asked.path);
    let route =
        setting.scope.arn("execute-api", &format!("{}/{}/{}{path}", setting.api, found.stage.stage_name, asked.method));
    let is_second = authorizer.authorizer_payload_format_version.as_deref() != Some("1.0");
    let nothing = Bytes::new();
    let mut event = match is_second {
        true => event::second(setting, asked, found, &nothing),
        false => event::first(setting, asked, found, &nothing),
    };
    if let Some(event) = event.as_object_mut() {
        event.insert("type".to_owned(), json!("REQUEST"));
        if is_second {
            event.insert("routeArn".to_owned(), json!(route.as_str()));
            event.insert("identitySource".to_owned(), json!(sources));
        } else {
            event.insert("methodArn".to_owned(), json!(route.as_str()));
            event.insert("identitySource".to_owned(), json!(sources.join(",")));
            event.insert("authorizationToken".to_owned(), json!(sources.first()));
        }
        event.remove("isBase64Encoded");
    }
    let source = setting.scope.arn("execute-api", &format!("{}/authorizers/{id}", setting.api));
    let payload = Bytes::from(event.to_string());
    let invoked = match authorizer.authorizer_credentials_arn {
        Some(_) => apis.lambda.invoke(&function, payload).await,
        None => apis.lambda.invoke_from_sync("apigateway.amazonaws.com", &source, &function, payload).await,
    };
    let answer = match invoked {
        Ok(invoked) => match invoked.error_text() {
            Some(why) => return Verdict::Failed(why),
            None => invoked.payload,
        },
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    match serde_json::from_slice::<Value>(&answer) {
        Ok(answer) => judge(&answer, authorizer.enable_simple_responses && is_second, &route),
        Err(error) => Verdict::Failed(format!("the authorizer's response is not JSON: {error}")),
    }
}

fn judge(answer: &Value, is_simple: bool, route: &Arn) -> Verdict {
    let context = answer.get("context").cloned().unwrap_or_else(|| json!({}));
    if is_simple {
        return match answer.get("isAuthorized").and_then(Value::as_bool) {
            Some(true) => Verdict::Admitted(json!({ "lambda": context })),
            Some(false) => Verdict::Denied,
            None => Verdict::Failed("the authorizer's response has no `isAuthorized`".to_owned()),
        };
    }
    let statements = answer.pointer("/policyDocument/Statement");
    let statements = match statements {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Verdict::Failed("the authorizer's response has no policy".to_owned()),
    };
    let mut allowed = false;
    for statement in statements {
        let texts = |name: &str| -> Vec<&str> {
            match statement.get(name) {
                Some(Value::String(text)) => vec![text],
                Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            }
        };
        let action = texts("Action").iter().any(|action| like(&action.to_ascii_lowercase(), "execute-api:invoke"));
        let fits = action && texts("Resource").iter().any(|resource| like(resource, route.as_str()));
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Deny") if fits => return Verdict::Denied,
            Some("Allow") if fits => allowed = true,
            _ => {}
        }
    }
    match allowed {
        true => Verdict::Admitted(json!({ "lambda": context })),
        false => Verdict::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_truth_values_or_policies() {
        let route = Arn::parse("arn:aws:execute-api:us-east-1:123456789012:a/$default/GET/items").unwrap();
        let policy = |effect: &str, resource: &str| {
            json!({ "policyDocument": { "Statement": [
                { "Effect": "Allow", "Action": "execute-api:*", "Resource": "*:a/$default/GET/*" },
                { "Effect": effect, "Action": ["execute-api:Invoke"], "Resource": resource },
            ] } })
        };
        let shown = |answer: &Value, simple: bool| match judge(answer, simple, &route) {
            Verdict::Admitted(_) => "in",
            Verdict::Denied => "denied",
            Verdict::Anonymous | Verdict::Failed(_) => "failed",
        };
        assert_eq!(shown(&json!({ "isAuthorized": true }), true), "in");
        assert_eq!(shown(&json!({ "isAuthorized": false }), true), "denied");
        assert_eq!(shown(&json!({ "isAuthorized": "true" }), true), "failed");
        assert_eq!(shown(&json!({ "isAuthorized": true }), false), "failed");
        assert_eq!(shown(&policy("Deny", "*"), false), "denied");
        assert_eq!(shown(&policy("Deny", "*/POST/*"), false), "in");
        assert_eq!(shown(&json!({ "policyDocument": { "Statement": [] } }), false), "denied");
    }
}
