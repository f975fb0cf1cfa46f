//! The metrics of SQS ("Available CloudWatch metrics for Amazon SQS") that are measured once a minute: how many messages a queue has,
//! and how old the oldest is. What is sent, received and deleted is counted where it happens.

use super::metric::{Metric, Unit};
use crate::sqs::Sqs;
use drydock_core::Timestamp;
use std::collections::BTreeMap;

/// For how long a queue that is empty and unused is measured further, in milliseconds. AWS does so for six hours.
const FURTHER: i64 = 15 * 60_000;

/// Until when each queue is measured.
pub(super) type Seen = BTreeMap<String, Timestamp>;

/// Whether a queue has messages, or had some of late.
pub(super) fn are_busy(sqs: &Sqs, seen: &Seen, now: Timestamp) -> bool {
    seen.values().any(|until| *until > now) || sqs.list().iter().any(|queue| !queue.is_empty())
}

/// What was measured of the queues in use, for the minute from `begin` to `end`.
pub(super) fn gauges(
    sqs: &Sqs,
    seen: &mut Seen,
    begin: Timestamp,
    end: Timestamp,
) -> Vec<(Metric, Timestamp, Unit, f64)> {
    let mut all = Vec::new();
    for queue in sqs.list() {
        let measured = queue.measure(end);
        let in_use = seen.get(&queue.name).is_some_and(|until| *until > begin);
        let names = [
            ("ApproximateNumberOfMessagesVisible", Unit::COUNT),
            ("ApproximateNumberOfMessagesNotVisible", Unit::COUNT),
            ("ApproximateNumberOfMessagesDelayed", Unit::COUNT),
            ("ApproximateAgeOfOldestMessage", Unit::SECONDS),
        ];
        let mut put = |at: Timestamp, values: [f64; 4]| {
            for ((name, unit), value) in names.into_iter().zip(values) {
                all.push((Metric::new("AWS/SQS", name, &[("QueueName", queue.name.as_str())]), at, unit, value));
            }
        };
        match measured {
            Some(values) => {
                if !in_use {
                    // It was empty until now, and was not measured: what grows by its first message grows from that.
                    put(begin.plus_millis(-60_000), [0.0; 4]);
                }
                put(begin, values);
                seen.insert(queue.name.clone(), end.plus_millis(FURTHER));
            }
            None if in_use => put(begin, [0.0; 4]),
            None => {
                seen.remove(&queue.name);
            }
        }
    }
    seen.retain(|name, _| sqs.queue(name).is_ok());
    all
}
