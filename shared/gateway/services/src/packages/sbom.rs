//! The operations on software bills of materials.

use crate::call::{Call, operations};
use drydock_cloud::CloudError;
use drydock_core::{ApiError, ErrorCode};
use drydock_host::Host;
use drydock_model::Router;
use drydock_model::iot::{S3Location, SbomValidationResultSummary, ops};
use drydock_packages::sbom::{LARGEST_ARCHIVE, too_large, validate};

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::ListSbomValidationResults>(|call: Call, input| async move {
        call.books().packages.read(|book| book.list_sbom_results(&input))
    });
    operations!(router, packages:
        DisassociateSbomFromPackageVersion => |book, input, books| book.disassociate_sbom(input, books.now());
    );
    router.on::<ops::AssociateSbomWithPackageVersion>(|call: Call, input| async move {
        let found = found(call.host(), input.sbom.s3_location.as_ref()).await;
        let books = call.books();
        books.apply(&books.packages, |book| book.associate_sbom(input, found, books.now())).await
    });
}

/// What the validation of an archive comes to.
///
/// # Errors
/// `ValidationException` for an object, or a version of it, that is not there.
async fn found(host: &Host, location: Option<&S3Location>) -> Result<Vec<SbomValidationResultSummary>, ApiError> {
    let invalid = |why: String| ApiError::new(ErrorCode::ValidationException, why);
    let Some(S3Location { bucket: Some(bucket), key: Some(key), version }) = location else {
        // The catalog says what is missing.
        return Ok(Vec::new());
    };
    let s3 = host.cloud.s3();
    if !s3.has_bucket(bucket) {
        return Err(invalid(format!("there is no bucket `{bucket:.100}`")));
    }
    match s3.get_version(bucket, key, version.as_deref(), LARGEST_ARCHIVE).await {
        Ok(Some(bytes)) => {
            let name = key.clone();
            let validated = tokio::task::spawn_blocking(move || validate(&name, &bytes)).await;
            validated.map_err(|error| ApiError::new(ErrorCode::InternalServerException, error.to_string()))
        }
        Ok(None) => Err(invalid(format!("there is no object `{key:.200}` in the bucket `{bucket:.100}`"))),
        Err(CloudError::TooLarge { .. }) => Ok(too_large(key)),
        Err(error) => Err(ApiError::new(ErrorCode::InternalServerException, error.to_string())),
    }
}
