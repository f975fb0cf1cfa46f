//! The life cycle of an alarm: of one behavior on one device.
//!
//! Source: "ViolationEvent" of the API reference, and "Detect concepts" of the guide: so many violations in a row begin an alarm,
//! so many normal datapoints in a row end it.

use crate::behavior::Criteria;
use serde::{Deserialize, Serialize};

/// Where a behavior is on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Whether there is an alarm.
    pub on: bool,
    /// How many datapoints in a row speak against the present state: violations where there is no alarm, else normal ones.
    pub against: u32,
}

/// What an alarm has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transition {
    /// It begins.
    InAlarm,
    /// The device is normal again.
    AlarmCleared,
    /// Nobody can say any more: the behavior, its target or its datapoints are gone.
    AlarmInvalidated,
}

impl Transition {
    /// AWS's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InAlarm => "in-alarm",
            Self::AlarmCleared => "alarm-cleared",
            Self::AlarmInvalidated => "alarm-invalidated",
        }
    }
}

impl Alarm {
    /// Takes a datapoint in, and says what the alarm has come to by it.
    pub fn step(&mut self, normal: bool, criteria: &Criteria) -> Option<Transition> {
        if normal != self.on {
            self.against = 0;
            return None;
        }
        self.against = self.against.saturating_add(1);
        let needed = if self.on { criteria.to_clear() } else { criteria.to_alarm() };
        if self.against < needed {
            return None;
        }
        *self = Self { on: !self.on, against: 0 };
        Some(if self.on { Transition::InAlarm } else { Transition::AlarmCleared })
    }

    /// Ends it without a datapoint.
    pub fn invalidate(&mut self) -> Option<Transition> {
        let was = std::mem::take(self);
        was.on.then_some(Transition::AlarmInvalidated)
    }

    /// Whether nothing is to be remembered.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self == Self::default()
    }
}
