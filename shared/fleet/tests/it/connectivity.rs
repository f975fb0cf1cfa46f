//! Presence events in any order, with duplicates, lead to the same row.
//!
//! The histories are what AWS IoT can produce ("Lifecycle events"): version numbers grow per client, may skip, and restart
//! after more than an hour away; a takeover's disconnect comes after the connect that took over; times are up to two
//! minutes off.

use fleet::conditional::{Item, Outcome};
use fleet::connectivity::sighting::CLEARLY_APART;
use fleet::connectivity::{
    Claim, Freshness, Settle, Sighting, State, Target, attribute, claim, confirm, judge_claim, take_up,
};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;

fn sighting(version: i64, phase: i64, session: &str, at: i64) -> Sighting {
    Sighting {
        client_id: "c".into(),
        thing_name: None,
        sequence: version * 2 + phase,
        session: session.into(),
        principal: "p".into(),
        at,
        state: if phase == 0 {
            State::Online(Some(format!("10.0.0.{version}")))
        } else {
            State::Offline(Some("CONNECTION_LOST".into()))
        },
    }
}

/// Delivers and returns the row with how each was judged.
fn deliver<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> (Option<Item>, Vec<Freshness>) {
    let mut row = None;
    let judged = sightings.into_iter().map(|s| s.judge(&s.change(true).apply(&mut row)).freshness).collect();
    (row, judged)
}

fn connected(row: &Option<Item>) -> Option<bool> {
    row.as_ref().and_then(|row| row.flag(attribute::CONNECTED))
}

#[derive(Debug, Clone)]
struct Connection {
    skip: i64,
    stays: i64,
    then: Then,
}

#[derive(Debug, Clone)]
enum Then {
    /// Comes back after so long; beyond an hour, the version numbers restart.
    Away(i64),
    /// The next connection takes this one over.
    TakenOver,
}

/// A history in its true order, last event last, with times off by up to two minutes.
fn history() -> impl Strategy<Value = Vec<Sighting>> {
    let then = prop_oneof![
        3 => (0..50 * MINUTE).prop_map(Then::Away),
        1 => (70 * MINUTE..600 * MINUTE).prop_map(Then::Away),
        2 => Just(Then::TakenOver),
    ];
    let connection = (0..3i64, 0..90 * MINUTE, then).prop_map(|(skip, stays, then)| Connection { skip, stays, then });
    (
        proptest::collection::vec(connection, 1..8),
        any::<bool>(),
        proptest::collection::vec(-2 * MINUTE..=2 * MINUTE, 16),
    )
        .prop_map(|(connections, still_on, errors)| {
            let (mut now, mut version) = (10_000 * MINUTE, 0);
            let mut events = Vec::new();
            for (number, connection) in connections.iter().enumerate() {
                let session = format!("s{number}");
                version += connection.skip;
                let start = now;
                now += connection.stays;
                events.push((start, sighting(version, 0, &session, start)));
                match connection.then {
                    Then::Away(away) => {
                        events.push((now, sighting(version, 1, &session, now)));
                        now += away;
                        version = if away > 60 * MINUTE { 0 } else { version + 1 };
                    }
                    Then::TakenOver => {
                        // The old session's end is seen just after the new session's start.
                        events.push((now + 1, sighting(version, 1, &session, now + 1)));
                        version += 1;
                    }
                }
            }
            if still_on {
                let last = connections.len();
                events.push((now, sighting(version, 0, &format!("s{last}"), now)));
            }
            events.sort_by_key(|(at, _)| *at);
            let errors = errors.iter().cycle();
            events.into_iter().zip(errors).map(|((at, s), error)| Sighting { at: at + error, ..s }).collect()
        })
}

