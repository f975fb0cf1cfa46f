//! Uploads in parts. Follows "Uploading and copying objects using multipart upload" of the Amazon S3 user guide.

use super::S3;
use super::blob::Written;
use super::checksums::{Stated, bytes_of_hex, hasher_of, shown};
use super::notifications::Happened;
use super::object::{Headers, ObjectRow};
use super::objects::{
    Refused, failed, headers_of, may_replace, metadata, no_bucket, not_written, other_encryption, refuse,
    refuse_unkept, time,
};
use super::payload::Trailers;
use super::state::{PartRow, UploadRow};
use futures_util::StreamExt as _;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Part, ServerSideEncryption, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Result, s3_error};
use tokio::io::AsyncReadExt as _;

/// The least that a part may have that is not the last, in bytes.
const LEAST: u64 = 5 * 1024 * 1024;
/// The number of the last part there can be.
const LAST: i32 = 10_000;

/// How long an upload may go without a part: seven days, in milliseconds, as the guide's lifecycle rules for what is left over
/// have it. Without such a rule AWS keeps it for ever.
const LEFT_OVER: i64 = 7 * 24 * 60 * 60 * 1000;

/// Ends the uploads that nobody has gone on with.
async fn end_left_over(s3: &S3) -> S3Result<()> {
    let before = s3.now().plus_millis(-LEFT_OVER);
    let left: Vec<String> = s3.state().idle_uploads(before);
    for id in left {
        end(s3, &id).await?;
    }
    Ok(())
}

fn no_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(super) async fn create(s3: &S3, input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
    refuse_unkept!(input, (input.expires.is_some(), "the header Expires"))?;
    end_left_over(s3).await?;
    let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
    let full = input.checksum_type.as_ref().map(|kind| kind.as_str() == ChecksumType::FULL_OBJECT);
    // CRC64NVME is of the whole object only; the others are of the parts unless something else is said.
    let composite = !full.unwrap_or_else(|| algorithm.as_deref().is_none_or(|name| name == "CRC64NVME"));
    let row = UploadRow {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        begun: s3.now(),
        headers: headers_of!(input),
        algorithm,
        composite,
        parts: std::collections::BTreeMap::new(),
    };
    let id = s3.id();
    let written = {
        let mut state = s3.state();
        state.bucket(&input.bucket).ok_or_else(no_bucket)?;
        let writes = state.begin_upload(&id, row);
        s3.write(&state, writes)
    };
    written.await.map_err(failed)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn part(s3: &S3, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    end_left_over(s3).await?;
    let trailers = request.extensions.get::<Trailers>();
    let stated = Stated::read(&request.headers, trailers);
    let input = request.input;
    if !(1..=LAST).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
    }
    let algorithm = {
        let state = s3.state();
        state.upload(&input.upload_id, &input.bucket, &input.key).ok_or_else(no_upload)?.algorithm.clone()
    };
    let body = input.body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let hasher = stated.hasher(algorithm.as_deref());
    let written = s3.blobs.write(s3.id(), body, hasher).await.map_err(not_written)?;
    let blob = written.blob.clone();
    if let Err(error) = stated.check(&written.md5, &written.sums) {
        s3.blobs.discard([blob.as_str()]);
        return Err(error);
    }
    let Written { size, md5, sums, .. } = written;
    let output = shown(&sums);
    let row = PartRow { blob: blob.clone(), size, etag: md5.clone(), modified: s3.now(), sums };
    let added = {
        let mut state = s3.state();
        let added = state.add_part(&input.upload_id, input.part_number, row);
        added.map(|(old, writes)| (old, s3.write(&state, writes)))
    };
    let Some((old, written)) = added else {
        s3.blobs.discard([blob.as_str()]);
        return Err(no_upload());
    };
    written.await.map_err(failed)?;
    s3.blobs.discard(old.as_deref());
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(md5)),
        checksum_crc32: output.checksum_crc32,
        checksum_crc32c: output.checksum_crc32c,
        checksum_crc64nvme: output.checksum_crc64nvme,
        checksum_sha1: output.checksum_sha1,
        checksum_sha256: output.checksum_sha256,
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..UploadPartOutput::default()
    })
}

