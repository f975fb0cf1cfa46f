//! A rule, as it is kept and shown.

use super::pattern::Pattern;
use drydock_core::Timestamp;
use drydock_schedule::Expression;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The one event bus.
pub(super) const BUS: &str = "default";

/// A rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schedule_expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event_pattern: Option<String>,
    pub(super) state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// The members of each target, by its id.
    #[serde(default)]
    pub(super) targets: BTreeMap<String, Map<String, Value>>,
    /// When it got its expression, which rates count from.
    pub(super) since: Timestamp,
    /// The last time that was due.
    #[serde(default)]
    pub(super) last: Option<Timestamp>,
    /// What a template says of it, where it is of one. One that the template at hand does not say again sleeps, then goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<Map<String, Value>>,
    /// When it is due next. Worked out anew at each start, as is the rest.
    #[serde(skip)]
    pub(super) next: Option<Timestamp>,
    #[serde(skip)]
    pub(super) pattern: Option<Pattern>,
    #[serde(skip)]
    pub(super) sleeps: bool,
}

impl Rule {
    /// Goes on after a start of the gateway. What was due meanwhile is not made up for.
    pub(super) fn wake(&mut self, now: Timestamp) {
        self.sleeps = self.template.is_some();
        self.plan(now);
    }

    pub(super) fn runs(&self) -> bool {
        self.state != "DISABLED" && !self.sleeps
    }

    /// Works out when it is due next, from now on, and what it takes.
    pub(super) fn plan(&mut self, now: Timestamp) {
        // Both were read when they were taken.
        self.pattern = self.event_pattern.as_deref().and_then(|text| Pattern::parse(text).ok());
        let expression = self.schedule_expression.as_deref().and_then(|text| Expression::of_rule(text).ok());
        let from = self.last.unwrap_or(self.since).max(now.plus_millis(-1)).max(self.since);
        self.next = expression.and_then(|expression| expression.after(from, self.since));
    }

    /// As "DescribeRule" tells of it.
    pub(super) fn shown(&self, arn: &str) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                shown.insert(name.to_owned(), json!(value));
            }
        };
        put("Name", Some(&self.name));
        put("Arn", Some(arn));
        put("EventPattern", self.event_pattern.as_deref());
        put("ScheduleExpression", self.schedule_expression.as_deref());
        put("State", Some(&self.state));
        put("Description", self.description.as_deref());
        put("RoleArn", self.role_arn.as_deref());
        put("EventBusName", Some(BUS));
        shown
    }
}
