//! What is sent for whom, and the pauses between tries.

use super::batch::Key;
use super::state::State;
use drydock_broker::Broker;
use drydock_rules::{CompiledRule, Message};
use drydock_timers::{Resting, Timers};

/// How often a call is tried at the most.
pub(super) const TRIES: u32 = 3;
/// How long the first pause between tries is, in milliseconds; each next one is four times as long.
const PAUSE: i64 = 100;

/// What is sent for whom.
pub(super) struct Delivery<'a> {
    pub(super) broker: &'a Broker,
    pub(super) state: &'a State,
    pub(super) rule: &'a CompiledRule,
    pub(super) message: &'a Message,
    /// The action's place in the rule; `None` for the error action.
    pub(super) index: Option<usize>,
    /// The work of it.
    pub(super) work: &'a Resting,
}

impl Delivery<'_> {
    /// What messages share a batch by.
    pub(super) fn key(&self, target: &str, across_topics: bool) -> Key {
        Key {
            rule: self.rule.name.to_string(),
            action: self.index.unwrap_or(usize::MAX),
            target: target.to_owned(),
            topic: (!across_topics).then(|| self.message.topic.to_string()),
        }
    }
}

/// The pause before a try, the first being 0, by the gateway's clock. The work rests meanwhile.
pub(super) async fn pause(time: &Timers, work: &Resting, attempt: u32) {
    if attempt > 0 {
        work.until(time, "rule action retry", time.now().plus_millis(PAUSE * 4_i64.pow(attempt - 1))).await;
    }
}
