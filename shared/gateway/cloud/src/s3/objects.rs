//! Operations on objects.

use super::S3;
use super::blob::{NotWritten, PIECE};
use super::checksums::{Stated, shown};
use super::notifications::Happened;
use super::object::{Headers, ObjectRow};
use super::payload::{Broken, Trailers};
use super::versions::{Found, Marker, is_id};
use crate::error::CloudError;
use bytes::BytesMut;
use drydock_core::Timestamp;
use s3s::dto::{
    Checksum, ChecksumMode, ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, ETagCondition,
    Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata, MetadataDirective,
    PutObjectInput, PutObjectOutput, Range, ServerSideEncryption, StreamingBlob, TimestampFormat,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// What an object is when its content type is not said.
const TYPE: &str = "binary/octet-stream";
/// The most that a user's metadata may have, in bytes.
const METADATA: usize = 2048;

pub(super) fn no_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn failed(error: CloudError) -> S3Error {
    tracing::error!(%error, "an S3 request failed");
    S3Error::with_message(S3ErrorCode::InternalError, error.to_string())
}

/// What the client is told of a body that could not be written.
pub(super) fn not_written(why: NotWritten) -> S3Error {
    match why {
        NotWritten::Disk(error) => {
            tracing::error!(%error, "an object could not be written");
            S3Error::with_message(S3ErrorCode::InternalError, error.to_string())
        }
        NotWritten::Sender(error) => match error.downcast_ref::<Broken>() {
            Some(Broken::Signature) => S3Error::with_message(S3ErrorCode::SignatureDoesNotMatch, error.to_string()),
            Some(Broken::Hash) => {
                let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
                let mut mismatch = S3Error::with_message(code, error.to_string());
                mismatch.set_status_code(http::StatusCode::BAD_REQUEST);
                mismatch
            }
            _ => S3Error::with_message(S3ErrorCode::IncompleteBody, error.to_string()),
        },
    }
}

pub(super) fn time(at: Timestamp) -> s3s::dto::Timestamp {
    at.utc().into()
}

/// What S3 shows of times in headers and conditions is whole seconds.
fn seconds(at: Timestamp) -> s3s::dto::Timestamp {
    Timestamp(at.seconds() * 1000).utc().into()
}

pub(super) fn etag_fits(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(asked) => asked.value() == etag,
    }
}

/// Refuses what would be taken and then not be there: `(asked, what)`.
pub(super) fn refuse(asked: &[(bool, &str)]) -> S3Result<()> {
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(s3_error!(NotImplemented, "{what} is not implemented by this gateway")),
        None => Ok(()),
    }
}

/// Refuses what every way of writing an object is asked for and this gateway does not keep, and `more`.
macro_rules! refuse_unkept {
    ($input:ident $(, $more:expr)* $(,)?) => {
        refuse(&[
            ($input.tagging.is_some(), "tagging an object"),
            (other_encryption($input.server_side_encryption.as_ref()), "encryption with a KMS key"),
            ($input.sse_customer_algorithm.is_some(), "encryption with a customer's key"),
            (
                $input.storage_class.as_ref().is_some_and(|class| class.as_str() != "STANDARD"),
                "a storage class other than STANDARD",
            ),
            ($input.object_lock_mode.is_some() || $input.object_lock_legal_hold_status.is_some(), "object lock"),
            ($input.website_redirect_location.is_some(), "a website redirect"),
            $($more,)*
        ])
    };
}
pub(super) use refuse_unkept;

/// What a request to write an object says of it.
macro_rules! headers_of {
    ($input:ident) => {
        Headers {
            content_type: $input.content_type,
            content_encoding: $input.content_encoding,
            content_disposition: $input.content_disposition,
            content_language: $input.content_language,
            cache_control: $input.cache_control,
            metadata: metadata($input.metadata)?,
        }
    };
}
pub(super) use headers_of;

pub(super) fn other_encryption(asked: Option<&ServerSideEncryption>) -> bool {
    asked.is_some_and(|asked| asked.as_str() != ServerSideEncryption::AES256)
}

