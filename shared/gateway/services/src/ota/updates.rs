//! The operations on OTA updates, and how one is made: its files are found and signed, then its stream and its job are made at once.
//!
//! What is to be made is a row with the status `CREATE_PENDING` or `CREATE_IN_PROGRESS`: a kill at any point leaves it to be gone on
//! with.

use super::service::OtaService;
use super::{roles, streams};
use crate::call::Call;
use crate::jobs::fleet::{Registered, tells};
use drydock_cloud::signer::Asked;
use drydock_core::{ApiError, ErrorCode, Timestamp};
use drydock_host::Host;
use drydock_host::tags;
use drydock_jobs::{Context, NewJob};
use drydock_model::Router;
use drydock_model::iot::{CreateOTAUpdateRequest, DeleteJobRequest, DeleteOTAUpdateResponse, OTAUpdateFile, ops};
use drydock_ota::{Found, Place, Signing, job_id, place, signing};
use drydock_registry::tags::NewTags;
use std::collections::BTreeMap;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::CreateOTAUpdate>(|call: Call, input| async move {
        let (host, books) = (call.host(), call.books());
        let kept = NewTags::read(input.tags.as_deref())?;
        roles::check(host, &input.role_arn, &format!("otaupdate/{}", input.ota_update_id))?;
        let change = books.change((&books.ota, &books.tags), |(ota, part)| {
            let reply = ota.apply(|book| book.create_update(input, books.now()))?;
            tags::keep(part, reply.ota_update_arn.as_deref(), kept)?;
            Ok(reply)
        });
        let reply = change.await?;
        call.services.ota.reminder.by(books.now());
        Ok(reply)
    });
    router.on::<ops::GetOTAUpdate>(
        |call: Call, input| async move { call.books().ota.read(|book| book.get_update(&input)) },
    );
    router.on::<ops::ListOTAUpdates>(|call: Call, input| async move {
        call.books().ota.read(|book| book.list_updates(&input))
    });
    router.on::<ops::DeleteOTAUpdate>(|call: Call, input| async move {
        let books = call.books();
        let update = input.ota_update_id.clone();
        let with_stream = input.delete_stream == Some(true);
        let runner = &call.services.jobs.runner;
        let touched = (&books.registry, &books.jobs, &books.ota, &books.tags);
        let change = books.change(touched, |(registry, jobs, ota, part)| {
            let fleet = Registered(registry);
            let context =
                Context { now: books.now(), fleet: &fleet, links: &call.host().links, tells: tells(registry) };
            let job = job_id(&update);
            let outcome = if ota.has_update(&update) && jobs.has_job(&job) {
                let request = DeleteJobRequest {
                    job_id: job.clone(),
                    force: Some(input.force_delete_aws_job == Some(true)),
                    ..DeleteJobRequest::default()
                };
                let deleted = jobs.apply(|book| book.delete_job(&request, &context)).map_err(|error| {
                    // Not among the errors of this operation.
                    if error.code == ErrorCode::InvalidStateTransitionException {
                        ApiError::invalid(format!("{} Or delete the update with forceDeleteAWSJob.", error.message))
                    } else {
                        error
                    }
                })?;
                tags::forget(part, &books.scope, &format!("job/{job}"));
                Some(deleted)
            } else {
                None
            };
            let stream = ota.apply(|book| book.delete_update(&update, with_stream))?;
            if let Some(stream) = stream {
                tags::forget(part, &books.scope, &format!("stream/{stream}"));
            }
            tags::forget(part, &books.scope, &format!("otaupdate/{update}"));
            Ok(outcome)
        });
        if let Some(outcome) = change.await? {
            runner.settled(outcome);
        }
        Ok(DeleteOTAUpdateResponse {})
    });
}

