//! What an OTA update makes: a stream for its files, and a job with the document that FreeRTOS agents read.
//!
//! Source: the documents that agents of FreeRTOS parse (`afr_ota`, "Jobs for AWS IoT embedded SDK"), and the API reference of
//! "CreateOTAUpdate".

use crate::book::{Ota, STREAMS, json};
use crate::streams::{FileRow, StreamRow, check_sizes};
use crate::updates::{Signing, UpdateRow, job_id, signature_name, signing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::{ApiError, Done, Timestamp, Write};
use drydock_model::Wire;
use drydock_model::iot::{
    AbortConfig, CreateJobRequest, OTAUpdateStatus, PresignedUrlConfig, Protocol, TargetSelection,
};
use drydock_model::wire::At;
use serde_json::{Map, Value, json};

/// How long links hold, in seconds, where nobody says.
const LINK: i64 = 1800;

/// A file of an update, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, where one is named.
    pub version: Option<String>,
    /// Its length, in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: String,
    /// The stream that has it, and the id of the file there, where the update names one.
    pub stream: Option<(String, i32)>,
    /// Where it was signed by AWS Signer: the signature in base64, and the path of the certificate on devices.
    pub signature: Option<(String, Option<String>)>,
}

/// The stream that the files are of, where the update names one.
fn given(found: &[Found]) -> Option<&str> {
    found.iter().find_map(|file| file.stream.as_ref()).map(|(stream, _)| stream.as_str())
}

/// What is percent-encoded of a key in the placeholder of a link.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Ota {
    /// A file of a stream, as it was when the stream was made.
    #[must_use]
    pub fn stream_file(&self, stream: &str, file: i32) -> Option<Found> {
        let row = self.streams.get(stream)?.files.iter().find(|row| row.id == file)?;
        Some(Found {
            bucket: row.bucket.clone(),
            key: row.key.clone(),
            version: row.version.clone(),
            size: row.size,
            etag: row.etag.clone(),
            stream: Some((stream.to_owned(), file)),
            signature: None,
        })
    }

    /// The request for the job of an update, whose stream is called `stream` where one is made.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where it is not there any more; `InvalidRequestException` where what is asked for does not fit.
    pub fn update_job(&self, update: &str, found: &[Found], stream: &str) -> Result<CreateJobRequest, ApiError> {
        let row = self.update(update)?;
        let over_mqtt = row.protocols().contains(&Protocol::Mqtt);
        if over_mqtt && given(found).is_none() {
            check_sizes(found.iter().map(|file| file.size))?;
        }
        let stream = given(found).unwrap_or(stream);
        let document = self.document(row, found, Some(stream).filter(|_| over_mqtt))?;
        job(update, row, document)
    }

    /// An update is made, and its stream where one is needed; the job is somebody else's.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where it is not there any more.
    pub fn complete_update(
        &mut self,
        update: &str,
        found: &[Found],
        stream: &str,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let row = self.update(update)?.clone();
        let over_mqtt = row.protocols().contains(&Protocol::Mqtt);
        let mut writes = Vec::new();
        let made = (over_mqtt && given(found).is_none()).then(|| stream.to_owned());
        if let Some(made) = &made {
            let file = |(id, file): (i32, &Found)| FileRow {
                id,
                bucket: file.bucket.clone(),
                key: file.key.clone(),
                version: file.version.clone(),
                size: file.size,
                etag: file.etag.clone(),
            };
            let stream = StreamRow {
                description: Some(format!("Stream of the OTA update {update}")),
                files: (0..).zip(found).map(file).collect(),
                role: row.request.role_arn.clone(),
                version: 1,
                created: now,
                updated: now,
            };
            writes.push(Write::put(STREAMS, made, json(&stream)));
            self.streams.insert(made.as_str().into(), stream);
        }
        writes.push(self.change_update(update, now, |row| {
            row.status = OTAUpdateStatus::CreateComplete;
            row.stream = made;
        })?);
        Ok(Done::written((), writes))
    }

    fn document(&self, row: &UpdateRow, found: &[Found], stream: Option<&str>) -> Result<String, ApiError> {
        let protocols = row.protocols();
        let mut files = Vec::new();
        for (at, (asked, file)) in (0_i32..).zip(row.request.files.iter().zip(found)) {
            let mut signature = file.signature.clone().map(|(value, path)| ("sig-sha256-ecdsa", value, path));
            if let Signing::Custom(custom) = signing(asked)? {
                let bytes = custom.signature.as_ref().and_then(|signature| signature.inline_document.clone());
                let path = custom.certificate_chain.as_ref().and_then(|chain| chain.certificate_name.clone());
                signature = Some((signature_name(&custom)?, STANDARD.encode(bytes.unwrap_or_default()), path));
            }
            let mut shown = Map::new();
            let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
            put("filepath", json!(asked.file_name));
            put("filesize", json!(file.size));
            put("fileid", json!(file.stream.as_ref().map_or(at, |(_, id)| *id)));
            put("certfile", json!(signature.as_ref().and_then(|(_, _, path)| path.clone()).unwrap_or_default()));
            if let Some(kind) = asked.file_type {
                put("fileType", json!(kind));
            }
            if protocols.contains(&Protocol::Http) {
                put("update_data_url", json!(self.link(file)));
                put("auth_scheme", json!("aws.s3.presigned"));
            }
            if let Some((name, value, _)) = signature {
                put(name, json!(value));
            }
            files.push(Value::Object(shown));
        }
        let mut ota = Map::new();
        ota.insert("protocols".to_owned(), protocols.iter().map(|protocol| json!(protocol.as_str())).collect());
        if let Some(stream) = stream {
            ota.insert("streamname".to_owned(), json!(stream));
        }
        ota.insert("files".to_owned(), files.into());
        Ok(json!({ "afr_ota": ota }).to_string())
    }

    /// The placeholder of a link that is made anew each time that the document is handed out.
    fn link(&self, file: &Found) -> String {
        let host = format!("s3.{}.amazonaws.com", self.scope.region);
        let version = file.version.as_ref().map(|version| format!("?versionId={version}")).unwrap_or_default();
        let path = format!("{}/{}{version}", file.bucket, file.key);
        format!("${{aws:iot:s3-presigned-url-v2:https://{host}/{}}}", encoded(&path))
    }
}

