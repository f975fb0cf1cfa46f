//! "CreateOTAUpdate", "GetOTAUpdate", "ListOTAUpdates" and "DeleteOTAUpdate", and what becomes of an update in between.
//!
//! Source: the API reference of the operations, and "Creating an OTA update" of the FreeRTOS user guide.

use crate::book::{Ota, UPDATES, json};
use crate::wire;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write, page};
use drydock_model::iot::{
    CreateOTAUpdateRequest, CreateOTAUpdateResponse, CustomCodeSigning, ErrorInfo, GetOTAUpdateRequest,
    GetOTAUpdateResponse, ListOTAUpdatesRequest, ListOTAUpdatesResponse, OTAUpdateFile, OTAUpdateInfo, OTAUpdateStatus,
    OTAUpdateSummary, Protocol, S3Location, StartSigningJobParameter, TargetSelection,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};

/// The most files of an update.
const MOST_FILES: usize = 10;
/// How long links may hold, in seconds.
const LINK: RangeInclusive<i64> = 60..=3600;
/// How many updates a page has where nobody says.
const PAGE: usize = 250;
/// How the ids of jobs and streams begin that updates make.
pub(crate) const PREFIX: &str = "AFR_OTA-";

/// An OTA update; its key is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateRow {
    /// As it was asked for, but for its tags.
    #[serde(with = "wire")]
    pub(crate) request: CreateOTAUpdateRequest,
    #[serde(with = "wire")]
    pub(crate) status: OTAUpdateStatus,
    /// Why it failed: a code and a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
    /// The signing jobs that were begun for it, by the places of their files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) signing: BTreeMap<usize, String>,
    /// The stream that was made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// Where a file of an update is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A bucket, a key, and a version where one is named.
    S3(String, String, Option<String>),
    /// A stream, and the id of a file of it.
    Stream(String, i32),
    /// Wherever the payload of its signing job is.
    Signed,
}

/// How a file is signed.
#[derive(Debug, Clone, PartialEq)]
pub enum Signing {
    /// Not at all.
    None,
    /// By a signing job that there is.
    Job(String),
    /// By one that is to be made.
    ToDo(StartSigningJobParameter),
    /// By whoever made the update.
    Custom(CustomCodeSigning),
}

/// The id of the job of an update.
#[must_use]
pub fn job_id(update: &str) -> String {
    format!("{PREFIX}{update}")
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::invalid(why.into())
}

/// Where a file is.
///
/// # Errors
/// `InvalidRequestException`.
pub fn place(file: &OTAUpdateFile) -> Result<Place, ApiError> {
    let name = file.file_name.as_deref().unwrap_or_default();
    let by_job = file.code_signing.as_ref().is_some_and(|signing| signing.aws_signer_job_id.is_some());
    let location = file.file_location.clone().unwrap_or_default();
    match (location.s3_location, location.stream) {
        (Some(S3Location { bucket: Some(bucket), key: Some(key), version }), None) => {
            Ok(Place::S3(bucket, key, version.filter(|version| !version.is_empty())))
        }
        (None, Some(stream)) => match (stream.stream_id, stream.file_id) {
            (Some(stream), Some(file)) => Ok(Place::Stream(stream, file)),
            _ => Err(invalid(format!("the stream of the file `{name}` needs a streamId and a fileId"))),
        },
        (None, None) if by_job => Ok(Place::Signed),
        (Some(_), Some(_)) => Err(invalid(format!("the file `{name}` has an s3Location and a stream: it needs one"))),
        _ => Err(invalid(format!(
            "the fileLocation of `{name}` needs a stream, or an s3Location with a bucket and a key"
        ))),
    }
}

