//! What requests give, and what answers are made of.

use super::state::{Done, Refused};
use crate::wire::query::{Params, Xml};
use drydock_core::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The most entries of a page where the request does not say ("MaxItems").
const PAGE: usize = 100;
/// RFC 3986, as IAM encodes policy documents.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A parameter that has to be given.
pub(super) fn required<'p>(params: &'p Params, name: &str) -> Result<&'p str, Refused> {
    params.get(name).ok_or_else(|| (400, "ValidationError", format!("the parameter `{name}` is required")))
}

/// A name that has to be given: IAM's letters, and no longer than it allows.
pub(super) fn name<'p>(params: &'p Params, parameter: &str, most: usize) -> Result<&'p str, Refused> {
    let name = required(params, parameter)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.chars().all(allowed) && name.len() <= most {
        return Ok(name);
    }
    let message = format!(
        "The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-, and have at most {most} of them"
    );
    Err((400, "ValidationError", message))
}

/// A path, `/` where none is given.
pub(super) fn path(params: &Params) -> Result<String, Refused> {
    let path = params.get("Path").unwrap_or("/");
    let printable = path.chars().all(|c| ('\u{21}'..='\u{7e}').contains(&c));
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && printable {
        return Ok(path.to_owned());
    }
    Err((
        400,
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only printable characters"
            .to_owned(),
    ))
}

/// A policy document.
pub(super) fn document(params: &Params, name: &str) -> Result<Value, Refused> {
    let text = required(params, name)?;
    let malformed = |why: String| (400, "MalformedPolicyDocument", why);
    let document: Value =
        serde_json::from_str(text).map_err(|e| malformed(format!("This policy contains invalid Json: {e}")))?;
    if document.get("Statement").is_some_and(|statement| statement.is_array() || statement.is_object()) {
        return Ok(document);
    }
    Err(malformed("Syntax errors in policy: it needs a `Statement`".to_owned()))
}

pub(super) fn encoded(document: &Value) -> String {
    utf8_percent_encode(&document.to_string(), DOCUMENT).to_string()
}

/// A time as the query protocol writes it.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('.').next().map_or_else(|| text.clone(), |seconds| format!("{}Z", seconds.trim_end_matches('Z')))
}

/// A page of entries in the order of their keys: `write` writes one.
pub(super) fn page<'h, T: 'h>(
    params: &Params,
    list: &str,
    entries: impl IntoIterator<Item = (&'h String, T)>,
    write: impl Fn(&mut Xml, &str, T),
) -> Done {
    let most = match params.get("MaxItems") {
        Some(text) => {
            let most = text.parse().ok().filter(|most| (1..=1000).contains(most));
            most.ok_or_else(|| (400, "ValidationError", "MaxItems must be from 1 to 1000".to_owned()))?
        }
        None => PAGE,
    };
    let after = params.get("Marker");
    let mut rest = entries.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).peekable();
    let mut xml = Xml::default();
    let mut last = None;
    xml.nest(list, |xml| {
        for (key, entry) in rest.by_ref().take(most) {
            write(xml, key, entry);
            last = Some(key.clone());
        }
    });
    let more = rest.peek().is_some();
    xml.text("IsTruncated", if more { "true" } else { "false" });
    if let Some(last) = last.filter(|_| more) {
        xml.text("Marker", &last);
    }
    Ok((xml, Vec::new()))
}

/// What has nothing to say.
pub(super) fn nothing(writes: Vec<drydock_core::Write>) -> Done {
    Ok((Xml::default(), writes))
}
