//! Presence events into rows, and rows into announcements. See [`fleet::connectivity`] for why it is done this way.

use fleet::alert::Alert;
use fleet::conditional::Outcome;
use fleet::connectivity::{
    Claim, Freshness, Grace, Settle, Sighting, State, Target, announcement, claim, confirm, connect_failed, flap,
    judge_claim,
};
use fleet::ports::{FindDeviceType, Notify, PortResult, Quarantine, ScheduleSettle, UpdateItem};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, Presence, SqsBatch, SqsMessage};
use serde::de::{Deserialize, Deserializer, Error};

/// How long an announcement may take, in milliseconds: longer than the function's timeout (10 s in the template), shorter
/// than the queue's visibility timeout (60 s).
const LEASE: i64 = 20_000;

/// What the function is invoked with.
#[derive(Debug)]
pub(crate) enum Input {
    /// A presence event, by a rule.
    Presence(Presence),
    /// Changes to look at again, by the queue.
    Batch(SqsBatch),
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // Not an untagged enum: that would not say what is wrong with an event.
        let read = if value.get("Records").is_some() {
            serde_json::from_value(value).map(Self::Batch)
        } else {
            serde_json::from_value(value).map(Self::Presence)
        };
        read.map_err(D::Error::custom)
    }
}

/// What connectivity needs of the outside.
pub(crate) struct Ports<'a, C, D, S, Q, N, A> {
    /// A row per client.
    pub(crate) clients: &'a C,
    /// The devices that joined.
    pub(crate) devices: &'a D,
    /// Changes to look at again.
    pub(crate) settle_queue: &'a S,
    /// What cannot be read.
    pub(crate) quarantine: &'a Q,
    /// Offline and online.
    pub(crate) announcements: &'a N,
    /// Flapping.
    pub(crate) alerts: &'a A,
}

/// What is configured.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long a device may be away.
    pub(crate) grace: Grace,
    /// So many absences in one window are told.
    pub(crate) flap_threshold: usize,
    /// The window, in seconds.
    pub(crate) flap_window_seconds: i64,
}

/// What became of a presence event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// A connect or disconnect.
    Seen {
        /// The client.
        client_id: String,
        /// Whether it connected.
        connected: bool,
        /// Whether that was news.
        freshness: Freshness,
        /// The second look is in so many seconds.
        settle_in: Option<u16>,
    },
    /// A refused attempt.
    ConnectFailed {
        /// The client.
        client_id: String,
        /// Why.
        reason: String,
        /// Whether it was counted: the client is known, and the event had not come before.
        counted: bool,
    },
}

/// Takes a presence event in: one conditional write, then a second look put on the queue.
///
/// # Errors
/// A port's error, which must reach Lambda: the event comes again, and is a duplicate that still queues the second look.
pub(crate) async fn observe<C, D, S, Q, N, A>(
    ports: &Ports<'_, C, D, S, Q, N, A>,
    settings: &Settings,
    event: &Presence,
) -> PortResult<Report>
where
    C: UpdateItem,
    D: FindDeviceType,
    S: ScheduleSettle,
{
    let sighting = match event {
        Presence::Connected(event) => Sighting::from(event),
        Presence::Disconnected(event) => Sighting::from(event),
        Presence::ConnectFailed(event) => {
            let outcome = ports.clients.update_item(&connect_failed(event)).await?;
            return Ok(Report::ConnectFailed {
                client_id: event.client_id.clone(),
                reason: event.connect_failure_reason.clone(),
                counted: matches!(outcome, Outcome::Applied { .. }),
            });
        }
    };
    let outcome = ports.clients.update_item(&sighting.change()).await?;
    let verdict = sighting.judge(&outcome);
    let mut settle_in = None;
    if let Some(settle) = &verdict.settle {
        let delay = match settle.target {
            Target::Online => 0,
            Target::Offline => grace(ports.devices, &settings.grace, &sighting).await?,
        };
        ports.settle_queue.schedule_settle(settle, delay).await?;
        settle_in = Some(delay);
    }
    let connected = matches!(sighting.state, State::Online(_));
    Ok(Report::Seen { client_id: sighting.client_id, connected, freshness: verdict.freshness, settle_in })
}

