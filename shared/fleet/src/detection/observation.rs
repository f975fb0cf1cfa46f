//! Something that a device did, and how it goes into the row of its period.

use super::attribute::{
    ADDRESS, ATTEMPTS, AWAITED, CLOSED, DISCONNECTS, FULL, LEAST, MESSAGES, MOST as MOST_BYTES, REFUSALS, REPORT,
    REPORT_ID,
};
use super::period::{self, ADDRESSES, MOST};
use super::profile::{Profile, suffix};
use crate::EpochMillis;
use crate::alert::digest;
use crate::conditional::{Change, Condition, Outcome, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use behaviors::Dimension;
use behaviors::metric::{
    AUTHORIZATION_FAILURES, CONNECTION_ATTEMPTS, DISCONNECTS as NUM_DISCONNECTS, MESSAGE_BYTE_SIZE, MESSAGES_SENT,
    SOURCE_IP,
};
use behaviors::report::{Format, Report};
use iot_events::{DisconnectReason, Presence};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that a device did.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The device: a thing, or the client id of one that is not registered.
    pub thing_name: String,
    /// When.
    pub at: EpochMillis,
    /// What.
    pub did: Did,
}

/// What it did.
#[derive(Debug, Clone, PartialEq)]
pub enum Did {
    /// It sent a message.
    Sent {
        /// Of AWS IoT's id of the message.
        digest: i64,
        /// Where to.
        topic: String,
        /// The bytes of its payload.
        bytes: i64,
    },
    /// It tried to connect.
    Tried {
        /// Of the session.
        digest: i64,
        /// From where.
        address: Option<String>,
        /// Whether it was refused.
        refused: bool,
    },
    /// Its connection ended.
    Ended {
        /// Of the session.
        digest: i64,
        /// Whether it was refused something.
        refused: bool,
    },
    /// It reported.
    Reported(Box<Report>),
}

/// A message, as the rule on the devices' topics describes it: it is not handed on itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The client that sent it.
    pub client_id: String,
    /// Its topic.
    pub topic: String,
    /// When AWS IoT received it.
    pub received_at: EpochMillis,
    /// AWS IoT's id of it.
    pub trace_id: String,
    /// How long its payload is in Base64.
    pub encoded_length: i64,
    /// Whether a `=` is at the end of that.
    pub padded: bool,
    /// Whether two are.
    pub padded_twice: bool,
}

/// A device's report, as the rule on the topics of reports hands it on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportMessage {
    /// The device.
    pub thing_name: String,
    /// When AWS IoT received it.
    pub received_at: EpochMillis,
    /// The report in Base64.
    pub report: String,
}

/// An id of AWS's as a number of a set.
fn number(id: &str) -> i64 {
    digest(id).cast_signed()
}

impl From<Message> for Observation {
    fn from(message: Message) -> Self {
        let padding = i64::from(message.padded).saturating_add(i64::from(message.padded_twice));
        let bytes = message.encoded_length.div_euclid(4).saturating_mul(3).saturating_sub(padding);
        let did = Did::Sent { digest: number(&message.trace_id), topic: message.topic, bytes };
        Self { thing_name: message.client_id, at: message.received_at, did }
    }
}

impl From<Presence> for Observation {
    fn from(event: Presence) -> Self {
        match event {
            Presence::Connected(event) => Self {
                thing_name: event.thing_name.unwrap_or(event.client_id),
                at: event.timestamp,
                did: Did::Tried {
                    digest: number(&event.session_identifier),
                    address: event.ip_address,
                    refused: false,
                },
            },
            Presence::ConnectFailed(event) => Self {
                thing_name: event.thing_name.unwrap_or(event.client_id),
                at: event.timestamp,
                did: Did::Tried { digest: number(&event.session_identifier), address: None, refused: true },
            },
            Presence::Disconnected(event) => {
                let refused = matches!(
                    event.disconnect_reason,
                    Some(DisconnectReason::AuthError | DisconnectReason::ForbiddenAccess)
                );
                Self {
                    thing_name: event.thing_name.unwrap_or(event.client_id),
                    at: event.timestamp,
                    did: Did::Ended { digest: number(&event.session_identifier), refused },
                }
            }
        }
    }
}

