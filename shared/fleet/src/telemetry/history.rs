//! The history of readings.

use super::reading::Reading;
use crate::EpochMillis;
use crate::conditional::{Change, Value};

/// The history of readings: how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// In days. DynamoDB deletes a row within a few days after that.
    pub days: u16,
}

impl History {
    /// Adds the reading. Its key is the time of measurement and a digest of what was measured, so that a message delivered
    /// twice is kept once and two messages of the same millisecond are both kept.
    #[must_use]
    pub fn keep(self, reading: &Reading) -> Change {
        let key = format!("{:015}#{:016x}", reading.measured_at.max(0), reading.digest());
        let expires_at = reading.received_at.div_euclid(1000).saturating_add(i64::from(self.days) * 86_400);
        Change::of("thingName", reading.thing_name.as_str())
            .and_key("measured", key)
            .set("receivedAt", reading.received_at)
            .set("reading", Value::Document(reading.values.clone().into()))
            .set("expiresAt", expires_at)
    }

    /// The age up to which a reading is accepted at all, in milliseconds: one that is older would be deleted at once.
    #[must_use]
    pub fn accepts(self) -> EpochMillis {
        i64::from(self.days) * 86_400_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reading(measured_at: EpochMillis, temperature: i64) -> Reading {
        let values = json!({"temperature": temperature});
        Reading {
            thing_name: "t".into(),
            measured_at,
            received_at: measured_at + 10,
            values: values.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn history_keeps_a_reading_once_and_two_of_one_millisecond_both() {
        let history = History { days: 30 };
        let key = |reading: &Reading| history.keep(reading).key[1].clone();
        assert_eq!(key(&reading(5, 1)), key(&reading(5, 1)));
        assert_ne!(key(&reading(5, 1)), key(&reading(5, 2)));
        let set = history.keep(&reading(1_764_000_000_000, 1)).set;
        assert!(set.contains(&("expiresAt".into(), Value::Number(1_764_000_000 + 30 * 86_400))), "{set:?}");
    }
}
