//! What the AWS-style logs are told of rules ("Rules engine log entries" in the guide).

use drydock_broker::Who;
use drydock_core::RuleName;
use drydock_host::logs::{Logs, failure};
use drydock_logging::{Entry, EventType, Status};
use drydock_rules::Message;
use serde_json::json;

/// Entries about rules.
#[derive(Clone)]
pub(super) struct Entries(pub(super) Logs);

impl Entries {
    fn tell(&self, event: EventType, rule: &str, message: &Message, status: Status, fill: impl FnOnce(Entry) -> Entry) {
        let client_id = message.client_id.as_deref().unwrap_or_default();
        let principal = message.principal.as_deref().unwrap_or_default();
        let who = Who { client_id, principal, remote: None };
        self.0.tell(event, who, status, |entry| {
            let entry = entry
                .with("clientId", client_id)
                .with("topicName", message.topic.as_str())
                .with("ruleName", rule)
                .with("principalId", principal);
            fill(entry)
        });
    }

    /// A rule's topic filter matches.
    pub(super) fn matched(&self, rule: &RuleName, message: &Message) {
        self.tell(EventType::RuleMatch, rule.as_str(), message, Status::Success, |entry| entry);
    }

    /// A message was too much for a rule.
    pub(super) fn throttled(&self, rule: &RuleName, message: &Message, why: &str) {
        let status = failure("RuleExecutionThrottled", why);
        self.tell(EventType::RuleMessageThrottled, rule.as_str(), message, status, |entry| entry);
    }

    /// An action begins.
    pub(super) fn starting(&self, rule: &RuleName, action: &str, message: &Message) {
        self.tell(EventType::StartingRuleExecution, rule.as_str(), message, Status::Success, |entry| {
            entry.with("ruleAction", action)
        });
    }

    /// An action ended; `resource` is what it went to.
    pub(super) fn ended(&self, rule: &RuleName, action: &str, resource: &str, message: &Message, why: Option<&str>) {
        let status = why.map_or(Status::Success, |why| failure("ActionFailed", why));
        let name = if action == "RepublishAction" { "RepublishTopic" } else { "Resource" };
        self.tell(EventType::RuleExecution, rule.as_str(), message, status, |entry| {
            entry.with("ruleAction", action).with("resources", json!({ name: resource }))
        });
    }

    /// A statement could not be evaluated.
    pub(super) fn not_evaluated(&self, rule: &RuleName, message: &Message, why: &str) {
        let status = failure("EvaluationFailed", why);
        self.tell(EventType::RuleExecution, rule.as_str(), message, status, |entry| {
            entry.with("ruleAction", "SqlEval")
        });
    }
}
