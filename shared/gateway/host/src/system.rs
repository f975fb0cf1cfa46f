//! The only place that reads the system's clock and its randomness.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use drydock_core::{Clock, Ids, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The machine's source of randomness.
#[derive(Debug, Clone, Default)]
pub struct SystemIds(SystemRandom);

impl SystemIds {
    /// The operating system's generator.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Ids for SystemIds {
    /// # Panics
    /// Where the operating system has no randomness to give: nothing that is to be secret could be made then.
    #[expect(clippy::expect_used, reason = "without randomness no key and no token may be made")]
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system's random generator answers");
    }
}
