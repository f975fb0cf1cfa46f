//! The gateway's clock, and the one queue of everything that waits for a time on it.
//!
//! The clock follows the machine's until it is told otherwise: it can be stopped, set, advanced and sped up ([`Timers`]).
//! [`Timers::advance`] goes from one due time to the next: it sets the clock to the earliest, wakes who waits for it, waits until
//! that work has settled, and only then goes on. So everything happens in order, each at its own time, however far the jump.
//!
//! - `face`: what the clock shows; reading it takes no lock unless the clock runs at another rate than the machine's.
//! - `queue`: who waits for which time.
//! - [`wait`]: waiting once ([`Timers::until`]), and the alarm of something that is polled ([`Alarm`]).
//! - [`due`]: a part that has things due again and again ([`Due`]): it does what is due and says when next.
//! - [`work`]: work in progress. Whoever is woken is handed a [`Work`] and drops it once it has done what was due and has
//!   registered its next wait; a clock that is advanced waits for that.
//! - [`bell`]: wakes others with such a guard, so that work that moves from one task to another is never lost sight of.
//! - [`control`]: stop, resume, set, advance, speed up, show.
//! - `driver`: the task that wakes who is due while the clock runs by itself.
//!
//! What waits for the machine rather than for AWS (a process that ends, a peer on the network) does not belong here: it waits in
//! the machine's time, also while this clock stands still.

pub mod bell;
pub mod control;
mod driver;
pub mod due;
mod face;
mod queue;
pub mod wait;
pub mod work;

pub use bell::{Bell, Ringing};
pub use control::{Advanced, ClockError, Pending, Shown};
pub use due::{Due, Reminder};
pub use face::Course;
pub use wait::Alarm;
pub use work::{Kind, Name, Resting, Work};

use drydock_core::{Clock, Timestamp};
use face::Face;
use parking_lot::Mutex;
use queue::Queue;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use work::Tracker;

/// How long, in the machine's time, the work that one due time has woken may take before [`Timers::advance`] gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The clock and its queue. Cheap to clone; the clones are one. The clock ends with the last of them.
#[derive(Clone)]
pub struct Timers(Arc<Shared>);

struct Shared {
    machine: Arc<dyn Clock>,
    face: Face,
    queue: Mutex<Queue>,
    /// Wakes the driver: something is due earlier than it knows, or the clock was changed.
    look: Arc<Notify>,
    tracker: Arc<Tracker>,
    /// One change of the clock at a time.
    control: tokio::sync::Mutex<()>,
    driver: OnceLock<AbortHandle>,
    ended: AtomicBool,
    patience: Duration,
    /// Marked whenever the clock was stopped, resumed, sped up, or an advance has ended.
    changed: watch::Sender<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.get() {
            driver.abort();
        }
    }
}

impl Timers {
    /// A clock that follows `machine`, the clock of the machine, and runs.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        Self::with_patience(machine, PATIENCE)
    }

    /// The same, which waits no longer than `patience` of the machine's time for the work that one due time has woken.
    #[must_use]
    pub fn with_patience(machine: Arc<dyn Clock>, patience: Duration) -> Self {
        Self(Arc::new(Shared {
            face: Face::new(machine.now()),
            machine,
            queue: Mutex::default(),
            look: Arc::default(),
            tracker: Arc::default(),
            control: tokio::sync::Mutex::default(),
            driver: OnceLock::new(),
            ended: AtomicBool::new(false),
            patience,
            changed: watch::Sender::default(),
        }))
    }

    /// A clock that stands at a time until it is moved.
    #[must_use]
    pub fn stopped_at(machine: Arc<dyn Clock>, time: Timestamp) -> Self {
        let timers = Self::new(machine);
        timers.0.face.stop_at(time);
        timers
    }

    /// What the machine's clock shows, whatever this one does.
    #[must_use]
    pub fn machine_now(&self) -> Timestamp {
        self.0.machine.now()
    }

    /// The time now. Takes no lock unless the clock runs at another rate than the machine's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.face.now(self.0.machine.as_ref())
    }

    /// How the clock goes now, for who reads it without asking.
    #[must_use]
    pub fn course(&self) -> Course {
        self.0.face.course()
    }

    /// Tells when the clock was stopped, resumed or sped up, and when an advance has ended; not of the steps of one.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Looks at the clock again, after the machine's clock was set: who is due is woken.
    pub fn look_again(&self) {
        self.0.look.notify_one();
    }
}

impl Clock for Timers {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// A span of the machine's time in the clock's milliseconds.
#[must_use]
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
