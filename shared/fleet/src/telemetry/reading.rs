//! From a device's bytes to a reading, or the reason why not.

use crate::EpochMillis;
use crate::alert::digest;
use crate::naming::is_thing_name;
use iot_events::TelemetryEnvelope;
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// The field that holds the time of measurement, in milliseconds. Without it, the time of arrival counts.
pub const TIMESTAMP: &str = "timestamp";
/// A metric that also orders: a device that counts its messages says with it which of one millisecond is the later.
pub const SEQUENCE: &str = "sequence";
/// The most fields in one reading, at all depths.
pub const MAX_FIELDS: usize = 256;
/// How deep a reading may nest.
pub const MAX_DEPTH: usize = 8;

/// What a device measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The device.
    pub thing_name: String,
    /// When it measured.
    pub measured_at: EpochMillis,
    /// When AWS IoT received it.
    pub received_at: EpochMillis,
    /// What it measured, without the time.
    pub values: Map<String, Value>,
}

/// How far a device's clock may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Readings older than this are set aside.
    pub past: EpochMillis,
    /// Readings this far in the future are set aside: one of them would stand as the latest until its time came.
    pub future: EpochMillis,
}

/// Why a message is not a reading. Trying again would not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The topic's second level is not a thing name.
    #[error("`{0}` is not a thing name")]
    ThingName(String),
    /// Not JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("the payload is JSON but no object")]
    NotAnObject,
    /// Nothing was measured.
    #[error("the payload holds no measurement")]
    Empty,
    /// The time is not a time.
    #[error("`timestamp` must be whole milliseconds since 1970, not `{0}`")]
    BadTimestamp(String),
    /// The time is too far ahead.
    #[error("`timestamp` is {0} ms ahead of the time of arrival: is the device's clock set?")]
    ClockAhead(EpochMillis),
    /// The time is too far back.
    #[error("`timestamp` is {0} ms before the time of arrival: is the device's clock set?")]
    TooOld(EpochMillis),
    /// A field has no name.
    #[error("a field has an empty name")]
    EmptyName,
    /// Too many fields.
    #[error("the payload has more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// Nested too deep.
    #[error("the payload nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A number that a table cannot hold.
    #[error("`{0}` is beyond what the table can hold (1E-130 to 9.9E+125)")]
    NumberOutOfRange(String),
}

/// A message that was set aside, with all that is needed to judge it and to send it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantined {
    /// Why.
    pub reason: String,
    /// The message as the function was given it.
    pub message: String,
}

impl Reading {
    /// Reads a device's message.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong with it.
    pub fn parse(envelope: &TelemetryEnvelope, window: Window) -> Result<Self, Malformed> {
        if !is_thing_name(&envelope.thing_name) {
            return Err(Malformed::ThingName(envelope.thing_name.clone()));
        }
        let payload: Value =
            serde_json::from_slice(&envelope.payload).map_err(|error| Malformed::NotJson(error.to_string()))?;
        let Value::Object(mut values) = payload else { return Err(Malformed::NotAnObject) };
        let received_at = envelope.received_at;
        let measured_at = match values.remove(TIMESTAMP) {
            None | Some(Value::Null) => received_at,
            Some(time) => whole(&time).ok_or_else(|| Malformed::BadTimestamp(time.to_string()))?,
        };
        let ahead = measured_at.saturating_sub(received_at);
        if ahead > window.future {
            return Err(Malformed::ClockAhead(ahead));
        }
        if ahead < window.past.saturating_neg() {
            return Err(Malformed::TooOld(ahead.saturating_neg()));
        }
        if values.is_empty() {
            return Err(Malformed::Empty);
        }
        let mut fields = 0;
        for (name, value) in &values {
            check(name, value, 1, &mut fields)?;
        }
        Ok(Self { thing_name: envelope.thing_name.clone(), measured_at, received_at, values })
    }

    /// Its place in the order of the device's readings, as text that sorts: when it was measured; of one millisecond, the
    /// device's own [`SEQUENCE`], then when it arrived, then what it says. A message that is delivered twice has one place.
    #[must_use]
    pub fn order(&self) -> String {
        let sequence = self.values.get(SEQUENCE).and_then(Value::as_u64).unwrap_or(0);
        let (measured, received) = (self.measured_at.max(0), self.received_at.max(0));
        format!("{measured:015}#{sequence:020}#{received:015}#{:016x}", self.digest())
    }

    /// Of the values' text, whose fields are in the order of their names.
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest(&Value::Object(self.values.clone()).to_string())
    }

    /// A number in the reading, by its path: `temperature`, `battery.voltage`.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<f64> {
        let mut names = path.split('.');
        let first = self.values.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))?.as_f64()
    }
}

/// A whole number, however it is written: small devices print 1764000000000 as `1.764e12`.
fn whole(number: &Value) -> Option<EpochMillis> {
    /// Every whole number up to it is a number of its own in floating point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
        format!("{number:.0}").parse().ok()
    })
}

