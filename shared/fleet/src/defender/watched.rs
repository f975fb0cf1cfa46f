//! A device's violations, and whether it is in quarantine: a row per thing.
//!
//! What is told of a violation is written into the row; what has to be done then follows from the row alone: a device belongs in
//! quarantine while a violation goes on that asks for it and was not held back, and nowhere else. So events may come twice and in any
//! order: once a violation is over, that it has begun is no news any more.
//!
//! Before a device is put into the group, the row says that it may be in it: whoever finds that takes it out, even if nobody has noted
//! that it was put in.

use super::plan::{Plan, Respond};
use super::remedy;
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Value};
use crate::release::definition::Remedy;
use iot_events::ViolationEvent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key of a thing's row.
pub const THING_NAME: &str = "thingName";
/// Counts the changes of the row: one is made on the row that it was decided on, or not at all.
const REVISION: &str = "revision";
/// While something is being done: when whoever does it has died.
const BUSY_UNTIL: &str = "busyUntil";
/// All else.
const WATCHED: &str = "watched";
/// Beside [`WATCHED`], for people who look at the table.
const QUARANTINED: &str = "quarantined";
/// How many violations that are over are kept.
const KEPT: usize = 100;

/// A device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watched {
    /// Its name.
    pub thing_name: String,
    /// Its violations, by id.
    pub violations: BTreeMap<String, Violation>,
    /// Whether it is in quarantine.
    pub quarantine: Place,
    /// What people are yet to be told, in this order.
    pub todo: Vec<Telling>,
    /// How many times something was told of it.
    pub tellings: u32,
    /// Violations that were over by then are forgotten: what is said of one of them is no news.
    pub forgotten_until: EpochMillis,
    /// How often its row changed.
    #[serde(skip)]
    pub revision: i64,
    /// While something is being done: when whoever does it has died.
    #[serde(skip)]
    pub busy_until: Option<EpochMillis>,
}

/// Whether a device is in quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// It is not.
    #[default]
    Out,
    /// It is being put in, or somebody has died over that.
    Entering,
    /// It is.
    In,
    /// It is being taken out, or somebody has died over that.
    Leaving,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The security profile.
    pub profile: String,
    /// The behavior.
    pub behavior: String,
    /// When it began; `None` where its end was heard of first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<EpochMillis>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EpochMillis>,
    /// The value that was measured.
    #[serde(default)]
    pub value: serde_json::Value,
    /// What the response plan said when it was heard of.
    pub plan: Plan,
    /// Whether it was counted too late: the window was full, or the device cannot be put into the group.
    #[serde(default)]
    pub held_back: bool,
    /// Whether the remedy was asked for.
    #[serde(default)]
    pub remedied: bool,
    /// What was done about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
}

impl Violation {
    fn goes_on(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether the device belongs in quarantine because of it.
    fn holds(&self) -> bool {
        self.goes_on() && !self.held_back && matches!(self.plan.respond, Respond::Quarantine { .. })
    }

    /// What the device is yet to be asked to do.
    fn wants(&self) -> Option<&Remedy> {
        if !self.goes_on() || self.remedied {
            return None;
        }
        match &self.plan.respond {
            Respond::Remedy { remedy, .. } => Some(remedy),
            // In quarantine or not, it is asked: it may have been held back.
            Respond::Quarantine { remedy } => remedy.as_ref(),
            _ => None,
        }
    }
}

/// What has to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Put the device into quarantine, if the window of that time has room.
    Quarantine {
        /// For this violation.
        violation: String,
        /// When it began.
        at: EpochMillis,
    },
    /// Take it out.
    Release,
    /// Have it do something.
    Remedy {
        /// For this violation.
        violation: String,
        /// The release, and the group.
        name: String,
        /// What.
        remedy: Remedy,
    },
    /// Tell people.
    Tell(Box<Telling>),
}

/// What became of an [`Action`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was done.
    Done,
    /// It was not, and will not be, and why.
    Never(String),
}

