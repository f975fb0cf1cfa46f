//! Bulk registration carried out: each line of a file becomes a device, behind the requests of everybody else.
//!
//! - `lines`: the file, line by line, however long it is.
//! - `batch`: some lines at a time, carried out as one change.
//! - `report`: what came of each line. `halted`: why a task waits.
//!
//! A task works on one core at most and waits for the disk most of the time, so that devices connect and publish beside it. What
//! survives a kill, and how, is said in `drydock_provisioning::book::tasks`. Follows "Bulk registration" of the developer guide.

mod batch;
mod halted;
mod lines;
mod report;

use super::service::ProvisioningService;
use crate::service::AGAIN;
use drydock_core::{ApiError, ErrorCode};
use drydock_host::notice::{Notice, Tone, Topic};
use drydock_host::roles::Unassumable;
use drydock_identity::trust::Assumer;
use drydock_model::iot::{ReportType, Status};
use drydock_provisioning::book::tasks::TaskRow;
use drydock_provisioning::{Dialect, Provisioning, Template};
use halted::Halted;
use lines::Lines;
use report::Reports;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// What the names of a task's files end in.
const KINDS: [&str; 3] = ["input", "results", "errors"];
/// How long the link of a report holds, in seconds: a day.
const LINK: u32 = 24 * 60 * 60;
/// The service that reads the input.
const IOT: &str = "iot.amazonaws.com";

/// The files of a task.
struct Files {
    input: PathBuf,
    results: PathBuf,
    errors: PathBuf,
}

impl Files {
    fn of(folder: &Path, task: &str) -> Self {
        let [input, results, errors] = KINDS.map(|kind| folder.join(format!("{task}.{kind}")));
        Self { input, results, errors }
    }

    async fn remove(&self) {
        for file in [&self.input, &self.results, &self.errors] {
            match tokio::fs::remove_file(file).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %file.display(), "a file of a registration task stays");
                }
                _ => {}
            }
        }
    }
}

/// Runs tasks, one after the other, as long as the gateway runs; first one that a restart left open.
pub async fn run(service: Arc<ProvisioningService>) {
    let folder = &service.bulk.folder;
    if let Err(error) = tidy(&service, folder).await {
        tracing::warn!(%error, path = %folder.display(), "the folder of registration tasks could not be tidied");
    }
    loop {
        let Some(task) = service.host.books.provisioning.read(Provisioning::open_task) else {
            service.bulk.bell.notified().await;
            continue;
        };
        match carry_on(&service, &task).await {
            Ok(()) => {}
            Err(Halted::Gone) => Files::of(folder, &task).remove().await,
            Err(why) => {
                tracing::error!(%why, task, "a registration task waits");
                tell(&service, &task, Tone::Bad, format!("waits, and is tried again: {why}"));
                let time = &service.host.books.time;
                // The work ends with the task's next round, which begins before it waits again.
                drop(time.until("bulk registration", time.now().plus_millis(AGAIN)).await);
            }
        }
    }
}

/// Makes the folder, and deletes the files in it that no open task has.
async fn tidy(service: &ProvisioningService, folder: &Path) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let open = service.host.books.provisioning.read(Provisioning::open_task);
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.rsplit_once('.'));
        // Anything else in the folder is somebody else's.
        let of_a_task = parts.filter(|(task, kind)| task.parse::<Uuid>().is_ok() && KINDS.contains(kind));
        if of_a_task.is_some_and(|(task, _)| Some(task) != open.as_deref()) {
            tokio::fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}

/// Carries a task on until it is over.
async fn carry_on(service: &ProvisioningService, task: &str) -> Result<(), Halted> {
    let books = &service.host.books;
    let files = Files::of(&service.bulk.folder, task);
    let read = || books.provisioning.read(|book| book.task(task).cloned()).map_err(Halted::from);
    let row = read()?;
    let input = match open_input(service, &row, &files).await? {
        Ok(input) => input,
        Err(why) => return finish(service, task, &files, Status::Failed, Some(why)).await,
    };
    let size = input.metadata().await?.len();
    books.apply(&books.provisioning, |book| book.measured(task, size)).await?;
    // It was read when the task was started.
    let template = Template::parse(&row.template, Dialect::Registration).map_err(ApiError::from)?;
    let mut progress = row.progress;
    let mut lines = Lines::open(input, progress.lines, progress.offset).await?;
    // What the last batch added may not be in the files yet.
    let added = books.provisioning.read(|book| book.added(task));
    let mut reports = Reports::open(&files.results, &files.errors, progress, &added, service.host.durable).await?;
    let begins = if progress.lines == 0 { "begins" } else { "goes on" };
    tell(
        service,
        task,
        Tone::Plain,
        format!("bulk registration {begins}: {size} bytes of s3://{}/{}", row.bucket, row.key),
    );
    let mut told = tenth(progress.offset, size);
    loop {
        if read()?.status == Status::Cancelling {
            return finish(service, task, &files, Status::Cancelled, None).await;
        }
        let work = batch::read(service, &template, &mut lines).await?;
        if work.is_empty() {
            return finish(service, task, &files, Status::Completed, None).await;
        }
        batch::carry_out(service, task, work, &mut progress, &mut reports).await?;
        let now = tenth(progress.offset, size);
        if now > told {
            told = now;
            let (success, failure) = (progress.success, progress.failure);
            tell(
                service,
                task,
                Tone::Plain,
                format!("bulk registration: {now}0%, {success} registered, {failure} failed"),
            );
        }
        // Whoever has waited goes first.
        tokio::task::yield_now().await;
    }
}

