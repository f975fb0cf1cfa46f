//! A request to a web service.

use bytes::Bytes;
use std::fmt;

/// A POST to a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpPost {
    /// Where it goes.
    pub url: String,
    /// The service that it goes to, where another endpoint may be configured for it.
    pub service: Option<&'static str>,
    /// The confirmation URL of the topic rule destination that has to be enabled; `None` where none is needed.
    pub destination: Option<String>,
    /// Names and values, besides host and length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The region and the service to sign for.
    pub sign_for: Option<(String, String)>,
    /// How it may share a request with others.
    pub batch: Option<Batch>,
}

/// Header values may be secrets: they are not shown.
impl fmt::Debug for HttpPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpPost").field("url", &self.url).field("headers", &names).finish_non_exhaustive()
    }
}

/// When a batch is closed: whichever limit is reached first. Of messages of several topics only where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Milliseconds that it stays open.
    pub open_ms: u64,
    /// How many messages, or points, it has at the most.
    pub size: usize,
    /// How many bytes it has at the most.
    pub bytes: usize,
    /// Whether messages of several topics may share it.
    pub across_topics: bool,
}
