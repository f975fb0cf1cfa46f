//! A schedule and a group, as they are kept and shown, and times, as they are told.

use drydock_core::Timestamp;
use drydock_schedule::{Expression, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A group of schedules.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

impl Group {
    pub(super) fn new(name: &str, now: Timestamp) -> Self {
        Self { name: name.to_owned(), created: now, modified: now, tags: BTreeMap::new() }
    }
}

/// What was asked for: the members of a request that makes or changes a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Definition {
    /// Its name.
    pub(super) name: String,
    /// Its group's.
    pub(super) group_name: String,
    /// `rate(…)`, `cron(…)` or `at(…)`.
    pub(super) schedule_expression: String,
    /// The time zone of the expression.
    pub(super) schedule_expression_timezone: String,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start_date: Option<Timestamp>,
    /// Not after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end_date: Option<Timestamp>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub(super) state: String,
    /// The key that AWS would encrypt it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_arn: Option<String>,
    /// `NONE` or `DELETE`.
    pub(super) action_after_completion: String,
    /// `Mode` and `MaximumWindowInMinutes`.
    pub(super) flexible_time_window: Value,
    /// `Arn`, `RoleArn`, `Input`, `RetryPolicy`, `DeadLetterConfig`, and what some targets take besides.
    pub(super) target: Map<String, Value>,
}

/// A schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    pub(super) definition: Definition,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// When it got its expression: what rates count from where there is no start.
    pub(super) since: Timestamp,
    /// The last time that was due.
    pub(super) last: Option<Timestamp>,
    /// What a template says of it, where it is of one. One that the template at hand does not say again sleeps, then goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<Box<Definition>>,
    /// When it is due next. Worked out anew at each start.
    #[serde(skip)]
    pub(super) next: Option<Timestamp>,
    /// Whether it waits for the template to say it again.
    #[serde(skip)]
    pub(super) sleeps: bool,
}

impl Schedule {
    pub(super) fn new(definition: Definition, now: Timestamp) -> Self {
        let (created, modified, since) = (now, now, now);
        let mut schedule =
            Self { definition, created, modified, since, last: None, template: None, next: None, sleeps: false };
        schedule.plan(now);
        schedule
    }

    /// The schedule with another definition. One that has other times begins anew.
    pub(super) fn changed(&self, definition: Definition, now: Timestamp) -> Self {
        let times =
            |of: &Definition| (of.schedule_expression.clone(), of.schedule_expression_timezone.clone(), of.start_date);
        let mut changed = Self::new(definition, now);
        changed.created = self.created;
        changed.template.clone_from(&self.template);
        if times(&changed.definition) == times(&self.definition) {
            (changed.since, changed.last) = (self.since, self.last);
            changed.plan(now);
        }
        changed
    }

    /// Goes on after a start of the gateway. What came again and again and was due meanwhile is not made up for; what was to be once is.
    pub(super) fn wake(&mut self, now: Timestamp) {
        self.sleeps = self.template.is_some();
        self.plan(now);
    }

    pub(super) fn expression(&self) -> Option<Expression> {
        let definition = &self.definition;
        // It was read when it was taken.
        Expression::parse(&definition.schedule_expression, Some(&definition.schedule_expression_timezone)).ok()
    }

    /// Works out when it is due next, from now on.
    pub(super) fn plan(&mut self, now: Timestamp) {
        self.next = self.find(now).filter(|_| self.definition.state == "ENABLED");
    }

    fn find(&self, now: Timestamp) -> Option<Timestamp> {
        let expression = self.expression()?;
        let (start, end) = (self.definition.start_date, self.definition.end_date);
        if expression.kind() == Kind::At {
            // Start and end mean nothing to it.
            let at = expression.after(Timestamp(i64::MIN / 4), Timestamp(0))?;
            return self.last.is_none().then_some(at);
        }
        // A rate begins at its start, or at once; what was due since the last time is passed over but for the moment itself.
        let begins = start.map_or(self.since, |start| start.max(self.since));
        let origin = if expression.kind() == Kind::Rate { start.unwrap_or(self.since) } else { begins };
        let from = self.last.unwrap_or(Timestamp(i64::MIN / 4)).max(begins.plus_millis(-1)).max(now.plus_millis(-1));
        expression.after(from, origin).filter(|next| end.is_none_or(|end| *next <= end))
    }

    /// Whether nothing comes any more, whatever its state.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.find(now).is_none()
    }

    /// Its key among others.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.definition.group_name, self.definition.name)
    }

    /// As "GetSchedule" tells of it.
    pub(super) fn shown(&self, arn: &str) -> Value {
        let mut shown = json!(self.definition);
        if let Some(object) = shown.as_object_mut() {
            for (name, at) in [("StartDate", self.definition.start_date), ("EndDate", self.definition.end_date)] {
                if let Some(at) = at {
                    object.insert(name.to_owned(), seconds(at));
                }
            }
            object.insert("Arn".to_owned(), arn.into());
            object.insert("CreationDate".to_owned(), seconds(self.created));
            object.insert("LastModificationDate".to_owned(), seconds(self.modified));
        }
        shown
    }
}

/// A time as the protocol has it: seconds, with their fraction.
pub(super) fn seconds(at: Timestamp) -> Value {
    json!(at.seconds_f64())
}

/// A time without its fraction of a second: `2026-11-30T12:00:00Z`.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('.').next().map_or_else(|| text.clone(), |whole| format!("{}Z", whole.trim_end_matches('Z')))
}
