//! A small client of the gateway's own API, for the command line: plain HTTP, signed.

use bytes::Bytes;
use drydock_core::Clock as _;
use drydock_host::system::SystemClock;
use drydock_identity::sigv4::{Secret, SignedRequest, Signer};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing answers there.
    #[error("no gateway answers at {url}: start one with `drydock up`, or name it with --api-url")]
    Unreachable {
        /// The API endpoint.
        url: String,
        /// Why.
        source: hyper_util::client::legacy::Error,
    },
    /// The answer broke off.
    #[error("the answer to {operation} broke off")]
    BrokeOff {
        /// What was asked.
        operation: String,
        /// Why.
        source: hyper::Error,
    },
    /// The gateway refused.
    #[error("{operation} was refused: {code}: {message}")]
    Refused {
        /// What was asked.
        operation: String,
        /// AWS's name for the error.
        code: String,
        /// What was wrong.
        message: String,
    },
    /// The request cannot be made.
    #[error("{operation} is no valid request")]
    Invalid {
        /// What was asked.
        operation: String,
        /// Why.
        source: http::Error,
    },
}

impl CallError {
    /// Whether the gateway refused with an error of this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == name)
    }
}

/// Lines that come as they happen.
#[derive(Debug)]
pub struct Lines {
    operation: &'static str,
    body: hyper::body::Incoming,
    read: Vec<u8>,
}

impl Lines {
    /// The next line; `None` when the gateway has stopped.
    ///
    /// # Errors
    /// [`CallError::BrokeOff`].
    pub async fn next(&mut self) -> Result<Option<String>, CallError> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => self.read.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default()),
                Some(Err(source)) => {
                    return Err(CallError::BrokeOff { operation: self.operation.to_owned(), source });
                }
            }
        }
    }
}

