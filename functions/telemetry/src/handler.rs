//! Readings into tables, crossings into alerts, and what is malformed out of the way.
//!
//! Every write has a natural key or a condition, so that a message may come twice and in any order: the history keeps it
//! once, the latest reading is that of the latest measurement, and an alarm is raised once.

use fleet::conditional::Outcome;
use fleet::ports::{FindDeviceType, Notify, PortError, Quarantine, UpdateItem};
use fleet::telemetry::{
    Crossing, History, Quarantined, Reading, Recency, Threshold, Thresholds, Window, judge_latest, latest,
};
use iot_events::{BatchResponse, SqsBatch, SqsMessage, TelemetryEnvelope};
use serde::de::{Deserialize, Deserializer, Error};

/// How long telling of an alarm may take, in milliseconds: longer than the function's timeout (10 s in the template).
const LEASE: i64 = 20_000;

/// What the function is invoked with.
#[derive(Debug)]
pub(crate) enum Input {
    /// One message, by the rule.
    One(TelemetryEnvelope),
    /// Messages, by a queue; each body is what the rule would have handed over.
    Batch(SqsBatch),
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // Not an untagged enum: that would not say what is wrong with an event.
        let read = if value.get("Records").is_some() {
            serde_json::from_value(value).map(Self::Batch)
        } else {
            serde_json::from_value(value).map(Self::One)
        };
        read.map_err(D::Error::custom)
    }
}

/// What telemetry needs of the outside.
pub(crate) struct Ports<'a, L, H, D, Q, A> {
    /// The latest readings.
    pub(crate) latest: &'a L,
    /// All readings.
    pub(crate) history: &'a H,
    /// The devices that joined.
    pub(crate) devices: &'a D,
    /// What is malformed.
    pub(crate) quarantine: &'a Q,
    /// Alarms.
    pub(crate) alerts: &'a A,
}

/// What is configured.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How far a device's clock may be off.
    pub(crate) window: Window,
    /// How long readings are kept.
    pub(crate) history: History,
    /// The limits.
    pub(crate) thresholds: Thresholds,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Report {
    /// It was stored.
    Stored {
        /// The device.
        thing_name: String,
        /// Whether it is the latest.
        recency: Recency,
        /// What was told of.
        crossings: Vec<String>,
    },
    /// It was set aside.
    Quarantined {
        /// The device, if it is known.
        thing_name: Option<String>,
        /// Why.
        reason: String,
    },
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The message came twice at once, and the other invocation is telling of its alarm.
    #[error("another invocation is telling of `{0}`; this one comes again in case that one dies")]
    InProgress(String),
}

impl TelemetryError {
    /// A stable name of the error.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Port(error) => format!("{}Failed", error.operation),
            Self::InProgress(_) => "AlarmInProgress".to_owned(),
        }
    }
}

/// Takes one message.
///
/// # Errors
/// [`TelemetryError`], which must reach Lambda or the queue: the message comes again. What can never be read is no error,
/// it is set aside.
pub(crate) async fn accept<L, H, D, Q, A>(
    ports: &Ports<'_, L, H, D, Q, A>,
    settings: &Settings,
    envelope: &TelemetryEnvelope,
    now: i64,
) -> Result<Report, TelemetryError>
where
    L: UpdateItem,
    H: UpdateItem,
    D: FindDeviceType,
    Q: Quarantine,
    A: Notify,
{
    let reading = match Reading::parse(envelope, settings.window) {
        Ok(reading) => reading,
        Err(malformed) => {
            let message = serde_json::to_string(envelope).map_err(|error| PortError::new("Quarantine", error))?;
            let reason = malformed.to_string();
            ports.quarantine.quarantine(&Quarantined { reason: reason.clone(), message }).await?;
            return Ok(Report::Quarantined { thing_name: Some(envelope.thing_name.clone()), reason });
        }
    };
    ports.history.update_item(&settings.history.keep(&reading)).await?;
    let outcome = ports.latest.update_item(&latest(&reading)).await?;
    let (recency, row) = judge_latest(&reading, &outcome);
    let mut crossings = Vec::new();
    // A late reading says nothing of how things are now.
    if recency != Recency::Late {
        for threshold in thresholds(ports.devices, settings, &reading).await? {
            if let Some(crossing) = threshold.crossing(&reading, row) {
                let told = tell(ports, &crossing, now).await?;
                if told {
                    crossings.push(crossing.alert().subject());
                } else if recency == Recency::Same {
                    return Err(TelemetryError::InProgress(threshold.name()));
                }
            }
        }
    }
    Ok(Report::Stored { thing_name: reading.thing_name, recency, crossings })
}

async fn thresholds<'a, D: FindDeviceType>(
    devices: &D,
    settings: &'a Settings,
    reading: &Reading,
) -> Result<Vec<&'a Threshold>, PortError> {
    let thing_type = match settings.thresholds.depends_on_type() {
        true => devices.find_device_type(&reading.thing_name).await?,
        false => None,
    };
    Ok(settings.thresholds.of(thing_type.as_deref()).collect())
}

/// Claims the crossing, tells, and notes that it was told. `false`: another has claimed it.
async fn tell<L, H, D, Q, A>(ports: &Ports<'_, L, H, D, Q, A>, crossing: &Crossing, now: i64) -> Result<bool, PortError>
where
    L: UpdateItem,
    A: Notify,
{
    match ports.latest.update_item(&crossing.claim(now, LEASE)).await? {
        Outcome::Refused { .. } => Ok(false),
        Outcome::Applied { .. } => {
            ports.alerts.notify(&crossing.alert()).await?;
            ports.latest.update_item(&crossing.confirm()).await?;
            Ok(true)
        }
    }
}

/// Takes a batch, one message after the other, so that one that fails comes again alone.
pub(crate) async fn accept_batch<L, H, D, Q, A>(
    ports: &Ports<'_, L, H, D, Q, A>,
    settings: &Settings,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Report, TelemetryError>>)
where
    L: UpdateItem,
    H: UpdateItem,
    D: FindDeviceType,
    Q: Quarantine,
    A: Notify,
{
    let mut response = BatchResponse::default();
    let mut reports = Vec::new();
    for message in &batch.records {
        let report = accept_message(ports, settings, message, now).await;
        if report.is_err() {
            response.retry(message);
        }
        reports.push(report);
    }
    (response, reports)
}

async fn accept_message<L, H, D, Q, A>(
    ports: &Ports<'_, L, H, D, Q, A>,
    settings: &Settings,
    message: &SqsMessage,
    now: i64,
) -> Result<Report, TelemetryError>
where
    L: UpdateItem,
    H: UpdateItem,
    D: FindDeviceType,
    Q: Quarantine,
    A: Notify,
{
    match serde_json::from_str(&message.body) {
        Ok(envelope) => accept(ports, settings, &envelope, now).await,
        Err(error) => {
            let reason = format!("not what the telemetry rule hands over: {error}");
            let set_aside = Quarantined { reason: reason.clone(), message: message.body.clone() };
            ports.quarantine.quarantine(&set_aside).await?;
            Ok(Report::Quarantined { thing_name: None, reason })
        }
    }
}

#[cfg(test)]
mod tests;
