//! A small client of the gateway's own API, for the command line: plain HTTP, signed. What is asked of AWS as well goes over TLS.

use bytes::Bytes;
use drydock_core::{Clock as _, Scope};
use drydock_host::shown::line;
use drydock_host::system::SystemClock;
use drydock_identity::sigv4::{Secret, SignedRequest, Signer};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The largest answer that is read, in bytes: who answers may mean harm.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// The same of a whole account's state.
const MAX_EXPORT: usize = 1024 * 1024 * 1024;
/// The longest line of an answer in lines, in bytes.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// What a request is signed for that is the same in every region.
const ANY_REGION: &str = "us-east-1";

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
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// Nothing can be asked over TLS.
    #[error("cannot begin TLS: {0}")]
    NoTls(String),
    /// The request cannot be made.
    #[error("{operation} is not a valid request")]
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
    body: Incoming,
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
            if self.read.len() > MAX_LINE {
                let source = format!("a line is longer than {MAX_LINE} bytes").into();
                return Err(CallError::BrokeOff { operation: self.operation.to_owned(), source });
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => self.read.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default()),
                Some(Err(source)) => {
                    return Err(CallError::BrokeOff { operation: self.operation.to_owned(), source: source.into() });
                }
            }
        }
    }
}

/// A text as a part of a path, or as a query's value.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The API of a gateway.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    /// As soon as it is known.
    region: Arc<OnceCell<String>>,
    signer: Signer,
    client: Client<HttpConnector, Full<Bytes>>,
    secure: Arc<std::sync::OnceLock<Secure>>,
}

/// Connections over TLS, or why there can be none.
type Secure = Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, String>;

impl Api {
    /// The API at a URL such as `http://127.0.0.1:4566`, in a region: the one that is named, else that of the environment
    /// (`AWS_REGION`), else the gateway's own. Requests are signed with the keys of the environment (`AWS_ACCESS_KEY_ID` and so
    /// on), and in name where there are none.
    pub fn new(url: impl Into<String>, region: Option<String>) -> Self {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = region.or_else(|| given("AWS_REGION")).or_else(|| given("AWS_DEFAULT_REGION"));
        let (access_key, secret) = given("AWS_ACCESS_KEY_ID")
            .zip(given("AWS_SECRET_ACCESS_KEY"))
            .unwrap_or_else(|| ("drydock".to_owned(), "drydock".to_owned()));
        let token = given("AWS_SESSION_TOKEN").map(Secret::new);
        let signer = Signer { access_key, secret: Secret::new(secret), token, region: ANY_REGION.to_owned() };
        Self { region: Arc::new(OnceCell::new_with(region)), ..Self::signed_by(url, signer) }
    }