pub(super) fn metadata(given: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
    let given: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    if given.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > METADATA {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(given)
}

pub(super) async fn put(s3: &S3, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let trailers = request.extensions.get::<Trailers>();
    let stated = Stated::read(&request.headers, trailers);
    let announced: Option<u64> =
        request.headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let input = request.input;
    refuse_unkept!(
        input,
        (input.write_offset_bytes.is_some(), "appending to an object"),
        (input.expires.is_some(), "the header Expires"),
        (
            [&input.grant_full_control, &input.grant_read, &input.grant_read_acp, &input.grant_write_acp]
                .iter()
                .any(|grant| grant.is_some()),
            "a grant other than a canned ACL",
        ),
    )?;
    if !s3.has_bucket(&input.bucket) {
        return Err(no_bucket());
    }
    let headers = headers_of!(input);
    let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    let body = input.body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let written = s3.blobs.write(s3.id(), body, stated.hasher(algorithm)).await.map_err(not_written)?;
    let checked = stated.check(&written.md5, &written.sums).and_then(|()| match announced {
        Some(length) if written.size != length => Err(s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header"
        )),
        _ => Ok(()),
    });
    if let Err(error) = checked {
        s3.blobs.discard([written.blob.as_str()]);
        return Err(error);
    }
    let row = ObjectRow::new(written, headers, s3.now());
    let (etag, sums) = (row.etag.clone(), shown(&row.sums));
    let (if_match, if_none_match) = (input.if_match, input.if_none_match);
    let kept = s3.keep(&input.bucket, &input.key, row, Happened::Put, |there| {
        may_replace(there, if_match.as_ref(), if_none_match.as_ref())
    });
    let kept = kept.await.map_err(|Refused(error)| error)?.ok_or_else(no_bucket)?;
    Ok(PutObjectOutput {
        version_id: kept.version,
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..PutObjectOutput::default()
    })
}

/// Why an object was not kept.
pub(super) struct Refused(pub(super) S3Error);

impl From<CloudError> for Refused {
    fn from(error: CloudError) -> Self {
        Self(failed(error))
    }
}

/// Judges a conditional write.
pub(super) fn may_replace(
    there: Option<&ObjectRow>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<(), Refused> {
    let failed =
        || Refused(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    match (there, if_match, if_none_match) {
        (None, Some(_), _) => Err(Refused(no_key())),
        (Some(row), Some(condition), _) if !etag_fits(condition, &row.etag) => Err(failed()),
        (Some(row), _, Some(condition)) if etag_fits(condition, &row.etag) => Err(failed()),
        _ => Ok(()),
    }
}

/// An object as GetObject and HeadObject are asked for it.
struct Asked<'a> {
    bucket: &'a str,
    key: &'a str,
    version: Option<&'a str>,
    part: Option<i32>,
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    modified_since: Option<&'a s3s::dto::Timestamp>,
    unmodified_since: Option<&'a s3s::dto::Timestamp>,
    customer_key: bool,
}

/// The answer of a delete marker: to whoever asks for the object, and to whoever asks for the marker by its id.
fn deleted(marker: &Marker, version: Option<String>, by_id: bool) -> S3Error {
    let mut error = if by_id {
        s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.")
    } else {
        no_key()
    };
    let mut headers = http::HeaderMap::new();
    headers.insert("x-amz-delete-marker", http::HeaderValue::from_static("true"));
    let mut set = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    };
    set("x-amz-version-id", version);
    if by_id {
        set("allow", Some("DELETE".to_owned()));
        let mut at = Vec::new();
        let written = time(marker.modified).format(TimestampFormat::HttpDate, &mut at);
        set("last-modified", written.ok().and_then(|()| String::from_utf8(at).ok()));
    }
    error.set_headers(headers);
    error
}

pub(super) fn bad_version() -> S3Error {
    s3_error!(InvalidArgument, "Invalid version id specified")
}

