//! Ports in memory that behave as AWS does: conditional writes hold, and any call can be made to fail, before or after
//! its effect, as a crash or a lost answer would. Under [`crate::interleavings`] each call waits for its turn.

mod defender;
mod homes;
mod jobs;
mod part;

pub use defender::Defender;
pub use homes::Shadows;
pub use jobs::Jobs;
pub use part::Part;
pub(crate) use part::{Keep, Kept, digest};

use crate::alert::Alert;
use crate::authorization::FleetKey;
use crate::conditional::{Change, Item, Outcome, Value};
use crate::connectivity::{IndexPage, Indexed, Settle};
use crate::detection::look::Look;
use crate::ports::{
    AskForRelease, Device, FindAllowed, FindBlocked, FindDevice, FindKey, FindRelease, FindRow, GoOn, ListReleases,
    Notify, PortError, PortResult, Quarantine, ScheduleLook, ScheduleSettle, SearchConnectivity, TellViolation,
    UpdateCertificate, UpdateItem,
};
use crate::release::Definition;
use crate::telemetry::Quarantined;
use iot_events::CertificateStatus;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// When calls fail. Shared by all ports of a test, so that "the third call" counts across them.
#[derive(Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Default)]
struct Shared {
    plan: Mutex<Plan>,
    parts: Mutex<Vec<Arc<dyn Keep>>>,
    /// A bit for each part that was looked at or changed.
    touched: AtomicU64,
}

/// Says nothing: what has been called so far is not a part of the state of the world that a test compares.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    fail: Vec<(usize, Moment)>,
    /// Set: each call waits, and is made when its invocation is polled again.
    turns: Option<Turn>,
}

/// A call that waits for its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) operation: &'static str,
    /// It asks for what no invocation changes, or changes what none asks for.
    pub(crate) is_constant: bool,
}

/// What a call answered, as a `Result<T, Moment>`.
pub(crate) type Answer = Arc<dyn Any + Send + Sync>;

/// The call that is being made, where calls take turns.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What calls answered before: these are not made, and answer the same at once.
    pub(crate) known: VecDeque<Answer>,
    /// What an invocation waits to call.
    pub(crate) waiting: Option<Waiting>,
    /// What becomes of the call that is made next.
    pub(crate) fault: Option<Moment>,
    /// What the call answered, with a digest of it: all that an invocation learns.
    pub(crate) answered: Option<(u64, Answer)>,
}

/// What becomes of a call.
enum Made {
    Now(Option<Moment>),
    Before(Answer),
}

/// On which side of its effect a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// It was done, and nobody heard of it.
    After,
}

impl Faults {
    /// Fails the call with this number, counted from 0 over all ports since the last [`Faults::restart`].
    pub fn fail(&self, call: usize, moment: Moment) {
        lock(&self.0.plan).fail.push((call, moment));
    }

    /// Counts from 0 again, without faults.
    pub fn restart(&self) {
        *lock(&self.0.plan) = Plan::default();
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0.plan).calls.clone()
    }

    /// From now on each call waits for its turn.
    pub(crate) fn take_turns(&self) {
        lock(&self.0.plan).turns = Some(Turn::default());
    }

    /// Looks at the turn, and changes it.
    pub(crate) fn turn<T>(&self, change: impl FnOnce(&mut Turn) -> T) -> Option<T> {
        lock(&self.0.plan).turns.as_mut().map(change)
    }

    /// The number of a part that joins the world.
    fn join(&self, part: Arc<dyn Keep>) -> usize {
        let mut parts = lock(&self.0.parts);
        parts.push(part);
        parts.len().saturating_sub(1)
    }

    fn touch(&self, part: usize) {
        self.0
            .touched
            .fetch_or(1_u64.checked_shl(u32::try_from(part).unwrap_or(63)).unwrap_or(1 << 63), Ordering::Relaxed);
    }

    /// The parts that were touched since this was asked last, a bit each.
    pub(crate) fn touched(&self) -> u64 {
        self.0.touched.swap(0, Ordering::Relaxed)
    }

    /// The parts of the world.
    pub(crate) fn parts(&self) -> Vec<Arc<dyn Keep>> {
        lock(&self.0.parts).clone()
    }

    /// Runs a call's effect, if it is not to fail.
    ///
    /// # Errors
    /// The fault that was asked for.
    pub async fn run<T: Answers>(&self, operation: &'static str, effect: impl FnOnce() -> T + Send) -> PortResult<T> {
        self.call(Waiting { operation, is_constant: false }, effect).await
    }

    /// The same for a question whose answer no invocation changes: no order is tried for it.
    ///
    /// # Errors
    /// The fault that was asked for.
    pub async fn ask<T: Answers>(&self, operation: &'static str, effect: impl FnOnce() -> T + Send) -> PortResult<T> {
        self.call(Waiting { operation, is_constant: true }, effect).await
    }

    async fn call<T: Answers>(&self, call: Waiting, effect: impl FnOnce() -> T + Send) -> PortResult<T> {
        let operation = call.operation;
        let mut waited = false;
        let made = poll_fn(|_| {
            let mut plan = lock(&self.0.plan);
            if let Some(turn) = plan.turns.as_mut() {
                if let Some(answer) = turn.known.pop_front() {
                    return Poll::Ready(Made::Before(answer));
                }
                if !waited {
                    waited = true;
                    turn.waiting = Some(call);
                    return Poll::Pending;
                }
                return Poll::Ready(Made::Now(turn.fault.take()));
            }
            let number = plan.calls.len();
            plan.calls.push(operation);
            Poll::Ready(Made::Now(plan.fail.iter().find(|(call, _)| *call == number).map(|(_, moment)| *moment)))
        })
        .await;
        let answer: Result<T, Moment> = match made {
            Made::Before(answer) => match answer.downcast_ref::<Result<T, Moment>>() {
                Some(answer) => answer.clone(),
                None => return Err(PortError::new(operation, "the invocation did not make the same call again")),
            },
            Made::Now(fault) => {
                let answer = match fault {
                    Some(Moment::Before) => Err(Moment::Before),
                    Some(Moment::After) => {
                        effect();
                        Err(Moment::After)
                    }
                    None => Ok(effect()),
                };
                self.turn(|turn| turn.answered = Some((digest(&(operation, &answer)), Arc::new(answer.clone()))));
                answer
            }
        };
        answer.map_err(|moment| {
            let why = if moment == Moment::Before { "asked to fail before" } else { "asked to fail after" };
            PortError::new(operation, why)
        })
    }
}

