//! The events of jobs, a batch at a time: what devices were given goes into their history, and each release that the batch is about is looked
//! at once.

use super::command::carry_out;
use super::{Command, Handled, Outside, Ports, ReleaseError, drive};
use fleet::batch::comes_again;
use fleet::ports::{FindRelease as _, Quarantine as _, UpdateItem as _};
use fleet::release::{JobName, Release, history};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, JobsEvent, SqsBatch, SqsMessage};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A release that was left in the middle, on the function's own account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LeftOver {
    release_id: String,
}

/// What a message asks for.
enum Body {
    Event(Box<JobsEvent>),
    GoOn(LeftOver),
    /// What another function asks for.
    Command(Box<Command>),
}

fn read(body: &str) -> Result<Body, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(body)?;
    match value.get("eventType") {
        Some(_) => serde_json::from_value(value).map(Body::Event),
        None if value.get("command").is_some() => serde_json::from_value(value).map(Body::Command),
        None => serde_json::from_value(value).map(Body::GoOn),
    }
}

/// A message that was read, as far as it could be.
enum Note {
    About { release_id: String, kept: bool },
    Nothing(Handled),
}

/// Takes a batch. What fails comes again alone, but for the messages of one release, which come again together.
pub(crate) async fn handle_batch<O: Outside>(
    ports: &Ports<'_, O>,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Handled, ReleaseError>>) {
    let mut known: BTreeMap<String, Option<Release>> = BTreeMap::new();
    let mut notes = Vec::new();
    for message in &batch.records {
        notes.push(note(ports, &mut known, message, now).await);
    }
    let mut looked: BTreeMap<String, Result<Release, ReleaseError>> = BTreeMap::new();
    for (release_id, release) in &known {
        if let Some(release) = release {
            looked.insert(release_id.clone(), drive::look(ports, release.clone(), now).await);
        }
    }
    let (mut response, mut all) = (BatchResponse::default(), Vec::new());
    for (message, note) in batch.records.iter().zip(notes) {
        let handled = match note {
            Err(error) => Err(error),
            Ok(Note::Nothing(handled)) => Ok(handled),
            Ok(Note::About { release_id, kept }) => match looked.get(&release_id) {
                Some(Ok(release)) => {
                    let moved = known.get(&release_id).is_some_and(|before| {
                        before.as_ref().is_some_and(|before| {
                            before.phase != release.phase || before.runs.len() != release.runs.len()
                        })
                    });
                    Ok(Handled::Looked { release_id, phase: release.phase, moved, kept })
                }
                Some(Err(error)) => Err(again(error)),
                None => Ok(Handled::NotOurs),
            },
        };
        if comes_again(ports.quarantine, message, &handled).await {
            response.retry(message);
        }
        all.push(handled);
    }
    (response, all)
}

/// The same error for another message of the release.
fn again(error: &ReleaseError) -> ReleaseError {
    match error {
        ReleaseError::Port(error) => {
            fleet::ports::PortError::new(error.operation, error.cause.to_string()).of_kind(error.kind).into()
        }
        ReleaseError::Refused(refusal) => refusal.clone().into(),
        ReleaseError::InProgress => ReleaseError::InProgress,
    }
}

async fn note<O: Outside>(
    ports: &Ports<'_, O>,
    known: &mut BTreeMap<String, Option<Release>>,
    message: &SqsMessage,
    now: i64,
) -> Result<Note, ReleaseError> {
    let body = match read(&message.body) {
        Ok(body) => body,
        Err(error) => {
            let reason = format!("neither an event of a job nor a command: {error}");
            ports.quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            return Ok(Note::Nothing(Handled::Quarantined));
        }
    };
    let (release_id, event) = match body {
        Body::Command(command) => {
            carry_out(ports, &command, now).await?;
            return Ok(Note::Nothing(Handled::Obeyed));
        }
        Body::GoOn(go_on) => (go_on.release_id, None),
        Body::Event(event) => match JobName::read(event.job_id()) {
            Some(name) => (name.release_id.clone(), Some((name, *event))),
            None => return Ok(Note::Nothing(Handled::NotOurs)),
        },
    };
    if !known.contains_key(&release_id) {
        let row = ports.releases.find_release(&release_id).await?;
        known.insert(release_id.clone(), row.as_ref().and_then(Release::read));
    }
    let release = known.get(&release_id).and_then(Option::as_ref);
    let (Some(release), Some((name, JobsEvent::JobExecution(event)))) = (release, event) else {
        return Ok(Note::About { release_id, kept: false });
    };
    // A job of the same form that the release never made is somebody else's.
    let own = release.runs.iter().any(|run| run.job_id == event.job_id);
    let row = own.then(|| history::row(release, &name, &event)).flatten();
    if let Some(row) = &row {
        ports.history.update_item(row).await?;
    }
    Ok(Note::About { release_id, kept: row.is_some() })
}
