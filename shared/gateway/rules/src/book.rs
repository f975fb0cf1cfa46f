//! The book of topic rules: the operations on them, and the set of those that are enabled.

mod destinations;
mod list;

use crate::externals::Capabilities;
use crate::index::RuleSet;
use crate::rule::CompiledRule;
use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, RuleName, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use destinations::Proof;
use destinations::{DESTINATIONS, Destination};

const RULES: &str = "topic_rules";

/// The most rules of an account (quota "Maximum number of rules per AWS account").
pub const MAX_RULES: usize = 1000;
/// The most actions of a rule (quota "Maximum number of actions per rule").
pub const MAX_ACTIONS: usize = 10;
/// The largest rule as JSON, in bytes.
pub const MAX_BYTES: usize = 128 * 1024;

/// The topic rules of an account in a region.
#[derive(Debug)]
pub struct Rules {
    scope: Scope,
    capabilities: Capabilities,
    max_rules: usize,
    rules: BTreeMap<RuleName, Entry>,
    enabled: Arc<RuleSet>,
    /// By ARN.
    destinations: BTreeMap<String, Destination>,
}

#[derive(Debug)]
struct Entry {
    payload: iot::TopicRulePayload,
    created_at: Timestamp,
    compiled: Arc<CompiledRule>,
}

/// A rule as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    created_at: Timestamp,
    payload: serde_json::Value,
}

impl Entry {
    fn is_disabled(&self) -> bool {
        self.payload.rule_disabled.unwrap_or(false)
    }

    fn write(&self) -> Write {
        let row = serde_json::json!({
            "createdAt": self.created_at,
            "payload": self.payload.to_json(),
        });
        Write::put(RULES, self.compiled.name.as_str(), row.to_string())
    }
}

/// AWS answers so for a rule that does not exist, lest its existence be told.
fn denied(name: &RuleName) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("Access to topic rule '{name}' was denied"))
}

impl Rules {
    /// A book without rules, for a host that can answer what `capabilities` says.
    #[must_use]
    pub fn new(scope: Scope, capabilities: Capabilities) -> Self {
        Self {
            scope,
            capabilities,
            max_rules: MAX_RULES,
            rules: BTreeMap::new(),
            enabled: Arc::default(),
            destinations: BTreeMap::new(),
        }
    }

    /// The same with another number of rules than AWS's quota.
    #[must_use]
    pub fn with_max_rules(mut self, max_rules: usize) -> Self {
        self.max_rules = max_rules;
        self
    }

    /// The rules that are enabled now. What is handed out stays as it is; ask again after a change.
    #[must_use]
    pub fn enabled(&self) -> Arc<RuleSet> {
        Arc::clone(&self.enabled)
    }

    /// A rule, enabled or not.
    #[must_use]
    pub fn rule(&self, name: &RuleName) -> Option<Arc<CompiledRule>> {
        self.rules.get(name).map(|entry| Arc::clone(&entry.compiled))
    }

    /// The names of all rules, enabled or not.
    pub fn names(&self) -> impl Iterator<Item = &RuleName> {
        self.rules.keys()
    }

    /// Whether there is a rule of this name, enabled or not.
    #[must_use]
    pub fn has_rule(&self, name: &str) -> bool {
        self.rules.contains_key(name)
    }

    fn compile(&self, name: &RuleName, payload: &iot::TopicRulePayload) -> Result<Arc<CompiledRule>, ApiError> {
        if payload.actions.len() > MAX_ACTIONS {
            let message = format!("a rule has at most {MAX_ACTIONS} actions, `{name}` has {}", payload.actions.len());
            return Err(ApiError::invalid(message));
        }
        let bytes = payload.to_json().to_string().len();
        if bytes > MAX_BYTES {
            return Err(ApiError::invalid(format!("a rule has at most {MAX_BYTES} bytes, `{name}` has {bytes}")));
        }
        CompiledRule::compile(&self.scope, name.clone(), payload, self.capabilities).map(Arc::new)
    }

