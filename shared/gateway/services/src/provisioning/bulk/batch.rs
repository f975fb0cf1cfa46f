//! Some lines at a time: a batch is one change of the books, with the progress of its task and what the reports get of it.

use super::halted::Halted;
use super::lines::{Line, Lines};
use super::report::Reports;
use crate::provisioning::failure::NotProvisioned;
use crate::provisioning::run::{Failure, Provisioned, carry_out as provision, touched};
use crate::provisioning::service::ProvisioningService;
use drydock_core::ApiError;
use drydock_identity::Issued;
use drydock_provisioning::book::tasks::{Added, Progress};
use drydock_provisioning::plan::CertificateSource;
use drydock_provisioning::{Plan, Template};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io;

/// The most lines of a batch: how long the books are locked for it.
const LINES: usize = 64;
/// The most bytes of a batch.
const BYTES: u64 = 4 * 1024 * 1024;

/// A line and what it asks for.
pub(super) struct Work {
    pub(super) line: Line,
    plan: Result<Signed, ApiError>,
}

/// A plan, and what was signed for its request.
struct Signed {
    plan: Plan,
    issued: Option<Issued>,
}

/// What came of a line.
pub(super) type Outcome = Result<Provisioned, ApiError>;

/// Reads the next batch.
pub(super) async fn read(
    service: &ProvisioningService,
    template: &Template,
    lines: &mut Lines,
) -> io::Result<Vec<Work>> {
    let mut work = Vec::new();
    let from = lines.offset();
    while work.len() < LINES && lines.offset() - from < BYTES {
        let Some(line) = lines.next().await? else { break };
        let plan = line.text.clone().and_then(|text| parameters(&text)).map_err(ApiError::invalid);
        let plan = plan.and_then(|parameters| {
            let plan = template.plan(&parameters);
            plan.map(|plan| Signed { plan, issued: None })
                .map_err(|failure| ApiError::from(NotProvisioned::from(failure)))
        });
        work.push(Work { line, plan });
    }
    Ok(sign(service, work).await)
}

/// The parameters that a line gives.
fn parameters(text: &str) -> Result<BTreeMap<String, String>, String> {
    if text.trim().is_empty() {
        return Err("the line is empty: it is to be a JSON object of parameters".to_owned());
    }
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("the line is not a JSON object of parameters: {error}"))?;
    let value = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        other => Err(format!("the parameter `{name:.128}` is `{:.80}`: parameters are texts", other.to_string())),
    };
    object.into_iter().map(value).collect()
}

/// Signs what the lines ask for, off the async threads and one after the other.
async fn sign(service: &ProvisioningService, mut work: Vec<Work>) -> Vec<Work> {
    let request = |(at, one): (usize, &Work)| match &one.plan.as_ref().ok()?.plan.certificate.as_ref()?.source {
        CertificateSource::Request(request) => Some((at, request.clone())),
        CertificateSource::Id(_) | CertificateSource::Pem { .. } => None,
    };
    let requests: Vec<_> = work.iter().enumerate().filter_map(request).collect();
    let issuer = service.host.issuer.clone();
    let signed = tokio::task::spawn_blocking(move || {
        let signed = requests.into_iter().map(|(at, request)| (at, issuer.issue_for(&request)));
        signed.collect::<Vec<_>>()
    });
    for (at, issued) in signed.await.unwrap_or_default() {
        let Some(one) = work.get_mut(at) else { continue };
        match (issued, &mut one.plan) {
            (Ok(issued), Ok(signed)) => signed.issued = Some(issued),
            (Err(error), plan) => {
                let what = plan.as_ref().ok().and_then(|signed| signed.plan.certificate.as_ref());
                let what = what.map(|certificate| certificate.logical_name.clone()).unwrap_or_default();
                *plan = Err(NotProvisioned::of(what)(error).into());
            }
            (Ok(_), Err(_)) => {}
        }
    }
    work
}

/// Why a change of some lines was not made.
enum Stopped {
    /// A line failed after it had changed something.
    Line(ApiError),
    /// The task is gone, or nothing was saved.
    Task(ApiError),
}

