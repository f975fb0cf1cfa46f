//! Buckets named by the host: `BUCKET.s3.localhost`, `BUCKET.s3.eu-west-1.amazonaws.com`, `BUCKET.localhost`. Follows "Virtual
//! hosting of general purpose buckets" of the Amazon S3 user guide.

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Any host that reaches this gateway: whatever stands before `.s3.`, or before `.localhost`, is a bucket.
pub(super) struct AnyHost;

impl S3Host for AnyHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let known = VirtualHost::new(host);
        Ok(match bucket(host) {
            Some(bucket) => known.with_bucket(bucket.to_ascii_lowercase()),
            None => known,
        })
    }
}

/// Whether a host is one of S3's own names: such a request is for S3 even where nothing else says so.
#[must_use]
pub fn is_for_s3(host: &str) -> bool {
    let host = without_port(host);
    host.starts_with("s3.") || host.contains(".s3.")
}

fn bucket(host: &str) -> Option<&str> {
    let host = without_port(host);
    match host.rfind(".s3.") {
        Some(at) => host.get(..at),
        None => host.strip_suffix(".localhost").filter(|name| *name != "s3"),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_what_stands_before_the_service() {
        for (host, expected) in [
            ("inputs.s3.localhost:4566", Some("inputs")),
            ("a.b.s3.eu-west-1.localhost", Some("a.b")),
            ("inputs.localhost:4566", Some("inputs")),
            ("s3.localhost:4566", None),
            ("localhost:4566", None),
            ("drydock:4566", None),
        ] {
            assert_eq!(bucket(host), expected, "{host}");
        }
        assert!(is_for_s3("s3.localhost:4566") && is_for_s3("b.s3.localhost") && !is_for_s3("localhost:4566"));
    }
}
