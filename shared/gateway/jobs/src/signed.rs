//! The signatures that job documents name: `${aws:iot:code-sign-signature:s3://region.bucket/key@version}`.
//!
//! Source: "Create and manage jobs by using the AWS CLI" and "… the console" of the developer guide. As there, a placeholder becomes
//! what Signer made of this version of the object, and a presigned URL of one becomes a link to the signed object.

use crate::document::{GET, GET_ENCODED, Location, filled};
use drydock_core::ApiError;

/// How placeholders of signatures begin, after `${aws:iot:`.
pub(crate) const SIGNATURE: &str = "code-sign-signature:";
const NESTED: &str = "${aws:iot:code-sign-signature:";

/// A signature of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signature, in base64.
    pub signature: String,
    /// Where the signed object is, which has the signature in it.
    pub object: Location,
}

/// What jobs ask of Signer.
pub trait Signatures {
    /// The newest signature of a version of an object; `None` where no signing job of it has succeeded.
    fn signature(&self, of: &Location) -> Option<Signature>;
}

/// The object whose signature a placeholder stands for.
///
/// # Errors
/// `InvalidRequestException` for another form than `s3://region.bucket/key@version`.
fn object(inner: &str) -> Result<Location, ApiError> {
    let place = inner.strip_prefix(SIGNATURE).and_then(|url| url.strip_prefix("s3://"));
    let parts = place.and_then(|place| {
        let (host, path) = place.split_once('/')?;
        let (region, bucket) = host.split_once('.')?;
        let (key, version) = path.rsplit_once('@')?;
        Some([region, bucket, key, version]).filter(|parts| parts.iter().all(|part| !part.is_empty()))
    });
    let why = || {
        let form = "${aws:iot:code-sign-signature:s3://region.bucket/key@version}";
        ApiError::invalid(format!("`${{aws:iot:{inner:.300}}}` does not name a version of an object: `{form}` does"))
    };
    let [_, bucket, key, version] = parts.ok_or_else(why)?;
    Ok(Location { bucket: bucket.to_owned(), key: key.to_owned(), version: Some(version.to_owned()) })
}

/// What is signed within a placeholder of a presigned URL, where that is a placeholder itself.
fn nested(inner: &str) -> Option<&str> {
    let url = inner.strip_prefix(GET).or_else(|| inner.strip_prefix(GET_ENCODED))?;
    let signed = url.strip_prefix(NESTED)?;
    // Its start is cut off such that `code-sign-signature:` stays.
    let start = inner.len() - signed.len() - SIGNATURE.len();
    inner.get(start..)?.strip_suffix('}')
}

/// Looks whether a placeholder is one of signatures, and of their form; whether a URL is made for it. `None` for others.
pub(crate) fn check(inner: &str) -> Option<Result<bool, ApiError>> {
    match nested(inner) {
        Some(signed) => Some(object(signed).map(|_| true)),
        None => inner.starts_with(SIGNATURE).then(|| object(inner).map(|_| false)),
    }
}

/// A document with the signatures that it names in it.
///
/// # Errors
/// `InvalidRequestException` for a placeholder of another form, and for an object that was not signed.
pub(crate) fn with_signatures(document: &str, signatures: &dyn Signatures) -> Result<String, ApiError> {
    if !document.contains(NESTED) {
        return Ok(document.to_owned());
    }
    let mut wrong = None;
    let mut find = |inner: &str| {
        let found = object(inner).and_then(|at| {
            signatures.signature(&at).ok_or_else(|| {
                let version = at.version.unwrap_or_default();
                ApiError::invalid(format!(
                    "no signing job of the version `{version:.128}` of `{:.1024}` in the bucket `{:.63}` has succeeded: \
                     sign it with StartSigningJob first",
                    at.key, at.bucket
                ))
            })
        });
        found.map_err(|error| wrong = Some(error)).ok()
    };
    let document = filled(document, |inner| {
        if let Some(signed) = nested(inner) {
            let Location { bucket, key, .. } = find(signed)?.object;
            return Some(format!("${{aws:iot:{GET}s3://{bucket}/{key}}}"));
        }
        inner.starts_with(SIGNATURE).then(|| find(inner).map(|found| found.signature)).flatten()
    });
    wrong.map_or(Ok(document), Err)
}
