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
            let body = input::of(target, event, &arn, &rule.name, now);
            Delivery { by_policy: true, ..Delivery::new(target, self.context.uuid(), arn.clone(), body, now) }
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
