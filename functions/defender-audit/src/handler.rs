//! The end of an audit into what is done about its findings, and a report. See [`fleet::defender`] for why it is done this way.
//!
//! - `decide`: what is to be done, from what was found and what the plans say.
//! - `act`: doing it, and seeing what has become of it.

mod act;
mod decide;

use fleet::alert::Alert;
use fleet::batch::{Failure, each};
use fleet::conditional::Outcome;
use fleet::defender::audit::{Claim, Phase, Report, claim, judge, note};
use fleet::ports::{
    AddThingToGroup, AskForRelease, CountThings, DescribeMitigation, FindRow, ListDevices, ListFindings, MakeGroup,
    Notify, PortError, Quarantine, StartMitigation, Suppress, UpdateItem,
};
use fleet::telemetry::Quarantined;
use iot_events::{AuditEnded, BatchResponse, SqsBatch, SqsMessage};

/// How long an audit may be worked on, in milliseconds: longer than the function's timeout (25 s in the template), shorter than the queue's
/// visibility timeout (180 s).
const LEASE: i64 = 28_000;

/// What asks AWS IoT about findings and devices, and has something done about them.
pub(crate) trait Defender:
    ListFindings
    + ListDevices
    + CountThings
    + StartMitigation
    + DescribeMitigation
    + Suppress
    + MakeGroup
    + AddThingToGroup
    + Sync
{
}
impl<
    T: ListFindings
        + ListDevices
        + CountThings
        + StartMitigation
        + DescribeMitigation
        + Suppress
        + MakeGroup
        + AddThingToGroup
        + Sync,
> Defender for T
{
}

/// Who the outside is: AWS, or its stand-ins in tests.
pub(crate) trait Outside {
    /// The audits and their reports.
    type Audits: UpdateItem;
    /// What is to be done.
    type Plans: FindRow;
    /// AWS IoT.
    type Defender: Defender;
    /// The queue of the function that makes releases.
    type Releases: AskForRelease;
    /// What cannot be read.
    type Quarantine: Quarantine;
    /// Alerts.
    type Alerts: Notify;
}

/// What an audit needs of the outside.
pub(crate) struct Ports<'a, O: Outside> {
    /// The audits and their reports.
    pub(crate) audits: &'a O::Audits,
    /// What is to be done.
    pub(crate) plans: &'a O::Plans,
    /// AWS IoT.
    pub(crate) defender: &'a O::Defender,
    /// The queue of the function that makes releases.
    pub(crate) releases: &'a O::Releases,
    /// What cannot be read.
    pub(crate) quarantine: &'a O::Quarantine,
    /// Alerts.
    pub(crate) alerts: &'a O::Alerts,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// The audit was answered.
    Answered(Box<Report>),
    /// It had been.
    Known,
    /// The message cannot be read.
    Quarantined,
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Another invocation is at the audit.
    #[error("another invocation is at the audit; this one comes again in case that one dies")]
    InProgress,
    /// AWS IoT is.
    #[error("mitigation goes on; this message comes again to see what has become of it")]
    Mitigating,
}

impl Failure for AuditError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::InProgress | Self::Mitigating => None,
        }
    }
}

/// Takes a batch, message by message, so that one that fails comes again alone.
pub(crate) async fn handle_batch<O: Outside>(
    ports: &Ports<'_, O>,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Handled, AuditError>>) {
    each(ports.quarantine, batch, async |message| handle_message(ports, message, now).await).await
}

async fn handle_message<O: Outside>(
    ports: &Ports<'_, O>,
    message: &SqsMessage,
    now: i64,
) -> Result<Handled, AuditError> {
    match serde_json::from_str::<AuditEnded>(&message.body) {
        Ok(ended) => answer(ports, &ended, now).await,
        Err(error) => {
            let reason = format!("not the end of an audit: {error}");
            ports.quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            Ok(Handled::Quarantined)
        }
    }
}

/// Goes on with the audit from where it is.
pub(crate) async fn answer<O: Outside>(
    ports: &Ports<'_, O>,
    ended: &AuditEnded,
    now: i64,
) -> Result<Handled, AuditError> {
    let held = now.saturating_add(LEASE);
    let report = match judge(&ports.audits.update_item(&claim(&ended.task_id, now, LEASE)).await?) {
        Claim::Done => return Ok(Handled::Known),
        Claim::InProgress => return Err(AuditError::InProgress),
        Claim::Decide => {
            let report = decide::decide(ports, ended).await?;
            write(ports, &report, Phase::Decided, held).await?;
            act::act(ports, report, held).await?
        }
        Claim::Act(report) => act::act(ports, *report, held).await?,
        Claim::Follow(report) => *report,
    };
    let report = act::follow(ports, report, held).await?;
    ports.alerts.notify(&Alert::Audit(report.summary())).await?;
    write(ports, &report, Phase::Done, held).await?;
    Ok(Handled::Answered(Box::new(report)))
}

/// Writes down how far the audit is, as long as the lease is held.
async fn write<O: Outside>(ports: &Ports<'_, O>, report: &Report, phase: Phase, held: i64) -> Result<(), AuditError> {
    match ports.audits.update_item(&note(report, phase, held)).await? {
        Outcome::Applied { .. } => Ok(()),
        Outcome::Refused { .. } => Err(AuditError::InProgress),
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
