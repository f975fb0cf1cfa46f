//! Job documents: where they come from, and the placeholders in them that are filled in when a job is made, or each time that a
//! document is handed out.
//!
//! Source: "Create and manage jobs by using the console" and "Job documents" of the developer guide, with "Presigned URLs" there.

use crate::context::Links;
use crate::install::{self, Artifacts, PACKAGE};
use crate::signed;
use drydock_core::ApiError;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

const OPEN: &str = "${aws:iot:";
pub(crate) const GET: &str = "s3-presigned-url:";
pub(crate) const GET_ENCODED: &str = "s3-presigned-url-v2:";
const UPLOAD: &str = "s3-presigned-url-upload:";
const PARAMETER: &str = "parameter:";
/// How often each name may be in the key of an upload.
const MOST_NAMES: usize = 2;
/// The longest document, in bytes.
pub const LONGEST: usize = 32_768;

/// An object in S3, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The key; empty where the URL names a bucket alone.
    pub key: String,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Location {
    /// Reads a URL of an object: `https://bucket.s3.region.amazonaws.com/key`, `https://s3.region.amazonaws.com/bucket/key`,
    /// `s3://bucket/key`, or one on the gateway's own host, which is given.
    #[must_use]
    pub fn parse(url: &str, own_host: Option<&str>) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let version = query.split('&').find_map(|pair| pair.strip_prefix("versionId=")).map(str::to_owned);
        let of = |bucket: &str, key: &str| {
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            (!bucket.is_empty()).then_some(Self { bucket, key, version: version.clone() })
        };
        let in_path = || {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            of(bucket, key)
        };
        if scheme == "s3" {
            return of(host, path);
        }
        if own_host == Some(host) {
            return in_path();
        }
        let bare = host.split(':').next()?;
        let aws = bare.strip_suffix(".amazonaws.com").or_else(|| bare.strip_suffix(".amazonaws.com.cn"))?;
        let is_service = |name: &str| name == "s3" || name.starts_with("s3.") || name.starts_with("s3-");
        if is_service(aws) {
            return in_path();
        }
        let dotted = aws.find(".s3.").or_else(|| aws.find(".s3-")).or_else(|| aws.strip_suffix(".s3").map(str::len))?;
        of(aws.get(..dotted)?, path)
    }
}