impl From<ApiError> for Stopped {
    fn from(error: ApiError) -> Self {
        Self::Task(error)
    }
}

/// Carries a batch out: as one change, or where that cannot be each of its lines as one. What a change adds to the reports is in
/// their files before the next one is made.
pub(super) async fn carry_out(
    service: &ProvisioningService,
    task: &str,
    work: Vec<Work>,
    progress: &mut Progress,
    reports: &mut Reports,
) -> Result<(), Halted> {
    match change(service, task, &work, progress).await {
        Ok(added) => return Ok(reports.add(&added).await?),
        Err(Stopped::Task(error)) => return Err(error.into()),
        Err(Stopped::Line(error)) => tracing::warn!(task, %error, "a batch is carried out line by line"),
    }
    for mut one in work {
        let mut done = change(service, task, std::slice::from_ref(&one), progress).await;
        if let Err(Stopped::Line(error)) = done {
            one.plan = Err(error);
            done = change(service, task, std::slice::from_ref(&one), progress).await;
        }
        let added = done.map_err(|stopped| match stopped {
            Stopped::Line(error) | Stopped::Task(error) => error,
        })?;
        reports.add(&added).await?;
    }
    Ok(())
}

async fn change(
    service: &ProvisioningService,
    task: &str,
    work: &[Work],
    progress: &mut Progress,
) -> Result<Added, Stopped> {
    let books = &service.host.books;
    let changed = books.change_or(touched(books), |parts| {
        // One that was reset away is looked for before anything is made.
        parts.3.task(task)?;
        let mut outcomes = Vec::with_capacity(work.len());
        for one in work {
            outcomes.push(match &one.plan {
                Err(error) => Err(error.clone()),
                Ok(Signed { plan, issued }) => match provision(books, parts, plan, issued.as_ref()) {
                    Ok(done) => Ok(done),
                    Err(Failure::Refused(why)) => Err(why.into()),
                    Err(Failure::Broken(why)) => return Err(Stopped::Line(why.into())),
                },
            });
        }
        let (added, after) = report(work, &outcomes, *progress);
        parts.3.apply(|book| book.end_batch(task, after, added.clone(), books.now()))?;
        Ok((added, after))
    });
    let (added, after) = changed.await?;
    *progress = after;
    Ok(added)
}

/// What the outcomes of some lines add to the reports, and how far the task is with them.
fn report(work: &[Work], outcomes: &[Outcome], mut progress: Progress) -> (Added, Progress) {
    let mut added = Added::default();
    for (Work { line, .. }, outcome) in work.iter().zip(outcomes) {
        progress.lines += 1;
        progress.offset = line.end;
        match outcome {
            Ok(done) => {
                progress.success += 1;
                let response = json!({ "CertificatePem": done.certificate_pem, "ResourceArns": done.arns });
                let entry = json!({ "lineNumber": line.number, "offset": line.offset, "response": response });
                added.results.push_str(&format!("{entry}\n"));
            }
            Err(error) => {
                progress.failure += 1;
                let entry = json!({
                    "lineNumber": line.number,
                    "offset": line.offset,
                    "errorCode": error.code.as_str(),
                    "errorMessage": error.message,
                });
                added.errors.push_str(&format!("{entry}\n"));
            }
        }
    }
    progress.results += added.results.len() as u64;
    progress.errors += added.errors.len() as u64;
    (added, progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_of_texts() {
        let read = parameters(r#" {"ThingName":"foo","SerialNumber":"123"} "#).unwrap();
        assert_eq!(read["SerialNumber"], "123");
        for (line, why) in [
            ("", "empty"),
            ("  \r", "empty"),
            ("[]", "not a JSON object"),
            ("\"a\"", "not a JSON object"),
            (r#"{"a":"b""#, "not a JSON object"),
            (r#"{"a":"b"} {}"#, "not a JSON object"),
            (r#"{"a":1}"#, "the parameter `a` is `1`"),
        ] {
            let said = parameters(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
