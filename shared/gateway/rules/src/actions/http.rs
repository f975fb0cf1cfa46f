//! `http`: posts the payload to a web service whose topic rule destination is enabled ("HTTP" rule action).
//!
//! AWS takes `https` to the ports 443 and 8443. Here every port will do, and `http` to a loopback address.

use super::outgoing::{Batch, HttpPost};
use super::{Act, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::{BatchConfig, HttpAction};
use std::net::{IpAddr, Ipv4Addr};

/// How long a batch stays open where the rule does not say, in milliseconds.
const OPEN_MS: u64 = 20;
/// How many messages a batch has at the most where the rule does not say.
const SIZE: usize = 10;
/// How many bytes a batch has at the most where the rule does not say.
const BYTES: usize = 5120;

#[derive(Debug)]
struct Http {
    url: Template,
    /// What the destination has to be confirmed for: the URL itself where the rule does not say.
    confirmation: Option<Template>,
    headers: Vec<(String, Template)>,
    sign_for: Option<(String, String)>,
    batch: Option<Batch>,
}

pub(super) fn compile(action: &HttpAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let url = compiler.checked("url", &action.url, address)?;
    let confirmation = match &action.confirmation_url {
        None if url.plain().is_none() => {
            let what = "it has a substitution template, so that `confirmationUrl` is needed";
            return Err(compiler.invalid("url", what));
        }
        None => None,
        Some(text) => {
            let confirmation = compiler.checked("confirmationUrl", text, address)?;
            // What templates make of the two is looked at with each message.
            let apart = match (url.plain(), confirmation.plain()) {
                (Some(url), Some(confirmation)) => !is_within(url, confirmation),
                _ => !action.url.starts_with(text.as_str()),
            };
            if apart {
                return Err(
                    compiler.invalid("confirmationUrl", format!("`{text}` is not a beginning of `{}`", action.url))
                );
            }
            Some(confirmation)
        }
    };
    let mut headers = Vec::new();
    for (index, header) in action.headers.iter().flatten().enumerate() {
        let field = format!("headers[{index}]");
        if !header.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
            return Err(
                compiler.invalid(&format!("{field}.key"), format!("`{}` is not a name of a header", header.key))
            );
        }
        let value = compiler.template(&format!("{field}.value"), &header.value)?;
        headers.push((header.key.to_ascii_lowercase(), value));
    }
    let sign_for = match action.auth.as_ref().and_then(|auth| auth.sigv4.as_ref()) {
        Some(sigv4) => {
            compiler.role_at("auth.sigv4.roleArn", &sigv4.role_arn)?;
            compiler.verbatim("auth.sigv4.signingRegion", &sigv4.signing_region)?;
            compiler.verbatim("auth.sigv4.serviceName", &sigv4.service_name)?;
            Some((sigv4.signing_region.clone(), sigv4.service_name.clone()))
        }
        None => None,
    };
    let batch = batch(action.enable_batching.unwrap_or(false), action.batch_config.as_ref(), compiler)?;
    Ok(Box::new(Http { url, confirmation, headers, sign_for, batch }))
}

fn batch(enabled: bool, config: Option<&BatchConfig>, compiler: &Compiler<'_>) -> Result<Option<Batch>, ApiError> {
    if compiler.is_error_action && (enabled || config.is_some()) {
        return Err(compiler.invalid("batchConfig", "an error action has no batching of its own"));
    }
    if !enabled {
        return Ok(None);
    }
    let config = config.cloned().unwrap_or_default();
    let within = |field: &str, given: Option<i32>, least: i32, most: i32, otherwise: usize| match given {
        None => Ok(otherwise),
        Some(value) if (least..=most).contains(&value) => Ok(usize::try_from(value).unwrap_or(otherwise)),
        Some(value) => {
            Err(compiler.invalid(&format!("batchConfig.{field}"), format!("{value} is not within {least} and {most}")))
        }
    };
    let open_ms = within("maxBatchOpenMs", config.max_batch_open_ms, 5, 200, 20)?;
    Ok(Some(Batch {
        open_ms: u64::try_from(open_ms).unwrap_or(OPEN_MS),
        size: within("maxBatchSize", config.max_batch_size, 2, 10, SIZE)?,
        bytes: within("maxBatchSizeBytes", config.max_batch_size_bytes, 100, 131_072, BYTES)?,
        across_topics: config.batch_across_topics.unwrap_or(false),
    }))
}

/// Whether the rules engine may post to a URL.
pub(crate) fn address(url: &str) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(format!("`{url}` carries a user name, which an endpoint's URL cannot"));
    }
    if authority.starts_with('[') {
        return Err(format!("`{url}` has an IPv6 address, which AWS does not support"));
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    if host.is_empty() || (!port.is_empty() && port.parse::<u16>().is_err()) {
        return Err(format!("`{url}` is not a URL of an endpoint, such as `https://www.example.com/path`"));
    }
    let loopback =
        host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| IpAddr::from(address).is_loopback());
    match scheme {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        "http" => Err(format!("`{url}` is not encrypted: `http` goes to a loopback address only")),
        _ => Err(format!("`{url}` is not an HTTPS URL")),
    }
}

