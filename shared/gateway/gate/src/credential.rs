//! What a listener knows of its peer, and by which of AWS IoT's ways the peer is to prove who it is.

use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// What a listener knows of its peer.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nobody in particular: a plain connection for tests, which may do everything.
    Anybody,
    /// What a device showed on its way in; nothing of it has been judged yet.
    Device(Arc<Shown>),
    /// Who signed the request that opened a WebSocket; the signature has been judged.
    SigV4(Arc<Caller>),
}

/// What a device showed before its CONNECT.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The certificate chain of the TLS handshake, leaf first; its key was proven there. Empty where it showed none.
    pub chain: Arc<Vec<Vec<u8>>>,
    /// The protocol that was agreed on by ALPN.
    pub alpn: Option<Vec<u8>>,
    /// The request that opened the WebSocket, where it is one.
    pub upgrade: Option<Arc<HttpRequestFacts>>,
}

/// An HTTP request, as far as a custom authorizer gets to see it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpRequestFacts {
    /// Names in lower case, and values; in the order they came.
    pub headers: Vec<(String, String)>,
    /// The path, as it came.
    pub path: String,
    /// The query without its question mark, as it came.
    pub query: String,
}

impl HttpRequestFacts {
    /// Takes them from a request. Header values that are not text are left out.
    #[must_use]
    pub fn of<B>(request: &http::Request<B>) -> Self {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Self {
            headers: request.headers().iter().filter_map(header).collect(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
        }
    }

    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Headers and query carry tokens: only the path is shown.
impl fmt::Debug for HttpRequestFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequestFacts").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Who signed a request with Signature Version 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The access key id.
    pub access_key: SmolStr,
    /// The principal, as events and rules show it.
    pub principal: SmolStr,
}

/// How a device proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By its X.509 certificate.
    Certificate,
    /// Through a custom authorizer.
    Authorizer,
}

impl Shown {
    /// The way that the device chose: "Protocols, port mappings, and authentication" of the developer guide. A WebSocket without
    /// a signature and ALPN `mqtt` mean a custom authorizer, all else a certificate.
    #[must_use]
    pub fn way(&self) -> Way {
        if self.upgrade.is_some() || self.alpn.as_deref() == Some(b"mqtt") { Way::Authorizer } else { Way::Certificate }
    }
}
