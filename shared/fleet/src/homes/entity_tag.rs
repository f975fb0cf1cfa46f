//! Versions in `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13).
//!
//! A tag is `"<version>"`, or `"<version>.<more>"` where an answer shows what changes by itself besides, as the state of a device.
//! `If-Match` is about what the caller changes, so it is the version that counts.

use super::http::{Reply, Request};
use super::problem::{Kind, Problem};

/// The versions that `If-Match` allows a change of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Any: there is no such header, or it is `*`.
    Any,
    /// One of these.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// What the request says. A tag that is none of ours, or is weak, is of no version that there is.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        match request.header("if-match").map(str::trim) {
            None | Some("*") => Self::Any,
            Some(tags) => Self::Versions(tags.split(',').filter_map(version).collect()),
        }
    }

    /// That the version is one of those.
    ///
    /// # Errors
    /// `precondition-failed` where it is not.
    pub fn allows(&self, version: i64) -> Result<(), Problem> {
        match self {
            Self::Versions(versions) if !versions.contains(&version) => Err(Kind::PreconditionFailed.into()),
            _ => Ok(()),
        }
    }
}

fn version(tag: &str) -> Option<i64> {
    let inner = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    inner.split('.').next()?.parse().ok()
}

/// The answer with its tag, or that nothing has changed since the caller asked last.
#[must_use]
pub fn tagged(request: &Request, reply: Reply, tag: &str) -> Reply {
    let tag = format!("\"{tag}\"");
    let known = request.header("if-none-match").map(str::trim);
    let is_known = known
        .is_some_and(|known| known == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    if is_known && request.request_context.http.method == "GET" {
        return Reply::empty(304).with("etag", tag);
    }
    reply.with("etag", tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn request(name: &str, value: &str) -> Request {
        let mut request =
            Request { headers: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..Request::default() };
        "GET".clone_into(&mut request.request_context.http.method);
        request
    }

    #[test]
    fn a_change_is_of_the_version_that_was_seen() {
        for (header, allowed) in [("\"3\"", true), ("\"3.17.1\"", true), ("\"2\", \"3\"", true), ("*", true)] {
            assert_eq!(IfMatch::of(&request("if-match", header)).allows(3).is_ok(), allowed, "{header}");
        }
        for header in ["\"2\"", "3", "W/\"3\"", "", "\"\"", "\"x\""] {
            assert!(IfMatch::of(&request("if-match", header)).allows(3).is_err(), "{header}");
        }
        assert!(IfMatch::of(&request("other", "")).allows(3).is_ok());
    }

    #[test]
    fn what_has_not_changed_is_not_sent_again() {
        let reply = || Reply::json(200, &"x");
        for (header, status) in
            [("\"3.1\"", 304), ("W/\"3.1\"", 304), ("\"1\", \"3.1\"", 304), ("*", 304), ("\"3\"", 200)]
        {
            let sent = tagged(&request("if-none-match", header), reply(), "3.1");
            assert_eq!((sent.status_code, sent.headers["etag"].as_str()), (status, "\"3.1\""), "{header}");
        }
    }
}
