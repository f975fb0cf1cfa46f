//! Amazon EventBridge Scheduler: schedules and their groups, which run on the gateway's clock and outlive the process.
//!
//! - `api`: the operations over HTTP. `operations` has what they do, `check` what they refuse.
//! - `rows`: a schedule and a group, as they are kept and shown, and times, as they are told. `run`: which are due, and what becomes of them.
//!
//! Follows the API reference and the user guide of EventBridge Scheduler.

mod api;
mod check;
mod operations;
mod rows;
mod run;

pub(crate) use rows::whole_seconds;

use crate::context::{Context, lock};
use crate::courier::Courier;
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use crate::universal::IotApi;
use drydock_core::{Arn, Write};
use drydock_timers::Reminder;
use rows::{Group, Schedule};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// Amazon EventBridge Scheduler.
pub const SERVICE: Service = Service::new(&Facts {
    name: "scheduler",
    title: "Amazon EventBridge Scheduler",
    path: "/schedule",
    method: "GET",
    ..Facts::PLAIN
});

const SCHEDULES: &str = "scheduler-schedule";
const GROUPS: &str = "scheduler-group";
const DELIVERIES: &str = "scheduler-delivery";
/// The group of schedules that name none.
const DEFAULT: &str = "default";

#[derive(Default)]
struct Held {
    /// By `group/name`.
    schedules: BTreeMap<String, Schedule>,
    groups: BTreeMap<String, Group>,
}

/// The Scheduler.
pub struct Scheduler {
    context: Arc<Context>,
    held: Mutex<Held>,
    /// Held while a change is decided and written, so that rows are on disk in the order of the decisions.
    changing: tokio::sync::Mutex<()>,
    courier: Courier,
    reminder: Reminder,
    /// Whether the functions that targets may be are there.
    ready: AtomicBool,
}

impl Scheduler {
    pub(crate) fn open(context: &Arc<Context>, outlets: &Arc<Outlets>, rows: &Rows) -> Result<Arc<Self>, CloudError> {
        let mut held = Held {
            schedules: rows.table(SCHEDULES)?.into_iter().collect(),
            groups: rows.table(GROUPS)?.into_iter().collect(),
        };
        let made = context.now();
        held.groups.entry(DEFAULT.to_owned()).or_insert_with(|| Group::new(DEFAULT, made));
        for schedule in held.schedules.values_mut() {
            schedule.wake(made);
        }
        Ok(Arc::new(Self {
            context: Arc::clone(context),
            held: Mutex::new(held),
            changing: tokio::sync::Mutex::default(),
            courier: Courier::open(context, outlets, (DELIVERIES, "SCHEDULE_ARN"), rows)?,
            reminder: context.timers.reminder("schedules of the Scheduler"),
            ready: AtomicBool::new(false),
        }))
    }

    /// Has targets of AWS IoT's APIs called by somebody.
    pub fn calls(&self, iot: Arc<dyn IotApi>) {
        self.courier.universal().lead_to(iot);
    }

    fn arn(&self, kind: &str, name: &str) -> Arn {
        self.context.config.scope.arn("scheduler", &format!("{kind}/{name}"))
    }

    async fn clear(&self) -> Result<(), CloudError> {
        let _one = self.changing.lock().await;
        let now = self.context.now();
        let held = std::mem::take(&mut *lock(&self.held));
        lock(&self.held).groups.insert(DEFAULT.to_owned(), Group::new(DEFAULT, now));
        let schedules = held.schedules.into_keys().map(|key| Write::delete(SCHEDULES, key));
        let groups = held.groups.into_keys().map(|name| Write::delete(GROUPS, name));
        let writes = schedules.chain(groups).chain(self.courier.clear()).collect();
        self.context.journal.commit(writes).await
    }
}
