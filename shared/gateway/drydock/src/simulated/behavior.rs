//! What a device makes of a job or a command.

use clap::ValueEnum;
use serde_json::Value;
use std::time::Duration;

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Does {
    /// It succeeds.
    Succeed,
    /// It fails.
    Fail,
    /// It is rejected.
    Reject,
    /// It is begun, and nothing more is heard of it.
    Stall,
    /// The connection breaks off while a job is in progress; the device comes back and ends it.
    Drop,
}

/// How a device behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behavior {
    /// What becomes of a job or a command.
    pub(crate) does: Does,
    /// Every so many-th execution fails, counted over all devices.
    pub(crate) fail_every: Option<u64>,
    /// Which job documents the device with this number cannot carry out: those executions fail.
    pub(crate) cannot: fn(document: &Value, device: u64) -> bool,
    /// How long a job takes it.
    pub(crate) takes: Duration,
}

/// What becomes of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ends with this status.
    Ends(&'static str),
    /// It stays in progress.
    Stalls,
    /// The connection breaks off in the middle; the device comes back and ends it.
    DropsOff,
}

impl Behavior {
    /// What becomes of the `nth` execution of the device with this number; both count from 1. A command has no document.
    pub(crate) fn outcome(self, device: u64, nth: u64, document: &Value) -> Outcome {
        if (self.cannot)(document, device) {
            return Outcome::Ends("FAILED");
        }
        // Devices begin the count at different places, so that of a fleet's first executions every so many-th fails, too.
        if self.fail_every.is_some_and(|every| (device + nth - 1).is_multiple_of(every.max(1))) {
            return Outcome::Ends("FAILED");
        }
        match self.does {
            Does::Succeed => Outcome::Ends("SUCCEEDED"),
            Does::Fail => Outcome::Ends("FAILED"),
            Does::Reject => Outcome::Ends("REJECTED"),
            Does::Stall => Outcome::Stalls,
            Does::Drop => Outcome::DropsOff,
        }
    }
}

/// Whether an execution with this status has ended.
pub(crate) fn is_end(status: &str) -> bool {
    !matches!(status, "QUEUED" | "IN_PROGRESS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behavior(does: Does, fail_every: Option<u64>) -> Behavior {
        Behavior { does, fail_every, cannot: |document, _| document["version"] == "bad", takes: Duration::ZERO }
    }

    #[test]
    fn every_third_fails_of_one_device_and_of_a_fleet() {
        let failing = behavior(Does::Succeed, Some(3));
        let fails = |device, nth| failing.outcome(device, nth, &Value::Null) == Outcome::Ends("FAILED");
        assert_eq!((1..=6).map(|nth| fails(1, nth)).collect::<Vec<_>>(), [false, false, true, false, false, true]);
        assert_eq!((1..=9).filter(|device| fails(*device, 1)).collect::<Vec<_>>(), [3, 6, 9]);
        assert!(fails(1, 3) && behavior(Does::Stall, Some(1)).outcome(7, 1, &Value::Null) == Outcome::Ends("FAILED"));
    }

    #[test]
    fn a_device_does_what_it_is_told_to() {
        let of = |does| behavior(does, None).outcome(1, 1, &Value::Null);
        assert_eq!(of(Does::Succeed), Outcome::Ends("SUCCEEDED"));
        assert_eq!(of(Does::Reject), Outcome::Ends("REJECTED"));
        assert_eq!((of(Does::Stall), of(Does::Drop)), (Outcome::Stalls, Outcome::DropsOff));
        let bad = serde_json::json!({ "version": "bad" });
        assert_eq!(behavior(Does::Succeed, None).outcome(1, 1, &bad), Outcome::Ends("FAILED"));
        assert!(is_end("TIMED_OUT") && !is_end("IN_PROGRESS"));
    }
}
