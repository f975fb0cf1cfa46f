//! The second look at a change, after the grace period: the only place from which anything is announced.

use super::attribute::{
    ANNOUNCED, ANNOUNCED_SEQUENCE, ANNOUNCEMENT, ANNOUNCING, CLIENT_ID, FLAP_ALERTED, FLAP_WINDOW, FLAPS,
    OFFLINE_ANNOUNCED, SEQUENCE, SESSION,
};
use crate::EpochMillis;
use crate::alert::{Alert, Connectivity};
use crate::conditional::{Change, Condition, Item, Outcome, Value};
use iot_events::DisconnectReason;
use serde::{Deserialize, Serialize};

/// What is to be looked at again: the body of a message on the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settle {
    /// The client.
    pub client_id: String,
    /// The event's place in the order of the client's events.
    pub sequence: i64,
    /// The event's session.
    pub session_identifier: String,
    /// What to announce if nothing newer has come.
    pub target: Target,
    /// Why the client disconnected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<String>,
    /// When it changed.
    pub changed_at: EpochMillis,
}

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The client is gone.
    Offline,
    /// The client is back.
    Online,
}

impl Settle {
    fn document(&self) -> Value {
        Value::Document(serde_json::json!(self))
    }

    fn is_announced(&self) -> Condition {
        Condition::equal(ANNOUNCEMENT, self.document())
    }
}

impl Target {
    /// As it is kept in the row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
        }
    }
}

/// What becomes of a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Announce it, then [`confirm`].
    Announce,
    /// It has been announced, or there is nothing to announce.
    NothingToDo,
    /// An announcement was begun, this or another, and never confirmed: [`take_up`], announce and confirm that one, then claim
    /// again.
    TakeUp(Settle),
    /// An announcement is being made, this or another: look again later, in case whoever makes it dies.
    InProgress,
    /// Something newer came. If this was a disconnect, the client [flapped](flap).
    Superseded,
}

/// Claims the announcement for `lease` milliseconds: a write and a consistent read in one. The lease must outlast the
/// function's timeout, and be shorter than the queue's visibility timeout.
#[must_use]
pub fn claim(settle: &Settle, now: EpochMillis, lease: EpochMillis) -> Change {
    let other = match settle.target {
        // The first disconnect of a client finds nothing announced.
        Target::Offline => Condition::Any(vec![
            Condition::Missing(ANNOUNCED.into()),
            Condition::equal(ANNOUNCED, Target::Online.as_str()),
        ]),
        Target::Online => Condition::equal(ANNOUNCED, Target::Offline.as_str()),
    };
    Change::of(CLIENT_ID, settle.client_id.as_str())
        .when(Condition::All(vec![
            Condition::equal(SEQUENCE, settle.sequence),
            Condition::equal(SESSION, settle.session_identifier.as_str()),
            Condition::Missing(ANNOUNCEMENT.into()),
            other,
        ]))
        .set(ANNOUNCEMENT, settle.document())
        .set(ANNOUNCING, now.saturating_add(lease))
}

/// Judges the outcome of [`claim`].
#[must_use]
pub fn judge_claim(settle: &Settle, outcome: &Outcome, now: EpochMillis) -> Claim {
    let Outcome::Refused { current } = outcome else { return Claim::Announce };
    let Some(row) = current else { return Claim::NothingToDo };
    // The queue may deliver a message again long after it was done.
    let told = match settle.target {
        Target::Offline => row.number(OFFLINE_ANNOUNCED) == Some(settle.sequence),
        Target::Online => row.number(ANNOUNCED_SEQUENCE) == Some(settle.sequence),
    };
    if let Some(begun) = begun(row) {
        let ran_out = row.number(ANNOUNCING).is_none_or(|until| until < now);
        return match ran_out {
            true => Claim::TakeUp(begun),
            false if told => Claim::NothingToDo,
            false => Claim::InProgress,
        };
    }
    let newest =
        row.number(SEQUENCE) == Some(settle.sequence) && row.text(SESSION) == Some(settle.session_identifier.as_str());
    if told || newest { Claim::NothingToDo } else { Claim::Superseded }
}

/// The announcement that the row says was begun.
fn begun(row: &Item) -> Option<Settle> {
    serde_json::from_value(serde_json::Value::Object(row.document(ANNOUNCEMENT)?.clone())).ok()
}

