//! Stop, resume, set, advance, speed up, show.

use crate::{Name, Timers};
use drydock_core::Timestamp;
use std::time::Duration;

/// The furthest that the clock is advanced at once, in milliseconds: ten years.
pub const FURTHEST: i64 = 10 * 366 * 24 * 3600 * 1000;
/// The fastest that the clock runs: a day in a second.
pub const FASTEST: f64 = 86_400.0;
/// The slowest.
pub const SLOWEST: f64 = 0.001;
/// How many of the things that were due an advance tells of.
pub const TOLD: usize = 1000;

/// Why the clock was not changed, or not as far as it was to be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClockError {
    /// The clock does not go back.
    #[error(
        "the clock shows {now} and cannot be set back to {to}: start the gateway anew, with an empty state, to be earlier"
    )]
    Backwards {
        /// What the clock shows.
        now: Timestamp,
        /// What it was to show.
        to: Timestamp,
    },
    /// Too far at once.
    #[error("{to} is more than ten years after {now}, which the clock shows: advance it in smaller steps")]
    TooFar {
        /// What the clock shows.
        now: Timestamp,
        /// What it was to show.
        to: Timestamp,
    },
    /// A rate that cannot be.
    #[error(
        "the rate must be from {SLOWEST} to {FASTEST} seconds a second, not {0}: to let the clock stand still, stop it"
    )]
    Rate(f64),
    /// Work that was due did not end.
    #[error(
        "the clock stands at {at}: what was due has not ended within {} seconds of the machine's time: {}. Advance again to wait longer",
        .patience.as_secs_f64(),
        .who.join(", ")
    )]
    Unsettled {
        /// What the clock shows.
        at: Timestamp,
        /// How long was waited.
        patience: Duration,
        /// Who has not ended.
        who: Vec<String>,
    },
}

/// Something that waits for its time, or was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The time.
    pub due: Timestamp,
    /// What it is.
    pub name: Name,
}

/// What the clock shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The time.
    pub now: Timestamp,
    /// The machine's time.
    pub machine: Timestamp,
    /// Whether it runs.
    pub running: bool,
    /// Seconds of the gateway in a second of the machine, while it runs.
    pub rate: f64,
    /// Who waits, the first ones in order.
    pub pending: Vec<Pending>,
    /// How many wait.
    pub count: usize,
}

/// What an advance has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advanced {
    /// What the clock showed before.
    pub from: Timestamp,
    /// What it shows.
    pub now: Timestamp,
    /// What was due, in order and each with its time: the first [`TOLD`].
    pub done: Vec<Pending>,
    /// How much was due.
    pub count: usize,
}

impl Timers {
    /// What the clock shows, and the first `most` of those who wait.
    #[must_use]
    pub fn show(&self, most: usize) -> Shown {
        let (running, rate) = self.0.face.goes();
        let queue = self.0.queue.lock();
        let pending = queue.list(most).into_iter().map(|(due, name)| Pending { due, name }).collect();
        Shown { now: self.now(), machine: self.machine_now(), running, rate, pending, count: queue.len() }
    }

    /// Stops the clock at the time that it shows.
    pub async fn stop(&self) {
        let _one = self.0.control.lock().await;
        self.0.face.stop(self.0.machine.as_ref());
        self.changed();
    }

    /// Lets a stopped clock go on from the time that it shows.
    pub async fn resume(&self) {
        let _one = self.0.control.lock().await;
        self.0.face.run(self.0.machine.as_ref());
        self.changed();
    }

    /// Lets the clock run faster or slower than the machine's; where it stands, from when it goes on.
    ///
    /// # Errors
    /// [`ClockError::Rate`].
    pub async fn set_rate(&self, rate: f64) -> Result<(), ClockError> {
        if !(SLOWEST..=FASTEST).contains(&rate) {
            return Err(ClockError::Rate(rate));
        }
        let _one = self.0.control.lock().await;
        self.0.face.set_rate(rate, self.0.machine.as_ref());
        self.changed();
        Ok(())
    }

