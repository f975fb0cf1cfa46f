//! The operations, a line each; one without a line here answers NotImplemented and names itself.

use super::{S3 as Objects, buckets, configuration, listing, multipart, objects};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

/// What the wire asks.
pub(super) struct Operations(pub(super) Arc<Objects>);

/// What every operation may be asked with: the account that the caller takes the bucket's owner for.
fn owned(s3: &Objects, owner: Option<&AccountId>) -> S3Result<()> {
    match owner.filter(|owner| owner.as_str() != s3.context.config.scope.account.as_str()) {
        Some(_) => Err(s3_error!(AccessDenied, "Access Denied")),
        None => Ok(()),
    }
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        buckets::create(&self.0, req.input).await.map(S3Response::new)
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        buckets::head(&self.0, &req.input).map(S3Response::new)
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        buckets::location(&self.0, &req.input).map(S3Response::new)
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        buckets::set_versioning(&self.0, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        buckets::versioning(&self.0, &req.input).map(S3Response::new)
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        buckets::delete(&self.0, req.input).await.map(S3Response::new)
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        buckets::list(&self.0, req.input).map(S3Response::new)
    }

    async fn put_bucket_notification_configuration(
        &self,
        req: S3Request<PutBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        configuration::put(&self.0, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_notification_configuration(
        &self,
        req: S3Request<GetBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        configuration::get(&self.0, &req.input).map(S3Response::new)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        objects::put(&self.0, req).await.map(S3Response::new)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        objects::get(&self.0, req.input).await.map(S3Response::new)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        objects::head(&self.0, req.input).map(S3Response::new)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        owned(&self.0, req.input.expected_source_bucket_owner.as_ref())?;
        objects::copy(&self.0, req.input).await.map(S3Response::new)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        objects::delete(&self.0, req.input).await.map(S3Response::new)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        objects::delete_all(&self.0, req.input).await.map(S3Response::new)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        listing::first(&self.0, req.input).map(S3Response::new)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        listing::second(&self.0, req.input).map(S3Response::new)
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        listing::versions(&self.0, req.input).map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::create(&self.0, req.input).await.map(S3Response::new)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::part(&self.0, req).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::complete(&self.0, req).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::abort(&self.0, req.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::list_parts(&self.0, req.input).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        owned(&self.0, req.input.expected_bucket_owner.as_ref())?;
        multipart::list(&self.0, req.input).map(S3Response::new)
    }
}