/// The parts that a completion names, in order.
fn chosen(upload: &UploadRow, named: Option<Vec<CompletedPart>>) -> S3Result<Vec<PartRow>> {
    let named = named.filter(|named| !named.is_empty()).ok_or_else(|| {
        s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        )
    })?;
    let mut parts: Vec<PartRow> = Vec::with_capacity(named.len());
    let mut last = 0;
    for part in &named {
        let number = part.part_number.unwrap_or_default();
        if number <= last {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        last = number;
        let etag = part.e_tag.as_ref().map(ETag::value);
        let known = upload.parts.get(&number).filter(|known| etag == Some(known.etag.as_str())).ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
                 entity tag may not match the part's entity tag."
            )
        })?;
        parts.push(known.clone());
    }
    let all_but_last = parts.split_last().map_or(&[][..], |(_, rest)| rest);
    if all_but_last.iter().any(|part| part.size < LEAST) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
    }
    Ok(parts)
}

pub(super) async fn complete(
    s3: &S3,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let stated = Stated::of_object(&request.headers);
    let input = request.input;
    let upload = s3.state().upload(&input.upload_id, &input.bucket, &input.key).cloned().ok_or_else(no_upload)?;
    let parts = chosen(&upload, input.multipart_upload.and_then(|upload| upload.parts))?;
    let algorithm = upload.algorithm.clone().unwrap_or_else(|| "CRC64NVME".to_owned());
    let mut written = join(s3, &parts, &algorithm).await?;
    if upload.composite {
        written.sums = composite(&parts, &algorithm).into_iter().map(|sum| (algorithm.clone(), sum)).collect();
    }
    // The digest of the parts' digests, and their number.
    let digests: Vec<u8> = parts.iter().filter_map(|part| bytes_of_hex(&part.etag)).flatten().collect();
    let mut whole = super::checksums::hasher_of("");
    whole.update(&digests);
    let etag = format!("{}-{}", whole.finish().0, parts.len());
    // That of the parts is stated in more forms than one.
    if !upload.composite
        && let Err(error) = stated.check("", &written.sums)
    {
        s3.blobs.discard([written.blob.as_str()]);
        return Err(error);
    }
    let mut row = ObjectRow::new(written, upload.headers.clone(), s3.now());
    row.etag = etag.clone();
    row.composite = upload.composite;
    let sums = shown(&row.sums);
    let (if_match, if_none_match) = (input.if_match, input.if_none_match);
    let kept = s3.keep(&input.bucket, &input.key, row, Happened::Completed, |there| {
        may_replace(there, if_match.as_ref(), if_none_match.as_ref())
    });
    let kept = kept.await.map_err(|Refused(error)| error)?.ok_or_else(no_bucket)?;
    end(s3, &input.upload_id).await?;
    let kind = if upload.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    Ok(CompleteMultipartUploadOutput {
        version_id: kept.version,
        location: Some(format!("{}/{}/{}", s3.context.config.endpoint, input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: Some(ChecksumType::from_static(kind)),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..CompleteMultipartUploadOutput::default()
    })
}

/// The files of parts, one behind the other.
async fn join(s3: &S3, parts: &[PartRow], algorithm: &str) -> S3Result<Written> {
    let mut paths = Vec::with_capacity(parts.len());
    for part in parts {
        paths.push(s3.blobs.path(&part.blob).map_err(failed)?);
    }
    let files = futures_util::stream::iter(paths).then(tokio::fs::File::open);
    let bytes = files.flat_map(|file| {
        futures_util::stream::try_unfold(Some(file), |file| async move {
            let Some(file) = file else { return Ok(None) };
            let mut file = file?;
            let mut piece = bytes::BytesMut::with_capacity(super::blob::PIECE);
            match file.read_buf(&mut piece).await? {
                0 => Ok::<_, s3s::StdError>(None),
                _ => Ok(Some((piece.freeze(), Some(Ok::<_, std::io::Error>(file))))),
            }
        })
    });
    s3.blobs.write(s3.id(), bytes, hasher_of(algorithm)).await.map_err(not_written)
}

/// The checksum of the parts' checksums.
fn composite(parts: &[PartRow], algorithm: &str) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut hasher = hasher_of(algorithm);
    for part in parts {
        hasher.update(&STANDARD.decode(part.sums.get(algorithm)?).ok()?);
    }
    let (_, sums) = hasher.finish();
    Some(format!("{}-{}", sums.get(algorithm)?, parts.len()))
}

async fn end(s3: &S3, id: &str) -> S3Result<()> {
    let (upload, written) = {
        let mut state = s3.state();
        let (upload, writes) = state.end_upload(id);
        (upload, s3.write(&state, writes))
    };
    written.await.map_err(failed)?;
    s3.blobs.discard(upload.iter().flat_map(|upload| upload.parts.values()).map(|part| part.blob.as_str()));
    Ok(())
}

pub(super) async fn abort(s3: &S3, input: AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
    s3.state().upload(&input.upload_id, &input.bucket, &input.key).ok_or_else(no_upload)?;
    end(s3, &input.upload_id).await?;
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) fn list_parts(s3: &S3, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let state = s3.state();
    let upload = state.upload(&input.upload_id, &input.bucket, &input.key).ok_or_else(no_upload)?;
    let after = input.part_number_marker.unwrap_or_default();
    let most = input.max_parts.and_then(|most| usize::try_from(most).ok()).unwrap_or(1000).min(1000);
    let mut parts: Vec<Part> = upload
        .parts
        .range(after.saturating_add(1)..)
        .take(most + 1)
        .map(|(number, part)| {
            let sums = shown(&part.sums);
            Part {
                part_number: Some(*number),
                size: i64::try_from(part.size).ok(),
                e_tag: Some(ETag::Strong(part.etag.clone())),
                last_modified: Some(time(part.modified)),
                checksum_crc32: sums.checksum_crc32,
                checksum_crc32c: sums.checksum_crc32c,
                checksum_crc64nvme: sums.checksum_crc64nvme,
                checksum_sha1: sums.checksum_sha1,
                checksum_sha256: sums.checksum_sha256,
            }
        })
        .collect();
    let more = parts.len() > most;
    parts.truncate(most);
    let last = parts.last().and_then(|part| part.part_number).unwrap_or(after);
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        is_truncated: Some(more),
        part_number_marker: Some(after),
        next_part_number_marker: Some(last),
        max_parts: i32::try_from(most).ok(),
        checksum_algorithm: upload.algorithm.clone().map(ChecksumAlgorithm::from),
        parts: Some(parts),
        ..ListPartsOutput::default()
    })
}

