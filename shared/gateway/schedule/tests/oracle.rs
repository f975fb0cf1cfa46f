//! Cron expressions beside croner, which somebody else keeps: any expression that both take falls due at the same times.

use chrono::DateTime;
use croner::parser::{CronParser, Seconds, Year};
use drydock_core::Timestamp;
use drydock_schedule::Expression;
use proptest::prelude::*;

/// A field: everything, one value, a range, steps, a list.
fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let one = least..=most;
    prop_oneof![
        2 => Just("*".to_owned()),
        3 => one.clone().prop_map(|value| value.to_string()),
        1 => (one.clone(), one.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=most.max(2)).prop_map(|step| format!("*/{step}")),
        1 => (one.clone(), one.clone(), 1..=most.max(2)).prop_map(|(a, b, s)| format!("{}-{}/{s}", a.min(b), a.max(b))),
        1 => (one.clone(), one).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

/// The two day fields, one of which is `?`.
fn days() -> impl Strategy<Value = (String, String)> {
    let of_month =
        prop_oneof![3 => field(1, 31), 1 => Just("L".to_owned()), 1 => (1..=31u32).prop_map(|day| format!("{day}W"))];
    let of_week = prop_oneof![
        3 => field(1, 7),
        1 => (1..=7u32, 1..=5u32).prop_map(|(day, nth)| format!("{day}#{nth}")),
        1 => (1..=7u32).prop_map(|day| format!("{day}L")),
        1 => Just("MON-FRI".to_owned()),
    ];
    prop_oneof![of_month.prop_map(|days| (days, "?".to_owned())), of_week.prop_map(|days| ("?".to_owned(), days)),]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn expressions_fall_due_when_croner_says(
        (minute, hour, month) in (field(0, 59), field(0, 23), field(1, 12)),
        (day, weekday) in days(),
        start in 1_577_836_800i64..1_893_456_000,
    ) {
        let text = format!("cron({minute} {hour} {day} {month} {weekday} *)");
        let ours = Expression::parse(&text, None).map_err(|error| TestCaseError::fail(error.to_string()))?;
        // To croner `?` is `*`, and both day fields have to hold.
        let theirs = format!("{minute} {hour} {day} {month} {weekday}");
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(true)
            .alternative_weekdays(true)
            .build();
        let theirs = parser.parse(&theirs).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut last = Timestamp(start * 1000);
        for _ in 0..4 {
            let instant = DateTime::from_timestamp_millis(last.millis()).unwrap();
            let found = ours.after(last, last);
            let expected = theirs.find_next_occurrence(&instant, false).ok();
            let expected = expected.map(|at| Timestamp(at.timestamp_millis()));
            prop_assert_eq!(found, expected, "{} after {}", text, instant);
            let Some(next) = found else { break };
            last = next;
        }
    }

    /// Whatever is read, times go forward, and never come again.
    #[test]
    fn times_go_forward_in_every_zone(
        (minute, hour) in (field(0, 59), field(0, 23)),
        (day, weekday) in days(),
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]),
        start in 1_577_836_800i64..1_893_456_000,
    ) {
        let text = format!("cron({minute} {hour} {day} * {weekday} *)");
        let expression = Expression::parse(&text, Some(zone)).unwrap();
        let mut last = Timestamp(start * 1000);
        for _ in 0..20 {
            let Some(next) = expression.after(last, last) else { break };
            prop_assert!(next > last, "{} in {}: {} after {}", text, zone, next, last);
            last = next;
        }
    }

    #[test]
    fn no_text_panics(text in "(cron|rate|at)\\([ 0-9A-Z#LW?*,/:T-]{0,30}\\)", from in any::<i64>()) {
        if let Ok(expression) = Expression::parse(&text, Some("Europe/Berlin")) {
            let _ = expression.after(Timestamp(from), Timestamp(0));
        }
    }
}