/// Goes over the placeholders of a text; each becomes what `fill` makes of what is between `${aws:iot:` and its brace, or stays.
pub(crate) fn filled(text: &str, mut fill: impl FnMut(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, tail)) = rest.split_once(OPEN) {
        out.push_str(before);
        // Names within a placeholder have braces of their own.
        let mut depth = 1_usize;
        let end = tail.char_indices().find_map(|(at, sign)| {
            depth = match sign {
                '{' => depth + 1,
                '}' => depth - 1,
                _ => depth,
            };
            (depth == 0).then_some(at)
        });
        let (inner, after) = match end.and_then(|end| Some((tail.get(..end)?, tail.get(end + 1..)?))) {
            Some(parts) => parts,
            None => {
                out.push_str(OPEN);
                rest = tail;
                continue;
            }
        };
        match fill(inner) {
            Some(value) => out.push_str(&value),
            None => {
                out.push_str(OPEN);
                out.push_str(inner);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Checks a document; whether it has placeholders for which URLs are made.
///
/// # Errors
/// `InvalidRequestException` for what is not JSON, too long, or has a placeholder that is not of a known form.
pub(crate) fn check(document: &str) -> Result<bool, ApiError> {
    if document.len() > LONGEST {
        return Err(ApiError::invalid(format!("a job document has at most {LONGEST} bytes")));
    }
    if let Err(error) = serde_json::from_str::<Value>(document) {
        return Err(ApiError::invalid(format!("the job document is not valid JSON: {error}")));
    }
    let (mut links, mut wrong) = (false, None);
    let _ = filled(document, |inner| {
        if let Some(of_signature) = signed::check(inner) {
            match of_signature {
                Ok(links_to) => links |= links_to,
                Err(error) => wrong = Some(error),
            }
            return None;
        }
        let known = inner.strip_prefix(GET).or_else(|| inner.strip_prefix(GET_ENCODED));
        let upload = inner.strip_prefix(UPLOAD);
        if let Some(url) = known.or(upload) {
            links = true;
            let location = Location::parse(&decoded(url), None).filter(|at| upload.is_some() || !at.key.is_empty());
            match location {
                None => {
                    let why = format!("`{url:.200}` is not the URL of an object in Amazon S3");
                    wrong = Some(ApiError::invalid(why));
                }
                Some(Location { version: Some(_), .. }) if !inner.starts_with(GET_ENCODED) => {
                    let why = format!("`{url:.200}` has a versionId, which is for ${{aws:iot:{GET_ENCODED}…}} alone");
                    wrong = Some(ApiError::invalid(why));
                }
                Some(_) => {}
            }
            let names = ["${thingName}", "${jobId}", "${executionNumber}"];
            if let Some(name) = names.into_iter().find(|name| url.matches(name).count() > MOST_NAMES) {
                wrong = Some(ApiError::invalid(format!("`{name}` is in a key more than {MOST_NAMES} times")));
            }
        } else if let Some(name) = inner.strip_prefix(PARAMETER) {
            wrong = Some(ApiError::invalid(format!("documentParameters has no value for `{name:.128}`")));
        } else if inner.starts_with(PACKAGE) {
            match install::check(inner) {
                Ok(links_to) => links |= links_to,
                Err(error) => wrong = Some(error),
            }
        } else {
            wrong =
                Some(ApiError::invalid(format!("`${{aws:iot:{inner:.200}}}` is not a placeholder of job documents")));
        }
        None
    });
    wrong.map_or(Ok(links), Err)
}

/// Puts the values of parameters into a document, which stays JSON whatever they are.
pub(crate) fn with_parameters(document: &str, parameters: &BTreeMap<String, String>) -> String {
    filled(document, |inner| {
        let value = parameters.get(inner.strip_prefix(PARAMETER)?)?;
        let quoted = Value::String(value.clone()).to_string();
        quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned)
    })
}

/// The names of the parameters that a document has.
pub(crate) fn parameters(document: &str) -> Vec<String> {
    let mut names = Vec::new();
    let _ = filled(document, |inner| {
        names.extend(inner.strip_prefix(PARAMETER).map(str::to_owned));
        None
    });
    names
}

fn decoded(url: &str) -> String {
    percent_decode_str(url).decode_utf8_lossy().into_owned()
}

/// Whom a document is handed out to.
pub(crate) struct Recipient<'r> {
    pub(crate) thing: &'r str,
    pub(crate) job: &'r str,
    pub(crate) number: i64,
    /// How long its links hold, in seconds.
    pub(crate) seconds: u32,
    /// The artifacts that it links to.
    pub(crate) artifacts: &'r Artifacts,
}

/// A document as it is handed out: with links that are made now.
pub(crate) fn handed_out(document: &str, to: &Recipient<'_>, links: &dyn Links) -> String {
    if !document.contains(OPEN) {
        return document.to_owned();
    }
    filled(document, |inner| {
        if let Some(Location { bucket, key, version }) = to.artifacts.get(inner) {
            return Some(links.link(false, bucket, key, version.as_deref(), to.seconds));
        }
        let (upload, url) = if let Some(url) = inner.strip_prefix(GET) {
            (false, url.to_owned())
        } else if let Some(url) = inner.strip_prefix(GET_ENCODED) {
            (false, decoded(url))
        } else {
            (true, inner.strip_prefix(UPLOAD)?.to_owned())
        };
        let Location { bucket, mut key, version } = Location::parse(&url, None)?;
        if upload {
            if key.is_empty() {
                "${jobId}/${executionNumber}/${thingName}".clone_into(&mut key);
            }
            for (name, value) in
                [("${thingName}", to.thing), ("${jobId}", to.job), ("${executionNumber}", &to.number.to_string())]
            {
                key = key.replace(name, value);
            }
        }
        Some(links.link(upload, &bucket, &key, version.as_deref(), to.seconds))
    })
}
