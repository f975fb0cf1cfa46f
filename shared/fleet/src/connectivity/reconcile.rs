//! Rows that missed an event, found by what the fleet index has of connectivity, and put right.
//!
//! A row follows from the events that reached it. One that never came (a rule that was off, a queue that was lost, a broker that died)
//! leaves it wrong until the device does something else. The fleet index of AWS IoT is fed apart from that, so that where both have been
//! quiet for longer than an event takes on any of its ways ([`QUIET`]) and they differ, the row has missed something, and becomes what the
//! missed event would have made of it: the next in the order of the client's events. An event that comes late after all so finds its
//! place taken, and everything that is newer goes before.
//!
//! Nothing is read to be written: one conditional write a device, which is refused where the row agrees, or is younger. What follows
//! is put on the queue as behind any event, also where an earlier look has died between the two.

use super::attribute::{
    ANNOUNCED, ANNOUNCING, CHANGED_AT, CLIENT_ID, CONNECTED, IP_ADDRESS, REASON, SEQUENCE, SESSION,
};
use super::settle::{Settle, Target};
use super::sighting::CLEARLY_APART;
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome};

/// For how long neither the index nor a row may have changed before they are compared: longer than the longest grace period, and than
/// an event takes to be in either.
pub const QUIET: EpochMillis = 20 * 60 * 1000;
/// The key of the row that says how far the index was looked through. A thing is not called so.
const KEY: &str = "$reconciliation";
/// Where the next look goes on; missing where it begins anew.
const AFTER: &str = "after";
/// Until when somebody looks.
const LOOKING_UNTIL: &str = "lookingUntil";

/// What the fleet index has of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The client, which is called as its thing.
    pub client_id: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Since when, by the event's own time. Where it was not connected for long, the index does not say.
    pub since: Option<EpochMillis>,
    /// Why it disconnected.
    pub reason: Option<String>,
}

/// A page of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexPage {
    /// What it has.
    pub devices: Vec<Indexed>,
    /// Where the next one begins; missing behind the last.
    pub next: Option<String>,
}

/// What follows from comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Whether the row was put right.
    pub repaired: bool,
    /// The second look that is needed, if any.
    pub settle: Option<Settle>,
}

impl Indexed {
    fn target(&self) -> Target {
        if self.connected { Target::Online } else { Target::Offline }
    }

    /// The one write, where the index can say something now: it has been quiet, and who is connected is so since a time. It takes
    /// place if the row says otherwise, has been quiet, too, and is not clearly newer than what the index has.
    #[must_use]
    pub fn change(&self, now: EpochMillis) -> Option<Change> {
        if self.since.map_or(self.connected, |since| since > now.saturating_sub(QUIET)) {
            return None;
        }
        let mut conditions =
            vec![Condition::equal(CONNECTED, !self.connected), Condition::less(CHANGED_AT, now.saturating_sub(QUIET))];
        conditions.extend(self.since.map(|since| Condition::less(CHANGED_AT, since.saturating_add(CLEARLY_APART))));
        let change = Change::of(CLIENT_ID, self.client_id.as_str())
            .when(Condition::All(conditions))
            // A disconnect follows its connect, and the next connect the disconnect.
            .count(SEQUENCE, 1)
            .set(CONNECTED, self.connected)
            .remove(IP_ADDRESS)
            .set_or_remove(REASON, self.reason.as_deref().filter(|_| !self.connected));
        let change = match self.since {
            Some(since) => change.set(CHANGED_AT, since),
            None => change,
        };
        // Which session it is the index does not say. It ends as the one that it is, and begins as another.
        Some(match self.since {
            Some(since) if self.connected => change.set(SESSION, session(since)),
            _ => change,
        })
    }

