//! Presence events into rows, and rows into announcements. See [`fleet::connectivity`] for why it is done this way.

use fleet::alert::Alert;
use fleet::batch::{Failure, each};
use fleet::conditional::Outcome;
use fleet::connectivity::{
    Claim, Freshness, Grace, Settle, Sighting, State, Target, announcement, claim, confirm, connect_failed, flap,
    judge_claim, take_up,
};
use fleet::ports::{
    Device, FindBlocked, FindDevice, Notify, PortError, PortResult, Quarantine, ScheduleSettle, UpdateCertificate,
    UpdateItem,
};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, CertificateStatus, Presence, SqsBatch, SqsMessage};
use serde::de::{Deserialize, Deserializer, Error};

/// How long an announcement may take, in milliseconds: longer than the function's timeout (10 s in the template), shorter
/// than the queue's visibility timeout (60 s).
const LEASE: i64 = 20_000;
/// How often a second look may find something else to do first.
const LOOKS: usize = 4;

/// What the function is invoked with.
#[derive(Debug)]
pub(crate) enum Input {
    /// A presence event, by a rule.
    Presence(Presence),
    /// Presence events and changes to look at again, by queues.
    Batch(SqsBatch),
    /// Rows are to be compared with the fleet index, by the clock.
    Reconcile,
}

/// What the function is told by the clock.
#[derive(Debug, serde::Deserialize)]
#[serde(tag = "command", rename_all = "camelCase")]
enum Command {
    /// Compare rows with the fleet index.
    Reconcile,
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // Not an untagged enum: that would not say what is wrong with an event.
        let read = if value.get("Records").is_some() {
            serde_json::from_value(value).map(Self::Batch)
        } else if value.get("command").is_some() {
            serde_json::from_value(value).map(|Command::Reconcile| Self::Reconcile)
        } else {
            serde_json::from_value(value).map(Self::Presence)
        };
        read.map_err(D::Error::custom)
    }
}

/// What connectivity needs of the outside.
pub(crate) struct Ports<'a, C, D, B, R, S, Q, N, A> {
    /// A row per client.
    pub(crate) clients: &'a C,
    /// The devices that joined.
    pub(crate) devices: &'a D,
    /// What may never join.
    pub(crate) block_list: &'a B,
    /// Certificates.
    pub(crate) registry: &'a R,
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
    /// So many pages of the fleet index are compared by an invocation.
    pub(crate) reconciled_pages: usize,
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
        /// Whether the device is on the block list, and was stopped.
        blocked: bool,
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
pub(crate) async fn observe<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    settings: &Settings,
    event: &Presence,
) -> PortResult<Report>
where
    C: UpdateItem,
    D: FindDevice,
    B: FindBlocked,
    R: UpdateCertificate,
    S: ScheduleSettle,
    A: Notify,
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
    // In this fleet a client's id is its thing's name.
    let thing_name = sighting.thing_name.as_deref().unwrap_or(&sighting.client_id);
    let device = ports.devices.find_device(thing_name).await?;
    let outcome = ports.clients.update_item(&sighting.change(device.is_some())).await?;
    let verdict = sighting.judge(&outcome);
    let mut settle_in = None;
    if let (Some(settle), Some(device)) = (&verdict.settle, &device) {
        let delay = delay(&settings.grace, settle.target, device);
        ports.settle_queue.schedule_settle(settle, delay).await?;
        settle_in = Some(delay);
    }
    let connected = matches!(sighting.state, State::Online(_));
    let blocked = match &device {
        Some(device) if connected => stop_if_blocked(ports, &sighting, thing_name, device).await?,
        _ => false,
    };
    Ok(Report::Seen { freshness: verdict.freshness, connected, blocked, settle_in, client_id: sighting.client_id })
}

/// The block list counts for a device that has joined too: where an entry applies, the certificate that it connected with is
/// revoked, upon which AWS IoT ends the connection.
async fn stop_if_blocked<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    sighting: &Sighting,
    thing_name: &str,
    device: &Device,
) -> PortResult<bool>
where
    B: FindBlocked,
    R: UpdateCertificate,
    A: Notify,
{
    for entry in sighting.block_list_entries(thing_name, device.serial_number.as_deref()) {
        let Some(why) = ports.block_list.find_blocked(&entry).await? else { continue };
        if let Some(certificate_id) = sighting.certificate_id() {
            ports.registry.update_certificate(certificate_id, &CertificateStatus::Revoked).await?;
        }
        let alert = Alert::DeviceBlocked {
            client_id: sighting.client_id.clone(),
            session_identifier: sighting.session.clone(),
            principal: sighting.principal.clone(),
            entry,
            why,
            at: sighting.at,
        };
        ports.alerts.notify(&alert).await?;
        return Ok(true);
    }
    Ok(false)
}

