//! Who watches rules, and what they are told: for each message that reaches a rule what it made of it, and what its actions
//! answered. Nothing is gathered for a rule that nobody watches.

use drydock_core::Timestamp;
use drydock_rules::trace::Shown;
use drydock_rules::{CompiledRule, Message, Outcome, Trace};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

/// How many executions may wait for a watcher that does not read; who falls further behind misses some.
const WAITING: usize = 1024;

/// The rules that are watched. Cheap to clone; the clones are one.
#[derive(Debug, Clone, Default)]
pub struct Watches {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How many rules are watched: all that is read where none is.
    count: AtomicUsize,
    rules: Mutex<HashMap<String, Sender<Arc<Execution>>>>,
}

/// A watcher of one rule; it stops to watch when it is dropped.
#[derive(Debug)]
pub struct Watcher {
    watches: Watches,
    rule: String,
    receiver: Option<Receiver<Arc<Execution>>>,
}

impl Watches {
    /// Watches a rule from now on.
    #[must_use]
    pub fn watch(&self, rule: &str) -> Watcher {
        let mut rules = self.inner.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = rules.entry(rule.to_owned()).or_insert_with(|| Sender::new(WAITING)).subscribe();
        self.inner.count.store(rules.len(), Ordering::Relaxed);
        Watcher { watches: self.clone(), rule: rule.to_owned(), receiver: Some(receiver) }
    }

    /// Where to tell of a rule; `None` where nobody watches it.
    #[must_use]
    pub fn of(&self, rule: &CompiledRule) -> Option<Sender<Arc<Execution>>> {
        if self.inner.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let rules = self.inner.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.get(rule.name.as_str()).cloned()
    }
}

impl Watcher {
    /// The next execution.
    ///
    /// # Errors
    /// How many were missed; nothing where there will be no more.
    pub async fn next(&mut self) -> Result<Arc<Execution>, Option<u64>> {
        let Some(receiver) = &mut self.receiver else { return Err(None) };
        receiver.recv().await.map_err(|error| match error {
            RecvError::Lagged(missed) => Some(missed),
            RecvError::Closed => None,
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.receiver = None;
        let inner = &self.watches.inner;
        let mut rules = inner.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.get(&self.rule).is_some_and(|sender| sender.receiver_count() == 0) {
            rules.remove(&self.rule);
            inner.count.store(rules.len(), Ordering::Relaxed);
        }
    }
}

/// A rule on a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    time: String,
    rule: String,
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    matched: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Shown>,
    error: Option<String>,
    trace: Trace,
    /// What became of each action.
    pub actions: Vec<Acted>,
    /// What became of the error action, where it was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_action: Option<Acted>,
}

/// An action of a rule on a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acted {
    /// Its kind.
    pub action: &'static str,
    /// What it went to.
    pub resource: String,
    /// Whether all its calls succeeded.
    pub ok: bool,
    /// What it was answered, or why it failed.
    pub answer: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// The substitution templates that were filled in.
    pub substituted: Trace,
}

impl Execution {
    /// What a rule made of a message, before its actions.
    #[must_use]
    pub fn new(rule: &CompiledRule, message: &Message, now: Timestamp, outcome: &Outcome, trace: Trace) -> Self {
        let (matched, result, error) = match outcome {
            Outcome::Matched(output) => (true, Some(output.value.clone()), None),
            Outcome::Unmatched => (false, None, None),
            Outcome::Failed(why) | Outcome::Exhausted(why) => (false, None, Some(why.clone())),
            Outcome::Waiting(call) => (false, None, Some(format!("{} has no answer", call.function))),
        };
        Self {
            time: now.to_string(),
            rule: rule.name.to_string(),
            topic: message.topic.to_string(),
            client_id: message.client_id.as_ref().map(ToString::to_string),
            matched,
            result: result.filter(|value| !value.is_undefined()).map(Shown),
            error,
            trace,
            actions: Vec::new(),
            error_action: None,
        }
    }

    /// The execution as a program reads it, beside the text that a person does.
    #[must_use]
    pub fn line(&self) -> String {
        let line = serde_json::to_string(&Line { text: self.to_string(), execution: self });
        line.unwrap_or_else(|error| json!({ "text": format!("an execution cannot be told: {error}") }).to_string())
    }
}

#[derive(Serialize)]
struct Line<'a> {
    text: String,
    execution: &'a Execution,
}

impl fmt::Display for Execution {
    /// A line for the message, then one for each step and action.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (&self.error, self.matched) {
            (Some(_), _) => "could not be evaluated",
            (None, true) => "matched",
            (None, false) => "did not match",
        };
        write!(f, "{} {} {verdict} {}", self.time, self.rule, self.topic)?;
        if let Some(client) = &self.client_id {
            write!(f, " of {client}")?;
        }
        let mut lines = self.trace.to_string();
        if let Some(result) = &self.result {
            writeln!(lines, "the result is {result}")?;
        } else if self.matched {
            writeln!(lines, "the result is undefined")?;
        }
        for acted in &self.actions {
            acted.write(&mut lines)?;
        }
        if let Some(acted) = &self.error_action {
            lines.push_str("error action: ");
            acted.write(&mut lines)?;
        }
        lines.lines().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// What is said of an action that succeeded: a function is invoked asynchronously, so that it has not run yet.
pub(super) fn done_word(action: &str) -> &'static str {
    if action == "lambda" { "queued" } else { "ok" }
}

impl Acted {
    fn write(&self, out: &mut String) -> fmt::Result {
        let how = if self.ok { done_word(self.action) } else { "failed" };
        writeln!(out, "{} to {}: {how} in {:.1} ms: {}", self.action, self.resource, self.ms, self.answer)?;
        self.substituted.to_string().lines().try_for_each(|line| writeln!(out, "  {line}"))
    }
}