/// How a file is signed.
///
/// # Errors
/// `InvalidRequestException`.
pub fn signing(file: &OTAUpdateFile) -> Result<Signing, ApiError> {
    let Some(given) = file.code_signing.clone() else { return Ok(Signing::None) };
    match (given.aws_signer_job_id, given.start_signing_job_parameter, given.custom_code_signing) {
        (None, None, None) => Ok(Signing::None),
        (Some(job), None, None) => Ok(Signing::Job(job)),
        (None, Some(parameter), None) => Ok(Signing::ToDo(parameter)),
        (None, None, Some(custom)) => Ok(Signing::Custom(custom)),
        _ => Err(invalid("codeSigning needs one of awsSignerJobId, startSigningJobParameter and customCodeSigning")),
    }
}

/// The name that a signature has in a job document, such as `sig-sha256-ecdsa`.
///
/// # Errors
/// `InvalidRequestException` for an algorithm that agents do not know.
pub(crate) fn signature_name(custom: &CustomCodeSigning) -> Result<&'static str, ApiError> {
    let (hash, algorithm) = (custom.hash_algorithm.as_deref(), custom.signature_algorithm.as_deref());
    match (hash.unwrap_or("SHA256"), algorithm.unwrap_or("ECDSA")) {
        ("SHA256", "ECDSA") => Ok("sig-sha256-ecdsa"),
        ("SHA256", "RSA") => Ok("sig-sha256-rsa"),
        ("SHA1", "RSA") => Ok("sig-sha1-rsa"),
        ("SHA1", "ECDSA") => Ok("sig-sha1-ecdsa"),
        (hash, algorithm) => Err(invalid(format!(
            "customCodeSigning has the hashAlgorithm `{hash:.40}` and the signatureAlgorithm `{algorithm:.40}`: SHA256 or SHA1, and ECDSA or RSA"
        ))),
    }
}

fn check_file(file: &OTAUpdateFile) -> Result<Place, ApiError> {
    if file.file_name.as_deref().is_none_or(str::is_empty) {
        return Err(invalid("each file of an OTA update needs a fileName"));
    }
    let at = place(file)?;
    match signing(file)? {
        Signing::None | Signing::Job(_) => {}
        Signing::Custom(custom) => {
            signature_name(&custom)?;
            if custom.signature.and_then(|signature| signature.inline_document).is_none_or(|bytes| bytes.is_empty()) {
                return Err(invalid("customCodeSigning needs a signature with an inlineDocument"));
            }
        }
        Signing::ToDo(parameter) => {
            let bucket = parameter.destination.and_then(|to| to.s3_destination).and_then(|to| to.bucket);
            if parameter.signing_profile_name.is_none() || bucket.is_none() {
                return Err(invalid(
                    "startSigningJobParameter needs a signingProfileName and the bucket of a destination",
                ));
            }
            if !matches!(at, Place::S3(..)) {
                return Err(invalid("what is to be signed needs an s3Location"));
            }
        }
    }
    Ok(at)
}

impl UpdateRow {
    pub(crate) fn protocols(&self) -> Vec<Protocol> {
        self.request.protocols.clone().unwrap_or_else(|| vec![Protocol::Mqtt])
    }

    /// Whether it is still to be made.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.status, OTAUpdateStatus::CreatePending | OTAUpdateStatus::CreateInProgress)
    }

    fn shown_files(&self) -> Vec<OTAUpdateFile> {
        let shown = |(at, file): (usize, &OTAUpdateFile)| {
            let mut file = file.clone();
            if let (Some(job), Some(signing)) = (self.signing.get(&at), &mut file.code_signing) {
                signing.aws_signer_job_id = Some(job.clone());
            }
            file
        };
        self.request.files.iter().enumerate().map(shown).collect()
    }
}

impl Ota {
    fn update_arn(&self, update: &str) -> String {
        self.scope.arn("iot", &format!("otaupdate/{update}")).into()
    }

    fn job_arn(&self, update: &str) -> String {
        self.scope.arn("iot", &format!("job/{}", job_id(update))).into()
    }

