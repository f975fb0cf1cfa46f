//! One presence event as one conditional write, and what follows.

use super::attribute::{
    ANNOUNCED, ANNOUNCING, CHANGED_AT, CLIENT_ID, CONNECT_FAILURES, CONNECTED, EXPIRES_AT, IP_ADDRESS, LAST_FAILURE,
    LAST_FAILURE_ADDRESS, LAST_FAILURE_AT, LAST_FAILURE_REASON, OFFLINE_ANNOUNCED, PRINCIPAL, REASON, SEQUENCE,
    SESSION, THING_NAME,
};
use super::settle::{Settle, Target};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome};
use iot_events::{ConnectFailed, Connected, DisconnectReason, Disconnected};

/// Events further apart than this are ordered by their times alone. AWS's times are good to two minutes either way, so two
/// events more than four minutes apart are in the order of their times; the fifth is margin. Closer ones are ordered by
/// their version numbers, which restart only after a client was away for much longer.
pub const CLEARLY_APART: EpochMillis = 5 * 60 * 1000;

/// How long a client that is not a device is remembered after it was last heard of, in seconds.
pub const STRANGERS_KEPT: i64 = 7 * 86_400;

/// A client was seen to connect or to disconnect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The client.
    pub client_id: String,
    /// The thing, where AWS IoT names it.
    pub thing_name: Option<String>,
    /// Its place in the order of the client's events: twice the version number, plus one if a disconnect, so that a
    /// disconnect follows the connect it ends and precedes the next.
    pub sequence: i64,
    /// The session.
    pub session: String,
    /// The certificate or credential.
    pub principal: String,
    /// The event's own time.
    pub at: EpochMillis,
    /// What was seen.
    pub state: State,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The client connected, from this address.
    Online(Option<String>),
    /// The client disconnected, for this reason.
    Offline(Option<String>),
}

impl From<&Connected> for Sighting {
    fn from(event: &Connected) -> Self {
        Self {
            client_id: event.client_id.clone(),
            thing_name: event.thing_name.clone(),
            sequence: sequence(event.version_number, 0),
            session: event.session_identifier.clone(),
            principal: event.principal_identifier.clone(),
            at: event.timestamp,
            state: State::Online(event.ip_address.clone()),
        }
    }
}

impl From<&Disconnected> for Sighting {
    fn from(event: &Disconnected) -> Self {
        Self {
            client_id: event.client_id.clone(),
            thing_name: event.thing_name.clone(),
            sequence: sequence(event.version_number, 1),
            session: event.session_identifier.clone(),
            principal: event.principal_identifier.clone(),
            at: event.timestamp,
            state: State::Offline(event.disconnect_reason.as_ref().map(|reason| reason.as_str().to_owned())),
        }
    }
}

fn sequence(version_number: u64, phase: i64) -> i64 {
    i64::try_from(version_number).unwrap_or(i64::MAX / 2).saturating_mul(2).saturating_add(phase)
}

/// Whether a sighting said something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is the newest of its client.
    New,
    /// It is the newest, and the version numbers have restarted since the one before.
    NewAfterReset,
    /// It is the newest, and was seen before.
    Duplicate,
    /// Something newer is known: it arrived late, or is the end of a session that another took over.
    Stale,
}

/// What follows from writing a sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it said something new.
    pub freshness: Freshness,
    /// The second look that it needs, if any.
    pub settle: Option<Settle>,
}

impl Sighting {
    /// The one write. It takes place if the sighting is newer than what the row holds:
    /// - there is nothing yet, or
    /// - its sequence is higher, unless it is another session's and clearly older (the numbers have restarted since), or
    /// - it is another session's and clearly newer (the numbers have just restarted).
    ///
    /// What the row then holds follows from the newest event alone, so that events in any order and number lead to the
    /// same row. The end of a session that was taken over has a lower sequence than its successor and changes nothing.
    /// The row of a client that is not a device expires.
    #[must_use]
    pub fn change(&self, is_device: bool) -> Change {
        let another_session = || Condition::equal(SESSION, self.session.as_str()).negated();
        let clearly_older = Condition::All(vec![
            another_session(),
            Condition::greater(CHANGED_AT, self.at.saturating_add(CLEARLY_APART)),
        ]);
        let clearly_newer =
            Condition::All(vec![another_session(), Condition::less(CHANGED_AT, self.at.saturating_sub(CLEARLY_APART))]);
        let (connected, address, reason) = match &self.state {
            State::Online(address) => (true, address.as_deref(), None),
            State::Offline(reason) => (false, None, reason.as_deref()),
        };
        Change::of(CLIENT_ID, self.client_id.as_str())
            .when(Condition::Any(vec![
                Condition::Missing(SEQUENCE.into()),
                Condition::All(vec![Condition::less(SEQUENCE, self.sequence), clearly_older.negated()]),
                clearly_newer,
            ]))
            .set(SEQUENCE, self.sequence)
            .set(SESSION, self.session.as_str())
            .set(CONNECTED, connected)
            .set(CHANGED_AT, self.at)
            .set(PRINCIPAL, self.principal.as_str())
            .set_or_remove(THING_NAME, self.thing_name.as_deref())
            .set_or_remove(IP_ADDRESS, address)
            .set_or_remove(REASON, reason)
            .set_or_remove(EXPIRES_AT, (!is_device).then(|| self.at.div_euclid(1000).saturating_add(STRANGERS_KEPT)))
    }

