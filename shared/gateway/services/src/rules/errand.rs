//! What is sent for whom, and the pauses between tries.

use super::batch::Key;
use super::state::State;
use drydock_broker::Broker;
use drydock_rules::{CompiledRule, Message};
use std::time::Duration;

/// How often a call is tried at the most.
pub(super) const TRIES: u32 = 3;
/// How long the first pause between tries is; each next one is four times as long.
const PAUSE: Duration = Duration::from_millis(100);

/// What is sent for whom.
pub(super) struct Errand<'a> {
    pub(super) broker: &'a Broker,
    pub(super) state: &'a State,
    pub(super) rule: &'a CompiledRule,
    pub(super) message: &'a Message,
    /// The action's place in the rule; `None` for the error action.
    pub(super) index: Option<usize>,
}

impl Errand<'_> {
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

/// The pause before a try, the first being 0.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(PAUSE * 4_u32.pow(attempt - 1)).await;
    }
}
