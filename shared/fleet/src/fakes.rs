//! Ports in memory that behave as AWS does: conditional writes hold, and any call can be made to fail, before or after
//! its effect, as a crash or a lost answer would.

use crate::alert::Alert;
use crate::authorization::FleetKey;
use crate::conditional::{Change, Item, Outcome, Value};
use crate::connectivity::Settle;
use crate::ports::{
    FindAllowed, FindBlocked, FindDeviceType, FindKey, Notify, PortError, PortResult, Quarantine, ScheduleSettle,
    UpdateItem,
};
use crate::telemetry::Quarantined;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When calls fail. Shared by all ports of a test, so that "the third call" counts across them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    fail: Vec<(usize, Moment)>,
}

/// On which side of its effect a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// It was done, and nobody heard of it.
    After,
}

impl Faults {
    /// Fails the call with this number, counted from 0 over all ports since the last [`Faults::restart`].
    pub fn fail(&self, call: usize, moment: Moment) {
        lock(&self.0).fail.push((call, moment));
    }

    /// Counts from 0 again, without faults.
    pub fn restart(&self) {
        *lock(&self.0) = Plan::default();
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0).calls.clone()
    }

    /// Runs a call's effect, if it is not to fail.
    ///
    /// # Errors
    /// The fault that was asked for.
    pub fn run<T>(&self, operation: &'static str, effect: impl FnOnce() -> T) -> PortResult<T> {
        let fault = {
            let mut plan = lock(&self.0);
            let number = plan.calls.len();
            plan.calls.push(operation);
            plan.fail.iter().find(|(call, _)| *call == number).map(|(_, moment)| *moment)
        };
        match fault {
            Some(Moment::Before) => Err(PortError::new(operation, "asked to fail before")),
            Some(Moment::After) => {
                effect();
                Err(PortError::new(operation, "asked to fail after"))
            }
            None => Ok(effect()),
        }
    }
}

/// Locks, also after a test has panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    rows: Mutex<BTreeMap<String, Item>>,
    faults: Faults,
}

impl Table {
    /// An empty table whose calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { rows: Mutex::default(), faults: faults.clone() }
    }

    /// Every row, by its key's values joined with `|`.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<String, Item> {
        lock(&self.rows).clone()
    }

    /// The row with this key.
    #[must_use]
    pub fn row(&self, key: &str) -> Option<Item> {
        lock(&self.rows).get(key).cloned()
    }
}

impl UpdateItem for Table {
    async fn update_item(&self, change: &Change) -> PortResult<Outcome> {
        self.faults.run("UpdateItem", || {
            let key = change.key.iter().map(|(_, value)| text(value)).collect::<Vec<_>>().join("|");
            let mut rows = lock(&self.rows);
            let mut row = rows.remove(&key);
            let outcome = change.apply(&mut row);
            rows.extend(row.map(|row| (key, row)));
            outcome
        })
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// Block list, allow list, the types of devices, and keys.
#[derive(Debug, Default)]
pub struct Lists {
    /// Entries of the block list and why.
    pub blocked: BTreeMap<String, String>,
    /// The allow list.
    pub allowed: BTreeSet<String>,
    /// Thing types by thing name.
    pub types: BTreeMap<String, String>,
    /// The fleet's keys, by id.
    pub keys: BTreeMap<String, FleetKey>,
    /// When calls fail.
    pub faults: Faults,
}

impl FindKey for Lists {
    async fn find_key(&self, kid: &str) -> PortResult<Option<FleetKey>> {
        self.faults.run("FindKey", || self.keys.get(kid).cloned())
    }
}

impl FindBlocked for Lists {
    async fn find_blocked(&self, entry: &str) -> PortResult<Option<String>> {
        self.faults.run("FindBlocked", || self.blocked.get(entry).cloned())
    }
}

impl FindAllowed for Lists {
    async fn find_allowed(&self, serial_number: &str) -> PortResult<bool> {
        self.faults.run("FindAllowed", || self.allowed.contains(serial_number))
    }
}

impl FindDeviceType for Lists {
    async fn find_device_type(&self, thing_name: &str) -> PortResult<Option<String>> {
        self.faults.run("FindDeviceType", || self.types.get(thing_name).cloned())
    }
}

/// A topic or queue.
#[derive(Debug)]
pub struct Outbox<T> {
    sent: Mutex<VecDeque<T>>,
    faults: Faults,
}

impl<T: Clone> Outbox<T> {
    /// An empty one whose calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { sent: Mutex::default(), faults: faults.clone() }
    }

    /// All that was sent and not taken.
    #[must_use]
    pub fn sent(&self) -> Vec<T> {
        lock(&self.sent).iter().cloned().collect()
    }

    /// Takes out the message at this place.
    #[must_use]
    pub fn take(&self, at: usize) -> Option<T> {
        lock(&self.sent).remove(at)
    }

    fn push(&self, operation: &'static str, message: T) -> PortResult<()> {
        self.faults.run(operation, || lock(&self.sent).push_back(message))
    }
}

impl Notify for Outbox<Alert> {
    async fn notify(&self, alert: &Alert) -> PortResult<()> {
        self.push("Notify", alert.clone())
    }
}

impl ScheduleSettle for Outbox<(Settle, u16)> {
    async fn schedule_settle(&self, settle: &Settle, delay_seconds: u16) -> PortResult<()> {
        self.push("ScheduleSettle", (settle.clone(), delay_seconds))
    }
}

impl Quarantine for Outbox<Quarantined> {
    async fn quarantine(&self, message: &Quarantined) -> PortResult<()> {
        self.push("Quarantine", message.clone())
    }
}