    fn put(&mut self, entry: Entry) -> Write {
        let set = Arc::make_mut(&mut self.enabled);
        if entry.is_disabled() {
            set.remove(&entry.compiled.name);
        } else {
            set.insert(Arc::clone(&entry.compiled));
        }
        let write = entry.write();
        self.rules.insert(entry.compiled.name.clone(), entry);
        write
    }

    /// `CreateTopicRule`.
    ///
    /// # Errors
    /// A `ResourceAlreadyExistsException` where there is one of this name; a `SqlParseException`, an
    /// `InvalidRequestException` as [`CompiledRule::compile`] says; a
    /// `LimitExceededException` at the quota.
    pub fn create_topic_rule(
        &mut self,
        request: iot::CreateTopicRuleRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let name = RuleName::new(&request.rule_name)?;
        if self.rules.contains_key(&name) {
            let arn = self.scope.rule(&name);
            return Err(ApiError::exists(format!("topic rule `{name}` exists already"), name.as_str(), arn));
        }
        if self.rules.len() >= self.max_rules {
            let message = format!("the account has {} topic rules, the most it may have", self.rules.len());
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let payload = request.topic_rule_payload;
        let compiled = self.compile(&name, &payload)?;
        let write = self.put(Entry { payload, created_at: now, compiled });
        Ok(Done::written((), vec![write]))
    }

    /// `ReplaceTopicRule`: the rule keeps its time of creation.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this name; else as `CreateTopicRule`.
    pub fn replace_topic_rule(&mut self, request: iot::ReplaceTopicRuleRequest) -> Result<Done<()>, ApiError> {
        let name = RuleName::new(&request.rule_name)?;
        let old = self.rules.get(&name).ok_or_else(|| denied(&name))?;
        let created_at = old.created_at;
        let payload = request.topic_rule_payload;
        let compiled = self.compile(&name, &payload)?;
        let write = self.put(Entry { payload, created_at, compiled });
        Ok(Done::written((), vec![write]))
    }

    /// `EnableTopicRule`.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this name.
    pub fn enable_topic_rule(&mut self, request: &iot::EnableTopicRuleRequest) -> Result<Done<()>, ApiError> {
        self.switch(&request.rule_name, false)
    }

    /// `DisableTopicRule`.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this name.
    pub fn disable_topic_rule(&mut self, request: &iot::DisableTopicRuleRequest) -> Result<Done<()>, ApiError> {
        self.switch(&request.rule_name, true)
    }

    fn switch(&mut self, name: &str, disabled: bool) -> Result<Done<()>, ApiError> {
        let name = RuleName::new(name)?;
        let mut entry = self.rules.remove(&name).ok_or_else(|| denied(&name))?;
        entry.payload.rule_disabled = Some(disabled);
        let write = self.put(entry);
        Ok(Done::written((), vec![write]))
    }

    /// `DeleteTopicRule`.
    ///
    /// # Errors
    /// An `UnauthorizedException` where there is none of this name.
    pub fn delete_topic_rule(&mut self, request: &iot::DeleteTopicRuleRequest) -> Result<Done<()>, ApiError> {
        let name = RuleName::new(&request.rule_name)?;
        self.rules.remove(&name).ok_or_else(|| denied(&name))?;
        Arc::make_mut(&mut self.enabled).remove(&name);
        Ok(Done::written((), vec![Write::delete(RULES, name.as_str())]))
    }
}

impl Rulebook for Rules {
    const TABLES: &'static [&'static str] = &[DESTINATIONS, RULES];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.to_owned(), key: key.to_owned(), why };
        if table == DESTINATIONS {
            return self.load_destination(key, value);
        }
        if table != RULES {
            return Err(corrupt("the book of topic rules has no such table".to_owned()));
        }
        let name = RuleName::new(key).map_err(|error| corrupt(error.to_string()))?;
        let row: Row = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
        let payload = iot::TopicRulePayload::from_json(&row.payload).map_err(|error| corrupt(error.to_string()))?;
        let compiled = self.compile(&name, &payload).map_err(|error| corrupt(error.to_string()))?;
        self.put(Entry { payload, created_at: row.created_at, compiled });
        Ok(())
    }

    fn clear(&mut self) {
        self.rules.clear();
        self.enabled = Arc::default();
        self.destinations.clear();
    }
}