fn shuffled_with_duplicates() -> impl Strategy<Value = (Vec<Sighting>, Vec<Sighting>)> {
    history().prop_flat_map(|history| {
        let twice = [history.clone(), history.clone()].concat();
        (Just(history.clone()), Just(twice).prop_shuffle(), proptest::collection::vec(any::<bool>(), history.len()))
            .prop_map(|(history, mut shuffled, drop)| {
                // Some events come once only: drop the second copy.
                for (event, _) in history.iter().zip(&drop).filter(|(_, drop)| **drop) {
                    if let Some(at) = shuffled.iter().rposition(|s| s == event) {
                        shuffled.remove(at);
                    }
                }
                (history, shuffled)
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_with_duplicates_leads_to_the_same_row((history, delivered) in shuffled_with_duplicates()) {
        let (in_order, _) = deliver(&history);
        let (row, _) = deliver(&delivered);
        prop_assert_eq!(&row, &in_order);
    }

    #[test]
    fn the_row_is_that_of_the_last_connection((history, delivered) in shuffled_with_duplicates()) {
        // The last connection is the last to start; it is on unless its own disconnect was seen.
        let last = history.iter().rfind(|s| matches!(s.state, State::Online(_))).unwrap();
        let ended = history.iter().any(|s| s.session == last.session && matches!(s.state, State::Offline(_)));
        let (row, _) = deliver(&delivered);
        prop_assert_eq!(connected(&row), Some(!ended));
        let row = row.unwrap();
        prop_assert_eq!(row.text(attribute::SESSION), Some(last.session.as_str()));
    }
}

#[test]
fn the_row_says_where_from_and_why() {
    let mut row = None;
    sighting(7, 0, "s", 0).change(true).apply(&mut row);
    let connected = row.clone().unwrap();
    assert_eq!(connected.text(attribute::IP_ADDRESS), Some("10.0.0.7"));
    assert_eq!((connected.text(attribute::PRINCIPAL), connected.text(attribute::REASON)), (Some("p"), None));
    sighting(7, 1, "s", 9).change(true).apply(&mut row);
    let disconnected = row.unwrap();
    assert_eq!(disconnected.text(attribute::REASON), Some("CONNECTION_LOST"));
    assert_eq!((disconnected.text(attribute::IP_ADDRESS), disconnected.number(attribute::CHANGED_AT)), (None, Some(9)));
}

#[test]
fn a_takeovers_disconnect_never_flips_the_new_session_to_offline() {
    let (old, new) = (sighting(5, 0, "old", 0), sighting(6, 0, "new", 10));
    let end_of_old = sighting(5, 1, "old", 11);
    let (row, judged) = deliver([&old, &new, &end_of_old]);
    assert_eq!(connected(&row), Some(true));
    assert_eq!(judged, [Freshness::New, Freshness::New, Freshness::Stale]);
    assert_eq!(connected(&deliver([&new, &end_of_old, &old]).0), Some(true));
}

#[test]
fn version_numbers_may_restart_only_clearly_later_and_in_another_session() {
    let before = sighting(40, 1, "a", 0);
    for (session, at, expected) in [
        ("b", 60 * MINUTE, Freshness::NewAfterReset),
        ("b", CLEARLY_APART, Freshness::Stale),
        ("b", CLEARLY_APART + 1, Freshness::NewAfterReset),
        ("a", 60 * MINUTE, Freshness::Stale),
    ] {
        let after = sighting(0, 0, session, at);
        assert_eq!(deliver([&before, &after]).1[1], expected, "{session} {at}");
    }
    // Once restarted, a late event of the time before is not newer for its higher number.
    let after = sighting(0, 0, "b", 90 * MINUTE);
    assert_eq!(connected(&deliver([&after, &before]).0), Some(true));
}

#[test]
fn a_duplicate_of_the_newest_event_is_told_apart_from_a_stale_one() {
    let (on, off) = (sighting(1, 0, "s", 0), sighting(1, 1, "s", 10));
    let (_, judged) = deliver([&off, &off, &on]);
    assert_eq!(judged, [Freshness::New, Freshness::Duplicate, Freshness::Stale]);
}

#[test]
fn a_disconnect_is_always_looked_at_again_and_a_connect_only_after_an_announcement() {
    let mut row = None;
    let mut see = |s: Sighting| s.judge(&s.change(true).apply(&mut row)).settle;
    assert_eq!(see(sighting(0, 0, "a", 0)), None);
    let off = see(sighting(0, 1, "a", 10)).unwrap();
    assert_eq!((off.target, off.sequence), (Target::Offline, 1));
    // The function may have died before the second look was queued: the event comes again.
    assert_eq!(see(sighting(0, 1, "a", 10)), Some(off.clone()));
    assert_eq!(see(sighting(1, 0, "b", 20)), None);
    let off = see(sighting(1, 1, "b", 30)).unwrap();
    assert_eq!(judge_claim(&off, &claim(&off, 100, 10).apply(&mut row), 100), Claim::Announce);
    assert!(matches!(confirm(&off).apply(&mut row), Outcome::Applied { .. }));
    let mut see = |s: Sighting| s.judge(&s.change(true).apply(&mut row)).settle;
    assert_eq!(see(sighting(1, 1, "b", 30)), None, "what has been announced needs no second look");
    assert_eq!(see(sighting(2, 0, "c", 40)).map(|settle| settle.target), Some(Target::Online));
}

#[test]
fn a_claim_is_made_once_runs_out_and_gives_way_to_what_is_newer() {
    let off = sighting(0, 1, "a", 0);
    let mut row = None;
    let settle: Settle = off.judge(&off.change(true).apply(&mut row)).settle.unwrap();
    let look = |row: &mut Option<Item>, now| judge_claim(&settle, &claim(&settle, now, 10).apply(row), now);
    assert_eq!(look(&mut row, 100), Claim::Announce);
    assert_eq!(look(&mut row, 105), Claim::InProgress);
    assert_eq!(look(&mut row, 111), Claim::TakeUp(settle.clone()), "a claim that ran out");
    assert!(matches!(take_up(&settle, 111, 10).apply(&mut row), Outcome::Applied { .. }));
    assert!(matches!(take_up(&settle, 112, 10).apply(&mut row), Outcome::Refused { .. }), "by one alone");
    confirm(&settle).apply(&mut row);
    assert_eq!(look(&mut row, 500), Claim::NothingToDo);
    sighting(1, 0, "b", 10).change(true).apply(&mut row);
    assert_eq!(look(&mut row, 501), Claim::NothingToDo, "delivered again after it was announced");
    assert_eq!(judge_claim(&settle, &claim(&settle, 1, 1).apply(&mut None), 1), Claim::NothingToDo, "no such client");
    let next = sighting(1, 1, "b", 20);
    let settle = next.judge(&next.change(true).apply(&mut row)).settle.unwrap();
    sighting(2, 0, "c", 30).change(true).apply(&mut row);
    assert_eq!(judge_claim(&settle, &claim(&settle, 502, 10).apply(&mut row), 502), Claim::Superseded);
}

#[test]
fn an_announcement_that_died_is_made_by_whoever_comes_next() {
    let mut row = None;
    let first = sighting(0, 1, "a", 0);
    let gone = first.judge(&first.change(true).apply(&mut row)).settle.unwrap();
    assert_eq!(judge_claim(&gone, &claim(&gone, 0, 10).apply(&mut row), 0), Claim::Announce);
    // It died here, and nobody knows whether before the telling or behind it. The client came back.
    let second = sighting(1, 0, "b", 10);
    let back = second.judge(&second.change(true).apply(&mut row)).settle.unwrap();
    assert_eq!(judge_claim(&back, &claim(&back, 5, 10).apply(&mut row), 5), Claim::InProgress);
    assert_eq!(judge_claim(&back, &claim(&back, 50, 10).apply(&mut row), 50), Claim::TakeUp(gone.clone()));
    take_up(&gone, 50, 10).apply(&mut row);
    confirm(&gone).apply(&mut row);
    assert_eq!(judge_claim(&back, &claim(&back, 50, 10).apply(&mut row), 50), Claim::Announce);
}