    /// Judges the outcome of [`change`](Self::change). Where the row agrees, and has done so for long, somebody was to be told or was
    /// not: an earlier look may have died before that.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome, now: EpochMillis) -> Compared {
        let repaired = matches!(outcome, Outcome::Applied { .. });
        let row = match outcome {
            Outcome::Applied { before } => before.as_ref(),
            Outcome::Refused { current } => current.as_ref().filter(|row| {
                row.flag(CONNECTED) == Some(self.connected)
                    && row.number(CHANGED_AT).is_some_and(|changed| changed < now.saturating_sub(QUIET))
            }),
        };
        let settle = row.filter(|row| self.is_to_be_told(row)).and_then(|row| self.settle(row, repaired));
        Compared { repaired, settle }
    }

    fn is_to_be_told(&self, row: &Item) -> bool {
        let offline = row.text(ANNOUNCED) == Some(Target::Offline.as_str());
        offline == self.connected || row.number(ANNOUNCING).is_some()
    }

    /// The second look of what the row holds, or held before it was put right.
    fn settle(&self, row: &Item, repaired: bool) -> Option<Settle> {
        let changed_at = row.number(CHANGED_AT)?;
        let begins = self.since.filter(|_| repaired && self.connected);
        Some(Settle {
            client_id: self.client_id.clone(),
            sequence: row.number(SEQUENCE)?.saturating_add(i64::from(repaired)),
            session_identifier: begins
                .map_or_else(|| row.text(SESSION).map(str::to_owned), |since| Some(session(since)))?,
            target: self.target(),
            disconnect_reason: match (self.connected, repaired) {
                (true, _) => None,
                (false, true) => self.reason.clone(),
                (false, false) => row.text(REASON).map(str::to_owned),
            },
            changed_at: self.since.filter(|_| repaired).unwrap_or(changed_at),
        })
    }
}

/// What the session is called that the index knows of and no event told.
fn session(since: EpochMillis) -> String {
    format!("reconciled-{since}")
}

/// Begins to look through the index, for `lease` milliseconds at most: one invocation at a time does. The outcome says
/// [where it goes on](goes_on).
#[must_use]
pub fn begin(now: EpochMillis, lease: EpochMillis) -> Change {
    let nobody = Condition::Any(vec![Condition::Missing(LOOKING_UNTIL.into()), Condition::less(LOOKING_UNTIL, now)]);
    Change::of(CLIENT_ID, KEY).when(nobody).set(LOOKING_UNTIL, now.saturating_add(lease))
}

/// Where a look that was [begun](begin) goes on: at the beginning where nothing is said, nowhere where another one is at it.
#[must_use]
pub fn goes_on(outcome: &Outcome) -> Option<Option<String>> {
    match outcome {
        Outcome::Applied { before } => Some(before.as_ref().and_then(|row| row.text(AFTER)).map(str::to_owned)),
        Outcome::Refused { .. } => None,
    }
}

