//! Which rules are due, and what their targets get.

use super::rows::Rule;
use super::{Events, RULES, input};
use crate::context::lock;
use crate::courier::Delivery;
use crate::scheduler::whole_seconds;
use async_trait::async_trait;
use drydock_core::{Timestamp, Write};
use drydock_timers::Due;
use serde_json::{Map, Value, json};
use std::sync::atomic::Ordering;

/// What targets have unless they say otherwise.
const RETRIES: u32 = 185;
const MAX_AGE: u32 = 86_400;

#[async_trait]
impl Due for Events {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.ready.load(Ordering::Acquire) {
            return None;
        }
        {
            let _one = self.changing.lock().await;
            self.begin(now).await;
        }
        let retried = self.courier.due(now).await;
        let next = lock(&self.held).values().filter(|rule| rule.runs()).filter_map(|rule| rule.next).min();
        next.into_iter().chain(retried).min()
    }
}

impl Events {
    /// Begins what is due: that a rule was due, and what is to be handed over, are one commit.
    async fn begin(&self, now: Timestamp) {
        let (mut writes, mut deliveries) = (Vec::new(), Vec::new());
        for rule in lock(&self.held).values_mut().filter(|rule| rule.runs()) {
            let Some(at) = rule.next.filter(|next| *next <= now) else { continue };
            let event = self.scheduled(&rule.name, at);
            deliveries.extend(self.deliveries(rule, &event, now));
            rule.last = Some(at);
            rule.plan(now.max(at.plus_millis(1)));
            writes.push(row(rule));
        }
        writes.extend(deliveries.iter().map(|delivery| self.courier.row(delivery)));
        if let Err(error) = self.context.journal.commit(writes).await {
            tracing::error!(%error, "what rules begin could not be written: a kill would begin it anew");
        }
        self.courier.take(deliveries);
    }

    /// What a rule hands to its targets of an event.
    pub(super) fn deliveries(&self, rule: &Rule, event: &Value, now: Timestamp) -> Vec<Delivery> {
        let arn = self.arn(&rule.name).to_string();
        let of_target = |target: &Map<String, Value>| {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let number = |name: &str, otherwise: u32| {
                let given = target.get("RetryPolicy").and_then(|policy| policy.get(name)).and_then(Value::as_u64);
                given.and_then(|given| u32::try_from(given).ok()).unwrap_or(otherwise)
            };
            Delivery {
                id: self.context.uuid(),
                body: input::of(target, event, &arn, &rule.name, now),
                from: arn.clone(),
                to: text(target.get("Arn")).unwrap_or_default(),
                by_policy: true,
                dead_letter: text(target.get("DeadLetterConfig").and_then(|config| config.get("Arn"))),
                due: now,
                retries: number("MaximumRetryAttempts", RETRIES),
                max_age: number("MaximumEventAgeInSeconds", MAX_AGE),
                attempts: 0,
                next: now,
            }
        };
        rule.targets.values().map(of_target).collect()
    }

    /// The event of a scheduled rule.
    fn scheduled(&self, rule: &str, at: Timestamp) -> Value {
        let scope = &self.context.config.scope;
        json!({
            "version": "0",
            "id": self.context.uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": scope.account.as_str(),
            "time": whole_seconds(at),
            "region": scope.region.as_str(),
            "resources": [self.arn(rule)],
            "detail": {},
        })
    }
}

pub(super) fn row(rule: &Rule) -> Write {
    // A rule is texts and numbers: writing it as JSON does not fail.
    Write::put(RULES, rule.name.clone(), serde_json::to_string(rule).unwrap_or_default())
}