impl TryFrom<ReportMessage> for Observation {
    type Error = String;

    fn try_from(message: ReportMessage) -> Result<Self, String> {
        let bytes =
            STANDARD.decode(&message.report).map_err(|error| format!("a report that is not Base64: {error}"))?;
        let report = Report::read(Format::Json, &bytes).map_err(|malformed| malformed.why)?;
        Ok(Self { thing_name: message.thing_name, at: message.received_at, did: Did::Reported(Box::new(report)) })
    }
}

impl Observation {
    /// The period that it is of.
    #[must_use]
    pub fn period(&self) -> i64 {
        period::of(self.at)
    }
}

/// A change of a period's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// The change.
    pub change: Change,
    /// The set that it adds to, if it is one.
    pub set: Option<String>,
}

/// How observations of one device in one period go into the period's row: changes that come to the same in any order, and however
/// often they are made.
#[must_use]
pub fn additions(profile: &Profile, thing: &str, period: i64, all: &[&Did]) -> Vec<Addition> {
    let mut sets: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut addresses: BTreeMap<String, &str> = BTreeMap::new();
    let mut other = sizes(profile, thing, period, all);
    let mut count = |metric: &str, set: String, digest: i64| {
        if profile.measures(metric) {
            sets.entry(set).or_default().push(digest);
        }
    };
    for did in all {
        match did {
            Did::Sent { digest, topic, .. } => {
                for dimension in dimensions(profile, MESSAGES_SENT) {
                    if dimension.is_none_or(|dimension| profile.counts(dimension, thing, topic)) {
                        count(MESSAGES_SENT, format!("{MESSAGES}{}", suffix(dimension)), *digest);
                    }
                }
            }
            Did::Tried { digest, address, refused } => {
                count(CONNECTION_ATTEMPTS, ATTEMPTS.to_owned(), *digest);
                if *refused {
                    count(AUTHORIZATION_FAILURES, REFUSALS.to_owned(), *digest);
                }
                if let Some(address) = address.as_deref().filter(|_| profile.measures(SOURCE_IP)) {
                    let number = crate::alert::digest(address).checked_rem(ADDRESSES).unwrap_or(0);
                    addresses.insert(format!("{ADDRESS}{number}"), address);
                }
            }
            Did::Ended { digest, refused } => {
                count(NUM_DISCONNECTS, DISCONNECTS.to_owned(), *digest);
                if *refused {
                    count(AUTHORIZATION_FAILURES, REFUSALS.to_owned(), *digest);
                }
            }
            Did::Reported(report) if profile.measures_reports() => other.push(reported(profile, thing, period, report)),
            Did::Reported(_) => {}
        }
    }
    if !addresses.is_empty() {
        let change = period::change(thing, period).when(Condition::Missing(CLOSED.into()));
        other.push(addresses.into_iter().fold(change, |change, (name, address)| change.set(name, address)));
    }
    let counted = sets.into_iter().map(|(set, digests)| {
        let change = period::change(thing, period).when(is_open(&set));
        let change = digests.into_iter().fold(change, |change, digest| change.collect(set.clone(), digest));
        Addition { change, set: Some(set) }
    });
    counted.chain(other.into_iter().map(|change| Addition { change, set: None })).collect()
}

/// The dimensions by which a metric of messages is measured; `None` is all messages.
fn dimensions<'p>(profile: &'p Profile, metric: &str) -> impl Iterator<Item = Option<&'p Dimension>> {
    let all = profile.behaviors.iter().any(|of| of.metric() == metric && of.metric_dimension.is_none());
    profile.dimensions_of(metric).into_iter().map(Some).chain(all.then_some(None))
}