/// A text as a query's value.
fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The API of a gateway.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    signer: Signer,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Api {
    /// The API at a URL such as `http://127.0.0.1:4566`, for a region. Requests are signed with the keys of the environment
    /// (`AWS_ACCESS_KEY_ID` and so on), and in name where there are none.
    pub fn new(url: impl Into<String>, region: impl Into<String>) -> Self {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (access_key, secret) = given("AWS_ACCESS_KEY_ID")
            .zip(given("AWS_SECRET_ACCESS_KEY"))
            .unwrap_or_else(|| ("drydock".to_owned(), "drydock".to_owned()));
        let token = given("AWS_SESSION_TOKEN").map(Secret::new);
        Self::signed_by(url, Signer { access_key, secret: Secret::new(secret), token, region: region.into() })
    }

    /// The API at a URL, with these keys.
    pub fn signed_by(url: impl Into<String>, signer: Signer) -> Self {
        let url = url.into();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            signer,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// What the gateway says of itself.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn health(&self) -> Result<Value, CallError> {
        self.send("health", Request::get(format!("{}/_drydock/health", self.url)), Bytes::new()).await
    }

    /// Asks why somebody may do something, or may not.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn explain(&self, question: &drydock_services::policies::explain::Question) -> Result<Value, CallError> {
        let body = serde_json::to_vec(question).unwrap_or_default();
        self.send("explain", Request::post(format!("{}/_drydock/explain", self.url)), Bytes::from(body)).await
    }

    /// Listens to refusals, of one client or of all.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn refusals(&self, client_id: Option<&str>) -> Result<Lines, CallError> {
        let query = client_id.map(|id| format!("?clientId={}", encode(id))).unwrap_or_default();
        self.lines("refusals", &format!("/_drydock/refusals{query}")).await
    }

    /// The entries of the AWS-style log: those that are kept, and with `follow` those to come.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn logs(&self, follow: bool, event: Option<&str>, client_id: Option<&str>) -> Result<Lines, CallError> {
        let mut path = format!("/_drydock/logs?follow={follow}");
        for (name, value) in [("eventType", event), ("clientId", client_id)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encode(value)));
            }
        }
        self.lines("logs", &path).await
    }

    /// What a rule makes of each message from now on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn watch_rule(&self, name: &str) -> Result<Lines, CallError> {
        self.lines("watch", &format!("/_drydock/rules?name={}", encode(name))).await
    }

    async fn lines(&self, operation: &'static str, path: &str) -> Result<Lines, CallError> {
        let request = Request::get(format!("{}{path}", self.url)).body(Full::default());
        let request = request.map_err(|source| CallError::Invalid { operation: operation.to_owned(), source })?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|source| CallError::Unreachable { url: self.url.clone(), source })?;
        if answer.status() != StatusCode::OK {
            let (parts, body) = answer.into_parts();
            let broke_off = |source| CallError::BrokeOff { operation: operation.to_owned(), source };
            let body = body.collect().await.map_err(broke_off)?.to_bytes();
            return Err(refused(operation.to_owned(), &parts, &body));
        }
        Ok(Lines { operation, body: answer.into_body(), read: Vec::new() })
    }

    /// An account's whole state, as `GET /_drydock/export` gives it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn export(&self) -> Result<Bytes, CallError> {
        self.exchange("export", Request::get(format!("{}/_drydock/export", self.url)), Bytes::new()).await
    }

    /// Puts an account's whole state in.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn import(&self, account: Vec<u8>, replace: bool) -> Result<Value, CallError> {
        let request = Request::post(format!("{}/_drydock/import?replace={replace}", self.url));
        self.send("import", request, Bytes::from(account)).await
    }

    /// Shows the gateway's clock, or changes it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn clock(&self, change: Option<&Value>) -> Result<Value, CallError> {
        let url = format!("{}/_drydock/clock", self.url);
        let (request, body) = match change {
            None => (Request::get(url), Bytes::new()),
            Some(change) => (Request::post(url), Bytes::from(change.to_string())),
        };
        self.send("clock", request, body).await
    }

    /// Calls an operation of AWS IoT's control plane; `path` has its query, `headers` are besides the usual.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn iot(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, CallError> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.call("iot", operation, method, path, headers, body).await
    }

    /// Calls an operation of a service that speaks AWS's JSON protocol, such as `DynamoDB_20120810.Scan`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        self.call(service, target, Method::POST, "/", &headers, Bytes::from(body.to_string())).await
    }

    /// Signs a request and sends it.
    async fn call(
        &self,
        service: &str,
        operation: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Value, CallError> {
        let host = self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host);
        let mut all = vec![("host".to_owned(), host.to_owned())];
        all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())));
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let unsigned = SignedRequest { method: method.as_str(), path: bare, query, headers: &all, body: &body };
        let added = self.signer.headers(service, &unsigned, SystemClock.now());
        all.extend(added);
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in all {
            request = request.header(name, value);
        }
        self.send(operation, request, body).await
    }

    async fn send(&self, operation: &str, request: http::request::Builder, body: Bytes) -> Result<Value, CallError> {
        let body = self.exchange(operation, request, body).await?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn exchange(
        &self,
        operation: &str,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Bytes, CallError> {
        let operation = || operation.to_owned();
        let request =
            request.body(Full::new(body)).map_err(|source| CallError::Invalid { operation: operation(), source })?;
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|source| CallError::Unreachable { url: self.url.clone(), source })?;
        let (parts, body) = answer.into_parts();
        let body =
            body.collect().await.map_err(|source| CallError::BrokeOff { operation: operation(), source })?.to_bytes();
        if parts.status == StatusCode::OK {
            return Ok(body);
        }
        Err(refused(operation(), &parts, &body))
    }
}

/// The error that an answer other than 200 tells of.
fn refused(operation: String, parts: &http::response::Parts, body: &[u8]) -> CallError {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let header = parts.headers.get("x-amzn-errortype").and_then(|v| v.to_str().ok()).map(str::to_owned);
    CallError::Refused {
        operation,
        code: header.or_else(|| text("__type")).unwrap_or_else(|| parts.status.to_string()),
        message: text("message").or_else(|| text("Message")).unwrap_or_default(),
    }
}
