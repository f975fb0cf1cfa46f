//! Operations on buckets.

use super::S3;
use super::objects::{failed, no_bucket, refuse, time};
use super::versions::Versioning;
use s3s::dto::{
    Bucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::{S3Result, s3_error};

/// Where a bucket is whose location is not told: the first region there was.
const CLASSIC: &str = "us-east-1";

pub(super) async fn create(s3: &S3, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    let region = s3.context.config.scope.region.as_str();
    let grants = [
        &input.grant_full_control,
        &input.grant_read,
        &input.grant_read_acp,
        &input.grant_write,
        &input.grant_write_acp,
    ];
    if grants.iter().any(|grant| grant.is_some()) {
        return Err(s3_error!(
            NotImplemented,
            "grants of a bucket are not implemented by this gateway: use a canned ACL"
        ));
    }
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(s3_error!(NotImplemented, "object lock is not implemented by this gateway"));
    }
    if let Some(configuration) = &input.create_bucket_configuration {
        if configuration.bucket.is_some() || configuration.location.is_some() {
            return Err(s3_error!(NotImplemented, "directory buckets are not implemented by this gateway"));
        }
        if let Some(asked) = configuration.location_constraint.as_ref().filter(|asked| asked.as_str() != region) {
            return Err(s3_error!(
                IllegalLocationConstraintException,
                "The {} location constraint is incompatible for the region specific endpoint this request was sent to.",
                asked.as_str()
            ));
        }
    }
    let written = {
        let mut state = s3.state();
        if state.bucket(&input.bucket).is_some() {
            // In the first region creating one's own bucket again succeeds.
            if region == CLASSIC {
                return Ok(located(input.bucket));
            }
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let writes = state.ensure_bucket(&input.bucket, false, s3.now());
        s3.write(&state, writes)
    };
    written.await.map_err(failed)?;
    Ok(located(input.bucket))
}

fn located(bucket: String) -> CreateBucketOutput {
    CreateBucketOutput { location: Some(format!("/{bucket}")) }
}

pub(super) fn head(s3: &S3, input: &HeadBucketInput) -> S3Result<HeadBucketOutput> {
    if !s3.has_bucket(&input.bucket) {
        return Err(no_bucket());
    }
    let bucket_region = Some(s3.context.config.scope.region.to_string());
    Ok(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() })
}

pub(super) fn location(s3: &S3, input: &GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    if !s3.has_bucket(&input.bucket) {
        return Err(no_bucket());
    }
    let region = s3.context.config.scope.region.to_string();
    let location_constraint = (region != CLASSIC).then(|| BucketLocationConstraint::from(region));
    Ok(GetBucketLocationOutput { location_constraint })
}

pub(super) async fn set_versioning(s3: &S3, input: PutBucketVersioningInput) -> S3Result<PutBucketVersioningOutput> {
    let asked = input.versioning_configuration;
    refuse(&[(input.mfa.is_some() || asked.mfa_delete.is_some_and(|mfa| mfa.as_str() != "Disabled"), "MFA delete")])?;
    let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        Some(_) => {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        None => {
            let why = "The Versioning element must be specified";
            return Err(s3s::S3Error::with_message(s3s::S3ErrorCode::IllegalVersioningConfigurationException, why));
        }
    };
    if s3.set_versioning(&input.bucket, versioning).await.map_err(failed)? {
        Ok(PutBucketVersioningOutput {})
    } else {
        Err(no_bucket())
    }
}

pub(super) fn versioning(s3: &S3, input: &GetBucketVersioningInput) -> S3Result<GetBucketVersioningOutput> {
    let versioning = s3.state().bucket(&input.bucket).ok_or_else(no_bucket)?.row.versioning;
    let status = match versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    let status = status.map(BucketVersioningStatus::from_static);
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}

pub(super) async fn delete(s3: &S3, input: DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    let written = {
        let mut state = s3.state();
        let bucket = state.bucket(&input.bucket).ok_or_else(no_bucket)?;
        if !bucket.is_empty() || state.uploads(&input.bucket).next().is_some() {
            return Err(s3_error!(
                BucketNotEmpty,
                "{}",
                if bucket.row.versioning == Versioning::Off {
                    "The bucket you tried to delete is not empty"
                } else {
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                }
            ));
        }
        let writes = state.remove_bucket(&input.bucket);
        s3.write(&state, writes)
    };
    written.await.map_err(failed)?;
    Ok(DeleteBucketOutput {})
}

pub(super) fn list(s3: &S3, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let scope = &s3.context.config.scope;
    let region = scope.region.to_string();
    let most = input.max_buckets.and_then(|most| usize::try_from(most).ok()).unwrap_or(10_000).max(1);
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let elsewhere = input.bucket_region.as_ref().is_some_and(|asked| asked.as_str() != region);
    let state = s3.state();
    let mut found: Vec<Bucket> = state
        .buckets()
        .filter(|(name, bucket)| {
            !bucket.row.hidden && !elsewhere && name.starts_with(&prefix) && *name > after.as_str()
        })
        .take(most + 1)
        .map(|(name, bucket)| Bucket {
            name: Some(name.to_owned()),
            creation_date: Some(time(bucket.row.created)),
            bucket_region: Some(region.clone()),
        })
        .collect();
    let more = found.len() > most;
    found.truncate(most);
    let continuation_token = found.last().filter(|_| more).and_then(|last| last.name.clone());
    Ok(ListBucketsOutput {
        buckets: Some(found),
        continuation_token,
        owner: Some(Owner { display_name: None, id: Some(scope.account.to_string()) }),
        prefix: input.prefix,
    })
}
