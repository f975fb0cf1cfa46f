//! "CreateStream", "DescribeStream", "ListStreams", "UpdateStream" and "DeleteStream".
//!
//! Source: the API reference of the operations, "Managing a stream in the AWS Cloud" of the developer guide, and "AWS IoT
//! MQTT-based file delivery" of the quotas.

use crate::book::{Ota, STREAMS, json};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write, page};
use drydock_model::iot::{
    CreateStreamRequest, CreateStreamResponse, DeleteStreamRequest, DeleteStreamResponse, DescribeStreamRequest,
    DescribeStreamResponse, ListStreamsRequest, ListStreamsResponse, S3Location, StreamFile, StreamInfo, StreamSummary,
    UpdateStreamRequest, UpdateStreamResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::ops::Bound;

/// The most files of a stream.
const MOST_FILES: usize = 10;
/// The largest file of a stream, in bytes.
const LARGEST: u64 = 24 * 1024 * 1024;
/// The most streams of an account.
const MOST: usize = 10_000;
/// The last version of a stream.
const LAST_VERSION: i32 = 65_535;
/// How many streams a page has where nobody says.
const PAGE: usize = 250;

/// What is known of an object in Amazon S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its length, in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: String,
}

/// Says what is at a bucket and a key, of a version where one is named.
pub type Look<'l> = &'l (dyn Fn(&str, &str, Option<&str>) -> Option<Seen> + 'l);

/// A stream; its key is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) role: String,
    pub(crate) version: i32,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// A file of a stream, as it was when the stream was made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileRow {
    pub(crate) id: i32,
    pub(crate) bucket: String,
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    pub(crate) size: u64,
    pub(crate) etag: String,
}

impl StreamRow {
    fn shown_files(&self) -> Vec<StreamFile> {
        let shown = |file: &FileRow| {
            let (bucket, key) = (Some(file.bucket.clone()), Some(file.key.clone()));
            let s3_location = Some(S3Location { bucket, key, version: file.version.clone() });
            StreamFile { file_id: Some(file.id), s3_location }
        };
        self.files.iter().map(shown).collect()
    }
}

/// That no file is larger than one of a stream may be.
pub(crate) fn check_sizes(sizes: impl IntoIterator<Item = u64>) -> Result<(), ApiError> {
    match sizes.into_iter().find(|size| *size > LARGEST) {
        Some(size) => {
            Err(ApiError::invalid(format!("a file of a stream has at most {LARGEST} bytes, and one has {size}")))
        }
        None => Ok(()),
    }
}

/// The ids and places of files, with what `seen` knows of them.
fn read_files(files: Vec<StreamFile>, seen: Look<'_>) -> Result<Vec<FileRow>, ApiError> {
    if files.is_empty() {
        return Err(ApiError::invalid("a stream needs a file"));
    }
    if files.len() > MOST_FILES {
        let why = format!("a stream has at most {MOST_FILES} files, not {}", files.len());
        return Err(ApiError::new(ErrorCode::LimitExceededException, why));
    }
    let (mut ids, mut rows) = (BTreeSet::new(), Vec::new());
    for file in files {
        let id = file.file_id.ok_or_else(|| ApiError::invalid("each file of a stream needs a fileId"))?;
        if !ids.insert(id) {
            return Err(ApiError::invalid(format!("the fileId {id} is given more than once")));
        }
        let location = file.s3_location.unwrap_or_default();
        let (Some(bucket), Some(key)) = (location.bucket, location.key) else {
            return Err(ApiError::invalid(format!("the file {id} needs an s3Location with a bucket and a key")));
        };
        let version = location.version.filter(|version| !version.is_empty());
        let found = seen(&bucket, &key, version.as_deref()).ok_or_else(|| {
            let of = version.as_ref().map(|version| format!(" of version `{version}`")).unwrap_or_default();
            ApiError::not_found(format!("there is no object `{key}`{of} in the bucket `{bucket}`"))
        })?;
        check_sizes([found.size])?;
        rows.push(FileRow { id, bucket, key, version, size: found.size, etag: found.etag });
    }
    Ok(rows)
}

impl Ota {
    fn stream_arn(&self, stream: &str) -> String {
        self.scope.arn("iot", &format!("stream/{stream}")).into()
    }