/// What a call may answer: what can be given once more to an invocation that is run again.
pub trait Answers: Clone + fmt::Debug + Send + Sync + 'static {}
impl<T: Clone + fmt::Debug + Send + Sync + 'static> Answers for T {}

/// Locks, also after a test has panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A table.
#[derive(Debug)]
pub struct Table {
    rows: Part<BTreeMap<String, Item>>,
    is_apart: bool,
    faults: Faults,
}

impl Table {
    /// An empty table whose calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { rows: Part::new(faults, BTreeMap::new()), is_apart: false, faults: faults.clone() }
    }

    /// The same where no invocation looks at what another has written: no order is tried for its writes.
    #[must_use]
    pub fn apart(faults: &Faults) -> Self {
        Self { is_apart: true, ..Self::new(faults) }
    }

    /// Every row, by its key's values joined with `|`.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<String, Item> {
        self.rows.lock().clone()
    }

    /// Puts a row there, as if by somebody else.
    pub fn put(&self, key: &str, row: Item) {
        self.rows.lock().insert(key.to_owned(), row);
    }

    /// The row with this key.
    #[must_use]
    pub fn row(&self, key: &str) -> Option<Item> {
        self.rows.lock().get(key).cloned()
    }
}

impl UpdateItem for Table {
    async fn update_item(&self, change: &Change) -> PortResult<Outcome> {
        self.faults
            .call(Waiting { operation: "UpdateItem", is_constant: self.is_apart }, || {
                let key = change.key.iter().map(|(_, value)| text(value)).collect::<Vec<_>>().join("|");
                let mut rows = self.rows.lock();
                let mut row = rows.remove(&key);
                let outcome = change.apply(&mut row);
                rows.extend(row.map(|row| (key, row)));
                outcome
            })
            .await
    }
}

impl FindRelease for Table {
    async fn find_release(&self, key: &str) -> PortResult<Option<Item>> {
        self.faults.run("FindRelease", || self.row(key)).await
    }
}

impl FindRow for Table {
    async fn find_row(&self, _key: &'static str, value: &str) -> PortResult<Option<Item>> {
        self.faults.call(Waiting { operation: "FindRow", is_constant: self.is_apart }, || self.row(value)).await
    }
}

