//! HTTP and HTTPS to elsewhere, with limits on time and size. Connections are kept for the next request.

use super::guard::Guarded;
use bytes::Bytes;
use drydock_core::OwnAddresses;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// How long a connection may rest before it is closed.
const IDLE: Duration = Duration::from_secs(20);

/// A pool of TLS connections.
type Secure = Pool<HttpsConnector<Guarded>, Full<Bytes>>;

/// Sends requests.
pub struct Client {
    plain: Pool<Guarded, Full<Bytes>>,
    secure: OnceLock<Result<Secure, String>>,
    trusted: Option<PathBuf>,
    own: OwnAddresses,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as the limit.
    pub body: Bytes,
    /// Whether the body is larger than the limit.
    pub is_larger: bool,
    /// Whether the other side closes the connection.
    pub closes: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL is none that can be sent to.
    #[error("{0}")]
    Url(String),
    /// The host is not known.
    #[error("the host of `{0}` is unknown")]
    Host(String),
    /// There is no connection.
    #[error("cannot connect to `{url}`: {why}")]
    Connect {
        /// Where to.
        url: String,
        /// Why.
        why: String,
    },
    /// The connection ended before the answer.
    #[error("`{url}` ended the connection: {why}")]
    Closed {
        /// Where to.
        url: String,
        /// Why.
        why: String,
    },
    /// The answer did not come in time.
    #[error("`{url}` did not answer within {millis} ms")]
    Timeout {
        /// Where to.
        url: String,
        /// The time it had.
        millis: u128,
    },
}

/// What people may be told of a URL: not its path and query, which may hold a token.
#[must_use]
pub fn host(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let length = url.get(begin..).and_then(|rest| rest.find(['/', '?', '#']));
    length.and_then(|length| url.get(..begin + length)).unwrap_or(url)
}

impl Client {
    /// A client that trusts what the system trusts, and the certificates of a file. It sends nothing to the gateway's own sockets.
    #[must_use]
    pub fn new(trusted: Option<PathBuf>, own: OwnAddresses) -> Self {
        let connector = Guarded::new(HttpConnector::new(), own.clone());
        let pool = Pool::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        Self { plain: pool, secure: OnceLock::new(), trusted, own }
    }

    /// Sends a request to an `http` or `https` URL and reads at most `limit` bytes of the answer's body, within `within`.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, request: Request<Bytes>, limit: usize, within: Duration) -> Result<Answer, SendError> {
        let url = host(&request.uri().to_string()).to_owned();
        let scheme = request.uri().scheme_str().map(str::to_owned);
        let exchange = async {
            let sent = match scheme.as_deref() {
                Some("http") => self.plain.request(request.map(Full::new)).await,
                Some("https") => {
                    let secure = self.secure.get_or_init(|| secure(self.trusted.as_ref(), &self.own));
                    let secure =
                        secure.as_ref().map_err(|why| SendError::Connect { url: url.clone(), why: why.clone() })?;
                    secure.request(request.map(Full::new)).await
                }
                _ => return Err(SendError::Url(format!("`{url}` is not an `http` or `https` URL"))),
            };
            let response = sent.map_err(|error| failed(&url, error.is_connect(), &error))?;
            let (head, body) = response.into_parts();
            let (body, is_larger) = read(body, limit).await.map_err(|error| failed(&url, false, &error))?;
            let closes = head.version < http::Version::HTTP_11
                || head.headers.get(http::header::CONNECTION).is_some_and(|value| value.as_bytes() == b"close");
            Ok(Answer { status: head.status, headers: head.headers, body, is_larger, closes })
        };
        match tokio::time::timeout(within, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::Timeout { url, millis: within.as_millis() }),
        }
    }
}

async fn read(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), hyper::Error> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = limit.saturating_sub(read.len());
        read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return Ok((read.into(), true));
        }
    }
    Ok((read.into(), false))
}

fn failed(url: &str, connecting: bool, error: &dyn Error) -> SendError {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        why = error.to_string();
        if why.contains("dns error") {
            return SendError::Host(url.to_owned());
        }
        source = error.source();
    }
    let url = url.to_owned();
    if connecting { SendError::Connect { url, why } } else { SendError::Closed { url, why } }
}

/// A pool of TLS connections; the certificates are read now, at the first use.
fn secure(trusted: Option<&PathBuf>, own: &OwnAddresses) -> Result<Secure, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if let Some(path) = trusted {
        let wrong = |error: &dyn std::fmt::Display| format!("AWS_CA_BUNDLE `{}`: {error}", path.display());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
    }
    if roots.is_empty() {
        return Err("the system has no certificates to trust: set AWS_CA_BUNDLE to a file of some".to_owned());
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1();
        builder.wrap_connector(Guarded::new(plain, own.clone()))
    };
    Ok(Pool::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector))
}
