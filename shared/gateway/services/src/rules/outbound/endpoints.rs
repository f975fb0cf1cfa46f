//! Where each service is. The environment comes first, then `[endpoints]` of `drydock.toml`; what names one service comes before
//! the stand-in, what names all of them after it: `AWS_ENDPOINT_URL` is what a shell has set that talks to this gateway.

use super::services;
use std::collections::BTreeMap;

/// What stands for AWS's own endpoints.
pub const AWS: &str = "aws";

/// `[endpoints]`: a URL, or [`AWS`], by service id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// By id of the service, in small letters.
    pub services: BTreeMap<String, String>,
    /// For all services that have neither a line of their own nor a stand-in.
    pub default: Option<String>,
}

/// Where the services are.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// By scope.
    own: BTreeMap<&'static str, String>,
    others: Option<String>,
}

/// Where a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this process.
    StandIn,
    /// At a URL.
    Url(&'a str),
    /// At AWS.
    Aws,
    /// Nobody has said.
    Nowhere,
}

impl Endpoints {
    /// What the configuration says, and what `read` finds in the environment.
    #[must_use]
    pub fn new(configured: &Configured, read: impl Fn(&str) -> Option<String>) -> Self {
        let mut own = BTreeMap::new();
        for known in services::ALL {
            let variable = format!("AWS_ENDPOINT_URL_{}", known.id.to_ascii_uppercase());
            if let Some(url) = read(&variable).or_else(|| configured.services.get(known.id).cloned()) {
                own.insert(known.scope, url);
            }
        }
        let others = read("AWS_ENDPOINT_URL").or_else(|| configured.default.clone());
        Self { own, others }
    }

    /// The URL that is named for this service and no other.
    #[must_use]
    pub fn own(&self, scope: &str) -> Option<&str> {
        self.own.get(scope).map(String::as_str).filter(|url| *url != AWS)
    }

    /// Where a service is that may have a stand-in.
    #[must_use]
    pub fn place(&self, scope: &str, has_stand_in: bool) -> Place<'_> {
        match (self.own.get(scope), &self.others) {
            (Some(url), _) if url == AWS => Place::Aws,
            (Some(url), _) => Place::Url(url),
            (None, _) if has_stand_in => Place::StandIn,
            (None, Some(url)) if url == AWS => Place::Aws,
            (None, Some(url)) => Place::Url(url),
            (None, None) => Place::Nowhere,
        }
    }
}

/// What to do about a service that is nowhere.
#[must_use]
pub fn nowhere(scope: &str) -> String {
    let Some(known) = services::find(scope) else { return format!("`{scope}` has no stand-in and no endpoint") };
    format!(
        "{scope} has no stand-in here, and no endpoint: set AWS_ENDPOINT_URL_{}, or `{}` below `[endpoints]` in drydock.toml, to a URL or to \"{AWS}\"",
        known.id.to_ascii_uppercase(),
        known.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_service_comes_before_its_stand_in_and_what_names_all_after_it() {
        let configured = Configured {
            services: [("kinesis".to_owned(), "http://k".to_owned()), ("cloudwatch".to_owned(), AWS.to_owned())].into(),
            default: Some("http://rest".to_owned()),
        };
        let read = |name: &str| (name == "AWS_ENDPOINT_URL_SFN").then(|| "http://s".to_owned());
        let endpoints = Endpoints::new(&configured, read);
        let cases = [
            ("kinesis", false, Place::Url("http://k")),
            ("monitoring", false, Place::Aws),
            ("states", true, Place::Url("http://s")),
            ("sqs", true, Place::StandIn),
            ("logs", false, Place::Url("http://rest")),
        ];
        for (scope, has_stand_in, expected) in cases {
            assert_eq!(endpoints.place(scope, has_stand_in), expected, "{scope}");
        }
        let none = Endpoints::new(&Configured::default(), |_| None);
        assert_eq!(none.place("kinesis", false), Place::Nowhere);
        assert!(nowhere("monitoring").contains("AWS_ENDPOINT_URL_CLOUDWATCH"), "{}", nowhere("monitoring"));
    }
}
