//! The latest reading and the history, as conditional writes.

use super::reading::Reading;
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome, Value};

/// The attribute that holds the time of the latest reading.
pub const MEASURED_AT: &str = "measuredAt";

/// Whether a reading is the device's latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// It is the latest now.
    Newest,
    /// It was the latest already: a message delivered twice, or a second one of the same millisecond.
    Same,
    /// A later one is known.
    Late,
}

/// Makes the reading the device's latest, unless a later one is known.
#[must_use]
pub fn latest(reading: &Reading) -> Change {
    let older =
        Condition::Any(vec![Condition::Missing(MEASURED_AT.into()), Condition::less(MEASURED_AT, reading.measured_at)]);
    Change::of("thingName", reading.thing_name.as_str())
        .when(older)
        .set(MEASURED_AT, reading.measured_at)
        .set("receivedAt", reading.received_at)
        .set("reading", Value::Document(reading.values.clone().into()))
}

/// Judges the outcome of [`latest`], and hands out the row with the state of the device's alarms.
#[must_use]
pub fn judge_latest<'a>(reading: &Reading, outcome: &'a Outcome) -> (Recency, Option<&'a Item>) {
    match outcome {
        Outcome::Applied { before } => (Recency::Newest, before.as_ref()),
        Outcome::Refused { current } => {
            let at = current.as_ref().and_then(|row| row.number(MEASURED_AT));
            (if at == Some(reading.measured_at) { Recency::Same } else { Recency::Late }, current.as_ref())
        }
    }
}

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
        let key = format!("{:015}#{:016x}", reading.measured_at.max(0), digest(&reading.values));
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

/// FNV-1a of the values' text, whose fields are in the order of their names.
fn digest(values: &serde_json::Map<String, serde_json::Value>) -> u64 {
    let text = serde_json::Value::Object(values.clone()).to_string();
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
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
    fn the_latest_reading_is_that_of_the_latest_measurement() {
        let mut row = None;
        for (at, expected) in
            [(5, Recency::Newest), (5, Recency::Same), (3, Recency::Late), (9, Recency::Newest), (5, Recency::Late)]
        {
            let reading = reading(at, at);
            let outcome = latest(&reading).apply(&mut row);
            assert_eq!(judge_latest(&reading, &outcome).0, expected, "{at}");
        }
        assert_eq!(row.unwrap().number(MEASURED_AT), Some(9));
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
