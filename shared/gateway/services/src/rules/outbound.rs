//! What leaves this machine, or this process: requests to services that rules send to.
//!
//! - [`services`]: the AWS services that actions call, and how their endpoints are named.
//! - [`endpoints`]: where each of them is: a stand-in, a URL, or AWS itself.
//! - [`client`]: HTTP and HTTPS, with limits on time and size. `guard`: nothing goes to the gateway itself.

pub mod client;
pub mod endpoints;
mod guard;
pub mod services;

use bytes::Bytes;
use client::{Answer, Client, SendError};
use drydock_core::{Clock as _, OwnAddresses};
use drydock_host::system::SystemClock;
use drydock_identity::sigv4::{Secret, SignedRequest, Signer};
use drydock_rules::AwsCall;
use endpoints::{Endpoints, Place};
use http::{HeaderValue, Request};
use std::sync::Arc;
use std::time::Duration;

/// The largest answer of an AWS service that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// The keys that calls are signed with.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The access key id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// The session token of temporary keys.
    pub token: Option<Secret>,
}

/// Sends requests out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    endpoints: Endpoints,
    keys: Option<Keys>,
    own: OwnAddresses,
}

/// What a call could not even begin with, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody said where the service is.
    #[error("{0}")]
    Nowhere(String),
    /// It could not be sent.
    #[error("{0}")]
    Send(#[from] SendError),
}

impl Outbound {
    /// Calls to these endpoints, signed with these keys; none to the gateway's own sockets.
    #[must_use]
    pub fn new(endpoints: Endpoints, keys: Option<Keys>, client: Client, own: OwnAddresses) -> Self {
        Self { inner: Arc::new(Inner { client, endpoints, keys, own }) }
    }

    /// What the environment says, each variable as `read` gives it, and what `drydock.toml` says where it is silent:
    /// `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL`, the usual `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, and
    /// `AWS_CA_BUNDLE`, a file of certificates to trust besides those of the system.
    #[must_use]
    pub fn of_environment(
        configured: &endpoints::Configured,
        own: OwnAddresses,
        read: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        let keys = match (read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                Some(Keys { id, secret: Secret::new(secret), token: read("AWS_SESSION_TOKEN").map(Secret::new) })
            }
            _ => None,
        };
        let client = Client::new(read("AWS_CA_BUNDLE").map(Into::into), own.clone());
        Self::new(Endpoints::new(configured, read), keys, client, own)
    }

    /// The gateway's own sockets, which nothing is sent to.
    #[must_use]
    pub fn own(&self) -> &OwnAddresses {
        &self.inner.own
    }

    /// Where a service is.
    #[must_use]
    pub fn place(&self, service: &str, has_stand_in: bool) -> Place<'_> {
        self.inner.endpoints.place(service, has_stand_in)
    }

    /// A URL of a service, or the same path at the endpoint that is configured for it.
    #[must_use]
    pub fn at_endpoint(&self, url: &str, service: Option<&str>) -> String {
        let own = service.and_then(|service| self.inner.endpoints.own(service));
        let path = http::Uri::try_from(url).ok().and_then(|uri| uri.path_and_query().cloned());
        match (own, path) {
            (Some(own), Some(path)) => format!("{}{path}", own.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }

    /// Makes a call of an AWS service that is not a stand-in here.
    ///
    /// # Errors
    /// [`CallError`]; what the service answered, whatever it is, is an [`Answer`].
    pub async fn call(&self, call: &AwsCall, within: Duration) -> Result<Answer, CallError> {
        let base = match &call.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => match self.place(call.service, false) {
                Place::Url(url) => url.trim_end_matches('/').to_owned(),
                Place::Aws if self.inner.keys.is_none() => {
                    let why = "AWS takes signed calls alone: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                    return Err(CallError::Nowhere(format!("{}: {why}", call.service)));
                }
                Place::Aws => services::url(call.service, &call.region)
                    .ok_or_else(|| CallError::Nowhere(format!("`{}` has no endpoint that is known", call.service)))?,
                Place::StandIn | Place::Nowhere => {
                    return Err(CallError::Nowhere(endpoints::nowhere(call.service)));
                }
            },
        };
        let mut request = Request::builder().method(call.method).uri(format!("{base}{}", call.path));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let mut request = request
            .body(call.body.clone())
            .map_err(|error| SendError::Url(format!("`{base}{}` is not a URL: {error}", call.path)))?;
        self.sign(&mut request, call.service, &call.region)?;
        Ok(self.inner.client.send(request, MAX_ANSWER, within).await?)
    }

    /// Signs a request for a service. Where no keys are known it is signed in name, as services for local use take it.
    ///
    /// # Errors
    /// [`SendError`] where the URL names no host.
    pub fn sign(&self, request: &mut Request<Bytes>, service: &str, region: &str) -> Result<(), SendError> {
        let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
        let host = host.ok_or_else(|| SendError::Url(format!("`{}` names no host", request.uri())))?;
        insert(request, "host", &host);
        if service == "s3" {
            let hash = drydock_identity::sigv4::canonical::sha256_hex(request.body());
            insert(request, "x-amz-content-sha256", &hash);
        }
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let keys = self.inner.keys.clone();
        let keys = keys.unwrap_or_else(|| Keys { id: "local".to_owned(), secret: Secret::new("local"), token: None });
        let signer = Signer { access_key: keys.id, secret: keys.secret, token: keys.token, region: region.to_owned() };
        let signed = SignedRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: &headers,
            body: request.body(),
        };
        for (name, value) in signer.headers(service, &signed, SystemClock.now()) {
            insert(request, &name, &value);
        }
        Ok(())
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, request: Request<Bytes>, limit: usize, within: Duration) -> Result<Answer, SendError> {
        self.inner.client.send(request, limit, within).await
    }
}

/// Sets a header; what cannot stand in one is left out, and the service says what it misses.
fn insert(request: &mut Request<Bytes>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
        request.headers_mut().insert(name, value);
    }
}
