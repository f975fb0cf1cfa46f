//! Laws of alarms, of percentiles, of blocks of addresses and of reports.

use behaviors::cidr::Cidr;
use behaviors::report::{Format, Report};
use behaviors::statistics::percentile;
use behaviors::{Alarm, Criteria, Transition};
use proptest::prelude::*;

proptest! {
    /// No alarm ends that has not begun, none begins twice, and each change has so many datapoints in a row right before it.
    #[test]
    fn an_alarm_skips_nothing(
        to_alarm in 1i32..=10,
        to_clear in 1i32..=10,
        steps in proptest::collection::vec(prop_oneof![8 => any::<bool>().prop_map(Some), 1 => Just(None)], 0..200),
    ) {
        let criteria = Criteria {
            consecutive_datapoints_to_alarm: Some(to_alarm),
            consecutive_datapoints_to_clear: Some(to_clear),
            ..Criteria::default()
        };
        let (mut alarm, mut on, mut row) = (Alarm::default(), false, 0);
        let mut last = None;
        for step in steps {
            // How often the present datapoint has come in a row since the last change.
            row = if step == last { row + 1 } else { 1 };
            last = step;
            let change = match step {
                Some(normal) => alarm.step(normal, &criteria),
                None => alarm.invalidate(),
            };
            match change {
                Some(Transition::InAlarm) => prop_assert!(!on && step == Some(false) && row == to_alarm),
                Some(Transition::AlarmCleared) => prop_assert!(on && step == Some(true) && row == to_clear),
                Some(Transition::AlarmInvalidated) => prop_assert!(on && step.is_none()),
                None => {
                    prop_assert!(!(step == Some(false) && !on && row >= to_alarm), "an alarm is missed");
                    prop_assert!(!(step == Some(true) && on && row >= to_clear), "an end is missed");
                    prop_assert!(!(step.is_none() && on));
                }
            }
            if change.is_some() || step.is_none() {
                (row, last) = (0, None);
            }
            on = alarm.on;
        }
    }

    /// As many are at most the percentile as its share says, and fewer would be below any lesser value.
    #[test]
    fn a_percentile_has_its_share_below(mut values in proptest::collection::vec(-1e9f64..1e9, 1..200), share in 0.0f64..=100.0) {
        let found = percentile(&mut values, share).unwrap();
        let count = |fits: &dyn Fn(f64) -> bool| f64::from(u32::try_from(values.iter().filter(|value| fits(**value)).count()).unwrap());
        let needed = share / 100.0 * f64::from(u32::try_from(values.len()).unwrap());
        prop_assert!(count(&|value| value <= found) >= needed);
        prop_assert!(count(&|value| value < found) < needed.max(1.0));
    }

    /// A block has the address that it is written with, whatever its length, and one address is in no block of another.
    #[test]
    fn a_block_has_its_own_address(a in any::<std::net::IpAddr>(), b in any::<std::net::IpAddr>(), bits in 0u8..=32) {
        let block: Cidr = format!("{a}/{bits}").parse().unwrap();
        let single: Cidr = a.to_string().parse().unwrap();
        prop_assert!(block.contains(&single));
        let other: Cidr = b.to_string().parse().unwrap();
        prop_assert_eq!(single.contains(&other), a.to_canonical() == b.to_canonical());
    }

    /// Whatever bytes come, they are read or refused.
    #[test]
    fn bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(Report::read(Format::Json, &bytes));
        drop(Report::read(Format::Cbor, &bytes));
    }
}
