//! Some lines at a time: what they make is settled and written down, then they are carried out side by side.

use super::lines::{Line, Lines};
use crate::provisioning::certificate::is_registered;
use crate::provisioning::run::{Provisioned, provision_settled};
use crate::provisioning::service::ProvisioningService;
use crate::provisioning::settled::Settled;
use drydock_core::{ApiError, ErrorCode};
use drydock_identity::{Certificate, Issued};
use drydock_provisioning::book::tasks::{Batch, Settled as SettledRow};
use drydock_provisioning::plan::CertificateSource;
use drydock_provisioning::{Plan, Template};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The most lines of a batch: how many are run again after a kill.
const LINES: usize = 64;
/// The most bytes of a batch.
const BYTES: u64 = 4 * 1024 * 1024;
/// How many lines are carried out side by side: they wait for the disk together.
const SIDE_BY_SIDE: usize = 32;

/// A line and what it asks for.
pub(super) struct Work {
    pub(super) line: Line,
    plan: Result<(Plan, Settled), ApiError>,
}

impl Work {
    async fn carry_out(&self, service: &ProvisioningService) -> Outcome {
        let (plan, settled) = self.plan.as_ref().map_err(Clone::clone)?;
        provision_settled(service, plan, settled).await.map_err(ApiError::from)
    }
}

/// What came of a line.
pub(super) type Outcome = Result<Provisioned, ApiError>;

/// Reads the next batch: the one that was begun, or a new one. In a new one no two lines are about the same thing or certificate,
/// so that they can be carried out in any order.
pub(super) async fn read(
    service: &ProvisioningService,
    template: &Template,
    lines: &mut Lines,
    begun: Option<&Batch>,
) -> io::Result<Vec<Work>> {
    let mut work = Vec::new();
    let mut names = BTreeSet::new();
    let from = lines.offset();
    let most = begun.map_or(LINES, |batch| usize::try_from(batch.lines).unwrap_or(LINES));
    while work.len() < most && (begun.is_some() || lines.offset() - from < BYTES) {
        let Some(line) = lines.next().await? else { break };
        let plan = line.text.clone().and_then(|text| parameters(&text)).map_err(ApiError::invalid);
        let plan = plan.and_then(|parameters| {
            template
                .plan(&parameters)
                .map_err(|failure| ApiError::new(ErrorCode::ResourceRegistrationFailureException, failure.to_string()))
        });
        let named = plan.as_ref().map(about).unwrap_or_default();
        if begun.is_none() && named.iter().any(|name| names.contains(name)) {
            lines.unread(line);
            break;
        }
        names.extend(named);
        let known = begun.and_then(|batch| batch.settled.get(&line.number));
        let plan = plan.map(|plan| {
            let settled = known.map(recall).unwrap_or_default();
            (plan, settled)
        });
        work.push(Work { line, plan });
    }
    Ok(if begun.is_some() { work } else { settle(service, work).await })
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

/// The thing and the certificate that a plan is about.
fn about(plan: &Plan) -> Vec<String> {
    let thing = plan.thing.as_ref().map(|thing| format!("thing {}", thing.name));
    let certificate = plan.certificate.as_ref().map(|certificate| match &certificate.source {
        CertificateSource::Request(request) => format!("request {request}"),
        CertificateSource::Id(id) => format!("certificate {id}"),
        CertificateSource::Pem { certificate, .. } => {
            id_of(certificate).map_or_else(|| format!("text {certificate}"), |id| format!("certificate {id}"))
        }
    });
    thing.into_iter().chain(certificate).collect()
}

fn id_of(certificate: &str) -> Option<String> {
    let read = Certificate::from_pem("the certificate", certificate).ok()?;
    Some(read.id().to_string())
}

/// Settles what new lines make. Certificates are signed here, off the async threads and one after the other.
async fn settle(service: &ProvisioningService, mut work: Vec<Work>) -> Vec<Work> {
    let mut requests = Vec::new();
    for (at, one) in work.iter_mut().enumerate() {
        let Ok((plan, settled)) = &mut one.plan else { continue };
        settled.thing_id = plan.thing.as_ref().map(|_| service.host.books.ids.uuid());
        match plan.certificate.as_ref().map(|certificate| &certificate.source) {
            Some(CertificateSource::Request(request)) => requests.push((at, request.clone())),
            Some(CertificateSource::Pem { certificate, .. }) => {
                let id = Certificate::from_pem("the certificate", certificate).map(|read| read.id().clone());
                settled.registers = id.is_ok_and(|id| !is_registered(&service.host, &id));
            }
            Some(CertificateSource::Id(_)) | None => {}
        }
    }
    let issuer = service.host.issuer.clone();
    let signed = tokio::task::spawn_blocking(move || {
        // One that cannot be signed is left to the run of its line, which says why.
        let signed = requests.into_iter().filter_map(|(at, request)| Some((at, issuer.issue_for(&request).ok()?)));
        signed.collect::<Vec<_>>()
    });
    for (at, issued) in signed.await.unwrap_or_default() {
        if let Some(Work { plan: Ok((_, settled)), .. }) = work.get_mut(at) {
            settled.issued = Some(issued);
        }
    }
    work
}

/// What is written down of a batch before it is carried out.
pub(super) fn row(work: &[Work]) -> Batch {
    let settled = work.iter().filter_map(|one| {
        let (_, settled) = one.plan.as_ref().ok()?;
        let row = SettledRow {
            thing_id: settled.thing_id.map(|id| id.to_string()),
            certificate: settled.issued.as_ref().map(|issued| issued.certificate.pem()),
            registers: settled.registers,
        };
        Some((one.line.number, row))
    });
    Batch { lines: work.len() as u64, settled: settled.collect() }
}

fn recall(row: &SettledRow) -> Settled {
    let issued = row.certificate.as_ref().and_then(|pem| Certificate::from_pem("the certificate", pem).ok());
    Settled {
        thing_id: row.thing_id.as_ref().and_then(|id| id.parse().ok()),
        issued: issued.map(|certificate| Issued { certificate, keys: None }),
        registers: row.registers,
    }
}

/// Carries a batch out: what came of each line, in the order of the lines.
pub(super) async fn carry_out(service: &ProvisioningService, work: &[Work]) -> Vec<Outcome> {
    let outcomes: Vec<BoxFuture<'_, Outcome>> = work.iter().map(|one| one.carry_out(service).boxed()).collect();
    futures_util::stream::iter(outcomes).buffered(SIDE_BY_SIDE).collect().await
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