/// Ends a look that was [begun](begin) at a time; the next one goes on there. Refused where it took too long and another has begun.
#[must_use]
pub fn end(begun: EpochMillis, lease: EpochMillis, after: Option<&str>) -> Change {
    Change::of(CLIENT_ID, KEY)
        .when(Condition::equal(LOOKING_UNTIL, begun.saturating_add(lease)))
        .set_or_remove(AFTER, after)
        .remove(LOOKING_UNTIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = 1_764_000_000_000;
    const OLD: EpochMillis = NOW - 3 * QUIET;

    fn row(connected: bool, changed_at: EpochMillis, announced: Option<&str>) -> Item {
        let mut row = Item::default();
        row.0.insert(SEQUENCE.into(), (if connected { 4 } else { 5 }).into());
        row.0.insert(SESSION.into(), "s".into());
        row.0.insert(CONNECTED.into(), connected.into());
        row.0.insert(CHANGED_AT.into(), changed_at.into());
        row.0.extend(announced.map(|announced| (ANNOUNCED.into(), announced.into())));
        row
    }

    fn compared(row: Option<Item>, connected: bool, since: Option<EpochMillis>) -> (Option<Item>, Option<Compared>) {
        let indexed = Indexed { client_id: "c".into(), connected, since, reason: Some("CONNECTION_LOST".into()) };
        let mut row = row;
        let compared = indexed.change(NOW).map(|change| indexed.judge(&change.apply(&mut row), NOW));
        (row, compared)
    }

    #[test]
    fn what_the_index_says_is_taken_where_both_are_quiet_and_the_row_is_not_newer() {
        for (row_says, changed_at, index_says, since, repaired) in [
            (true, OLD, false, Some(OLD + 1), true),
            (false, OLD, true, Some(OLD + 1), true),
            // Times are good to some minutes: the index has the order of versions.
            (true, OLD, false, Some(OLD - 60_000), true),
            // Who was not connected for long has no time.
            (true, OLD, false, None, true),
            (false, OLD, true, None, false),
            // They agree.
            (true, OLD, true, Some(OLD), false),
            (false, OLD, false, Some(OLD), false),
            // Something has just happened: the event may be on its way, or the index behind.
            (true, OLD, false, Some(NOW - 60_000), false),
            (true, NOW - 60_000, false, Some(OLD), false),
            (true, NOW - 60_000, false, None, false),
            // The index has missed something.
            (true, OLD, false, Some(OLD - 2 * CLEARLY_APART), false),
        ] {
            let case = format!("the row {row_says} {changed_at}, the index {index_says} {since:?}");
            let (after, found) = compared(Some(row(row_says, changed_at, None)), index_says, since);
            assert_eq!(found.is_some_and(|found| found.repaired), repaired, "{case}");
            let after = after.unwrap();
            assert_eq!(after.flag(CONNECTED), Some(if repaired { index_says } else { row_says }), "{case}");
            let sequence = if row_says { 4 } else { 5 };
            assert_eq!(after.number(SEQUENCE), Some(sequence + i64::from(repaired)), "{case}");
        }
        assert_eq!(compared(None, true, Some(OLD)).0, None, "no row is made");
    }

    #[test]
    fn who_was_to_be_told_is_told_once() {
        let (offline, online) = (Some("offline"), Some("online"));
        for (row_says, announced, index_says, wanted) in [
            (true, None, false, Some((5, Target::Offline, "s", OLD + 1))),
            (true, online, false, Some((5, Target::Offline, "s", OLD + 1))),
            (false, offline, true, Some((6, Target::Online, "reconciled-1763996400001", OLD + 1))),
            // It is back, and nobody knew that it was away.
            (false, None, true, None),
            // An earlier look has died behind its write.
            (false, None, false, Some((5, Target::Offline, "s", OLD))),
            (true, offline, true, Some((4, Target::Online, "s", OLD))),
            (false, offline, false, None),
            (true, online, true, None),
        ] {
            let (_, found) = compared(Some(row(row_says, OLD, announced)), index_says, Some(OLD + 1));
            let settle = found.and_then(|found| found.settle);
            let told = settle
                .as_ref()
                .map(|settle| (settle.sequence, settle.target, settle.session_identifier.as_str(), settle.changed_at));
            assert_eq!(told, wanted, "the row {row_says} {announced:?}, the index {index_says}");
        }
    }

    #[test]
    fn one_looks_at_a_time_and_the_next_goes_on() {
        let mut row = None;
        assert_eq!(goes_on(&begin(NOW, 1000).apply(&mut row)), Some(None));
        assert_eq!(goes_on(&begin(NOW + 1, 1000).apply(&mut row)), None, "another is at it");
        let _ended = end(NOW, 1000, Some("there")).apply(&mut row);
        assert_eq!(goes_on(&begin(NOW + 2, 1000).apply(&mut row)), Some(Some("there".to_owned())));
        // It dies: the next one looks at the same again, and what the dead one says then is not heard.
        assert_eq!(goes_on(&begin(NOW + 2000, 1000).apply(&mut row)), Some(Some("there".to_owned())));
        let _late = end(NOW + 2, 1000, Some("elsewhere")).apply(&mut row);
        let _ended = end(NOW + 2000, 1000, None).apply(&mut row);
        assert_eq!(goes_on(&begin(NOW + 3000, 1000).apply(&mut row)), Some(None));
    }
}
