//! Readings into tables, crossings into alerts, and what is malformed out of the way.
//!
//! Every write has a natural key or a condition, so that a message may come twice and in any order: the history keeps it
//! once, the latest reading and the alarms on it are those of the latest measurement, and each crossing is told once.

use fleet::batch::{Failure, each};
use fleet::conditional::{Item, Outcome};
use fleet::ports::{FindDevice, Notify, PortError, Quarantine, UpdateItem};
use fleet::telemetry::{History, Latest, Next, Quarantined, Reading, Recency, Threshold, Thresholds, Untold, Window};
use iot_events::{BatchResponse, SqsBatch, SqsMessage, TelemetryEnvelope};
use serde::de::{Deserialize, Deserializer, Error};

/// How long telling of an alarm may take, in milliseconds: longer than the function's timeout (10 s in the template).
const LEASE: i64 = 20_000;
/// How often a reading is put to a row that others write as well, before it is left for later.
const TRIES: usize = 8;

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
    /// The crossing that it made is being told, or waits behind one that is.
    #[error("another invocation is telling of an alarm; this one comes again in case that one dies")]
    InProgress,
    /// Too many crossings of the device are untold.
    #[error("too many crossings of the device wait to be told")]
    Untold,
    /// Too many others write the row.
    #[error("the row of the device was written by others at each try")]
    Contended,
}

impl Failure for TelemetryError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::InProgress | Self::Untold | Self::Contended => None,
        }
    }
}

impl TelemetryError {
    /// A stable name of the error.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Port(error) => format!("{}Failed", error.operation),
            Self::InProgress => "AlarmInProgress".to_owned(),
            Self::Untold => "AlarmsUntold".to_owned(),
            Self::Contended => "Contended".to_owned(),
        }
    }
}

/// Takes one message.
///
/// # Errors
/// [`TelemetryError`], which must reach Lambda or the queue: the message comes again. What can never be read is not an error,
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
    D: FindDevice,
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
    let latest = Latest::of(&reading, thresholds(ports.devices, settings, &reading).await?);
    let (recency, row) = write(ports.latest, &latest).await?;
    let crossings = match row {
        Some(row) => tell(ports, &reading.thing_name, latest.order(), row, now).await?,
        None => Vec::new(),
    };
    Ok(Report::Stored { thing_name: reading.thing_name, recency, crossings })
}

/// Puts the reading into the row of its device. Mostly the first try holds.
async fn write<L: UpdateItem>(table: &L, latest: &Latest<'_>) -> Result<(Recency, Option<Item>), TelemetryError> {
    let mut change = latest.first_try();
    for _ in 0..TRIES {
        let outcome = table.update_item(&change).await?;
        match latest.judge(&change, outcome) {
            Next::Write(next) => change = next,
            Next::Done(recency, row) => return Ok((recency, row)),
            Next::Full => return Err(TelemetryError::Untold),
        }
    }
    Err(TelemetryError::Contended)
}

async fn thresholds<'a, D: FindDevice>(
    devices: &D,
    settings: &'a Settings,
    reading: &Reading,
) -> Result<Vec<&'a Threshold>, PortError> {
    let thing_type = match settings.thresholds.depends_on_type() {
        true => devices.find_device(&reading.thing_name).await?.and_then(|device| device.thing_type),
        false => None,
    };
    Ok(settings.thresholds.of(thing_type.as_deref()).collect())
}

/// Tells the crossings of the row that are untold, in their order: this message's, and those that another did not get to.
async fn tell<L, H, D, Q, A>(
    ports: &Ports<'_, L, H, D, Q, A>,
    thing_name: &str,
    order: &str,
    mut row: Item,
    now: i64,
) -> Result<Vec<String>, TelemetryError>
where
    L: UpdateItem,
    A: Notify,
{
    let mut told = Vec::new();
    while let Some(untold) = Untold::first(thing_name, &row) {
        match ports.latest.update_item(&untold.claim(now, LEASE)).await? {
            Outcome::Applied { .. } => {
                let alert = untold.alert();
                ports.alerts.notify(&alert).await?;
                told.push(alert.subject());
                let confirm = untold.confirm();
                let mut after = match ports.latest.update_item(&confirm).await? {
                    Outcome::Applied { before } => before,
                    Outcome::Refused { current } => current,
                };
                confirm.apply(&mut after);
                row = after.unwrap_or_default();
            }
            Outcome::Refused { current } => {
                row = current.unwrap_or_default();
                if untold.is_next(&row) {
                    // Whoever tells it goes on with what is behind it. Should it die, what this message made must not wait for
                    // the device's next.
                    let waits = Untold::all(thing_name, &row).any(|untold| untold.crossing.order() == order);
                    return if waits { Err(TelemetryError::InProgress) } else { Ok(told) };
                }
            }
        }
    }
    Ok(told)
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
    D: FindDevice,
    Q: Quarantine,
    A: Notify,
{
    each(ports.quarantine, batch, async |message| accept_message(ports, settings, message, now).await).await
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
    D: FindDevice,
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
mod interleavings;
#[cfg(test)]
mod tests;
