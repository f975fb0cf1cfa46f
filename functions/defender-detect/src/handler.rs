//! What devices did into rows of periods, and periods into alarms. See [`fleet::detection`] for why it is done this way.

use fleet::batch::{Failure, comes_again};
use fleet::conditional::Outcome;
use fleet::detection::look::Look;
use fleet::detection::observation::{Did, Message, Observation, ReportMessage, added, additions, awaited, fill};
use fleet::detection::period;
use fleet::detection::profile::Profile;
use fleet::detection::state::{Next, State, begin, followed, open, state};
use fleet::ports::{PortError, PortResult, Quarantine, ScheduleLook, TellViolation, UpdateItem};
use fleet::telemetry::Quarantined;
use iot_events::{BatchResponse, Presence, SqsBatch, SqsMessage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long telling may take, in milliseconds: longer than the function's timeout (10 s in the template), shorter than the queues'
/// visibility timeout (60 s).
const LEASE: i64 = 20_000;
/// How many periods one look judges at most; the message comes again for what is left.
const PERIODS: usize = 40;

/// What detection needs of the outside.
pub(crate) struct Ports<'a, T, L, Q, N> {
    /// A row per device, and one per device and period.
    pub(crate) table: &'a T,
    /// Periods that are to be judged.
    pub(crate) looks: &'a L,
    /// What cannot be read.
    pub(crate) quarantine: &'a Q,
    /// Violations.
    pub(crate) topic: &'a N,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// Something that a device did was added to its period.
    Observed {
        /// Whether it came too late for that.
        late: bool,
    },
    /// A period was judged.
    Judged(Judged),
    /// It cannot be read.
    Quarantined,
}

/// What a look has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The device.
    pub(crate) thing_name: String,
    /// How many periods were judged.
    pub(crate) periods: usize,
    /// What was told, such as `in-alarm`, with the behavior.
    pub(crate) told: Vec<(&'static str, String)>,
}

/// Why a message must come again.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum DetectionError {
    /// A call failed.
    #[error(transparent)]
    Port(Arc<PortError>),
    /// What was found is being told.
    #[error("another invocation tells what was found; this one comes again in case that one dies")]
    InProgress,
    /// The period goes on, or ended just now.
    #[error("the period cannot be judged yet")]
    Early,
}

impl From<PortError> for DetectionError {
    fn from(error: PortError) -> Self {
        Self::Port(Arc::new(error))
    }
}

impl Failure for DetectionError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::InProgress | Self::Early => None,
        }
    }
}

/// What a message holds.
#[derive(Debug)]
enum Body {
    Observation(Observation),
    Look(Look),
}

fn read(body: &str) -> Result<Body, String> {
    let value: serde_json::Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let is = |name: &str| value.get(name).is_some();
    let error = |error: serde_json::Error| error.to_string();
    if is("judgePeriod") {
        serde_json::from_value(value).map(Body::Look).map_err(error)
    } else if is("eventType") {
        serde_json::from_value::<Presence>(value).map(|event| Body::Observation(event.into())).map_err(error)
    } else if is("report") {
        let report = serde_json::from_value::<ReportMessage>(value).map_err(error)?;
        Observation::try_from(report).map(Body::Observation)
    } else {
        serde_json::from_value::<Message>(value).map(|message| Body::Observation(message.into())).map_err(error)
    }
}

/// Takes a batch: what one device did in one period in one go, each period that is to be judged by itself, so that what fails comes
/// again alone.
pub(crate) async fn handle_batch<T, L, Q, N>(
    ports: &Ports<'_, T, L, Q, N>,
    profile: &Profile,
    batch: &SqsBatch,
    now: i64,
) -> (BatchResponse, Vec<Result<Handled, DetectionError>>)
where
    T: UpdateItem,
    L: ScheduleLook,
    Q: Quarantine,
    N: TellViolation,
{
    let mut response = BatchResponse::default();
    let mut all = Vec::new();
    let mut observed: BTreeMap<(String, i64), Vec<(&SqsMessage, Did)>> = BTreeMap::new();
    let mut looks = Vec::new();
    for message in &batch.records {
        match read(&message.body) {
            Ok(Body::Observation(observation)) => {
                let of = (observation.thing_name.clone(), observation.period());
                observed.entry(of).or_default().push((message, observation.did));
            }
            Ok(Body::Look(look)) => looks.push((message, look)),
            Err(reason) => {
                let set_aside = Quarantined { reason, message: message.body.clone() };
                let done = ports.quarantine.quarantine(&set_aside).await;
                if done.is_err() {
                    response.retry(message);
                }
                all.push(done.map(|()| Handled::Quarantined).map_err(DetectionError::from));
            }
        }
    }
    for ((thing, period), together) in observed {
        let did: Vec<&Did> = together.iter().map(|(_, did)| did).collect();
        let added = observe(ports, profile, (&thing, period), &did, now).await;
        let handled = added.map(|late| Handled::Observed { late }).map_err(DetectionError::from);
        for (message, _) in together {
            if comes_again(ports.quarantine, message, &handled).await {
                response.retry(message);
            }
            all.push(handled.clone());
        }
    }
    for (message, asked) in looks {
        let handled = look(ports, profile, &asked, now).await.map(Handled::Judged);
        if comes_again(ports.quarantine, message, &handled).await {
            response.retry(message);
        }
        all.push(handled);
    }
    (response, all)
}

