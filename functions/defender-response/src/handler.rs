//! Violations into quarantine, remedies and release. See [`fleet::defender::watched`] for why it is done this way.

mod drive;

use fleet::batch::{Failure, each};
use fleet::defender::watched::{Place, Watched};
use fleet::defender::window::Cap;
use fleet::ports::{
    AddThingToGroup, AskForRelease, AttachPolicy, FindRow, MakeGroup, Notify, PortError, Quarantine,
    RemoveThingFromGroup, UpdateItem,
};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, SqsBatch, SqsMessage, ViolationEvent};

pub(crate) use drive::answer;

/// How long a device may be worked on, in milliseconds: longer than the function's timeout (25 s in the template), shorter than the queue's
/// visibility timeout (180 s).
const LEASE: i64 = 28_000;
/// How often a row is read anew that others change as well, before it is left for later.
const TRIES: usize = 8;

/// What puts things into groups and takes them out.
pub(crate) trait Groups: MakeGroup + AddThingToGroup + RemoveThingFromGroup + AttachPolicy + Sync {}
impl<T: MakeGroup + AddThingToGroup + RemoveThingFromGroup + AttachPolicy + Sync> Groups for T {}

/// Who the outside is: AWS, or its stand-ins in tests.
pub(crate) trait Outside {
    /// The devices and their violations.
    type Devices: FindRow + UpdateItem;
    /// What is to be done.
    type Plans: FindRow;
    /// AWS IoT.
    type Groups: Groups;
    /// The queue of the function that makes releases.
    type Releases: AskForRelease;
    /// What cannot be read.
    type Quarantine: Quarantine;
    /// Alerts.
    type Alerts: Notify;
}

/// What a violation needs of the outside.
pub(crate) struct Ports<'a, O: Outside> {
    /// The devices and their violations.
    pub(crate) devices: &'a O::Devices,
    /// What is to be done.
    pub(crate) plans: &'a O::Plans,
    /// AWS IoT.
    pub(crate) groups: &'a O::Groups,
    /// The queue of the function that makes releases.
    pub(crate) releases: &'a O::Releases,
    /// What cannot be read.
    pub(crate) quarantine: &'a O::Quarantine,
    /// Alerts.
    pub(crate) alerts: &'a O::Alerts,
}

/// What is configured.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The group that devices in quarantine are in.
    pub(crate) group: String,
    /// Its ARN.
    pub(crate) group_arn: String,
    /// The policy that devices in quarantine have.
    pub(crate) policy: String,
    /// How many devices may come into quarantine in a while.
    pub(crate) cap: Cap,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// A device was looked at.
    Answered {
        /// The device.
        thing_name: String,
        /// Whether it is in quarantine.
        quarantine: Place,
        /// Whether it was held back from it because of this violation.
        held_back: bool,
    },
    /// It was no news.
    Known,
    /// It cannot be read.
    Quarantined,
}

impl Handled {
    fn of(watched: &Watched, event: &ViolationEvent) -> Self {
        let violation = watched.violations.get(&event.violation_id);
        Self::Answered {
            thing_name: watched.thing_name.clone(),
            quarantine: watched.quarantine,
            held_back: violation.is_some_and(|violation| violation.held_back),
        }
    }
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResponseError {
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Another invocation is at the device.
    #[error("another invocation is at the device; this one comes again in case that one dies")]
    InProgress,
}

impl Failure for ResponseError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::InProgress => None,
        }
    }
}

/// Takes a batch, message by message, so that one that fails comes again alone.
pub(crate) async fn handle_batch<O: Outside>(
    ports: &Ports<'_, O>,
    settings: &Settings,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Handled, ResponseError>>) {
    each(ports.quarantine, batch, async |message| handle_message(ports, settings, message, now).await).await
}

async fn handle_message<O: Outside>(
    ports: &Ports<'_, O>,
    settings: &Settings,
    message: &SqsMessage,
    now: i64,
) -> Result<Handled, ResponseError> {
    match serde_json::from_str::<ViolationEvent>(&message.body) {
        Ok(event) => answer(ports, settings, &event, now).await,
        Err(error) => {
            let reason = format!("not a violation: {error}");
            ports.quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            Ok(Handled::Quarantined)
        }
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