/// An object, and its version as it is told.
fn find(s3: &S3, asked: &Asked<'_>) -> S3Result<(Arc<ObjectRow>, Option<String>)> {
    refuse(&[
        (asked.part.is_some_and(|part| part != 1), "reading a part by its number"),
        (asked.customer_key, "encryption with a customer's key"),
    ])?;
    if asked.version.is_some_and(|version| !is_id(version)) {
        return Err(bad_version());
    }
    let (row, version) = {
        let state = s3.state();
        let bucket = state.bucket(asked.bucket).ok_or_else(no_bucket)?;
        match bucket.find(asked.key, asked.version) {
            Found::Object(row) => {
                let version = bucket.shown(row.version.as_deref());
                (row, version)
            }
            Found::Marker(marker) => {
                let version = bucket.shown(marker.version.as_deref());
                return Err(deleted(&marker, version, asked.version.is_some()));
            }
            Found::Nothing if asked.version.is_some() => {
                return Err(s3_error!(NoSuchVersion, "The specified version does not exist."));
            }
            Found::Nothing => return Err(no_key()),
        }
    };
    let modified = seconds(row.modified);
    let failed = match (asked.if_match, asked.unmodified_since) {
        (Some(condition), _) => !etag_fits(condition, &row.etag),
        (None, Some(since)) => modified > *since,
        (None, None) => false,
    };
    if failed {
        return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    }
    let same = match (asked.if_none_match, asked.modified_since) {
        (Some(condition), _) => etag_fits(condition, &row.etag),
        (None, Some(since)) => modified <= *since,
        (None, None) => false,
    };
    if same { Err(s3_error!(NotModified, "Not Modified")) } else { Ok((row, version)) }
}

/// From where to where, in bytes, and what `Content-Range` says where it is not the whole.
fn extent(range: Option<&Range>, size: u64) -> S3Result<(u64, u64, Option<String>)> {
    let Some(range) = range else { return Ok((0, size, None)) };
    let range = range.check(size).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    let text = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
    Ok((range.start, range.end, Some(text)))
}

fn sums(row: &ObjectRow, mode: Option<&ChecksumMode>, whole: bool) -> (Checksum, Option<ChecksumType>) {
    if mode.is_none_or(|mode| mode.as_str() != ChecksumMode::ENABLED) || !whole || row.sums.is_empty() {
        return (Checksum::default(), None);
    }
    let kind = if row.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    (shown(&row.sums), Some(ChecksumType::from_static(kind)))
}

/// What GetObject and HeadObject ask.
macro_rules! asked {
    ($input:ident) => {
        Asked {
            bucket: &$input.bucket,
            key: &$input.key,
            version: $input.version_id.as_deref(),
            part: $input.part_number,
            if_match: $input.if_match.as_ref(),
            if_none_match: $input.if_none_match.as_ref(),
            modified_since: $input.if_modified_since.as_ref(),
            unmodified_since: $input.if_unmodified_since.as_ref(),
            customer_key: $input.sse_customer_algorithm.is_some(),
        }
    };
}

/// What GetObject and HeadObject answer, and `more`.
macro_rules! described {
    ($output:ident, $input:ident, $row:ident, $version:ident, $extent:ident $(, $field:ident: $more:expr)*) => {{
        let (from, to, content_range) = $extent;
        let (sums, checksum_type) = sums(&$row, $input.checksum_mode.as_ref(), content_range.is_none());
        let headers = $row.headers.clone();
        $output {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(to - from).ok(),
            content_range,
            e_tag: Some(ETag::Strong($row.etag.clone())),
            version_id: $version,
            last_modified: Some(time($row.modified)),
            content_type: $input.response_content_type.or(headers.content_type).or_else(|| Some(TYPE.to_owned())),
            content_encoding: $input.response_content_encoding.or(headers.content_encoding),
            content_disposition: $input.response_content_disposition.or(headers.content_disposition),
            content_language: $input.response_content_language.or(headers.content_language),
            cache_control: $input.response_cache_control.or(headers.cache_control),
            expires: $input.response_expires,
            metadata: Some(headers.metadata.into_iter().collect()),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            checksum_type,
            server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
            $($field: $more,)*
            ..$output::default()
        }
    }};
}