fn tenth(offset: u64, size: u64) -> u64 {
    offset.saturating_mul(10).checked_div(size).unwrap_or_default()
}

/// The input, which is kept as it was when the task was started; or why it cannot be had.
async fn open_input(
    service: &ProvisioningService,
    row: &TaskRow,
    files: &Files,
) -> Result<Result<tokio::fs::File, String>, Halted> {
    let opened = tokio::fs::File::open(&files.input).await;
    match opened {
        Ok(file) => return Ok(Ok(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    if row.progress.lines > 0 || row.size > 0 {
        return Ok(Err("the input of the task is not there any more: start it anew".to_owned()));
    }
    let scope = &service.host.books.scope;
    let source = scope.arn("iot", "thingregistrationtask/*");
    let who = Assumer { service: IOT, source_account: &scope.account, source_arn: source.as_str() };
    match service.host.assume(&row.role_arn, who, 0) {
        Err(Unassumable::Untrusting(why)) => {
            return Ok(Err(format!("the role `{}` cannot be assumed: {}", row.role_arn, why.join("; "))));
        }
        Ok(()) | Err(Unassumable::TooLong(_)) => {}
    }
    let (bucket, key) = (&row.bucket, &row.key);
    if !service.host.cloud.s3().has_bucket(bucket) {
        return Ok(Err(format!("there is no bucket `{bucket}`")));
    }
    if !service.host.cloud.s3().pin(bucket, key, &files.input).await? {
        return Ok(Err(format!("there is no object `{key}` in the bucket `{bucket}`")));
    }
    if service.host.durable {
        tokio::fs::File::open(&service.bulk.folder).await?.sync_all().await?;
    }
    Ok(Ok(tokio::fs::File::open(&files.input).await?))
}

/// Ends a task: its reports become objects, its files go.
async fn finish(
    service: &ProvisioningService,
    task: &str,
    files: &Files,
    status: Status,
    message: Option<String>,
) -> Result<(), Halted> {
    let books = &service.host.books;
    let s3 = service.host.cloud.s3();
    let bucket = bucket(service);
    for (kind, file) in [(ReportType::Results, &files.results), (ReportType::Errors, &files.errors)] {
        if tokio::fs::metadata(file).await.is_ok_and(|file| file.len() > 0) {
            s3.ensure_bucket(&bucket, true).await?;
            s3.adopt(&bucket, &key(task, kind), file, "application/x-ndjson").await?;
        }
    }
    let said = message.clone();
    books.apply(&books.provisioning, |book| book.end_task(task, status, message, books.now())).await?;
    service.left_behind.by(books.now());
    files.remove().await;
    let (tone, progress) = (
        if status == Status::Completed { Tone::Good } else { Tone::Bad },
        books.provisioning.read(|book| book.task(task).map(|row| row.progress)).unwrap_or_default(),
    );
    let (success, failure) = (progress.success, progress.failure);
    let why = said.map(|why| format!(": {why}")).unwrap_or_default();
    tell(service, task, tone, format!("bulk registration {status}: {success} registered, {failure} failed{why}"));
    Ok(())
}

/// The bucket of reports, which is the service's own.
fn bucket(service: &ProvisioningService) -> String {
    let scope = &service.host.books.scope;
    format!("iot-thing-registration-{}-{}", scope.account, scope.region)
}

fn key(task: &str, kind: ReportType) -> String {
    format!("{task}/{}.json", kind.to_string().to_ascii_lowercase())
}

/// The links of a task's reports of a kind: none where nothing is to be reported, or the task is not over.
///
/// # Errors
/// `ResourceNotFoundException` where there is no such task.
pub fn links(service: &ProvisioningService, task: &str, kind: ReportType) -> Result<Vec<String>, ApiError> {
    service.host.books.provisioning.read(|book| book.task(task).map(|_| ()))?;
    let (bucket, key) = (bucket(service), key(task, kind));
    let there = service.host.cloud.s3().head(&bucket, &key).is_some();
    Ok(there.then(|| service.host.links.link(&bucket, &key, LINK)).into_iter().collect())
}

/// Forgets tasks that are kept no longer, and their reports.
///
/// # Errors
/// Where the disk does not take it.
pub async fn forget_old(service: &ProvisioningService) -> Result<(), ApiError> {
    let books = &service.host.books;
    for task in books.provisioning.read(|book| book.old_tasks(books.now())) {
        for kind in [ReportType::Results, ReportType::Errors] {
            let deleted = service.host.cloud.s3().delete(&bucket(service), &key(&task, kind)).await;
            deleted.map_err(|error| ApiError::new(ErrorCode::InternalFailureException, error.to_string()))?;
        }
        books.apply(&books.provisioning, |book| Ok(book.forget_task(&task))).await?;
    }
    Ok(())
}

fn tell(service: &ProvisioningService, task: &str, tone: Tone, text: String) {
    service.host.told.notices.tell(|| Notice {
        at: service.host.books.now(),
        tone,
        topic: Topic::Registration,
        subject: task.to_owned(),
        text,
        reasons: Vec::new(),
    });
}
