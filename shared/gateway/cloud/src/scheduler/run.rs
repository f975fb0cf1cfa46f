//! Which schedules are due, and what becomes of them.

use super::rows::{Schedule, whole_seconds};
use super::{SCHEDULES, Scheduler};
use crate::context::lock;
use crate::courier::Delivery;
use async_trait::async_trait;
use drydock_core::{Timestamp, Write};
use drydock_timers::Due;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[async_trait]
impl Due for Scheduler {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.ready.load(Ordering::Acquire) {
            return None;
        }
        {
            let _one = self.changing.lock().await;
            self.begin(now).await;
        }
        let retried = self.courier.due(now).await;
        let next = lock(&self.held).schedules.values().filter(|one| !one.sleeps).filter_map(|one| one.next).min();
        next.into_iter().chain(retried).min()
    }
}

impl Scheduler {
    /// Begins what is due: that a schedule was due, and what is to be handed over, are one commit.
    async fn begin(&self, now: Timestamp) {
        let (mut writes, mut deliveries) = (Vec::new(), Vec::new());
        {
            let mut held = lock(&self.held);
            let mut over = Vec::new();
            for (key, schedule) in &mut held.schedules {
                let Some(at) = schedule.next.filter(|next| *next <= now && !schedule.sleeps) else { continue };
                let delivery = self.delivery(schedule, at, now);
                schedule.last = Some(at);
                schedule.plan(now.max(at.plus_millis(1)));
                writes.push(self.courier.row(&delivery));
                deliveries.push(delivery);
                if schedule.next.is_none()
                    && schedule.definition.action_after_completion == "DELETE"
                    && schedule.is_over(now)
                {
                    over.push(key.clone());
                    writes.push(Write::delete(SCHEDULES, key.clone()));
                } else {
                    writes.push(row(schedule));
                }
            }
            for key in over {
                held.schedules.remove(&key);
            }
        }
        if let Err(error) = self.context.journal.commit(writes).await {
            tracing::error!(%error, "what schedules begin could not be written: a kill would begin it anew");
        }
        self.courier.take(deliveries);
    }

    fn delivery(&self, schedule: &Schedule, at: Timestamp, now: Timestamp) -> Delivery {
        let target = &schedule.definition.target;
        let id = self.context.uuid();
        let arn = self.arn("schedule", &schedule.key()).to_string();
        let body = match target.get("Input").and_then(Value::as_str) {
            Some(input) => filled(input, &arn, at, &id),
            None => self.event(&arn, at, &id),
        };
        Delivery::new(target, id, arn, body, now)
    }

    /// What a target gets that has no input of its own.
    fn event(&self, arn: &str, at: Timestamp, id: &str) -> String {
        let scope = &self.context.config.scope;
        json!({
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": scope.account.as_str(),
            "time": whole_seconds(at),
            "region": scope.region.as_str(),
            "resources": [arn],
            "detail": "{}",
        })
        .to_string()
    }
}

pub(super) fn row(schedule: &Schedule) -> Write {
    // A schedule is texts and numbers: writing it as JSON does not fail.
    Write::put(SCHEDULES, schedule.key(), serde_json::to_string(schedule).unwrap_or_default())
}

/// The keywords that the Scheduler fills in ("Adding context attributes"), but for the attempt's number, which each attempt has of its own.
fn filled(input: &str, arn: &str, at: Timestamp, id: &str) -> String {
    [
        ("<aws.scheduler.schedule-arn>", arn),
        ("<aws.scheduler.scheduled-time>", &whole_seconds(at)),
        ("<aws.scheduler.execution-id>", id),
    ]
    .into_iter()
    .fold(input.to_owned(), |text, (keyword, value)| text.replace(keyword, value))
}