pub(super) async fn get(s3: &S3, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let asked = asked!(input);
    let (row, version, mut file) = loop {
        let (row, version) = find(s3, &asked)?;
        match tokio::fs::File::open(s3.blobs.path(&row.blob).map_err(failed)?).await {
            Ok(file) => break (row, version, file),
            // It was deleted or put anew in between.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && !s3.is_there(asked.bucket, asked.key, asked.version, &row) => {}
            Err(error) => return Err(not_written(NotWritten::Disk(error))),
        }
    };
    let (from, to, content_range) = extent(input.range.as_ref(), row.size)?;
    if from > 0 {
        file.seek(SeekFrom::Start(from)).await.map_err(|error| not_written(NotWritten::Disk(error)))?;
    }
    let stream = futures_util::stream::try_unfold((file, to - from), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut piece = BytesMut::with_capacity(usize::try_from(left).unwrap_or(PIECE).min(PIECE));
        let mut limited = (&mut file).take(left);
        let read = limited.read_buf(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    });
    let extent = (from, to, content_range);
    Ok(described!(GetObjectOutput, input, row, version, extent, body: Some(StreamingBlob::wrap(stream))))
}

pub(super) fn head(s3: &S3, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let (row, version) = find(s3, &asked!(input))?;
    let extent = extent(input.range.as_ref(), row.size)?;
    Ok(described!(HeadObjectOutput, input, row, version, extent))
}

pub(super) async fn copy(s3: &S3, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
    refuse_unkept!(input, (input.copy_source_sse_customer_algorithm.is_some(), "encryption with a customer's key"),)?;
    let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "copying from an access point is not implemented by this gateway"));
    };
    let (row, source_version) = find(
        s3,
        &Asked {
            bucket,
            key,
            version: version_id.as_deref(),
            part: None,
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            modified_since: input.copy_source_if_modified_since.as_ref(),
            unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            customer_key: false,
        },
    )
    .map_err(|error| {
        if *error.code() == S3ErrorCode::NotModified {
            s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        } else {
            error
        }
    })?;
    let replaces = input.metadata_directive.as_ref().is_some_and(|what| what.as_str() == MetadataDirective::REPLACE);
    if !replaces && version_id.is_none() && input.bucket.as_str() == &**bucket && input.key.as_str() == &**key {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
             metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let headers = if replaces { headers_of!(input) } else { row.headers.clone() };
    let file = s3.blobs.path(&row.blob).map_err(failed)?;
    let written = s3.blobs.adopt(s3.id(), &file).await.map_err(failed)?;
    let copy = ObjectRow { blob: written.blob, headers, modified: s3.now(), ..(*row).clone() };
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(copy.etag.clone())),
        last_modified: Some(time(copy.modified)),
        ..CopyObjectResult::default()
    };
    let kept = s3.keep(&input.bucket, &input.key, copy, Happened::Copied, |_| Ok(())).await;
    let kept = kept.map_err(|Refused(error)| error)?.ok_or_else(no_bucket)?;
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: source_version,
        version_id: kept.version,
        ..CopyObjectOutput::default()
    })
}

pub(super) async fn delete(s3: &S3, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    refuse(&[
        (input.mfa.is_some(), "MFA delete"),
        (
            input.if_match.is_some() || input.if_match_last_modified_time.is_some() || input.if_match_size.is_some(),
            "a conditional delete",
        ),
    ])?;
    if !s3.has_bucket(&input.bucket) {
        return Err(no_bucket());
    }
    if input.version_id.as_deref().is_some_and(|version| !is_id(version)) {
        return Err(bad_version());
    }
    let change = s3.remove(&input.bucket, &input.key, input.version_id.as_deref()).await.map_err(failed)?;
    Ok(DeleteObjectOutput {
        delete_marker: change.marker.then_some(true),
        version_id: change.version,
        ..DeleteObjectOutput::default()
    })
}

pub(super) async fn delete_all(s3: &S3, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    if !s3.has_bucket(&input.bucket) {
        return Err(no_bucket());
    }
    if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        if object.version_id.as_deref().is_some_and(|version| !is_id(version)) {
            let error = bad_version();
            errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(object.key),
                version_id: object.version_id,
            });
            continue;
        }
        let asked = object.version_id.as_deref();
        let change = s3.remove(&input.bucket, &object.key, asked).await.map_err(failed)?;
        let marker_version = change.version.filter(|_| change.marker);
        deleted.push(DeletedObject {
            delete_marker: change.marker.then_some(true),
            delete_marker_version_id: marker_version,
            key: Some(object.key),
            version_id: object.version_id,
        });
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    })
}
