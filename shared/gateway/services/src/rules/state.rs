//! What is kept of each rule while it works: its queues, and its counts by the names of AWS's metrics ("AWS IoT rule metrics" and
//! "Rule action metrics" in the guide).

use super::queue::Queue;
use drydock_core::RuleName;
use drydock_rules::book::MAX_ACTIONS;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How many messages a rule's statement is evaluated on at a time.
const EVALUATIONS: usize = 64;
/// How many calls an action makes at a time.
const CALLS: usize = 32;

/// Of how many rules states are kept, of deleted ones too: ten times as many as an account may have at a time.
const KEPT: usize = 10_000;

/// A metric of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's page on metrics and dimensions")]
pub enum Metric {
    TopicMatch,
    ParseError,
    RuleExecutionThrottled,
    RuleNotFound,
    HttpCode4xx,
    HttpCode5xx,
    HttpCodeOther,
    HttpInvalidUrl,
    HttpRequestTimeout,
    HttpUnknownHost,
    Success,
    Failure,
    ErrorActionSuccess,
    ErrorActionFailure,
}

impl Metric {
    /// AWS's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TopicMatch => "TopicMatch",
            Self::ParseError => "ParseError",
            Self::RuleExecutionThrottled => "RuleExecutionThrottled",
            Self::RuleNotFound => "RuleNotFound",
            Self::HttpCode4xx => "HttpCode_4XX",
            Self::HttpCode5xx => "HttpCode_5XX",
            Self::HttpCodeOther => "HttpCode_Other",
            Self::HttpInvalidUrl => "HttpInvalidUrl",
            Self::HttpRequestTimeout => "HttpRequestTimeout",
            Self::HttpUnknownHost => "HttpUnknownHost",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::ErrorActionSuccess => "ErrorActionSuccess",
            Self::ErrorActionFailure => "ErrorActionFailure",
        }
    }
}

/// What is kept of a rule.
#[derive(Debug)]
pub struct State {
    pub(super) statement: Arc<Queue>,
    actions: [Arc<Queue>; MAX_ACTIONS],
    pub(super) error_action: Arc<Queue>,
    /// By metric, and by the action's kind where it is one of an action.
    counts: Mutex<BTreeMap<(Metric, &'static str), u64>>,
}

impl State {
    fn new() -> Self {
        Self {
            statement: Queue::new(EVALUATIONS),
            actions: std::array::from_fn(|_| Queue::new(CALLS)),
            error_action: Queue::new(CALLS),
            counts: Mutex::default(),
        }
    }

    /// The queue of an action, by its place in the rule.
    pub(super) fn action(&self, index: usize) -> &Arc<Queue> {
        self.actions.get(index).unwrap_or(&self.error_action)
    }

    pub(super) fn count(&self, metric: Metric) {
        self.count_action(metric, "");
    }

    /// `kind` is the action's, such as `LambdaAction`.
    pub(super) fn count_action(&self, metric: Metric, kind: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((metric, kind)).or_default() += 1;
    }
}

/// The states of all rules. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct States {
    rules: Arc<RwLock<HashMap<RuleName, Arc<State>>>>,
    /// Names of Basic Ingest that no rule has: they count together.
    unknown: Arc<AtomicU64>,
    executed: Arc<AtomicU64>,
}

impl States {
    /// That of a rule.
    #[must_use]
    pub fn of(&self, rule: &RuleName) -> Arc<State> {
        let known = self.rules.read().unwrap_or_else(PoisonError::into_inner).get(rule).map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
            if rules.len() >= KEPT {
                rules.clear();
            }
            Arc::clone(rules.entry(rule.clone()).or_insert_with(|| Arc::new(State::new())))
        })
    }

    /// Forgets all but these rules.
    pub fn keep(&self, exists: impl Fn(&RuleName) -> bool) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).retain(|name, _| exists(name));
    }

    pub(super) fn not_found(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn executed(&self) {
        self.executed.fetch_add(1, Ordering::Relaxed);
    }

    /// Every count that there is: the metric, its dimensions `RuleName` and `ActionType`, the number.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, Option<String>, Option<&'static str>, u64)> {
        let mut all = Vec::new();
        for (metric, count) in [("RulesExecuted", &self.executed), ("RuleNotFound", &self.unknown)] {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                all.push((metric, None, None, count));
            }
        }
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<&RuleName> = rules.keys().collect();
        names.sort();
        for name in names {
            let Some(state) = rules.get(name) else { continue };
            for ((metric, kind), count) in state.counts.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let kind = kind.strip_suffix("Action").filter(|kind| !kind.is_empty());
                all.push((metric.as_str(), Some(name.to_string()), kind, *count));
            }
        }
        all
    }
}
