//! What browsers are told of an API ("Configuring CORS for an HTTP API"). Where it has a configuration, the API answers preflight
//! requests itself, and what functions say of CORS is dropped.

use super::definition::Cors;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

const OF_FUNCTIONS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

impl Cors {
    /// Whether a page of this origin may call.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.allow_origins.iter().any(|allowed| match allowed.as_str() {
            "*" => true,
            "http://*" => origin.starts_with("http://"),
            "https://*" => origin.starts_with("https://"),
            allowed => allowed.eq_ignore_ascii_case(origin),
        })
    }

    /// The answer to a browser that asks before it sends; `None` where the request is another.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Bytes>> {
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| method == Method::OPTIONS)?;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let wanted = wanted.to_str().unwrap_or_default();
        if !self.allow_methods.iter().any(|allowed| allowed == "*" || allowed == wanted) {
            return Some(answer);
        }
        if self.add_origin(headers, answer.headers_mut()) {
            set(answer.headers_mut(), &ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(","));
            set(answer.headers_mut(), &ACCESS_CONTROL_ALLOW_HEADERS, &self.allow_headers.join(","));
            if let Some(seconds) = self.max_age {
                set(answer.headers_mut(), &ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
            }
        }
        Some(answer)
    }

    /// Adds to an answer what its page needs.
    pub(super) fn dress(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        for name in &OF_FUNCTIONS {
            answer.remove(name);
        }
        if self.add_origin(asked, answer) {
            set(answer, &ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(","));
        }
    }

    fn add_origin(&self, asked: &HeaderMap, answer: &mut HeaderMap) -> bool {
        let Some(origin) = asked.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
        if !self.allows(origin) {
            return false;
        }
        let all = self.allow_origins.iter().any(|allowed| allowed == "*") && !self.allow_credentials;
        set(answer, &ACCESS_CONTROL_ALLOW_ORIGIN, if all { "*" } else { origin });
        if !all {
            answer.append(VARY, HeaderValue::from_static("Origin"));
        }
        if self.allow_credentials {
            set(answer, &ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        true
    }
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}
