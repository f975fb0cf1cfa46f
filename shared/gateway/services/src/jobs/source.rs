//! Documents that are in Amazon S3.

use drydock_core::ApiError;
use drydock_host::Host;
use drydock_host::roles::Unassumable;
use drydock_identity::trust::Assumer;
use drydock_jobs::document::{LONGEST, Location};
use drydock_model::iot::PresignedUrlConfig;

/// The service that makes links.
const IOT: &str = "iot.amazonaws.com";

/// What is at a `documentSource`; `None` where there is none.
///
/// # Errors
/// `InvalidRequestException` for what is not the URL of an object that there is, in UTF-8.
pub(super) async fn read(host: &Host, source: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(url) = source else { return Ok(None) };
    let location = Location::parse(url, Some(&host.endpoints.api)).filter(|location| !location.key.is_empty());
    let Some(Location { bucket, key, version }) = location else {
        return Err(ApiError::invalid(format!("`{url:.200}` is not the URL of an object in Amazon S3")));
    };
    let s3 = host.cloud.s3();
    if !s3.has_bucket(&bucket) {
        return Err(ApiError::invalid(format!("there is no bucket `{bucket}`")));
    }
    let found = s3
        .get_version(&bucket, &key, version.as_deref(), LONGEST as u64)
        .await
        .map_err(|error| ApiError::invalid(format!("documentSource: {error}")))?;
    let bytes =
        found.ok_or_else(|| ApiError::invalid(format!("there is no object `{key}` in the bucket `{bucket}`")))?;
    let text = String::from_utf8(bytes.to_vec());
    text.map(Some).map_err(|_| ApiError::invalid(format!("`{url:.200}` is not UTF-8")))
}

/// Looks whether the role can be assumed that links are made with.
///
/// # Errors
/// `InvalidRequestException`.
pub(super) fn check_role(host: &Host, config: Option<&PresignedUrlConfig>, job: &str) -> Result<(), ApiError> {
    let Some(role) = config.and_then(|config| config.role_arn.as_deref()) else { return Ok(()) };
    let scope = &host.books.scope;
    let source = scope.arn("iot", &format!("job/{job}"));
    let who = Assumer { service: IOT, source_account: &scope.account, source_arn: source.as_str() };
    match host.assume(role, who, 0) {
        Err(Unassumable::Untrusting(why)) => {
            Err(ApiError::invalid(format!("the role `{role}` cannot be assumed: {}", why.join("; "))))
        }
        Ok(()) | Err(Unassumable::TooLong(_)) => Ok(()),
    }
}