    fn put_stream(&mut self, id: &str, row: StreamRow) -> Write {
        let write = Write::put(STREAMS, id, json(&row));
        self.streams.insert(id.into(), row);
        write
    }

    /// "CreateStream". `seen` says what is at a bucket and a key, of a version where one is named.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `ResourceNotFoundException` for an object that is not there;
    /// `LimitExceededException`; `InvalidRequestException`.
    pub fn create_stream(
        &mut self,
        request: CreateStreamRequest,
        seen: Look<'_>,
        now: Timestamp,
    ) -> Result<Done<CreateStreamResponse>, ApiError> {
        let id = request.stream_id;
        if self.has_stream(&id) {
            let why = format!("Stream {id} already exists.");
            return Err(ApiError::exists(why, id.as_str(), self.stream_arn(&id)));
        }
        if self.streams.len() >= MOST {
            let why = format!("an account has at most {MOST} streams");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let files = read_files(request.files, seen)?;
        let (description, role) = (request.description, request.role_arn);
        let row = StreamRow { description: description.clone(), files, role, version: 1, created: now, updated: now };
        let write = self.put_stream(&id, row);
        let reply = CreateStreamResponse {
            description,
            stream_arn: Some(self.stream_arn(&id)),
            stream_id: Some(id),
            stream_version: Some(1),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateStream": what is given takes the place of what was, and the version is the next.
    ///
    /// # Errors
    /// As [`create_stream`](Self::create_stream); `ResourceNotFoundException` for the stream.
    pub fn update_stream(
        &mut self,
        request: UpdateStreamRequest,
        seen: Look<'_>,
        now: Timestamp,
    ) -> Result<Done<UpdateStreamResponse>, ApiError> {
        let id = request.stream_id;
        let mut row = self.stream(&id)?.clone();
        if row.version >= LAST_VERSION {
            let why = format!("a stream has at most {LAST_VERSION} versions");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        if let Some(files) = request.files {
            row.files = read_files(files, seen)?;
        }
        row.description = request.description.or(row.description);
        row.role = request.role_arn.unwrap_or(row.role);
        row.version += 1;
        row.updated = now;
        let reply = UpdateStreamResponse {
            description: row.description.clone(),
            stream_arn: Some(self.stream_arn(&id)),
            stream_id: Some(id.clone()),
            stream_version: Some(row.version),
        };
        let write = self.put_stream(&id, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeStream" of the control plane.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_stream(&self, request: &DescribeStreamRequest) -> Result<DescribeStreamResponse, ApiError> {
        let row = self.stream(&request.stream_id)?;
        let info = StreamInfo {
            created_at: Some(row.created),
            description: row.description.clone(),
            files: Some(row.shown_files()),
            last_updated_at: Some(row.updated),
            role_arn: Some(row.role.clone()),
            stream_arn: Some(self.stream_arn(&request.stream_id)),
            stream_id: Some(request.stream_id.clone()),
            stream_version: Some(row.version),
        };
        Ok(DescribeStreamResponse { stream_info: Some(info) })
    }

    /// "ListStreams": by id, from the last where `isAscendingOrder` is false.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_streams(&self, request: &ListStreamsRequest) -> Result<ListStreamsResponse, ApiError> {
        let operation = "ListStreams";
        let size = request.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let behind = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let at = |(id, _): &(&SmolStr, &StreamRow)| id.to_string();
        let (page, next) = if request.ascending_order == Some(false) {
            page::cut(self.streams.range::<str, _>((Bound::Unbounded, behind)).rev(), size, at)
        } else {
            page::cut(self.streams.range::<str, _>((behind, Bound::Unbounded)), size, at)
        };
        let summary = |(id, row): (&SmolStr, &StreamRow)| StreamSummary {
            description: row.description.clone(),
            stream_arn: Some(self.stream_arn(id)),
            stream_id: Some(id.to_string()),
            stream_version: Some(row.version),
        };
        Ok(ListStreamsResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            streams: Some(page.into_iter().map(summary).collect()),
        })
    }

    /// "DeleteStream".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_stream(&mut self, request: &DeleteStreamRequest) -> Result<Done<DeleteStreamResponse>, ApiError> {
        self.stream(&request.stream_id)?;
        self.streams.remove(request.stream_id.as_str());
        Ok(Done::written(DeleteStreamResponse {}, vec![Write::delete(STREAMS, &request.stream_id)]))
    }
}