/// Takes up an announcement that was begun and whose claim has run out.
#[must_use]
pub fn take_up(begun: &Settle, now: EpochMillis, lease: EpochMillis) -> Change {
    Change::of(CLIENT_ID, begun.client_id.as_str())
        .when(Condition::All(vec![begun.is_announced(), Condition::less(ANNOUNCING, now)]))
        .set(ANNOUNCING, now.saturating_add(lease))
}

/// What is announced.
#[must_use]
pub fn announcement(settle: &Settle) -> Alert {
    let change = Connectivity {
        client_id: settle.client_id.clone(),
        session_identifier: settle.session_identifier.clone(),
        sequence: settle.sequence,
        disconnect_reason: settle.disconnect_reason.clone(),
        at: settle.changed_at,
    };
    match settle.target {
        Target::Offline => Alert::DeviceOffline(change),
        Target::Online => Alert::DeviceOnline(change),
    }
}

/// Notes that the announcement was made. Refused means that another took it up and has noted it: nothing to do.
#[must_use]
pub fn confirm(settle: &Settle) -> Change {
    let change = Change::of(CLIENT_ID, settle.client_id.as_str())
        .when(settle.is_announced())
        .set(ANNOUNCED, settle.target.as_str())
        .set(ANNOUNCED_SEQUENCE, settle.sequence)
        .remove(ANNOUNCEMENT)
        .remove(ANNOUNCING);
    match settle.target {
        Target::Offline => change.set(OFFLINE_ANNOUNCED, settle.sequence),
        Target::Online => change,
    }
}

/// A disconnect that was over before anyone was told.
///
/// The disconnects of a window are kept as a set, so that a message delivered twice counts once. Windows follow one
/// another without overlap; the window of a disconnect follows from its own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flap<'a> {
    settle: &'a Settle,
    window_seconds: i64,
    window: i64,
}

/// The flap that this disconnect is, if it was one. The end of a session that another took over is none, whichever of the two
/// is heard of first.
#[must_use]
pub fn flap(settle: &Settle, window_seconds: i64) -> Option<Flap<'_>> {
    let window = settle.changed_at.div_euclid(window_seconds.saturating_mul(1000).max(1));
    let taken_over = settle.disconnect_reason.as_deref() == Some(DisconnectReason::DuplicateClientId.as_str());
    (settle.target == Target::Offline && !taken_over).then_some(Flap { settle, window_seconds, window })
}

impl Flap<'_> {
    /// Adds it to its window, if that is the row's window. If refused, [`Flap::open_window`] comes next.
    #[must_use]
    pub fn count(&self) -> Change {
        self.change(Condition::equal(FLAP_WINDOW, self.window))
    }

    /// Opens its window with it. Refused if the row has a later window, or the same one by now.
    #[must_use]
    pub fn open_window(&self) -> Change {
        let older =
            Condition::Any(vec![Condition::Missing(FLAP_WINDOW.into()), Condition::less(FLAP_WINDOW, self.window)]);
        let mut change = Change::of(CLIENT_ID, self.settle.client_id.as_str())
            .when(Condition::All(vec![Condition::Exists(SEQUENCE.into()), older]))
            .set(FLAP_WINDOW, self.window);
        change.set.push((FLAPS.into(), crate::conditional::Value::Numbers([self.settle.sequence].into())));
        change
    }

    fn change(&self, condition: Condition) -> Change {
        Change::of(CLIENT_ID, self.settle.client_id.as_str()).when(condition).collect(FLAPS, self.settle.sequence)
    }

    /// The alert, if the window holds `threshold` flaps with this one and has not been alerted for; from the row as it was
    /// before [`Flap::count`].
    #[must_use]
    pub fn alert(&self, outcome: &Outcome, threshold: usize) -> Option<Alert> {
        let Outcome::Applied { before: Some(row) } = outcome else { return None };
        if row.number(FLAP_ALERTED) == Some(self.window) {
            return None;
        }
        let flaps = row.numbers(FLAPS);
        let counted = flaps.is_some_and(|flaps| flaps.contains(&self.settle.sequence));
        let times = flaps.map_or(0, std::collections::BTreeSet::len).saturating_add(usize::from(!counted));
        (times >= threshold).then(|| Alert::DeviceFlapping {
            client_id: self.settle.client_id.clone(),
            times,
            window_seconds: self.window_seconds,
            at: self.settle.changed_at,
        })
    }

    /// Notes that the window was alerted for.
    #[must_use]
    pub fn alerted(&self) -> Change {
        Change::of(CLIENT_ID, self.settle.client_id.as_str())
            .when(Condition::equal(FLAP_WINDOW, self.window))
            .set(FLAP_ALERTED, self.window)
    }
}
