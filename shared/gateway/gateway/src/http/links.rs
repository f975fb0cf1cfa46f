//! The links that the gateway hands out: they are followed without a signature, as the token or the id in them is the proof. Only a
//! request that has a link's exact form is one, and what runs is made of the link's own parameters and nothing else.
//!
//! Follows "Confirming a subscription" and "UnsubscribeURL" of the Amazon SNS developer guide, and "HTTP action destinations" of
//! the AWS IoT Core developer guide.

use super::service::{Service, parameter};
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_model::Service as Plane;
use http::header::AUTHORIZATION;
use http::{Method, Request};

/// How the path of the link begins that confirms a topic rule destination.
const CONFIRM_DESTINATION: &str = "/confirmdestination/";

/// The links that SNS sends: an action, and the parameters that it has, all of them once.
const SNS: [(&str, &[&str]); 2] =
    [("ConfirmSubscription", &["TopicArn", "Token"]), ("Unsubscribe", &["SubscriptionArn"])];

/// The links by name, as they look with what is theirs alone in braces.
pub(super) fn forms() -> Vec<(&'static str, String)> {
    let of_sns = SNS.iter().map(|(action, parameters)| {
        let parameters: String = parameters.iter().map(|name| format!("&{name}={{{name}}}")).collect();
        (*action, format!("/?Action={action}{parameters}"))
    });
    of_sns.chain([("ConfirmTopicRuleDestination", format!("{CONFIRM_DESTINATION}{{confirmationToken}}"))]).collect()
}

/// The service that a link is for; `None` where the request is not a link.
fn service_of<B>(request: &Request<B>) -> Option<Service> {
    let headers = request.headers();
    if request.method() != Method::GET || headers.contains_key(AUTHORIZATION) || headers.contains_key("x-amz-target") {
        return None;
    }
    let path = request.uri().path();
    match path.strip_prefix(CONFIRM_DESTINATION) {
        Some(token) => {
            let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (is_token && request.uri().query().is_none()).then_some(Service::Iot(Plane::Iot))
        }
        None if path == "/" => is_sns(request.uri().query()?).then_some(Service::Cloud(drydock_cloud::sns::SERVICE)),
        None => None,
    }
}

fn is_sns(query: &str) -> bool {
    let pairs: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    SNS.iter().any(|(action, parameters)| {
        let once = |name: &str| pairs.iter().filter(|(known, value)| *known == name && !value.is_empty()).count() == 1;
        pairs.contains(&("Action", action))
            && once("Action")
            && parameters.iter().all(|name| once(name))
            && pairs.len() == parameters.len() + 1
    })
}

/// The gateway as the account and region see it that hold what a link is about, where that can be told; else as it is.
pub(super) fn holder(gateway: &Gateway, link: &Request<Bytes>) -> Gateway {
    let scopes = &gateway.scopes;
    let found = match link.uri().path().strip_prefix(CONFIRM_DESTINATION) {
        Some(token) => scopes.all().into_iter().find(|each| each.host.books.rules.read(|rules| rules.awaits(token))),
        None => {
            let arn = ["TopicArn", "SubscriptionArn"].into_iter().find_map(|name| parameter(link, name));
            arn.and_then(|arn| scopes.of_arn(&arn))
        }
    };
    found.unwrap_or_else(|| gateway.clone())
}

/// Whether a request is one of the links.
#[must_use]
pub fn is_link<B>(request: &Request<B>) -> bool {
    service_of(request).is_some()
}

/// What a link asks of which service; `None` where the request is not a link. Whatever body it has is not looked at.
pub(super) fn follow<B>(request: &Request<B>) -> Option<(Service, Request<Bytes>)> {
    let service = service_of(request)?;
    let mut link = Request::new(Bytes::new());
    *link.uri_mut() = request.uri().clone();
    Some((service, link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_a_link() {
        let get = |path: &str| is_link(&Request::get(path).body(()).unwrap());
        assert!(get("/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-east-1:1:t:u"));
        assert!(get("/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:1:t&Token=ab"));
        assert!(get("/confirmdestination/0123-ab"));
        for path in [
            "/?Action=Publish&TopicArn=a&Message=b",
            "/?Action=Unsubscribe",
            "/?Action=Unsubscribe&SubscriptionArn=",
            "/?Action=Unsubscribe&SubscriptionArn=a&SubscriptionArn=b",
            "/?Action=Unsubscribe&Action=Publish&SubscriptionArn=a",
            "/?Action=Unsubscribe&SubscriptionArn=a&%41ction=Publish",
            "/?Action=Unsubscribe&SubscriptionArn=a&Message=b",
            "/a?Action=Unsubscribe&SubscriptionArn=a",
            "/confirmdestination/a/b",
            "/confirmdestination/",
            "/confirmdestination/a?x=1",
        ] {
            assert!(!get(path), "{path}");
        }
        let post = Request::post("/?Action=Unsubscribe&SubscriptionArn=a").body(()).unwrap();
        assert!(!is_link(&post));
    }
}