/// Nothing is added to a period that is judged, nor to a set that has as much as makes a difference.
fn is_open(set: &str) -> Condition {
    Condition::All(vec![Condition::Missing(CLOSED.into()), Condition::Missing(format!("{FULL}#{set}").into())])
}

/// Of a period's reports that with the highest id counts, whichever comes first: their ids grow. What no behavior measures is not kept.
fn reported(profile: &Profile, thing: &str, period: i64, report: &Report) -> Change {
    let of =
        |(name, value): (&str, &behaviors::MetricValue)| Some((name.to_owned(), serde_json::to_value(value).ok()?));
    let own = report.metrics.iter().map(|(name, value)| (*name, value));
    let custom = report.custom.iter().map(|(name, value)| (name.as_str(), value));
    let document: serde_json::Map<String, serde_json::Value> =
        own.chain(custom).filter(|(name, _)| profile.measures(name)).filter_map(of).collect();
    let newer = Condition::Any(vec![Condition::Missing(REPORT_ID.into()), Condition::less(REPORT_ID, report.id)]);
    period::change(thing, period)
        .when(Condition::All(vec![Condition::Missing(CLOSED.into()), newer]))
        .set(REPORT_ID, report.id)
        .set(REPORT, Value::Document(document.into()))
}

/// The least and the most bytes of a message, by dimension.
fn sizes(profile: &Profile, thing: &str, period: i64, all: &[&Did]) -> Vec<Change> {
    let mut changes = Vec::new();
    for dimension in dimensions(profile, MESSAGE_BYTE_SIZE) {
        let meant = |did: &&Did| match did {
            Did::Sent { topic, bytes, .. } => {
                dimension.is_none_or(|dimension| profile.counts(dimension, thing, topic)).then_some(*bytes)
            }
            _ => None,
        };
        let sizes = all.iter().filter_map(meant);
        let of = suffix(dimension);
        let extremes = [(LEAST, sizes.clone().min()), (MOST_BYTES, sizes.max())];
        changes.extend(
            extremes.into_iter().filter_map(|(name, bytes)| Some(extreme(thing, period, (name, of.as_str()), bytes?))),
        );
    }
    changes
}

fn extreme(thing: &str, period: i64, (name, of): (&str, &str), bytes: i64) -> Change {
    let attribute = format!("{name}{of}");
    let further = if name == LEAST {
        Condition::greater(attribute.clone(), bytes)
    } else {
        Condition::less(attribute.clone(), bytes)
    };
    let news = Condition::Any(vec![Condition::Missing(attribute.clone().into()), further]);
    period::change(thing, period)
        .when(Condition::All(vec![Condition::Missing(CLOSED.into()), news]))
        .set(attribute, bytes)
}

/// What became of an [`Addition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The period was judged before: it was not added.
    pub late: bool,
    /// The period is not known to be on the queue.
    pub unawaited: bool,
    /// The set has as much as makes a difference: [`fill`] it.
    pub full: bool,
}

/// Judges the outcome of an addition.
#[must_use]
pub fn added(addition: &Addition, outcome: &Outcome) -> Added {
    let (row, was_made) = match outcome {
        Outcome::Applied { before } => (before.as_ref(), true),
        Outcome::Refused { current } => (current.as_ref(), false),
    };
    let has = |name: &str| row.is_some_and(|row| row.0.contains_key(name));
    let known = addition.set.as_ref().and_then(|set| row?.numbers(set)).map_or(0, BTreeSet::len);
    Added { late: !was_made && has(CLOSED), unawaited: !has(AWAITED) && !has(CLOSED), full: was_made && known >= MOST }
}

/// Adds no more to a set of a period.
#[must_use]
pub fn fill(thing: &str, period: i64, set: &str) -> Change {
    period::change(thing, period).when(is_open(set)).set(format!("{FULL}#{set}"), true)
}

/// Notes that the period is on the queue.
#[must_use]
pub fn awaited(thing: &str, period: i64) -> Change {
    period::change(thing, period).when(Condition::Missing(CLOSED.into())).set(AWAITED, true)
}