/// What people are told of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Telling {
    /// The device.
    pub thing_name: String,
    /// The device's tellings are counted: which one this is.
    pub number: u32,
    /// What.
    pub what: Told,
    /// The violation.
    pub violation_id: String,
    /// The security profile.
    pub profile: String,
    /// The behavior.
    pub behavior: String,
    /// The value that was measured.
    pub value: serde_json::Value,
    /// When the violation began, or ended.
    pub at: EpochMillis,
    /// Why something was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// A device does not behave as it should.
    Violated,
    /// It is in quarantine.
    Quarantined,
    /// It should be in quarantine and is not.
    HeldBack,
    /// It was asked to do something.
    Remedied,
    /// It could not be asked.
    NotRemedied,
    /// The violation is over.
    Over,
    /// It is out of quarantine.
    Released,
}

impl Told {
    /// In words, for a subject.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Violated => "Violation",
            Self::Quarantined => "Quarantined",
            Self::HeldBack => "Not quarantined",
            Self::Remedied => "Remedy under way",
            Self::NotRemedied => "No remedy",
            Self::Over => "Violation over",
            Self::Released => "Out of quarantine",
        }
    }
}

impl Watched {
    /// A device of which nothing was heard yet.
    #[must_use]
    pub fn new(thing_name: &str) -> Self {
        Self { thing_name: thing_name.to_owned(), ..Self::default() }
    }

    /// Takes an event in; whether it was news. `plan` is what the table says of the behavior now.
    pub fn hear(&mut self, event: &ViolationEvent, plan: &Plan) -> bool {
        let (id, at) = (event.violation_id.as_str(), event.violation_event_time);
        let begins = event.violation_event_type == "in-alarm";
        if let Some(known) = self.violations.get_mut(id) {
            if begins {
                let news = known.begun.is_none();
                known.begun.get_or_insert(at);
                return news;
            }
            if known.ended.is_some() {
                return false;
            }
            known.ended = Some(at);
            if known.plan.respond != Respond::Nothing {
                self.tell(Told::Over, id, at, None);
            }
            self.forget();
            return true;
        }
        if at <= self.forgotten_until {
            return false;
        }
        let violation = Violation {
            profile: event.security_profile_name.clone(),
            behavior: event.behavior.name.clone(),
            begun: begins.then_some(at),
            ended: (!begins).then_some(at),
            value: event.metric_value.clone(),
            plan: plan.clone(),
            held_back: false,
            remedied: false,
            done: Vec::new(),
        };
        self.violations.insert(id.to_owned(), violation);
        if begins && plan.respond != Respond::Nothing {
            self.tell(Told::Violated, id, at, plan.wrong.clone());
        }
        self.forget();
        true
    }

    fn forget(&mut self) {
        let mut over: Vec<_> =
            self.violations.iter().filter_map(|(id, violation)| Some((violation.ended?, id.clone()))).collect();
        over.sort_unstable();
        let surplus = over.len().saturating_sub(KEPT);
        for (ended, id) in over.into_iter().take(surplus) {
            self.violations.remove(&id);
            self.forgotten_until = self.forgotten_until.max(ended);
        }
    }

    fn tell(&mut self, what: Told, violation_id: &str, at: EpochMillis, why: Option<String>) {
        let Some(violation) = self.violations.get(violation_id) else { return };
        self.tellings = self.tellings.saturating_add(1);
        self.todo.push(Telling {
            thing_name: self.thing_name.clone(),
            number: self.tellings,
            what,
            violation_id: violation_id.to_owned(),
            profile: violation.profile.clone(),
            behavior: violation.behavior.clone(),
            value: violation.value.clone(),
            at,
            why,
        });
    }

    /// What has to be done next.
    #[must_use]
    pub fn next(&self) -> Option<Action> {
        let holding = self.violations.iter().find(|(_, violation)| violation.holds());
        match (holding, self.quarantine) {
            (Some((id, violation)), Place::Out | Place::Entering | Place::Leaving) => {
                return Some(Action::Quarantine { violation: id.clone(), at: violation.begun.unwrap_or_default() });
            }
            (None, Place::In | Place::Entering | Place::Leaving) => return Some(Action::Release),
            _ => {}
        }
        let remedy = self.violations.iter().find_map(|(id, violation)| Some((id, violation.wants()?.clone())));
        if let Some((violation, remedy)) = remedy {
            let name = remedy::name(&format!("{}/{violation}", self.thing_name));
            return Some(Action::Remedy { violation: violation.clone(), name, remedy });
        }
        self.todo.first().map(|telling| Action::Tell(Box::new(telling.clone())))
    }

