//! Crossings, from the write that made them to the telling: in their order, each by one at a time.
//!
//! The write that moves an alarm puts its crossing into the row, under the next number. Whoever comes by (the invocation that
//! made it, its retry, or the next reading) claims the first that is untold, tells it, and confirms. While one is being told,
//! none is claimed; a claim that was never confirmed runs out, and whoever takes it up tells it again under the same id.

use super::reading::Reading;
use super::threshold::{Alarm, Threshold};
use crate::EpochMillis;
use crate::alert::Alert;
use crate::conditional::{Change, Condition, Item, Value};
use serde::{Deserialize, Serialize};

/// How many crossings there were: the number of the last.
pub(super) const CROSSINGS: &str = "crossings";
/// The number of the last that was told.
const TOLD: &str = "crossingsTold";
/// While one is being told: when the claim to it runs out.
const TELLING: &str = "tellingUntil";

/// A reading moved an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Crossing {
    threshold: String,
    state: Alarm,
    value: f64,
    limit: f64,
    at: EpochMillis,
    order: String,
}

impl Crossing {
    pub(super) fn of(threshold: &Threshold, state: Alarm, value: f64, reading: &Reading, order: &str) -> Self {
        Self {
            threshold: threshold.name(),
            state,
            value,
            limit: threshold.limit(),
            at: reading.measured_at,
            order: order.to_owned(),
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    /// The place of the reading that made it in the order of the device's readings.
    #[must_use]
    pub fn order(&self) -> &str {
        &self.order
    }
}

pub(super) fn crossing_attribute(number: i64) -> String {
    format!("crossing:{number}")
}

/// How many crossings of the row wait to be told.
pub(super) fn untold(row: &Item) -> i64 {
    row.number(CROSSINGS).unwrap_or(0).saturating_sub(told(row))
}

fn told(row: &Item) -> i64 {
    row.number(TOLD).unwrap_or(0)
}

/// The crossing of a device that is to be told next.
#[derive(Debug, Clone, PartialEq)]
pub struct Untold {
    thing_name: String,
    number: i64,
    /// The crossing.
    pub crossing: Crossing,
}

impl Untold {
    /// The first in the row of this device that is untold.
    #[must_use]
    pub fn first(thing_name: &str, row: &Item) -> Option<Self> {
        Self::all(thing_name, row).next().filter(|untold| untold.number == told(row).saturating_add(1))
    }

    /// All of them, in their order.
    pub fn all(thing_name: &str, row: &Item) -> impl Iterator<Item = Self> {
        (told(row).saturating_add(1)..=row.number(CROSSINGS).unwrap_or(0)).filter_map(move |number| {
            let Value::Document(document) = row.0.get(&crossing_attribute(number))? else { return None };
            let crossing = serde_json::from_value(document.clone()).ok()?;
            Some(Self { thing_name: thing_name.to_owned(), number, crossing })
        })
    }

    /// Claims the telling for `lease` milliseconds, which must outlast the function's timeout. Refused: it was told, or one is
    /// [being told](Self::is_next).
    #[must_use]
    pub fn claim(&self, now: EpochMillis, lease: EpochMillis) -> Change {
        let free = Condition::Any(vec![Condition::Missing(TELLING.into()), Condition::less(TELLING, now)]);
        self.change().when(Condition::All(vec![self.next(), free])).set(TELLING, now.saturating_add(lease))
    }

    /// Whether it is the next to be told by this row. Where a claim to it was refused, another has claimed it.
    #[must_use]
    pub fn is_next(&self, row: &Item) -> bool {
        self.next().holds(row)
    }

    /// What is told.
    #[must_use]
    pub fn alert(&self) -> Alert {
        let crossing = &self.crossing;
        Alert::Threshold {
            thing_name: self.thing_name.clone(),
            threshold: crossing.threshold.clone(),
            state: crossing.state.as_str().to_owned(),
            value: crossing.value,
            limit: crossing.limit,
            at: crossing.at,
            reading: crossing.order.rsplit('#').next().unwrap_or_default().to_owned(),
            number: self.number,
        }
    }

    /// Notes that it was told. Refused: whoever took up the claim has noted it.
    #[must_use]
    pub fn confirm(&self) -> Change {
        self.change().when(self.next()).set(TOLD, self.number).remove(crossing_attribute(self.number)).remove(TELLING)
    }

    fn next(&self) -> Condition {
        let before = self.number.saturating_sub(1);
        let told = Condition::equal(TOLD, before);
        let this_is_next = if before == 0 { Condition::Any(vec![Condition::Missing(TOLD.into()), told]) } else { told };
        Condition::All(vec![Condition::Exists(crossing_attribute(self.number).into()), this_is_next])
    }

    fn change(&self) -> Change {
        Change::of("thingName", self.thing_name.as_str())
    }
}