    /// Whether there is an OTA update of this id.
    #[must_use]
    pub fn has_update(&self, update: &str) -> bool {
        self.updates.contains_key(update)
    }

    pub(crate) fn update(&self, update: &str) -> Result<&UpdateRow, ApiError> {
        self.updates.get(update).ok_or_else(|| ApiError::not_found(format!("OTA update {update} cannot be found.")))
    }

    /// "CreateOTAUpdate": what is asked for is checked and kept; it is made afterwards.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `InvalidRequestException`; `LimitExceededException` for too many files.
    pub fn create_update(
        &mut self,
        mut request: CreateOTAUpdateRequest,
        now: Timestamp,
    ) -> Result<Done<CreateOTAUpdateResponse>, ApiError> {
        let id = request.ota_update_id.clone();
        if self.has_update(&id) {
            let why = format!("OTA update {id} already exists.");
            return Err(ApiError::exists(why, id.as_str(), self.update_arn(&id)));
        }
        // Ids of jobs are shorter than those of updates.
        if job_id(&id).len() > 64 {
            return Err(invalid(format!(
                "the id of the job would be `{}`, and has at most 64 characters",
                job_id(&id)
            )));
        }
        if request.files.len() > MOST_FILES {
            let why = format!("an OTA update has at most {MOST_FILES} files");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let places = request.files.iter().map(check_file).collect::<Result<Vec<_>, _>>()?;
        let streams = places.iter().filter_map(|place| match place {
            Place::Stream(stream, _) => Some(stream),
            Place::S3(..) | Place::Signed => None,
        });
        let streams: Vec<&String> = streams.collect();
        let of_one = streams.is_empty()
            || (streams.len() == places.len() && streams.windows(2).all(|two| two.first() == two.last()));
        if !of_one {
            return Err(invalid("files of a stream are all of one stream, and not mixed with others"));
        }
        let link = request.aws_job_presigned_url_config.as_ref().and_then(|config| config.expires_in_sec);
        if let Some(seconds) = link.filter(|seconds| !LINK.contains(seconds)) {
            return Err(invalid(format!("expiresInSec must be {} to {}, not {seconds}", LINK.start(), LINK.end())));
        }
        let protocols = request.protocols.as_deref().unwrap_or_default();
        if protocols.windows(2).any(|two| two.first() == two.last()) {
            return Err(invalid("a protocol is given more than once"));
        }
        request.tags = None;
        let status = OTAUpdateStatus::CreatePending;
        let row = UpdateRow {
            request,
            status,
            error: None,
            signing: BTreeMap::new(),
            stream: None,
            created: now,
            updated: now,
        };
        let write = self.put_update(&id, row);
        let reply = CreateOTAUpdateResponse {
            aws_iot_job_arn: Some(self.job_arn(&id)),
            aws_iot_job_id: Some(job_id(&id)),
            ota_update_arn: Some(self.update_arn(&id)),
            ota_update_id: Some(id),
            ota_update_status: Some(status),
        };
        Ok(Done::written(reply, vec![write]))
    }

    fn put_update(&mut self, id: &str, row: UpdateRow) -> Write {
        let write = Write::put(UPDATES, id, json(&row));
        self.updates.insert(id.into(), row);
        write
    }

    /// The updates that are still to be made.
    #[must_use]
    pub fn pending_updates(&self) -> Vec<String> {
        self.updates.iter().filter(|(_, row)| row.is_pending()).map(|(id, _)| id.to_string()).collect()
    }

    /// What an update asks for, while it is still to be made; and when it was asked for.
    #[must_use]
    pub fn to_make(&self, update: &str) -> Option<(CreateOTAUpdateRequest, Timestamp)> {
        let row = self.updates.get(update).filter(|row| row.is_pending())?;
        Some((row.request.clone(), row.created))
    }

    /// An update goes from one status to the next: `change` says how.
    pub(crate) fn change_update(
        &mut self,
        update: &str,
        now: Timestamp,
        change: impl FnOnce(&mut UpdateRow),
    ) -> Result<Write, ApiError> {
        let mut row = self.update(update)?.clone();
        change(&mut row);
        row.updated = now;
        Ok(self.put_update(update, row))
    }

    /// It is being made: with the signing jobs that were begun for it, by the places of their files.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn update_in_progress(
        &mut self,
        update: &str,
        signing: BTreeMap<usize, String>,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let write = self.change_update(update, now, |row| {
            row.status = OTAUpdateStatus::CreateInProgress;
            row.signing = signing;
        })?;
        Ok(Done::written((), vec![write]))
    }

