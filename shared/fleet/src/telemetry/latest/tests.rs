//! The row after readings in any order, any number of times.

use super::*;
use crate::telemetry::{Thresholds, Untold};
use proptest::prelude::*;
use serde_json::json;

fn thresholds() -> Thresholds {
    serde_json::from_value(json!({"*": [{"metric": "t", "above": 80, "clear": 75}]})).unwrap()
}

fn reading(at: i64, received: i64, values: Json) -> Reading {
    Reading {
        thing_name: "x".into(),
        measured_at: at,
        received_at: received,
        values: values.as_object().unwrap().clone(),
    }
}

fn put(row: &mut Option<Item>, reading: &Reading) -> (Recency, usize) {
    let thresholds = thresholds();
    let latest = Latest::of(reading, thresholds.of(None));
    let mut change = latest.first_try();
    for tries in 1..4 {
        let outcome = change.apply(row);
        match latest.judge(&change, outcome) {
            Next::Write(next) => change = next,
            Next::Done(recency, after) => {
                assert_eq!(after, *row);
                return (recency, tries);
            }
            Next::Full => panic!("full"),
        }
    }
    panic!("nobody else writes, and it was refused again");
}

#[test]
fn the_first_try_holds_where_nothing_moves() {
    let mut row = None;
    for (at, value, expected) in [
        (1, 20.0, (Recency::Newest, 2)),
        (2, 21.0, (Recency::Newest, 1)),
        (2, 21.0, (Recency::Same, 1)),
        (1, 90.0, (Recency::Late, 1)),
        (3, 90.0, (Recency::Newest, 2)),
        (4, 91.0, (Recency::Newest, 1)),
        (5, 78.0, (Recency::Newest, 1)),
        (6, 20.0, (Recency::Newest, 2)),
    ] {
        assert_eq!(put(&mut row, &reading(at, at, json!({ "t": value }))), expected, "{at}: {value}");
    }
    let row = row.unwrap();
    let states: Vec<_> = Untold::all("x", &row).map(|untold| untold.alert().subject()).collect();
    assert_eq!(states, ["t:above raised at 90: x", "t:above cleared at 20: x"]);
}

#[test]
fn a_reading_that_comes_after_one_between_the_limits_still_moves_the_alarm() {
    let mut row = None;
    for (at, value, expected) in
        [(2, 78, Recency::Newest), (1, 90, Recency::Partly), (0, 20, Recency::Late), (1, 90, Recency::Late)]
    {
        assert_eq!(put(&mut row, &reading(at, at, json!({ "t": value }))).0, expected, "{at}: {value}");
    }
    let row = row.unwrap();
    assert_eq!((row.number(MEASURED_AT), row.text("alarm:t:above")), (Some(2), Some("raised")));
    assert_eq!(Untold::all("x", &row).count(), 1);
}

#[test]
fn the_metrics_of_a_device_are_bounded() {
    let mut row = None;
    for at in 0..300 {
        put(&mut row, &reading(at, at, json!({ format!("m{at}"): at })));
    }
    let row = row.unwrap();
    assert_eq!(row.document(READING).unwrap().len(), MAX_METRICS);
    assert!(row.document(READING).unwrap().contains_key("m299"));
    assert_eq!(row.document(ORDERS).unwrap().len(), MAX_METRICS);
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        parts in proptest::collection::vec((0..4i64, 0..3i64, 0..3usize, 70..90i64), 1..8),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let values = |kind: usize, t: i64| match kind {
            0 => json!({ "t": t }),
            1 => json!({ "h": t }),
            _ => json!({ "t": t, "h": t }),
        };
        let readings: Vec<_> = parts.iter().map(|(at, received, kind, t)| reading(*at, *received, values(*kind, *t))).collect();
        let mut sorted = readings.clone();
        sorted.sort_by_key(Reading::order);
        let (mut expected, mut row) = (None, None);
        sorted.iter().for_each(|reading| _ = put(&mut expected, reading));
        order.iter().for_each(|index| _ = put(&mut row, index.get(&readings)));
        readings.iter().for_each(|reading| _ = put(&mut row, reading));
        let (expected, row) = (expected.unwrap(), row.unwrap());
        for attribute in [READING, ORDERS, ORDER, MEASURED_AT] {
            prop_assert_eq!(row.0.get(attribute), expected.0.get(attribute));
        }
        let alarm = |row: &Item| row.text("alarm:t:above").and_then(Alarm::read).unwrap_or(Alarm::Cleared);
        prop_assert_eq!(alarm(&row), alarm(&expected));
    }
}
