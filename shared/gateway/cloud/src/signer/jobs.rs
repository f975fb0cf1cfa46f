//! Signing jobs: "StartSigningJob", "DescribeSigningJob", "ListSigningJobs", and the work behind them.

use super::key;
use super::page::page;
use super::platform::{Platform, platform};
use super::refusal::{Refused, failed, invalid, missing};
use super::rows::{Asked, CERTNAME, JobRow, Signed, Status};
use super::state::{JOBS, Signer, row};
use crate::context::lock;
use crate::error::CloudError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How much is read of a payload at once, in bytes.
const PIECE: u64 = 1024 * 1024;
/// The largest signed object, in bytes: one that has its payload in it.
const LARGEST_SIGNED: u64 = 32 * 1024 * 1024;

fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1000.0
}

/// A version as S3 finds it.
fn named(version: &str) -> Option<&str> {
    Some(version).filter(|version| *version != "null")
}

/// Reads what is asked for.
pub(super) fn read(input: &Map<String, Value>) -> Result<Asked, Refused> {
    let text = |at: &str| {
        let value = Value::Object(input.clone()).pointer(at).and_then(Value::as_str).map(str::to_owned);
        value.filter(|text| !text.is_empty())
    };
    let needed = |at: &str| text(at).ok_or_else(|| invalid(format!("`{}` is missing", at.trim_start_matches('/'))));
    if input.get("profileOwner").is_some_and(|owner| !owner.is_null()) {
        return Err(invalid("`profileOwner` is not implemented by this gateway: profiles are of the account's own"));
    }
    Ok(Asked {
        bucket: needed("/source/s3/bucketName")?,
        key: needed("/source/s3/key")?,
        version: needed("/source/s3/version")?,
        to_bucket: needed("/destination/s3/bucketName")?,
        to_prefix: text("/destination/s3/prefix").unwrap_or_default(),
        profile: needed("/profileName")?,
        token: needed("/clientRequestToken")?,
    })
}

impl Signer {
    /// Begins a job, which [`finish`](Self::finish) does; of the same token there is one. Gives its id.
    ///
    /// # Errors
    /// An error's name and its text.
    pub async fn begin(&self, asked: Asked) -> Result<String, (&'static str, String)> {
        let known = lock(&self.held)
            .jobs
            .iter()
            .find(|(_, job)| job.asked.token == asked.token)
            .map(|(id, job)| (id.clone(), job.asked == asked));
        match known {
            Some((id, true)) => return Ok(id),
            Some((_, false)) => {
                return Err(invalid("the `clientRequestToken` is of a job that is asked for otherwise"));
            }
            None => {}
        }
        let profile = self.active_profile(&asked.profile)?;
        let platform = platform(&profile.platform)?;
        let facts = self.s3.head_version(&asked.bucket, &asked.key, named(&asked.version)).ok_or_else(|| {
            missing(format!("there is no object `{}` of version `{}` in `{}`", asked.key, asked.version, asked.bucket))
        })?;
        if !self.s3.has_bucket(&asked.to_bucket) {
            return Err(missing(format!("there is no bucket `{}`", asked.to_bucket)));
        }
        if facts.size > platform.largest {
            let why =
                format!("the object has {} bytes, and {} takes {} at most", facts.size, platform.id, platform.largest);
            return Err(invalid(why));
        }
        let job = JobRow {
            asked,
            profile_version: profile.version,
            platform: profile.platform,
            certificate_arn: profile.certificate_arn,
            created: self.context.now(),
            completed: None,
            status: Status::InProgress,
            reason: None,
            signature: None,
            certificate_path: profile.parameters.get(CERTNAME).cloned(),
        };
        let id = self.context.uuid();
        self.keep(&id, job).await.map_err(failed)?;
        Ok(id)
    }

    async fn keep(&self, id: &str, job: JobRow) -> Result<(), CloudError> {
        let written = {
            let mut held = lock(&self.held);
            let write = row(JOBS, id, &job);
            held.jobs.insert(id.to_owned(), job);
            self.context.journal.begin(vec![write])
        };
        written.await
    }