    /// It cannot be made.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn update_failed(&mut self, update: &str, code: &str, why: &str, now: Timestamp) -> Result<Done<()>, ApiError> {
        let write = self.change_update(update, now, |row| {
            row.status = OTAUpdateStatus::CreateFailed;
            row.error = Some((code.to_owned(), why.to_owned()));
        })?;
        Ok(Done::written((), vec![write]))
    }

    /// "GetOTAUpdate".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_update(&self, request: &GetOTAUpdateRequest) -> Result<GetOTAUpdateResponse, ApiError> {
        let id = &request.ota_update_id;
        let row = self.update(id)?;
        let asked = row.request.clone();
        let error = row.error.clone().map(|(code, message)| ErrorInfo { code: Some(code), message: Some(message) });
        let info = OTAUpdateInfo {
            additional_parameters: asked.additional_parameters,
            aws_iot_job_arn: Some(self.job_arn(id)),
            aws_iot_job_id: Some(job_id(id)),
            aws_job_executions_rollout_config: asked.aws_job_executions_rollout_config,
            aws_job_presigned_url_config: asked.aws_job_presigned_url_config,
            creation_date: Some(row.created),
            description: asked.description,
            error_info: error,
            last_modified_date: Some(row.updated),
            ota_update_arn: Some(self.update_arn(id)),
            ota_update_files: Some(row.shown_files()),
            ota_update_id: Some(id.clone()),
            ota_update_status: Some(row.status),
            protocols: Some(row.protocols()),
            target_selection: Some(asked.target_selection.unwrap_or(TargetSelection::Snapshot)),
            targets: Some(asked.targets),
        };
        Ok(GetOTAUpdateResponse { ota_update_info: Some(info) })
    }

    /// "ListOTAUpdates": by id.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_updates(&self, request: &ListOTAUpdatesRequest) -> Result<ListOTAUpdatesResponse, ApiError> {
        let operation = "ListOTAUpdates";
        let size = request.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let left = self.updates.range::<str, _>((from, Bound::Unbounded));
        let left = left.filter(|(_, row)| request.ota_update_status.is_none_or(|status| status == row.status));
        let (page, next) = page::cut(left, size, |(id, _)| id.to_string());
        let summary = |(id, row): (&SmolStr, &UpdateRow)| OTAUpdateSummary {
            creation_date: Some(row.created),
            ota_update_arn: Some(self.update_arn(id)),
            ota_update_id: Some(id.to_string()),
        };
        Ok(ListOTAUpdatesResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            ota_updates: Some(page.into_iter().map(summary).collect()),
        })
    }

    /// "DeleteOTAUpdate", as far as the update goes, and with `with_stream` the stream that was made for it, which it gives where it
    /// is there. The job is somebody else's.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_update(&mut self, update: &str, with_stream: bool) -> Result<Done<Option<String>>, ApiError> {
        let stream = self.update(update)?.stream.clone().filter(|stream| with_stream && self.has_stream(stream));
        self.updates.remove(update);
        let mut writes = vec![Write::delete(UPDATES, update)];
        if let Some(stream) = &stream {
            self.streams.remove(stream.as_str());
            writes.push(Write::delete(crate::book::STREAMS, stream));
        }
        Ok(Done::written(stream, writes))
    }
}