/// The grace period by thing type. In this fleet a client's id is its thing's name.
async fn grace<D: FindDeviceType>(devices: &D, grace: &Grace, sighting: &Sighting) -> PortResult<u16> {
    if !grace.depends_on_type() {
        return Ok(grace.seconds(None));
    }
    let thing_name = sighting.thing_name.as_deref().unwrap_or(&sighting.client_id);
    Ok(grace.seconds(devices.find_device_type(thing_name).await?.as_deref()))
}

/// What became of a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It was announced.
    Announced {
        /// The client.
        client_id: String,
        /// What.
        target: Target,
    },
    /// The client was back before anyone was told.
    Flapped {
        /// The client.
        client_id: String,
        /// Whether it now flaps so much that it was told.
        alerted: bool,
    },
    /// It had been announced.
    NothingToDo,
    /// A connect that something newer followed.
    Superseded,
    /// The message cannot be read.
    Quarantined,
    /// The message comes again.
    Retry {
        /// Why.
        why: String,
    },
}

/// Takes a batch of second looks, one by one, so that one that fails comes again alone.
pub(crate) async fn settle_batch<C, D, S, Q, N, A>(
    ports: &Ports<'_, C, D, S, Q, N, A>,
    settings: &Settings,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Settled>)
where
    C: UpdateItem,
    Q: Quarantine,
    N: Notify,
    A: Notify,
{
    let mut response = BatchResponse::default();
    let mut all = Vec::new();
    for message in &batch.records {
        let settled = match settle_message(ports, settings, message, now).await {
            Ok(settled) => settled,
            Err(error) => Settled::Retry { why: error.to_string() },
        };
        if matches!(settled, Settled::Retry { .. }) {
            response.retry(message);
        }
        all.push(settled);
    }
    (response, all)
}

async fn settle_message<C, D, S, Q, N, A>(
    ports: &Ports<'_, C, D, S, Q, N, A>,
    settings: &Settings,
    message: &SqsMessage,
    now: i64,
) -> PortResult<Settled>
where
    C: UpdateItem,
    Q: Quarantine,
    N: Notify,
    A: Notify,
{
    match serde_json::from_str(&message.body) {
        Ok(settle) => look_again(ports, settings, &settle, now).await,
        Err(error) => {
            let reason = format!("not a change to look at again: {error}");
            ports.quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            Ok(Settled::Quarantined)
        }
    }
}

/// The second look: claims the announcement, announces, confirms.
async fn look_again<C, D, S, Q, N, A>(
    ports: &Ports<'_, C, D, S, Q, N, A>,
    settings: &Settings,
    settle: &Settle,
    now: i64,
) -> PortResult<Settled>
where
    C: UpdateItem,
    N: Notify,
    A: Notify,
{
    let outcome = ports.clients.update_item(&claim(settle, now, LEASE)).await?;
    match judge_claim(settle, &outcome) {
        Claim::Announce => {
            let told: Alert = announcement(settle);
            ports.announcements.notify(&told).await?;
            ports.clients.update_item(&confirm(settle)).await?;
            Ok(Settled::Announced { client_id: settle.client_id.clone(), target: settle.target })
        }
        Claim::NothingToDo => Ok(Settled::NothingToDo),
        Claim::InProgress => Ok(Settled::Retry { why: "another delivery is announcing it".to_owned() }),
        Claim::Superseded => count_flap(ports, settings, settle).await,
    }
}

/// A disconnect that something newer followed within the grace period.
async fn count_flap<C, D, S, Q, N, A>(
    ports: &Ports<'_, C, D, S, Q, N, A>,
    settings: &Settings,
    settle: &Settle,
) -> PortResult<Settled>
where
    C: UpdateItem,
    A: Notify,
{
    let Some(flap) = flap(settle, settings.flap_window_seconds) else { return Ok(Settled::Superseded) };
    let mut counted = ports.clients.update_item(&flap.count()).await?;
    if matches!(counted, Outcome::Refused { .. })
        && matches!(ports.clients.update_item(&flap.open_window()).await?, Outcome::Applied { .. })
    {
        // Counting again adds nothing and returns the row as the alert is judged from.
        counted = ports.clients.update_item(&flap.count()).await?;
    }
    let alert = flap.alert(&counted, settings.flap_threshold);
    if let Some(alert) = &alert {
        ports.alerts.notify(alert).await?;
        ports.clients.update_item(&flap.alerted()).await?;
    }
    Ok(Settled::Flapped { client_id: settle.client_id.clone(), alerted: alert.is_some() })
}

#[cfg(test)]
mod tests;