pub(super) fn list(s3: &S3, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    refuse(&[(input.delimiter.is_some(), "a delimiter in ListMultipartUploads")])?;
    let state = s3.state();
    state.bucket(&input.bucket).ok_or_else(no_bucket)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let most = input.max_uploads.and_then(|most| usize::try_from(most).ok()).unwrap_or(1000).min(1000);
    let after = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone().unwrap_or_default());
    let mut found: Vec<(String, String, MultipartUpload)> = state
        .uploads(&input.bucket)
        .filter(|(id, upload)| {
            // A marker of a key alone is behind all uploads of that key.
            let behind = if after.1.is_empty() {
                upload.key > after.0 || after.0.is_empty()
            } else {
                (upload.key.as_str(), *id) > (after.0.as_str(), after.1.as_str())
            };
            upload.key.starts_with(&prefix) && behind
        })
        .map(|(id, upload)| {
            let shown = MultipartUpload {
                key: Some(upload.key.clone()),
                upload_id: Some(id.to_owned()),
                initiated: Some(time(upload.begun)),
                checksum_algorithm: upload.algorithm.clone().map(ChecksumAlgorithm::from),
                ..MultipartUpload::default()
            };
            (upload.key.clone(), id.to_owned(), shown)
        })
        .collect();
    found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let more = found.len() > most;
    found.truncate(most);
    let last = found.last().filter(|_| more).map(|(key, id, _)| (key.clone(), id.clone()));
    let (next_key_marker, next_upload_id_marker) = last.unzip();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(most).ok(),
        is_truncated: Some(more),
        next_key_marker,
        next_upload_id_marker,
        uploads: Some(found.into_iter().map(|(_, _, upload)| upload).collect()),
        ..ListMultipartUploadsOutput::default()
    })
}