fn check(name: &str, value: &Value, depth: usize, fields: &mut usize) -> Result<(), Malformed> {
    *fields = fields.saturating_add(1);
    if *fields > MAX_FIELDS {
        return Err(Malformed::TooManyFields);
    }
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    if name.is_empty() {
        return Err(Malformed::EmptyName);
    }
    match value {
        Value::Number(number) if !fits(number) => Err(Malformed::NumberOutOfRange(number.to_string())),
        Value::Array(items) => items.iter().try_for_each(|item| check(name, item, depth.saturating_add(1), fields)),
        Value::Object(object) => {
            object.iter().try_for_each(|(name, value)| check(name, value, depth.saturating_add(1), fields))
        }
        _ => Ok(()),
    }
}

/// DynamoDB's range for numbers ("Supported data types"); every whole number that JSON readers keep whole fits.
fn fits(number: &Number) -> bool {
    number.is_i64()
        || number.is_u64()
        || number.as_f64().is_some_and(|number| number == 0.0 || (1e-130..=9.9e125).contains(&number.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = 1_764_000_000_000;
    const WINDOW: Window = Window { past: 86_400_000, future: 300_000 };

    fn parse(payload: &str) -> Result<Reading, Malformed> {
        let envelope = TelemetryEnvelope {
            thing_name: "charger-0001".into(),
            topic: "dt/charger-0001/telemetry".into(),
            client_id: None,
            received_at: NOW,
            trace_id: None,
            payload: payload.into(),
        };
        Reading::parse(&envelope, WINDOW)
    }

    #[test]
    fn a_reading_has_the_devices_time_or_that_of_its_arrival() {
        let reading = parse(r#"{"timestamp":1763999999000,"temperature":20.5,"battery":{"voltage":3}}"#).unwrap();
        assert_eq!(reading.measured_at, 1_763_999_999_000);
        assert_eq!((reading.number("temperature"), reading.number("battery.voltage")), (Some(20.5), Some(3.0)));
        assert_eq!((reading.number("timestamp"), reading.number("battery")), (None, None));
        assert_eq!(parse(r#"{"on":true}"#).unwrap().measured_at, NOW);
        for time in ["1.764e12", "1764000000000.0", "17.64E+11"] {
            assert_eq!(parse(&format!(r#"{{"timestamp":{time},"a":1}}"#)).unwrap().measured_at, NOW, "{time}");
        }
    }

    #[test]
    fn readings_of_one_millisecond_are_in_the_devices_order_or_in_that_of_their_arrival() {
        let order = |payload: &str, arrival: i64| Reading { received_at: arrival, ..parse(payload).unwrap() }.order();
        let one = r#"{"timestamp":1763999999000,"a":1}"#;
        assert!(order(one, NOW) < order(r#"{"timestamp":1763999999001,"a":0}"#, NOW - 5));
        assert!(order(r#"{"timestamp":1763999999000,"a":2}"#, NOW) < order(one, NOW + 1));
        let counted = |n: u64| format!(r#"{{"timestamp":1763999999000,"sequence":{n}}}"#);
        assert!(order(&counted(9), NOW + 1) < order(&counted(10), NOW));
        assert_eq!(order(one, NOW), order(one, NOW));
    }

    #[test]
    fn what_is_malformed_says_why() {
        let many = format!("{{{}}}", (0..=MAX_FIELDS).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(","));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let (ahead, old) = (format!(r#"{{"timestamp":{},"a":1}}"#, NOW + 300_001), r#"{"timestamp":0,"a":1}"#);
        for (payload, expected) in [
            ("[1]", Malformed::NotAnObject),
            ("{}", Malformed::Empty),
            (r#"{"timestamp":1764000000000}"#, Malformed::Empty),
            (r#"{"timestamp":"now","a":1}"#, Malformed::BadTimestamp("\"now\"".into())),
            (r#"{"timestamp":1764000000000.5,"a":1}"#, Malformed::BadTimestamp("1764000000000.5".into())),
            (&ahead, Malformed::ClockAhead(300_001)),
            (old, Malformed::TooOld(NOW)),
            (r#"{"":1}"#, Malformed::EmptyName),
            (&many, Malformed::TooManyFields),
            (&deep, Malformed::TooDeep),
            (r#"{"a":1e126}"#, Malformed::NumberOutOfRange("1e+126".into())),
            (r#"{"a":[1e-200]}"#, Malformed::NumberOutOfRange("1e-200".into())),
        ] {
            assert_eq!(parse(payload).unwrap_err(), expected, "{payload}");
        }
        for payload in ["", "temperature=1", "{", "\u{0}"] {
            assert!(matches!(parse(payload), Err(Malformed::NotJson(_))), "{payload:?}");
        }
    }
}
