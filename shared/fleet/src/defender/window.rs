//! How many devices may come into quarantine in a while: a row per window of time, in the table of the devices' violations. A device
//! is counted once in a window, however often it is asked for.

use super::watched::THING_NAME;
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Outcome};

/// How many were counted.
const COUNTED: &str = "counted";
/// When the row may go, in seconds since 1970: DynamoDB removes it.
pub const EXPIRES_AT: &str = "expiresAt";

/// So many devices at most in so long a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// How many.
    pub devices: i64,
    /// The window, in seconds.
    pub window_seconds: i64,
}

fn flag(thing: &str) -> String {
    format!("thing:{thing}")
}

/// Counts the device in the window of this time, if that has room. A thing's name has no `#`, so that the row is no thing's.
#[must_use]
pub fn reserve(cap: &Cap, thing: &str, at: EpochMillis) -> Change {
    let length = cap.window_seconds.max(1).saturating_mul(1000);
    let window = at.div_euclid(length);
    let room = match cap.devices {
        1.. => Condition::Any(vec![Condition::Missing(COUNTED.into()), Condition::less(COUNTED, cap.devices)]),
        _ => Condition::Any(Vec::new()),
    };
    let ends = window.saturating_add(2).saturating_mul(length).div_euclid(1000);
    Change::of(THING_NAME, format!("window#{window}"))
        .when(Condition::All(vec![Condition::Missing(flag(thing).into()), room]))
        .set(flag(thing), true)
        .set(EXPIRES_AT, ends.saturating_add(31 * 86_400))
        .count(COUNTED, 1)
}

/// Whether the device is counted in its window, by the outcome of [`reserve`].
#[must_use]
pub fn is_in(thing: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Applied { .. } => true,
        Outcome::Refused { current } => current.as_ref().is_some_and(|row| row.0.contains_key(&flag(thing))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_counted_once_and_no_more_than_the_cap() {
        let cap = Cap { devices: 2, window_seconds: 60 };
        let mut row = None;
        for (thing, expected) in [("a", true), ("a", true), ("b", true), ("c", false), ("b", true)] {
            assert_eq!(is_in(thing, &reserve(&cap, thing, 59_999).apply(&mut row)), expected, "{thing}");
        }
        let key = |at| reserve(&cap, "c", at).key;
        assert_eq!(key(0), key(59_999));
        assert_ne!(key(0), key(60_000), "a window of its own");
        let none = Cap { devices: 0, window_seconds: 60 };
        assert!(!is_in("a", &reserve(&none, "a", 0).apply(&mut None)), "none at all");
    }
}