/// Adds what a device did in a period to its row, and has the period judged once it is over. Whether it came too late.
pub(crate) async fn observe<T: UpdateItem, L: ScheduleLook, Q, N>(
    ports: &Ports<'_, T, L, Q, N>,
    profile: &Profile,
    (thing, of): (&str, i64),
    did: &[&Did],
    now: i64,
) -> PortResult<bool> {
    let (mut late, mut unawaited) = (false, false);
    for addition in additions(profile, thing, of, did) {
        let outcome = ports.table.update_item(&addition.change).await?;
        let added = added(&addition, &outcome);
        (late, unawaited) = (late || added.late, unawaited || added.unawaited);
        if let Some(set) = addition.set.as_ref().filter(|_| added.full) {
            ports.table.update_item(&fill(thing, of, set)).await?;
        }
    }
    if !unawaited {
        return Ok(late);
    }
    ports.table.update_item(&begin(thing, of)).await?;
    if let Outcome::Refused { .. } = ports.table.update_item(&open(thing, of)).await? {
        // Later periods were judged already.
        return Ok(true);
    }
    let look = Look { thing_name: thing.to_owned(), judge_period: of };
    ports.looks.schedule_look(&look, look.delay(now)).await?;
    ports.table.update_item(&awaited(thing, of)).await?;
    Ok(late)
}

/// Judges the periods of a device up to one, in their order, and tells what was found.
pub(crate) async fn look<T: UpdateItem, L: ScheduleLook, Q, N: TellViolation>(
    ports: &Ports<'_, T, L, Q, N>,
    profile: &Profile,
    look: &Look,
    now: i64,
) -> Result<Judged, DetectionError> {
    if !look.is_due(now) {
        return Err(DetectionError::Early);
    }
    let thing = look.thing_name.as_str();
    let mut judged = Judged { thing_name: thing.to_owned(), ..Judged::default() };
    for _ in 0..PERIODS {
        let known = state(&ports.table.update_item(&begin(thing, look.judge_period)).await?, look.judge_period);
        match known.next(look.judge_period, now) {
            Next::Done => {
                if let Some(next) = known.to_follow() {
                    let look = Look { thing_name: thing.to_owned(), judge_period: next };
                    ports.looks.schedule_look(&look, look.delay(now)).await?;
                    ports.table.update_item(&followed(thing, next)).await?;
                }
                return Ok(judged);
            }
            Next::InProgress => return Err(DetectionError::InProgress),
            Next::TakeUp => {
                if let Outcome::Applied { .. } = ports.table.update_item(&known.take_up(thing, now, LEASE)).await? {
                    tell(ports, profile, &known, &mut judged).await?;
                }
            }
            Next::Judge(next) => {
                let span = profile.behaviors.iter().map(period::span).max().unwrap_or(1);
                let mut rows = Vec::new();
                for of in next.saturating_sub(span).saturating_add(1)..=next {
                    rows.push(period::closed(ports.table.update_item(&period::close(thing, of)).await?));
                }
                let after = known.judge(profile, thing, next, &rows);
                let commit = known.commit(thing, &after, now, LEASE);
                if let Outcome::Applied { .. } = ports.table.update_item(&commit).await? {
                    judged.periods = judged.periods.saturating_add(1);
                    tell(ports, profile, &after, &mut judged).await?;
                }
            }
        }
    }
    Err(DetectionError::InProgress)
}

/// Tells what was found, and notes that.
async fn tell<T: UpdateItem, L, Q, N: TellViolation>(
    ports: &Ports<'_, T, L, Q, N>,
    profile: &Profile,
    found: &State,
    judged: &mut Judged,
) -> PortResult<()> {
    if found.untold.is_empty() {
        return Ok(());
    }
    for event in &found.untold {
        ports.topic.tell_violation(&event.message(profile, &judged.thing_name)).await?;
        judged.told.push((event.change.as_str(), event.behavior.name.clone()));
    }
    ports.table.update_item(&found.told(&judged.thing_name)).await?;
    Ok(())
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