/// A shape that is written as another is, member by member.
fn like<T: Wire>(value: &Value) -> Result<T, ApiError> {
    T::read(value, &At::ROOT).map_err(|error| ApiError::invalid(error.to_string()))
}

/// The job of an update.
fn job(update: &str, row: &UpdateRow, document: String) -> Result<CreateJobRequest, ApiError> {
    let asked = &row.request;
    let rollout = asked.aws_job_executions_rollout_config.as_ref().map(|config| like(&config.write())).transpose()?;
    let timeout = asked.aws_job_timeout_config.as_ref().map(|config| like(&config.write())).transpose()?;
    let criteria = asked.aws_job_abort_config.as_ref().map(|config| config.write());
    let abort = criteria.map(|config| {
        let list = config.get("abortCriteriaList").cloned().unwrap_or_default();
        like::<AbortConfig>(&json!({ "criteriaList": list }))
    });
    let seconds = asked.aws_job_presigned_url_config.as_ref().and_then(|config| config.expires_in_sec).unwrap_or(LINK);
    let presigned = PresignedUrlConfig { expires_in_sec: Some(seconds), role_arn: Some(asked.role_arn.clone()) };
    Ok(CreateJobRequest {
        abort_config: abort.transpose()?,
        description: asked.description.clone(),
        document: Some(document),
        job_executions_rollout_config: rollout,
        job_id: job_id(update),
        presigned_url_config: row.protocols().contains(&Protocol::Http).then_some(presigned),
        target_selection: Some(asked.target_selection.unwrap_or(TargetSelection::Snapshot)),
        targets: asked.targets.clone(),
        timeout_config: timeout,
        ..CreateJobRequest::default()
    })
}