/// Why an update is not made: a code and a text, for its `errorInfo`.
type Failed = (&'static str, String);

fn invalid(error: &ApiError) -> Failed {
    ("InvalidRequest", error.message.to_string())
}

impl OtaService {
    /// Makes all updates that are still to be made.
    ///
    /// # Errors
    /// Where the disk does not take something.
    pub(super) async fn make_updates(&self) -> Result<(), ApiError> {
        let books = &self.host.books;
        for update in books.ota.read(drydock_ota::Ota::pending_updates) {
            let Some((asked, created)) = books.ota.read(|book| book.to_make(&update)) else { continue };
            let made = match self.found(&update, &asked, created).await? {
                Ok(found) => self.make(&update, &found).await,
                Err(failed) => Ok(Err(failed)),
            };
            if let Err((code, why)) = made? {
                let failed = books.apply(&books.ota, |book| book.update_failed(&update, code, &why, books.now()));
                gone(failed.await)?;
            }
        }
        Ok(())
    }

    /// The files of an update, found and signed.
    async fn found(
        &self,
        update: &str,
        asked: &CreateOTAUpdateRequest,
        created: Timestamp,
    ) -> Result<Result<Vec<Found>, Failed>, ApiError> {
        let books = &self.host.books;
        let mut jobs = BTreeMap::new();
        for (at, file) in asked.files.iter().enumerate() {
            match begin(&self.host, update, at, file, created).await {
                Ok(Some(job)) => drop(jobs.insert(at, job)),
                Ok(None) => {}
                Err(failed) => return Ok(Err(failed)),
            }
        }
        let begun = jobs.clone();
        gone(books.apply(&books.ota, |book| book.update_in_progress(update, begun, books.now())).await)?;
        for job in jobs.values() {
            let done = self.host.cloud.signer().finish(job).await;
            done.map_err(|error| ApiError::new(ErrorCode::InternalFailureException, error.to_string()))?;
        }
        let files = asked.files.iter().enumerate();
        Ok(files.map(|(at, file)| find(&self.host, file, jobs.get(&at))).collect())
    }

    /// The stream and the job, with the update's status, at once.
    async fn make(&self, update: &str, found: &[Found]) -> Result<Result<(), Failed>, ApiError> {
        let books = &self.host.books;
        let stream = format!("AFR_OTA-{}", books.ids.uuid());
        let change = books.change((&books.registry, &books.jobs, &books.ota), |(registry, jobs, ota)| {
            let fleet = Registered(registry);
            let context = Context { now: books.now(), fleet: &fleet, links: &self.host.links, tells: tells(registry) };
            let new = NewJob { request: ota.update_job(update, found, &stream)?, source: None };
            let outcome = jobs.apply(|book| book.create_job(new, &context))?;
            ota.apply(|book| book.complete_update(update, found, &stream, books.now()))?;
            Ok(outcome)
        });
        match change.await {
            Ok(outcome) => {
                self.jobs.runner.settled(outcome);
                Ok(Ok(()))
            }
            Err(error) if error.code == ErrorCode::InternalFailureException => Err(error),
            Err(error) => Ok(Err((error.code.as_str(), error.message.to_string()))),
        }
    }
}

/// That an update was deleted meanwhile is no failure.
fn gone(done: Result<(), ApiError>) -> Result<(), ApiError> {
    match done {
        Err(error) if error.code == ErrorCode::ResourceNotFoundException => Ok(()),
        done => done,
    }
}

/// Begins the signing job of a file that is to be signed. Of an update's file there is one, however often it is begun.
async fn begin(
    host: &Host,
    update: &str,
    at: usize,
    file: &OTAUpdateFile,
    created: Timestamp,
) -> Result<Option<String>, Failed> {
    let Signing::ToDo(parameter) = signing(file).map_err(|error| invalid(&error))? else { return Ok(None) };
    let Place::S3(bucket, key, version) = place(file).map_err(|error| invalid(&error))? else { return Ok(None) };
    let signer = host.cloud.signer();
    let profile = parameter.signing_profile_name.unwrap_or_default();
    if let Some(described) = parameter.signing_profile_parameter {
        let made = signer.ensure_profile(
            &profile,
            described.platform.as_deref(),
            described.certificate_arn.as_deref(),
            described.certificate_path_on_device.as_deref(),
        );
        made.await?;
    }
    let version = version.or_else(|| host.cloud.s3().head(&bucket, &key).and_then(|facts| facts.version));
    let to = parameter.destination.and_then(|to| to.s3_destination).unwrap_or_default();
    let asked = Asked {
        bucket,
        key,
        version: version.unwrap_or_else(|| "null".to_owned()),
        to_bucket: to.bucket.unwrap_or_default(),
        to_prefix: to.prefix.unwrap_or_default(),
        profile,
        token: format!("ota/{update}/{}/{at}", created.millis()),
    };
    signer.begin(asked).await.map(Some)
}

/// A file, where it is there and signed.
fn find(host: &Host, file: &OTAUpdateFile, begun: Option<&String>) -> Result<Found, Failed> {
    let named = match signing(file).map_err(|error| invalid(&error))? {
        Signing::Job(job) => Some(job),
        Signing::ToDo(_) | Signing::Custom(_) | Signing::None => begun.cloned(),
    };
    let signed = match named {
        None => None,
        Some(job) => {
            let outcome = host.cloud.signer().outcome(&job).map_err(|why| ("SigningJobFailed", why))?;
            Some(outcome.ok_or_else(|| ("SigningJobFailed", format!("the signing job `{job}` is in progress")))?)
        }
    };
    let at = match (place(file).map_err(|error| invalid(&error))?, &signed) {
        // What was signed is what devices get, whatever else is at that key by now.
        (Place::S3(..) | Place::Signed, Some(signed)) => {
            Place::S3(signed.bucket.clone(), signed.key.clone(), signed.version.clone())
        }
        (at, _) => at,
    };
    let mut found = match at {
        Place::Stream(stream, id) => host
            .books
            .ota
            .read(|book| book.stream_file(&stream, id))
            .ok_or_else(|| ("ResourceNotFound", format!("there is no file {id} of a stream `{stream}`")))?,
        Place::S3(bucket, key, version) => {
            let seen = streams::seen(&host.cloud, &bucket, &key, version.as_deref());
            let seen = seen.ok_or_else(|| ("ResourceNotFound", format!("there is no object `{key}` in `{bucket}`")))?;
            Found { bucket, key, version, size: seen.size, etag: seen.etag, stream: None, signature: None }
        }
        Place::Signed => return Err(("InvalidRequest", "a file has no place".to_owned())),
    };
    let path = match signing(file).map_err(|error| invalid(&error))? {
        Signing::ToDo(parameter) => {
            parameter.signing_profile_parameter.and_then(|described| described.certificate_path_on_device)
        }
        Signing::Job(_) | Signing::Custom(_) | Signing::None => None,
    };
    found.signature = signed.map(|signed| (signed.signature, path.or(signed.certificate_path)));
    Ok(found)
}