    /// Advances the clock by some milliseconds. See [`advance_to`](Self::advance_to).
    ///
    /// # Errors
    /// As [`advance_to`](Self::advance_to).
    pub async fn advance(&self, millis: i64) -> Result<Advanced, ClockError> {
        self.step(|now| now.plus_millis(millis)).await
    }

    /// Advances the clock to a time: what is in progress ends first; then the clock is set to the earliest time that somebody
    /// waits for, and stands there until what that wakes is done; and so on until `to`. Returns when all that was due by then
    /// is done. Afterwards the clock runs or stands as it did before, from `to` on.
    ///
    /// # Errors
    /// [`ClockError::Backwards`], [`ClockError::TooFar`]; [`ClockError::Unsettled`] where some work does not end in time: then the
    /// clock shows the time at which that was, and goes on from there as before.
    pub async fn advance_to(&self, to: Timestamp) -> Result<Advanced, ClockError> {
        self.step(|_| to).await
    }

    async fn step(&self, to: impl FnOnce(Timestamp) -> Timestamp) -> Result<Advanced, ClockError> {
        let _one = self.0.control.lock().await;
        let stepping = Stepping::begin(self);
        let from = self.now();
        let to = to(from);
        if to < from {
            return Err(ClockError::Backwards { now: from, to });
        }
        if to.since(from) > FURTHEST {
            return Err(ClockError::TooFar { now: from, to });
        }
        let mut advanced = Advanced { from, now: to, done: Vec::new(), count: 0 };
        self.settled().await?;
        self.looked().await?;
        loop {
            let Some((due, waiter)) = self.0.queue.lock().take(to) else { break };
            // Something may have become due while the clock was held.
            let due = due.max(self.now());
            self.0.face.stop_at(due);
            let Some(name) = waiter.name() else { continue };
            advanced.count += 1;
            if advanced.done.len() < TOLD {
                advanced.done.push(Pending { due, name });
            }
            waiter.wake(&self.0.tracker);
            self.settled().await?;
            self.looked().await?;
        }
        self.0.face.stop_at(to);
        drop(stepping);
        Ok(advanced)
    }

    /// Waits until nothing is in progress, no longer than `within` of the machine's time: for somebody who is about to end it all.
    ///
    /// # Errors
    /// [`ClockError::Unsettled`] with who has not ended.
    pub async fn rest(&self, within: Duration) -> Result<(), ClockError> {
        let _one = self.0.control.lock().await;
        self.0.tracker.settled(within, self.now()).await
    }

    /// Has those look who only look, before the clock leaves the time that it shows.
    async fn looked(&self) -> Result<(), ClockError> {
        let looking = self.0.queue.lock().take_all_looking();
        if looking.is_empty() {
            return Ok(());
        }
        looking.into_iter().for_each(|waiter| waiter.wake(&self.0.tracker));
        self.settled().await
    }

    fn changed(&self) {
        self.0.changed.send_replace(());
        self.look();
    }

    async fn settled(&self) -> Result<(), ClockError> {
        self.0.tracker.settled(self.0.patience, self.now()).await
    }
}

/// The clock held and stepped by hand; dropped, also because the caller is gone, it goes on as before from where it is.
struct Stepping<'a> {
    timers: &'a Timers,
    ran: bool,
}

impl<'a> Stepping<'a> {
    fn begin(timers: &'a Timers) -> Self {
        let (ran, _) = timers.0.face.goes();
        timers.0.queue.lock().stepped = true;
        timers.0.face.stop(timers.0.machine.as_ref());
        Self { timers, ran }
    }
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        if self.ran {
            self.timers.0.face.run(self.timers.0.machine.as_ref());
        }
        self.timers.0.queue.lock().stepped = false;
        self.timers.changed();
    }
}