    /// Notes what is about to be done, as far as somebody has to know it who finds it undone.
    pub fn begin(&mut self, action: &Action) {
        match (action, self.quarantine) {
            (Action::Quarantine { .. }, Place::Out) => self.quarantine = Place::Entering,
            // Where another violation is heard of before it is known to be out, it has to be put in once more.
            (Action::Release, Place::In) => self.quarantine = Place::Leaving,
            _ => {}
        }
    }

    /// Notes what became of it. The row may have changed meanwhile: what is to be done next follows from it.
    pub fn done(&mut self, action: &Action, done: &Done) {
        match action {
            Action::Quarantine { violation, .. } => {
                let begun = self.violations.get(violation).and_then(|known| known.begun).unwrap_or_default();
                match done {
                    Done::Done => {
                        let enters = matches!(self.quarantine, Place::Out | Place::Entering);
                        self.quarantine = Place::In;
                        self.record(violation, "quarantined");
                        if enters {
                            self.tell(Told::Quarantined, violation, begun, None);
                        }
                    }
                    Done::Never(why) => {
                        // One that was being taken out may still be in.
                        if self.quarantine != Place::Leaving {
                            self.quarantine = Place::Out;
                        }
                        self.record(violation, &format!("not quarantined: {why}"));
                        if let Some(known) = self.violations.get_mut(violation) {
                            known.held_back = true;
                        }
                        self.tell(Told::HeldBack, violation, begun, Some(why.clone()));
                    }
                }
            }
            Action::Release => {
                self.quarantine = Place::Out;
                let last =
                    self.violations.iter().filter_map(|(id, violation)| Some((violation.ended?, id.clone()))).max();
                if let Some((ended, id)) = last {
                    self.record(&id, "released");
                    self.tell(Told::Released, &id, ended, None);
                }
            }
            Action::Remedy { violation, name, .. } => {
                let begun = self.violations.get(violation).and_then(|known| known.begun).unwrap_or_default();
                if let Some(known) = self.violations.get_mut(violation) {
                    known.remedied = true;
                }
                match done {
                    Done::Done => {
                        self.record(violation, &format!("given the release {name}"));
                        self.tell(Told::Remedied, violation, begun, None);
                    }
                    Done::Never(why) => {
                        self.record(violation, &format!("not given the release {name}: {why}"));
                        self.tell(Told::NotRemedied, violation, begun, Some(why.clone()));
                    }
                }
            }
            Action::Tell(telling) => self.todo.retain(|other| other.number != telling.number),
        }
    }

    fn record(&mut self, violation: &str, what: &str) {
        if let Some(known) = self.violations.get_mut(violation) {
            known.done.push(what.to_owned());
        }
    }

    // ---- The row ---------------------------------------------------------------------------------------------------

    /// Reads a row.
    #[must_use]
    pub fn read(row: &Item) -> Option<Self> {
        let document = serde_json::Value::Object(row.document(WATCHED)?.clone());
        let read: Self = serde_json::from_value(document).ok()?;
        Some(Self { revision: row.number(REVISION)?, busy_until: row.number(BUSY_UNTIL), ..read })
    }

    /// Writes it down, if the row is as it was read; counts its revision up by one.
    #[must_use]
    pub fn save(&self) -> Change {
        let is_read = match self.revision {
            0 => Condition::Missing(REVISION.into()),
            revision => Condition::equal(REVISION, revision),
        };
        Change::of(THING_NAME, self.thing_name.as_str())
            .when(is_read)
            .set(REVISION, self.revision.saturating_add(1))
            .set(WATCHED, Value::Document(serde_json::json!(self)))
            .set(QUARANTINED, self.quarantine != Place::Out)
            .set_or_remove(BUSY_UNTIL, self.busy_until)
    }
}