/// Whether a URL is at or below the one that was confirmed: with the same scheme, host and port, and with all segments of its
/// path. A text that merely begins with the other may name another port, another host, or a neighbour's path.
fn is_within(url: &str, confirmed: &str) -> bool {
    let (Some((origin, path)), Some((confirmed_origin, confirmed_path))) = (parts(url), parts(confirmed)) else {
        return false;
    };
    // What some take for a slash, and segments that lead up again, are in no URL that was meant.
    let lower = path.to_ascii_lowercase();
    let dots = |segment: &str| matches!(segment.replace("%2e", ".").as_str(), "." | "..");
    let plain = lower.split(['?', '#']).next().unwrap_or_default();
    if plain.contains('\\') || plain.contains("%5c") || plain.contains("%2f") || plain.split('/').any(dots) {
        return false;
    }
    if origin != confirmed_origin {
        return false;
    }
    if confirmed_path.contains(['?', '#']) {
        return path == confirmed_path
            || path.strip_prefix(confirmed_path).is_some_and(|rest| rest.starts_with(['&', '#']));
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let base = confirmed_path.trim_end_matches('/');
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Scheme, host and port of a URL, and what follows them.
fn parts(url: &str) -> Option<((String, String, u16), &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, if scheme == "http" { 80 } else { 443 }),
    };
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return None;
    }
    Some(((scheme.to_owned(), host.to_ascii_lowercase(), port), path))
}

impl Act for Http {
    fn kind(&self) -> &'static str {
        "HttpAction"
    }

    fn resource(&self) -> &Template {
        &self.url
    }

    fn destination(&self) -> Option<&str> {
        self.confirmation.as_ref().unwrap_or(&self.url).plain()
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        address(resource).map_err(Problem::Failed)?;
        let destination = match &self.confirmation {
            Some(confirmation) => render.fill(confirmation)?,
            None => resource.to_owned(),
        };
        if !is_within(resource, &destination) {
            return Err(Problem::new(format!("`{resource}` does not begin with its confirmation URL `{destination}`")));
        }
        if self.batch.is_some() && matches!(render.value, Value::Raw(_)) {
            return Err(Problem::new("a batch takes UTF-8 text alone: select `encode(*, 'base64') AS data`"));
        }
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        for (name, value) in &self.headers {
            let value = render.fill(value)?;
            if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
                return Err(Problem::new(format!(
                    "the header `{name}` would have a character that headers cannot have"
                )));
            }
            headers.push((name.clone(), value));
        }
        if self.batch.is_some() {
            // A batch is an array, whatever is in it.
            headers.retain(|(name, _)| name != "content-type");
        }
        if !headers.iter().any(|(name, _)| name == "content-type") {
            let json = !matches!(render.value, Value::Raw(_));
            let kind = if json { "application/json" } else { "application/octet-stream" };
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        Ok(vec![Outgoing::Http(Box::new(HttpPost {
            url: resource.to_owned(),
            service: None,
            destination: Some(destination),
            headers,
            body: render.bytes(),
            sign_for: self.sign_for.clone(),
            batch: self.batch,
        }))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_within_what_was_confirmed_by_its_parts() {
        let base = "http://127.0.0.1:3100";
        for within in
            ["http://127.0.0.1:3100", "http://127.0.0.1:3100/", "http://127.0.0.1:3100/a?b", "http://127.0.0.1:3100?b"]
        {
            assert!(is_within(within, base), "{within}");
        }
        for apart in [
            "http://127.0.0.1:31000/y",
            "http://127.0.0.1:3100.example.com/",
            "http://127.0.0.1/",
            "https://127.0.0.1:3100/",
            "http://127.0.0.1:3100@example.com/",
            "http://127.0.0.1:3100\\@example.com/",
        ] {
            assert!(!is_within(apart, base), "{apart}");
        }
        let base = "https://example.com/in/";
        for within in ["https://example.com:443/in", "https://EXAMPLE.com/in/a/b", "https://example.com/in?x=/../y"] {
            assert!(is_within(within, base), "{within}");
        }
        for apart in [
            "https://example.com/inner",
            "https://example.com/in/../out",
            "https://example.com/in/%2e%2E/out",
            "https://example.com/in/..%2fout",
            "https://example.com/in\\..\\out",
            "https://example.com/",
            "https://example.com:8443/in",
            "https://example.com.evil.test/in",
        ] {
            assert!(!is_within(apart, base), "{apart}");
        }
        assert!(is_within("https://example.com/in?key=1&x=2", "https://example.com/in?key=1"));
        assert!(!is_within("https://example.com/in?key=12", "https://example.com/in?key=1"));
    }
}
