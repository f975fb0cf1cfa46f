//! Through the door of the HTTP listeners, or not: what a request is refused for before anybody looks at what it asks.
//!
//! A page of any site may send requests to a server on its visitor's machine, with an `Origin` that is the site's, or under a
//! `Host` that the site has made point here ("DNS rebinding"). So a request has to name this gateway as its own clients do, and
//! must come from no page but those that `[api]` of `drydock.toml` allows. Those get the answers of CORS, so that an AWS SDK works
//! in them. Clients that are not browsers send no `Origin` and notice nothing.
//!
//! [`Door`](super::door::Door) has what is allowed, [`bodies`](super::bodies) bounds what a stranger may send, and [`links`](super::links)
//! are the few requests that need no signature.

use super::answer::json_error;
use crate::peer::Endpoint;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};

/// Who may read the answer besides the caller: the page that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader(Option<HeaderValue>);

const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const FETCH_SITE: &str = "sec-fetch-site";

/// The headers of an answer that a page may read: those that AWS's SDKs look at.
const EXPOSED: &str = "content-length, content-range, date, etag, last-modified, x-amz-bucket-region, x-amz-checksum-crc32, \
     x-amz-checksum-crc32c, x-amz-checksum-crc64nvme, x-amz-checksum-sha1, x-amz-checksum-sha256, x-amz-delete-marker, x-amz-executed-version, \
     x-amz-function-error, x-amz-id-2, x-amz-log-result, x-amz-request-id, x-amz-version-id, x-amzn-errortype, x-amzn-requestid";

/// Lets a request in by what it says of where it goes and where it comes from: who may read the answer.
///
/// # Errors
/// The refusal, or the answer to a browser that asks whether it may send the request.
pub fn enter<B>(endpoint: &Endpoint, request: &Request<B>) -> Result<Reader, Response<Bytes>> {
    let Endpoint { gateway, local, tls, .. } = endpoint;
    let (door, local) = (&gateway.door, local.ip());
    let is_domain = |name: &str| gateway.host.books.identity.read(|identity| identity.is_domain(name));
    let hosts = hosts(request);
    // Devices call the TLS port by any name that they have: what they show proves them. A signature alone may be of any key.
    if tls.is_none() {
        let foreign = hosts.iter().find(|host| !door.is_own_host(is_domain, host, local));
        if let Some(foreign) = foreign {
            return Err(refuse(&format!(
                "`{}` is not a name of this gateway: list it in `hosts` below `[api]` in drydock.toml if it is meant to be",
                drydock_host::shown::line(foreign)
            )));
        }
        if hosts.is_empty() {
            return Err(json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", "the request names no host"));
        }
    }
    let origins: Vec<_> = request.headers().get_all(ORIGIN).iter().collect();
    let foreign = |origin: &str| {
        refuse(&format!(
            "pages of `{}` may not call this gateway: list it in `origins` below `[api]` in drydock.toml if they are meant to",
            drydock_host::shown::line(origin)
        ))
    };
    match origins.as_slice() {
        [] if is_from_a_page(request) && !may_come_from_a_page(request) => Err(foreign("another site")),
        [] => Ok(Reader(None)),
        [origin] => {
            // An API's own configuration says which pages may call it, and what they are told.
            let is_api = super::execute_api::is_for(endpoint, request);
            if is_api && super::execute_api::allows_origin(endpoint, request, origin) {
                return Ok(Reader(None));
            }
            let text = origin.to_str().unwrap_or_default();
            if !door.is_allowed_origin(is_domain, text, hosts.first().map(String::as_str), local) {
                return Err(foreign(text));
            }
            if is_api {
                return Ok(Reader(None));
            }
            let reader = Reader(Some((*origin).clone()));
            match preflight(request) {
                Some(answer) => Err(reader.lets(answer)),
                None => Ok(reader),
            }
        }
        _ => Err(foreign("several origins")),
    }
}

impl Reader {
    /// The answer with the headers by which a browser lets the page read it.
    #[must_use]
    pub fn lets<B>(&self, mut answer: Response<B>) -> Response<B> {
        if let Some(origin) = &self.0 {
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        answer
    }
}

/// The answer to a browser that asks before it sends; `None` where the request is another.
fn preflight<B>(request: &Request<B>) -> Option<Response<Bytes>> {
    let method =
        request.headers().get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| request.method() == Method::OPTIONS)?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    if request.headers().contains_key(PRIVATE_NETWORK) {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(answer)
}

/// Every host that a request names: in its header, and in its target, which requests to proxies have.
fn hosts<B>(request: &Request<B>) -> Vec<String> {
    let header =
        request.headers().get_all(HOST).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    header.chain(request.uri().authority().map(ToString::to_string)).collect()
}

/// Whether a browser says that a page of another origin caused the request. It says so where it names no origin: for what pages
/// embed, and for links.
fn is_from_a_page<B>(request: &Request<B>) -> bool {
    let site = request.headers().get(FETCH_SITE).map(HeaderValue::as_bytes);
    site.is_some_and(|site| site != b"none" && site != b"same-origin")
}

/// What a page may embed or lead to without being allowed to call: the links of messages, whose token is the proof, and objects,
/// which it does not get to read.
fn may_come_from_a_page<B>(request: &Request<B>) -> bool {
    super::links::is_link(request)
        || (matches!(*request.method(), Method::GET | Method::HEAD) && super::s3::is_for(request))
}

fn refuse(why: &str) -> Response<Bytes> {
    json_error(StatusCode::FORBIDDEN, "ForbiddenException", why)
}
