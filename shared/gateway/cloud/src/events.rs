//! Amazon EventBridge: rules of the default event bus, which match events or run at times, and hand what they have to their targets.
//!
//! - `api`: the operations over HTTP. `rules` has those on rules and targets, `put` those on events. `rows`: a rule, as it is kept and shown.
//!   `answer`: what operations answer and refuse with.
//! - `pattern`: which events a rule takes. `input`: what a target gets of an event.
//! - `run`: which rules are due.
//!
//! Follows the API reference and the user guide of Amazon EventBridge.

mod answer;
mod api;
mod input;
pub mod pattern;
mod put;
mod rows;
mod rules;
mod run;

use crate::context::{Context, lock};
use crate::courier::Courier;
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use drydock_core::{Arn, Write};
use drydock_timers::Reminder;
use rows::Rule;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Amazon EventBridge.
pub const SERVICE: Service =
    Service::new(&Facts { name: "events", title: "Amazon EventBridge", targets: &["AWSEvents"], ..Facts::PLAIN });

const RULES: &str = "events-rule";
const DELIVERIES: &str = "events-delivery";

/// EventBridge.
pub struct Events {
    context: Arc<Context>,
    held: Mutex<BTreeMap<String, Rule>>,
    /// Held while a change is decided and written, so that rows are on disk in the order of the decisions.
    changing: tokio::sync::Mutex<()>,
    courier: Courier,
    reminder: Reminder,
    /// Whether the functions that targets may be are there.
    ready: AtomicBool,
}

impl Events {
    pub(crate) fn open(context: &Arc<Context>, outlets: &Arc<Outlets>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let mut held: BTreeMap<String, Rule> = rows.table(RULES)?.into_iter().collect();
        for rule in held.values_mut() {
            rule.wake(context.now());
        }
        Ok(Arc::new(Self {
            context: Arc::clone(context),
            held: Mutex::new(held),
            changing: tokio::sync::Mutex::default(),
            courier: Courier::open(context, outlets, (DELIVERIES, "RULE_ARN"), rows)?,
            reminder: context.timers.reminder("rules of EventBridge"),
            ready: AtomicBool::new(false),
        }))
    }

    fn arn(&self, rule: &str) -> Arn {
        self.context.config.scope.arn("events", &format!("rule/{rule}"))
    }

    async fn clear(&self) -> Result<(), CloudError> {
        let _one = self.changing.lock().await;
        let held = std::mem::take(&mut *lock(&self.held));
        let rules = held.into_keys().map(|name| Write::delete(RULES, name));
        self.context.journal.commit(rules.chain(self.courier.clear()).collect()).await
    }
}