impl Telling {
    /// One line for people.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}: {} ({} of {})", self.what.as_str(), self.thing_name, self.behavior, self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(id: &str, kind: &str, at: i64) -> ViolationEvent {
        serde_json::from_value(json!({
            "violationEventTime": at, "thingName": "t", "behavior": { "name": "b" }, "violationEventType": kind,
            "metricValue": { "count": 7 }, "violationId": id, "securityProfileName": "p",
        }))
        .unwrap()
    }

    fn quarantine() -> Plan {
        Plan { respond: Respond::Quarantine { remedy: None }, wrong: None }
    }

    fn settle(watched: &mut Watched, result: &Done) -> Vec<Action> {
        let mut all = Vec::new();
        while let Some(action) = watched.next() {
            watched.begin(&action);
            watched.done(&action, result);
            all.push(action);
        }
        all
    }

    fn told(actions: &[Action]) -> Vec<Told> {
        let what = |action: &Action| if let Action::Tell(telling) = action { Some(telling.what) } else { None };
        actions.iter().filter_map(what).collect()
    }

    #[test]
    fn a_violation_holds_a_device_until_it_is_over() {
        let mut watched = Watched::new("t");
        assert!(watched.hear(&event("1", "in-alarm", 1), &quarantine()));
        assert!(!watched.hear(&event("1", "in-alarm", 1), &quarantine()), "a copy");
        assert_eq!(told(&settle(&mut watched, &Done::Done)), [Told::Violated, Told::Quarantined]);
        assert_eq!(watched.quarantine, Place::In);
        assert!(watched.hear(&event("2", "in-alarm", 2), &quarantine()));
        assert!(watched.hear(&event("1", "alarm-cleared", 3), &quarantine()));
        assert_eq!(told(&settle(&mut watched, &Done::Done)), [Told::Violated, Told::Over]);
        assert_eq!(watched.quarantine, Place::In, "another violation holds it");
        assert!(watched.hear(&event("2", "alarm-invalidated", 4), &quarantine()));
        assert_eq!(told(&settle(&mut watched, &Done::Done)), [Told::Over, Told::Released]);
        assert_eq!(watched.quarantine, Place::Out);
    }

    #[test]
    fn a_violation_whose_end_is_heard_of_first_does_nothing() {
        let mut watched = Watched::new("t");
        assert!(watched.hear(&event("1", "alarm-cleared", 2), &quarantine()));
        assert!(watched.hear(&event("1", "in-alarm", 1), &quarantine()), "when it began is news");
        assert_eq!(watched.next(), None);
    }

    #[test]
    fn a_device_that_somebody_died_over_is_taken_out() {
        let mut watched = Watched::new("t");
        watched.hear(&event("1", "in-alarm", 1), &quarantine());
        let action = watched.next().unwrap();
        watched.begin(&action);
        watched.hear(&event("1", "alarm-cleared", 2), &quarantine());
        assert_eq!(watched.next(), Some(Action::Release));
    }

    #[test]
    fn who_is_held_back_is_told_and_not_tried_again() {
        let mut watched = Watched::new("t");
        watched.hear(&event("1", "in-alarm", 1), &quarantine());
        assert_eq!(told(&settle(&mut watched, &Done::Never("full".into()))), [Told::Violated, Told::HeldBack]);
        assert_eq!(watched.quarantine, Place::Out);
    }

    #[test]
    fn what_is_over_for_long_is_forgotten_and_stays_over() {
        let mut watched = Watched::new("t");
        for at in 0..150 {
            watched.hear(&event(&at.to_string(), "in-alarm", 2 * at + 1), &Plan::default());
            watched.hear(&event(&at.to_string(), "alarm-cleared", 2 * at + 2), &Plan::default());
        }
        assert_eq!(watched.violations.len(), KEPT);
        assert!(!watched.hear(&event("3", "in-alarm", 7), &quarantine()));
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut watched = Watched::new("t");
        watched.hear(&event("1", "in-alarm", 1), &quarantine());
        let mut row = None;
        watched.busy_until = Some(9);
        watched.save().apply(&mut row);
        watched.revision = 1;
        assert_eq!(Watched::read(&row.unwrap()).unwrap(), watched);
    }
}