    /// Does a job where it is not done yet.
    ///
    /// # Errors
    /// Where the disk does not take what it comes to: it is still to be done then.
    pub async fn finish(self: &Arc<Self>, id: &str) -> Result<(), CloudError> {
        let mut held = self.key.lock().await;
        let found = lock(&self.held).jobs.get(id).cloned();
        let Some(mut job) = found.filter(|job| job.status == Status::InProgress) else { return Ok(()) };
        let done = match (self.key(&mut held).await, platform(&job.platform)) {
            (Err(error), _) => Err(error.to_string()),
            (_, Err((_, why))) => Err(why),
            (Ok(key), Ok(platform)) => {
                let (signer, of) = (Arc::clone(self), job.asked.clone());
                let done = tokio::task::spawn_blocking(move || signer.signed(&key, platform, &of)).await;
                done.map_err(|error| error.to_string()).flatten()
            }
        };
        let done = match done {
            Ok((signature, object)) => {
                let to = (&job.asked.to_bucket, job.signed_key(id));
                let put = self.s3.put(to.0, &to.1, object.into(), "application/json").await;
                put.map(|()| signature).map_err(|error| error.to_string())
            }
            Err(why) => Err(why),
        };
        job.completed = Some(self.context.now());
        match done {
            Ok(signature) => {
                (job.status, job.reason) = (Status::Succeeded, Some("Signing Succeeded".to_owned()));
                job.signature = Some(signature);
            }
            Err(why) => (job.status, job.reason) = (Status::Failed, Some(why)),
        }
        self.keep(id, job).await
    }

    /// The signature of a payload, and the signed object. Blocks.
    fn signed(&self, key: &key::Key, platform: Platform, asked: &Asked) -> Result<(String, Vec<u8>), String> {
        let version = named(&asked.version);
        let (mut hasher, mut at, mut etag, mut payload) = (key::hasher(), 0_u64, None, Vec::new());
        loop {
            let read = self.s3.read_part(&asked.bucket, &asked.key, version, at, PIECE).map_err(|e| e.to_string())?;
            let (piece, facts) = read.ok_or("the object is not there any more")?;
            if *etag.get_or_insert_with(|| facts.etag.clone()) != facts.etag {
                return Err("the object has changed while it was signed".to_owned());
            }
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            at += piece.len() as u64;
            if platform.embeds {
                payload.extend(piece);
            }
        }
        let signature = STANDARD.encode(key.sign(&hasher.finish()).map_err(|error| error.to_string())?);
        let mut object = json!({
            "rawPayloadSize": at, "signature": signature, "signatureAlgorithm": "SHA256withECDSA",
        });
        let (name, value) = if platform.embeds {
            ("payload", json!(STANDARD.encode(&payload)))
        } else {
            let place = json!({ "bucketName": asked.bucket, "key": asked.key, "version": asked.version });
            ("payloadLocation", json!({ "s3": place }))
        };
        if let Some(members) = object.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        let object = object.to_string().into_bytes();
        if object.len() as u64 > LARGEST_SIGNED {
            return Err(format!("the signed object has more than {LARGEST_SIGNED} bytes"));
        }
        Ok((signature, object))
    }

    /// What became of a job: `None` while it is in progress.
    ///
    /// # Errors
    /// Why it failed, or that it is not there.
    pub fn outcome(&self, id: &str) -> Result<Option<Signed>, String> {
        let held = lock(&self.held);
        let job = held.jobs.get(id).ok_or_else(|| format!("there is no signing job `{id:.64}`"))?;
        match (job.status, &job.signature) {
            (Status::InProgress, _) => Ok(None),
            (Status::Succeeded, Some(signature)) => Ok(Some(Signed {
                bucket: job.asked.bucket.clone(),
                key: job.asked.key.clone(),
                version: named(&job.asked.version).map(str::to_owned),
                signature: signature.clone(),
                certificate_path: job.certificate_path.clone(),
            })),
            _ => Err(format!("the signing job `{id}` failed: {}", job.reason.as_deref().unwrap_or_default())),
        }
    }