    /// Judges the outcome of [`Sighting::change`].
    ///
    /// A disconnect is looked at again after the grace period, unless it was announced: also one that was overtaken by the
    /// connect that followed, as that is how a device flaps. A connect is looked at again, at once, only if the client was
    /// announced offline: within the grace period nobody was told, and nobody need be.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome) -> Verdict {
        let (freshness, row) = match outcome {
            Outcome::Applied { before } => {
                let last = before.as_ref().and_then(|row| row.number(SEQUENCE));
                let reset = last.is_some_and(|last| last >= self.sequence);
                (if reset { Freshness::NewAfterReset } else { Freshness::New }, before.as_ref())
            }
            Outcome::Refused { current } => {
                let same = current.as_ref().is_some_and(|row| {
                    row.number(SEQUENCE) == Some(self.sequence) && row.text(SESSION) == Some(&self.session)
                });
                (if same { Freshness::Duplicate } else { Freshness::Stale }, current.as_ref())
            }
        };
        let target = match self.state {
            State::Online(_) => Target::Online,
            State::Offline(_) => Target::Offline,
        };
        let told = row.and_then(|row| row.number(OFFLINE_ANNOUNCED)) == Some(self.sequence);
        let needed = match target {
            Target::Online if freshness == Freshness::Stale => false,
            Target::Online => announced(row) == Some(Target::Offline.as_str()) || is_announcing(row),
            Target::Offline if freshness == Freshness::Stale && self.was_taken_over() => false,
            Target::Offline => !told || is_announcing(row),
        };
        let settle = needed.then(|| Settle {
            client_id: self.client_id.clone(),
            sequence: self.sequence,
            session_identifier: self.session.clone(),
            target,
            disconnect_reason: match &self.state {
                State::Offline(reason) => reason.clone(),
                State::Online(_) => None,
            },
            changed_at: self.at,
        });
        Verdict { freshness, settle }
    }
}

impl Sighting {
    /// The certificate that the client connected with, if it was one.
    #[must_use]
    pub fn certificate_id(&self) -> Option<&str> {
        let id = self.principal.as_str();
        (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
    }

    /// The entries of the block list that would stop it.
    #[must_use]
    pub fn block_list_entries(&self, thing_name: &str, serial_number: Option<&str>) -> Vec<String> {
        let certificate = self.certificate_id().map(|id| format!("certificate#{id}"));
        let serial = serial_number.map(|serial| format!("serial#{serial}"));
        certificate.into_iter().chain(serial).chain([format!("thing#{thing_name}")]).collect()
    }

    fn was_taken_over(&self) -> bool {
        matches!(&self.state, State::Offline(Some(reason)) if reason == DisconnectReason::DuplicateClientId.as_str())
    }
}

fn announced(row: Option<&Item>) -> Option<&str> {
    row.and_then(|row| row.text(ANNOUNCED))
}

fn is_announcing(row: Option<&Item>) -> bool {
    row.is_some_and(|row| row.number(ANNOUNCING).is_some())
}

/// Counts a refused attempt to connect, once however often AWS IoT delivers the event, for a client that is known. A row
/// is not made for it: anyone with a certificate could fill the table with client ids that they may not use.
#[must_use]
pub fn connect_failed(event: &ConnectFailed) -> Change {
    let session = event.session_identifier.as_str();
    Change::of(CLIENT_ID, event.client_id.as_str())
        .when(Condition::All(vec![
            Condition::Exists(SEQUENCE.into()),
            Condition::equal(LAST_FAILURE, session).negated(),
        ]))
        .count(CONNECT_FAILURES, 1)
        .set(LAST_FAILURE, session)
        .set(LAST_FAILURE_AT, event.timestamp)
        .set(LAST_FAILURE_REASON, event.connect_failure_reason.as_str())
        .set_or_remove(LAST_FAILURE_ADDRESS, event.ip_address.as_deref())
}