    /// The API at a URL, with these keys and in their region.
    pub fn signed_by(url: impl Into<String>, signer: Signer) -> Self {
        let url = url.into();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            region: Arc::new(OnceCell::new_with(Some(signer.region.clone()))),
            signer,
            client: Client::builder(TokioExecutor::new()).build_http(),
            secure: Arc::default(),
        }
    }

    /// What the gateway says of itself.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn health(&self) -> Result<Value, CallError> {
        // It is the same in every region.
        let region = self.region.get().map_or(ANY_REGION, String::as_str);
        let answer = self.ask_in(region, "health", Method::GET, "/_drydock/health", &Bytes::new()).await?;
        let body = whole("health", answer.into_body(), MAX_ANSWER).await?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The region that requests are signed for.
    async fn region(&self) -> Result<&str, CallError> {
        let of_gateway = async {
            let health = self.health().await?;
            let region = health.get("region").and_then(Value::as_str).filter(|region| Scope::is_region(region));
            Ok::<_, CallError>(region.unwrap_or(ANY_REGION).to_owned())
        };
        self.region.get_or_try_init(|| of_gateway).await.map(String::as_str)
    }

    /// Asks why somebody may do something, or may not.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn explain(&self, question: &drydock_services::policies::explain::Question) -> Result<Value, CallError> {
        let body = serde_json::to_vec(question).unwrap_or_default();
        self.own("explain", Method::POST, "/_drydock/explain", Bytes::from(body)).await
    }

    /// Listens to refusals, of one client or of all.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn refusals(&self, client_id: Option<&str>) -> Result<Lines, CallError> {
        let query = client_id.map(|id| format!("?clientId={}", encoded(id))).unwrap_or_default();
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
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        self.lines("logs", &path).await
    }

    /// What a rule makes of each message from now on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn watch_rule(&self, name: &str) -> Result<Lines, CallError> {
        self.lines("watch", &format!("/_drydock/rules?name={}", encoded(name))).await
    }

    async fn lines(&self, operation: &'static str, path: &str) -> Result<Lines, CallError> {
        let answer = self.ask(operation, Method::GET, path, &Bytes::new()).await?;
        Ok(Lines { operation, body: answer.into_body(), read: Vec::new() })
    }

    /// An account's whole state, or that of all accounts and regions, as `GET /_drydock/export` gives it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn export(&self, all: bool) -> Result<Bytes, CallError> {
        let answer = self.ask("export", Method::GET, &format!("/_drydock/export?all={all}"), &Bytes::new()).await?;
        whole("export", answer.into_body(), MAX_EXPORT).await
    }

    /// Puts an account's whole state in, or those of several accounts and regions.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn import(&self, state: Vec<u8>, all: bool, replace: bool) -> Result<Value, CallError> {
        let path = format!("/_drydock/import?replace={replace}&all={all}");
        self.own("import", Method::POST, &path, Bytes::from(state)).await
    }

    /// Asks one of the gateway's own paths.
    async fn own(&self, operation: &'static str, method: Method, path: &str, body: Bytes) -> Result<Value, CallError> {
        let answer = self.ask(operation, method, path, &body).await?;
        let body = whole(operation, answer.into_body(), MAX_ANSWER).await?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The answer of one of the gateway's own paths, which must be 200.
    async fn ask(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        body: &Bytes,
    ) -> Result<Response<Incoming>, CallError> {
        self.ask_in(self.region().await?, operation, method, path, body).await
    }

    async fn ask_in(
        &self,
        region: &str,
        operation: &str,
        method: Method,
        path: &str,
        body: &Bytes,
    ) -> Result<Response<Incoming>, CallError> {
        // Stated, so that the gateway can judge the signature before it reads the body.
        let hash = drydock_identity::sigv4::canonical::sha256_hex(body);
        let headers = [("x-amz-content-sha256", hash.as_str())];
        let signer = Signer { region: region.to_owned(), ..self.signer.clone() };
        let request = self.signed(&signer, "iot", operation, method, path, &headers, body.clone())?;
        let answer = self.sent(request).await?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        Err(refused(operation.to_owned(), &parts, &whole(operation, body, MAX_ANSWER).await?))
    }

    /// Asks the fleet index, as `POST /_drydock/find` takes it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn find(&self, search: &Value) -> Result<Value, CallError> {
        self.own("find", Method::POST, "/_drydock/find", Bytes::from(search.to_string())).await
    }

    /// Shows the gateway's clock, or changes it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn clock(&self, change: Option<&Value>) -> Result<Value, CallError> {
        let (method, body) = match change {
            None => (Method::GET, Bytes::new()),
            Some(change) => (Method::POST, Bytes::from(change.to_string())),
        };
        self.own("clock", method, "/_drydock/clock", body).await
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

    /// Calls an operation of AWS IoT's data plane that has no body.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn iot_data(&self, operation: &str, method: Method, path: &str) -> Result<Value, CallError> {
        self.call("iotdata", operation, method, path, &[], Bytes::new()).await
    }

    /// Calls an operation of a service that speaks AWS's JSON protocol, such as `DynamoDB_20120810.Scan`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        self.call(service, target, Method::POST, "/", &headers, Bytes::from(body.to_string())).await
    }

    /// Calls an operation of a service that speaks AWS's query protocol, such as `CreateTopic` of SNS; gives the XML that it answers.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn query(&self, service: &str, action: &str, members: &[(&str, &str)]) -> Result<String, CallError> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let mut form = format!("Action={action}");
        for (name, value) in members {
            form.push_str(&format!("&{}={}", encoded(name), encoded(value)));
        }
        let body = self.answer(service, action, Method::POST, "/", &headers, Bytes::from(form)).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Invokes a function of Lambda, and gives what it answers: an error of its own, too.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value, CallError> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        self.call("lambda", "Invoke", Method::POST, &path, &[], Bytes::from(payload.to_string())).await
    }

    /// Signs a request and sends it; reads the JSON that comes.
    async fn call(
        &self,
        service: &str,
        operation: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Value, CallError> {
        let body = self.answer(service, operation, method, path, headers, body).await?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Signs a request and sends it.
    async fn answer(
        &self,
        service: &str,
        operation: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Bytes, CallError> {
        let signer = Signer { region: self.region().await?.to_owned(), ..self.signer.clone() };
        let request = self.signed(&signer, service, operation, method, path, headers, body)?;
        let (parts, body) = self.sent(request).await?.into_parts();
        let body = whole(operation, body, MAX_ANSWER).await?;
        if parts.status != StatusCode::OK {
            return Err(refused(operation.to_owned(), &parts, &body));
        }
        Ok(body)
    }

    #[expect(clippy::too_many_arguments, reason = "all that a request is made of, once")]
    fn signed(
        &self,
        signer: &Signer,
        service: &str,
        operation: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let host = self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host);
        let mut all = vec![("host".to_owned(), host.to_owned())];
        all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())));
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let unsigned = SignedRequest { method: method.as_str(), path: bare, query, headers: &all, body: &body };
        let added = signer.headers(service, &unsigned, SystemClock.now());
        all.extend(added);
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in all {
            request = request.header(name, value);
        }
        request.body(Full::new(body)).map_err(|source| CallError::Invalid { operation: operation.to_owned(), source })
    }

    async fn sent(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        let answer = if self.url.starts_with("https:") {
            let secure = self.secure.get_or_init(secure).as_ref();
            secure.map_err(|why| CallError::NoTls(why.clone()))?.request(request).await
        } else {
            self.client.request(request).await
        };
        answer.map_err(|source| CallError::Unreachable { url: self.url.clone(), source })
    }
}

/// TLS with the roots of the system.
fn secure() -> Secure {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("the system has no certificates to trust: set SSL_CERT_FILE to a file of some".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// A body of at most `limit` bytes.
async fn whole(operation: &str, body: Incoming, limit: usize) -> Result<Bytes, CallError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(source) => Err(CallError::BrokeOff { operation: operation.to_owned(), source }),
    }
}

/// The error that an answer other than 200 tells of.
fn refused(operation: String, parts: &http::response::Parts, body: &[u8]) -> CallError {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let header = parts.headers.get("x-amzn-errortype").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let code = header.or_else(|| text("__type")).unwrap_or_else(|| parts.status.to_string());
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    CallError::Refused { operation, code: line(&code).into_owned(), message: line(&message).into_owned() }
}