    /// The newest signature of a version of a payload, with the bucket and the key of its signed object. The signed object itself
    /// may be named, too.
    #[must_use]
    pub fn signature(&self, bucket: &str, key: &str, version: &str) -> Option<(String, String, String)> {
        let held = lock(&self.held);
        let of = held.jobs.iter().filter(|(id, job)| {
            let asked = &job.asked;
            let is_payload = asked.bucket == bucket && asked.key == key && asked.version == version;
            is_payload || (asked.to_bucket == bucket && job.signed_key(id) == key)
        });
        let (id, job) = of.filter(|(_, job)| job.signature.is_some()).max_by_key(|(_, job)| job.completed)?;
        Some((job.signature.clone()?, job.asked.to_bucket.clone(), job.signed_key(id)))
    }

    /// The jobs that are still to be done.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let held = lock(&self.held);
        held.jobs.iter().filter(|(_, job)| job.status == Status::InProgress).map(|(id, _)| id.clone()).collect()
    }

    /// A job as it is listed; `whole` as it is described.
    fn shown_job(&self, id: &str, job: &JobRow, whole: bool) -> Value {
        let account = &self.context.config.scope.account;
        let asked = &job.asked;
        let source = json!({ "bucketName": asked.bucket, "key": asked.key, "version": asked.version });
        let mut shown = json!({
            "jobId": id, "source": { "s3": source }, "signingMaterial": { "certificateArn": job.certificate_arn },
            "createdAt": seconds(job.created), "status": job.status.as_str(), "profileName": asked.profile,
            "profileVersion": job.profile_version, "platformId": job.platform,
            "platformDisplayName": platform(&job.platform).map(|platform| platform.display).unwrap_or_default(),
            "jobOwner": account.as_str(), "jobInvoker": account.as_str(),
        });
        let Some(members) = shown.as_object_mut() else { return shown };
        if job.status == Status::Succeeded {
            let object = json!({ "bucketName": asked.to_bucket, "key": job.signed_key(id) });
            members.insert("signedObject".to_owned(), json!({ "s3": object }));
        }
        if whole {
            let scope = &self.context.config.scope;
            members.insert("requestedBy".to_owned(), format!("arn:{}:iam::{account}:root", scope.partition()).into());
            if let Some(at) = job.completed {
                members.insert("completedAt".to_owned(), seconds(at).into());
            }
            if let Some(reason) = &job.reason {
                members.insert("statusReason".to_owned(), reason.as_str().into());
            }
        } else {
            members.insert("isRevoked".to_owned(), false.into());
        }
        shown
    }

    pub(super) fn describe_job(&self, id: &str) -> Result<Value, Refused> {
        let held = lock(&self.held);
        let job = held.jobs.get(id).ok_or_else(|| missing(format!("there is no signing job `{id:.64}`")))?;
        Ok(self.shown_job(id, job, true))
    }

    pub(super) fn list_jobs(&self, query: &[(String, String)]) -> Result<Value, Refused> {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        for name in ["requestedBy", "isRevoked", "signatureExpiresBefore", "signatureExpiresAfter", "jobInvoker"] {
            if value(name).is_some() {
                return Err(invalid(format!("`{name}` of ListSigningJobs is not implemented by this gateway")));
            }
        }
        let held = lock(&self.held);
        let listed = held.jobs.iter().filter(|(_, job)| {
            value("status").is_none_or(|status| status == job.status.as_str())
                && value("platformId").is_none_or(|id| id == job.platform)
        });
        let mut all: Vec<(String, Value)> = listed
            .map(|(id, job)| (format!("{:020}/{id}", i64::MAX - job.created.millis()), self.shown_job(id, job, false)))
            .collect();
        // The newest first.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        page("jobs", all, value("nextToken"), value("maxResults"))
    }
}
