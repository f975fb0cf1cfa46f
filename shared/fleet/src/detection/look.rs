//! What is put on the queue for when a period can be judged.

use super::period::{GRACE, end};
use crate::EpochMillis;
use serde::{Deserialize, Serialize};

/// A period of a device that is to be judged: the body of a message on the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Look {
    /// The device.
    pub thing_name: String,
    /// The period's number.
    pub judge_period: i64,
}

impl Look {
    /// In how many seconds the period can be judged: at most 900, as queues have it.
    #[must_use]
    pub fn delay(&self, now: EpochMillis) -> u16 {
        let due = end(self.judge_period).saturating_add(GRACE);
        let seconds = due.saturating_sub(now).saturating_add(999).div_euclid(1000);
        u16::try_from(seconds.clamp(0, 900)).unwrap_or(900)
    }

    /// Whether the period can be judged.
    #[must_use]
    pub fn is_due(&self, now: EpochMillis) -> bool {
        end(self.judge_period).saturating_add(GRACE) <= now
    }
}
