//! Limits per thing type. An alarm that is raised clears past another limit, so that a value that wavers moves it once.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The limits of each thing type; those under `*` hold for every type. As configuration:
/// `{"*": [{"metric": "temperature", "above": 80, "clear": 75}], "Meter": [{"metric": "battery.voltage", "below": 3.1}]}`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Thresholds(BTreeMap<String, Vec<Threshold>>);

/// One limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Threshold {
    /// The metric, by its path in the reading.
    pub metric: String,
    side: Side,
    limit: f64,
    clear: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// A limit as it is configured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    metric: String,
    above: Option<f64>,
    below: Option<f64>,
    clear: Option<f64>,
}

/// Why a limit makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadThreshold {
    /// Not exactly one side.
    #[error("the threshold of `{0}` must have either `above` or `below`")]
    Side(String),
    /// The alarm would clear where it is raised.
    #[error("the threshold of `{0}` must clear on the other side of its limit")]
    Clear(String),
}

impl TryFrom<Written> for Threshold {
    type Error = BadThreshold;

    fn try_from(written: Written) -> Result<Self, BadThreshold> {
        let (side, limit) = match (written.above, written.below) {
            (Some(limit), None) => (Side::Above, limit),
            (None, Some(limit)) => (Side::Below, limit),
            _ => return Err(BadThreshold::Side(written.metric)),
        };
        let clear = written.clear.unwrap_or(limit);
        let apart = match side {
            Side::Above => clear <= limit,
            Side::Below => clear >= limit,
        };
        if !apart {
            return Err(BadThreshold::Clear(written.metric));
        }
        Ok(Self { metric: written.metric, side, limit, clear })
    }
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Alarm {
    /// The limit is crossed.
    Raised,
    /// It is not.
    Cleared,
}

impl Alarm {
    /// As it is kept in the row, and told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }

    /// Reads it from the row.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        [Self::Raised, Self::Cleared].into_iter().find(|alarm| alarm.as_str() == text)
    }
}

impl Thresholds {
    /// The limits for a device of this type: its type's own, then those of every type.
    pub fn of<'a>(&'a self, thing_type: Option<&str>) -> impl Iterator<Item = &'a Threshold> {
        let own = thing_type.and_then(|thing_type| self.0.get(thing_type));
        own.into_iter().chain(self.0.get("*")).flatten()
    }

    /// Whether the type matters.
    #[must_use]
    pub fn depends_on_type(&self) -> bool {
        self.0.keys().any(|thing_type| thing_type != "*")
    }
}

impl Threshold {
    /// The name of the alarm: metric and side, such as `temperature:above`.
    #[must_use]
    pub fn name(&self) -> String {
        let side = match self.side {
            Side::Above => "above",
            Side::Below => "below",
        };
        format!("{}:{side}", self.metric)
    }

    /// What this value makes of the alarm, whatever it was: `None` leaves it. A value equal to the limit is within; raised, an
    /// alarm clears only past the clearing value.
    #[must_use]
    pub fn demands(&self, value: f64) -> Option<Alarm> {
        let (beyond, back) = match self.side {
            Side::Above => (value > self.limit, value <= self.clear),
            Side::Below => (value < self.limit, value >= self.clear),
        };
        match (beyond, back) {
            (true, _) => Some(Alarm::Raised),
            (_, true) => Some(Alarm::Cleared),
            _ => None,
        }
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// The attribute of the device's row that holds the alarm.
    #[must_use]
    pub fn attribute(&self) -> String {
        format!("alarm:{}", self.name())
    }

    /// The attribute that holds the place of the reading that the alarm is from.
    #[must_use]
    pub fn order_attribute(&self) -> String {
        format!("alarmOrder:{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn threshold(json: serde_json::Value) -> Threshold {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_value_raises_clears_or_leaves() {
        let above = threshold(json!({"metric": "t", "above": 80, "clear": 75}));
        let below = threshold(json!({"metric": "battery.voltage", "below": 3.1}));
        for (threshold, value, expected) in [
            (&above, 80.1, Some(Alarm::Raised)),
            (&above, 80.0, None),
            (&above, 75.1, None),
            (&above, 75.0, Some(Alarm::Cleared)),
            (&below, 3.0, Some(Alarm::Raised)),
            (&below, 3.1, Some(Alarm::Cleared)),
        ] {
            assert_eq!(threshold.demands(value), expected, "{} {value}", threshold.name());
        }
        assert_eq!(below.attribute(), "alarm:battery.voltage:below");
    }

    #[test]
    fn limits_by_type_and_limits_that_make_no_sense() {
        let thresholds: Thresholds = serde_json::from_value(json!({
            "*": [{"metric": "t", "above": 80}],
            "Meter": [{"metric": "battery.voltage", "below": 3.1, "clear": 3.3}],
        }))
        .unwrap();
        let names = |thing_type| thresholds.of(thing_type).map(Threshold::name).collect::<Vec<_>>();
        assert_eq!(names(Some("Meter")), ["battery.voltage:below", "t:above"]);
        assert_eq!((names(Some("Switch")), names(None)), (vec!["t:above".into()], vec!["t:above".into()]));
        for bad in [
            json!({"metric": "t"}),
            json!({"metric": "t", "above": 1, "below": 2}),
            json!({"metric": "t", "above": 1, "clear": 2}),
            json!({"metric": "t", "below": 2, "clear": 1}),
            json!({"metric": "t", "over": 2}),
        ] {
            assert!(serde_json::from_value::<Threshold>(bad.clone()).is_err(), "{bad}");
        }
    }
}