impl ListReleases for Table {
    async fn list_releases(&self) -> PortResult<Vec<Item>> {
        self.faults.run("ListReleases", || self.rows().into_values().collect()).await
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// The fleet index: its pages of connectivity, each behind the number before it.
#[derive(Debug, Default)]
pub struct Index {
    /// The pages; none where connectivity is not indexed.
    pub pages: Vec<Vec<Indexed>>,
    /// When calls fail.
    pub faults: Faults,
}

impl SearchConnectivity for Index {
    async fn search_connectivity(&self, after: Option<&str>) -> PortResult<Option<IndexPage>> {
        let asked = self.faults.ask("SearchIndex", || {
            let at: usize = after.and_then(|after| after.parse().ok()).unwrap_or_default();
            let devices = self.pages.get(at)?.clone();
            let behind = at.saturating_add(1);
            Some(IndexPage { devices, next: (behind < self.pages.len()).then(|| behind.to_string()) })
        });
        asked.await
    }
}

/// Block list, allow list, devices, and keys.
#[derive(Debug, Default)]
pub struct Lists {
    /// Entries of the block list and why.
    pub blocked: BTreeMap<String, String>,
    /// The allow list.
    pub allowed: BTreeSet<String>,
    /// The devices that joined, by thing name.
    pub devices: BTreeMap<String, Device>,
    /// The fleet's keys, by id.
    pub keys: BTreeMap<String, FleetKey>,
    /// When calls fail.
    pub faults: Faults,
}

impl FindKey for Lists {
    async fn find_key(&self, kid: &str) -> PortResult<Option<FleetKey>> {
        self.faults.ask("FindKey", || self.keys.get(kid).cloned()).await
    }
}

impl FindBlocked for Lists {
    async fn find_blocked(&self, entry: &str) -> PortResult<Option<String>> {
        self.faults.ask("FindBlocked", || self.blocked.get(entry).cloned()).await
    }
}

impl FindAllowed for Lists {
    async fn find_allowed(&self, serial_number: &str) -> PortResult<bool> {
        self.faults.ask("FindAllowed", || self.allowed.contains(serial_number)).await
    }
}

impl FindDevice for Lists {
    async fn find_device(&self, thing_name: &str) -> PortResult<Option<Device>> {
        self.faults.ask("FindDevice", || self.devices.get(thing_name).cloned()).await
    }
}

/// The status that certificates were given.
#[derive(Debug)]
pub struct Certificates {
    given: Part<BTreeMap<String, CertificateStatus>>,
    faults: Faults,
}

impl Certificates {
    /// None was given any; calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { given: Part::new(faults, BTreeMap::new()), faults: faults.clone() }
    }

    /// The last status that this one was given.
    #[must_use]
    pub fn status(&self, certificate_id: &str) -> Option<CertificateStatus> {
        self.given.lock().get(certificate_id).cloned()
    }
}

impl UpdateCertificate for Certificates {
    async fn update_certificate(&self, certificate_id: &str, status: &CertificateStatus) -> PortResult<()> {
        let give = || drop(self.given.lock().insert(certificate_id.to_owned(), status.clone()));
        self.faults.run("UpdateCertificate", give).await
    }
}

/// A topic or queue.
#[derive(Debug)]
pub struct Outbox<T> {
    sent: Part<VecDeque<T>>,
    faults: Faults,
}

impl<T: Answers> Outbox<T> {
    /// An empty one whose calls fail as asked.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { sent: Part::new(faults, VecDeque::new()), faults: faults.clone() }
    }

    /// All that was sent and not taken.
    #[must_use]
    pub fn sent(&self) -> Vec<T> {
        self.sent.lock().iter().cloned().collect()
    }

    /// Takes out the message at this place.
    #[must_use]
    pub fn take(&self, at: usize) -> Option<T> {
        self.sent.lock().remove(at)
    }

    async fn push(&self, operation: &'static str, message: T) -> PortResult<()> {
        self.faults.run(operation, || self.sent.lock().push_back(message)).await
    }
}

impl Notify for Outbox<Alert> {
    async fn notify(&self, alert: &Alert) -> PortResult<()> {
        self.push("Notify", alert.clone()).await
    }
}

impl ScheduleSettle for Outbox<(Settle, u16)> {
    async fn schedule_settle(&self, settle: &Settle, delay_seconds: u16) -> PortResult<()> {
        self.push("ScheduleSettle", (settle.clone(), delay_seconds)).await
    }
}

impl ScheduleLook for Outbox<(Look, u16)> {
    async fn schedule_look(&self, look: &Look, delay_seconds: u16) -> PortResult<()> {
        self.push("ScheduleLook", (look.clone(), delay_seconds)).await
    }
}

impl TellViolation for Outbox<serde_json::Value> {
    async fn tell_violation(&self, message: &serde_json::Value) -> PortResult<()> {
        self.push("TellViolation", message.clone()).await
    }
}

impl Quarantine for Outbox<Quarantined> {
    async fn quarantine(&self, message: &Quarantined) -> PortResult<()> {
        self.push("Quarantine", message.clone()).await
    }
}

impl GoOn for Outbox<String> {
    async fn go_on(&self, release_id: &str) -> PortResult<()> {
        self.push("GoOn", release_id.to_owned()).await
    }
}

impl AskForRelease for Outbox<(Definition, String)> {
    async fn ask_for_release(&self, release: &Definition, by: &str) -> PortResult<()> {
        self.push("AskForRelease", (release.clone(), by.to_owned())).await
    }
}
