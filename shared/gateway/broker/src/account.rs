//! Rates that all connections of the account share. Each is off unless a limit names it, and costs nothing then.

use crate::limits::Limits;
use crate::rate::Bucket;
use drydock_core::Timestamp;
use parking_lot::Mutex;

/// A rate that many connections draw on.
#[derive(Debug)]
pub(crate) struct Meter(Option<Mutex<Bucket>>);

impl Meter {
    fn new(per_second: u64, now: Timestamp) -> Self {
        Self((per_second > 0).then(|| Mutex::new(Bucket::new(per_second, now))))
    }

    /// Takes one where there is one.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        self.0.as_ref().is_none_or(|bucket| bucket.lock().take(now))
    }

    /// Takes some that were used already, even where there are none.
    pub(crate) fn spend(&self, count: usize, now: impl FnOnce() -> Timestamp) {
        if let Some(bucket) = &self.0 {
            bucket.lock().spend(count, now());
        }
    }

    /// Whether there is one.
    fn has(&self, now: Timestamp) -> bool {
        self.0.as_ref().is_none_or(|bucket| bucket.lock().has(now))
    }
}

/// The rates of the account.
#[derive(Debug)]
pub(crate) struct Account {
    inbound: Meter,
    /// Copies of messages for subscribers.
    pub(crate) outbound: Meter,
    pub(crate) connects: Meter,
    pub(crate) subscriptions: Meter,
    retained: Meter,
}

impl Account {
    pub(crate) fn new(limits: &Limits, now: Timestamp) -> Self {
        Self {
            inbound: Meter::new(limits.account_inbound_publishes_per_second, now),
            outbound: Meter::new(limits.account_outbound_publishes_per_second, now),
            connects: Meter::new(limits.account_connects_per_second, now),
            subscriptions: Meter::new(limits.account_subscriptions_per_second, now),
            retained: Meter::new(limits.retained_publishes_per_second, now),
        }
    }

    /// Whether a message may come in. Where more copies went out than may, AWS throttles what comes in.
    pub(crate) fn admits(&self, retain: bool, now: Timestamp) -> bool {
        self.outbound.has(now) && self.inbound.take(now) && (!retain || self.retained.take(now))
    }
}