fn delay(grace: &Grace, target: Target, device: &Device) -> u16 {
    match target {
        Target::Online => 0,
        Target::Offline => grace.seconds(device.thing_type.as_deref()),
    }
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
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// It was a presence event.
    Observed(Report),
    /// It was a change to look at again.
    Settled(Settled),
    /// It cannot be read.
    Quarantined,
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectivityError {
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An announcement of the client is being made.
    #[error("another invocation is announcing something of the client; this one comes again in case that one dies")]
    InProgress,
}

impl Failure for ConnectivityError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::InProgress => None,
        }
    }
}

/// Takes a batch, message by message, so that one that fails comes again alone.
pub(crate) async fn handle_batch<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    settings: &Settings,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Handled, ConnectivityError>>)
where
    C: UpdateItem,
    D: FindDevice,
    B: FindBlocked,
    R: UpdateCertificate,
    S: ScheduleSettle,
    Q: Quarantine,
    N: Notify,
    A: Notify,
{
    each(ports.quarantine, batch, async |message| handle_message(ports, settings, message, now).await).await
}

/// What a message holds: an event has a type, a change to look at again has none.
enum Body {
    Presence(Presence),
    Settle(Settle),
}

fn read(body: &str) -> Result<Body, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(body)?;
    match value.get("eventType") {
        Some(_) => serde_json::from_value(value).map(Body::Presence),
        None => serde_json::from_value(value).map(Body::Settle),
    }
}

async fn handle_message<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    settings: &Settings,
    message: &SqsMessage,
    now: i64,
) -> Result<Handled, ConnectivityError>
where
    C: UpdateItem,
    D: FindDevice,
    B: FindBlocked,
    R: UpdateCertificate,
    S: ScheduleSettle,
    Q: Quarantine,
    N: Notify,
    A: Notify,
{
    match read(&message.body) {
        Ok(Body::Presence(event)) => Ok(Handled::Observed(observe(ports, settings, &event).await?)),
        Ok(Body::Settle(settle)) => look_again(ports, settings, &settle, now).await.map(Handled::Settled),
        Err(error) => {
            let reason = format!("neither a presence event nor a change to look at again: {error}");
            ports.quarantine.quarantine(&Quarantined { reason, message: message.body.clone() }).await?;
            Ok(Handled::Quarantined)
        }
    }
}

/// The second look: claims the announcement, announces, confirms. What another began and did not end goes first.
pub(crate) async fn look_again<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
    settings: &Settings,
    settle: &Settle,
    now: i64,
) -> Result<Settled, ConnectivityError>
where
    C: UpdateItem,
    N: Notify,
    A: Notify,
{
    let mut announced = Settled::NothingToDo;
    for _ in 0..LOOKS {
        let outcome = ports.clients.update_item(&claim(settle, now, LEASE)).await?;
        let begun = match judge_claim(settle, &outcome, now) {
            Claim::Announce => settle.clone(),
            Claim::TakeUp(begun) => match ports.clients.update_item(&take_up(&begun, now, LEASE)).await? {
                Outcome::Applied { .. } => begun,
                Outcome::Refused { .. } => continue,
            },
            Claim::NothingToDo => return Ok(announced),
            Claim::InProgress => return Err(ConnectivityError::InProgress),
            Claim::Superseded => return Ok(count_flap(ports, settings, settle).await?),
        };
        ports.announcements.notify(&announcement(&begun)).await?;
        ports.clients.update_item(&confirm(&begun)).await?;
        announced = Settled::Announced { client_id: begun.client_id.clone(), target: begun.target };
        if begun == *settle {
            return Ok(announced);
        }
    }
    Err(ConnectivityError::InProgress)
}

/// A disconnect that something newer followed within the grace period.
async fn count_flap<C, D, B, R, S, Q, N, A>(
    ports: &Ports<'_, C, D, B, R, S, Q, N, A>,
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

mod reconcile;

pub(crate) use reconcile::{Reconciled, reconcile};

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
