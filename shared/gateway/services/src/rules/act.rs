//! One rule on one message: evaluate, prepare, send, and tell the error action of what failed.

use super::backlog::Part;
use super::entries::Entries;
use super::errand::Errand;
use super::lane::Lane;
use super::reach::{self, Asked};
use super::send::Sender;
use super::state::{Metric, State, States};
use super::watch::{Acted, Execution, Watches};
use drydock_broker::Broker;
use drydock_cloud::Cloud;
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Notices, Tone, Topic as About};
use drydock_rules::{
    ActionFailure, CompiledRule, ExternalCall, Message, NotPrepared, Outcome, Output, Prepared, Trace,
};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// What acting needs.
pub(super) struct Acting {
    pub(super) books: Arc<Books>,
    pub(super) cloud: Cloud,
    pub(super) sender: Sender,
    pub(super) states: States,
    pub(super) notices: Notices,
    pub(super) watches: Watches,
    pub(super) entries: Entries,
}

/// Hands a message to a rule. It waits in the rule's own lane, so that no other rule waits with it. Its part in the backlog, if it
/// has one, is done when the rule has ended with it, however.
pub(super) fn begin(
    acting: &Arc<Acting>,
    broker: &Broker,
    rule: Arc<CompiledRule>,
    message: &Arc<Message>,
    part: Option<Part>,
) {
    let state = acting.states.of(&rule.name);
    acting.entries.matched(&rule.name, message);
    let Some(place) = state.statement.queue() else {
        acting.throttled(&state, &rule, message);
        part.map(Part::done);
        return;
    };
    let (acting, broker, message) = (Arc::clone(acting), broker.clone(), Arc::clone(message));
    // A task of its own: what goes wrong in one rule, even a panic, is not another's matter.
    tokio::spawn(async move {
        let Some(turn) = place.turn().await else { return };
        if !part.as_ref().is_some_and(Part::is_void) {
            let work = Work { acting: &acting, broker: &broker, state: &state, rule: &rule, message: &message };
            work.run(turn).await;
        }
        part.map(Part::done);
    });
}

impl Acting {
    fn throttled(&self, state: &State, rule: &CompiledRule, message: &Message) {
        let why = format!("{} messages wait for this rule already", super::lane::WAITING);
        state.count(Metric::RuleExecutionThrottled);
        self.entries.throttled(&rule.name, message, &why);
        tracing::warn!(rule = %rule.name, topic = %message.topic, "a rule was throttled: {why}");
        self.tell(rule, Tone::Bad, || (format!("throttled: {why}"), Vec::new()));
    }

    fn tell(&self, rule: &CompiledRule, tone: Tone, what: impl FnOnce() -> (String, Vec<String>)) {
        self.notices.tell(|| {
            let (text, reasons) = what();
            Notice { at: self.books.now(), tone, topic: About::Rule, subject: rule.name.to_string(), text, reasons }
        });
    }
}

/// A rule that a message has reached.
struct Work<'a> {
    acting: &'a Acting,
    broker: &'a Broker,
    state: &'a State,
    rule: &'a CompiledRule,
    message: &'a Message,
}

/// What became of an action: what it was answered, and how long that took in milliseconds.
type Ended = (Result<String, ActionFailure>, f64);

impl Work<'_> {
    /// Runs the rule; its turn in the lane of its statement ends when it is known what its actions send.
    async fn run(&self, turn: OwnedSemaphorePermit) {
        let Self { acting, rule, message, .. } = self;
        acting.states.executed();
        if !message.is_json() {
            self.state.count(Metric::ParseError);
        }
        let watchers = acting.watches.of(rule);
        let mut asked = Asked::new(&acting.books);
        let (outcome, trace) = loop {
            let evaluated = match &watchers {
                None => (rule.evaluate(message, asked.env()), None),
                Some(_) => {
                    let (outcome, trace) = rule.evaluate_traced(message, asked.env());
                    (outcome, Some(trace))
                }
            };
            let (Outcome::Waiting(call), _) = &evaluated else { break evaluated };
            let answer = reach::answer(&acting.books, &acting.cloud, rule, call).await;
            asked.learn(call, answer);
        };
        let mut execution = trace.map(|trace| Execution::new(rule, message, acting.books.now(), &outcome, trace));
        match outcome {
            Outcome::Unmatched => acting.tell(rule, Tone::Plain, || {
                let (_, trace) = rule.evaluate_traced(message, asked.env());
                (format!("did not match {}", message.topic), trace.to_string().lines().map(str::to_owned).collect())
            }),
            Outcome::Matched(output) => self.act(turn, &output, &mut asked, execution.as_mut()).await,
            Outcome::Failed(why) => {
                tracing::warn!(rule = %rule.name, topic = %message.topic, %why, "a rule could not be evaluated");
                acting.entries.not_evaluated(&rule.name, message, &why);
                acting.tell(rule, Tone::Bad, || {
                    (format!("could not be evaluated on {}: {why}", message.topic), Vec::new())
                });
            }
            // It is answered above.
            Outcome::Waiting(_) => {}
        }
        if let (Some(watchers), Some(execution)) = (watchers, execution) {
            // A watcher that left meanwhile is no loss.
            let _ = watchers.send(Arc::new(execution));
        }
    }

    /// Runs all actions, each in its lane and none waiting for another; then the error action with all that failed.
    async fn act(
        &self,
        turn: OwnedSemaphorePermit,
        output: &Output,
        asked: &mut Asked,
        mut execution: Option<&mut Execution>,
    ) {
        let prepared = self.prepare(output, asked, execution.is_some()).await;
        drop(turn);
        let actions = prepared.iter().enumerate().map(|(index, (prepared, _))| self.action(index, prepared));
        let ended = futures_util::future::join_all(actions).await;
        let mut failures = Vec::new();
        let mut done = Vec::new();
        for ((prepared, substituted), (result, took)) in prepared.into_iter().zip(ended) {
            if let Some(execution) = &mut execution {
                execution.actions.push(acted(&prepared, &result, took, substituted));
            }
            let how = match result {
                Ok(_) => format!("ok in {took:.1} ms"),
                Err(failure) => {
                    let how = format!("failed: {}", failure.error_message);
                    failures.push(failure);
                    how
                }
            };
            done.push(format!("{} to {}: {how}", prepared.action, prepared.resource));
        }
        let tone = if failures.is_empty() { Tone::Good } else { Tone::Bad };
        self.acting.tell(self.rule, tone, || (format!("matched {}", self.message.topic), done));
        if failures.is_empty() {
            return;
        }
        let Some((prepared, ended)) = self.error_action(&failures, output, asked).await else { return };
        if let Some(execution) = execution {
            execution.error_action = Some(acted(&prepared, &ended.0, ended.1, Trace::default()));
        }
    }

    /// What the actions send, once all that their templates ask for is answered.
    async fn prepare(&self, output: &Output, asked: &mut Asked, traced: bool) -> Vec<(Prepared, Trace)> {
        asked.next(&self.acting.books);
        loop {
            let prepared: Vec<(Prepared, Trace)> = if traced {
                self.rule.prepare_traced(output, self.message, asked.env())
            } else {
                let prepared = self.rule.prepare(output, self.message, asked.env());
                prepared.into_iter().map(|one| (one, Trace::default())).collect()
            };
            let calls: Vec<ExternalCall> = prepared.iter().filter_map(|(prepared, _)| waits_for(prepared)).collect();
            if calls.is_empty() {
                return prepared;
            }
            self.ask(calls, asked).await;
        }
    }

    async fn ask(&self, calls: Vec<ExternalCall>, asked: &mut Asked) {
        for call in calls {
            let answer = reach::answer(&self.acting.books, &self.acting.cloud, self.rule, &call).await;
            asked.learn(&call, answer);
        }
    }

    async fn action(&self, index: usize, prepared: &Prepared) -> Ended {
        self.acting.entries.starting(&self.rule.name, prepared.action, self.message);
        let ended = self.in_lane(self.state.action(index), Some(index), prepared).await;
        if let Some(error) = self.note(prepared, &ended, Metric::Success, Metric::Failure) {
            let (rule, resource) = (&self.rule.name, &prepared.resource);
            tracing::warn!(%rule, action = prepared.action, resource, error, "a rule action failed");
        }
        ended
    }

    /// One document for all failures of the message. That this fails, too, is counted and logged.
    async fn error_action(
        &self,
        failures: &[ActionFailure],
        output: &Output,
        asked: &mut Asked,
    ) -> Option<(Prepared, Ended)> {
        asked.next(&self.acting.books);
        let prepared = loop {
            let prepared = self.rule.prepare_error(failures, output, self.message, asked.env())?;
            let Some(call) = waits_for(&prepared) else { break prepared };
            self.ask(vec![call], asked).await;
        };
        let ended = self.in_lane(&self.state.error_action, None, &prepared).await;
        if let Some(error) = self.note(&prepared, &ended, Metric::ErrorActionSuccess, Metric::ErrorActionFailure) {
            tracing::error!(rule = %self.rule.name, error, "the error action failed, too");
            self.acting.tell(self.rule, Tone::Bad, || (format!("the error action failed, too: {error}"), Vec::new()));
        }
        Some((prepared, ended))
    }

    /// Counts and logs how an action ended; why it failed, where it did.
    fn note<'e>(&self, prepared: &Prepared, ended: &'e Ended, good: Metric, bad: Metric) -> Option<&'e str> {
        let failed = ended.0.as_ref().err().map(|failure| failure.error_message.as_str());
        self.state.count_action(if failed.is_some() { bad } else { good }, prepared.action);
        self.acting.entries.ended(&self.rule.name, prepared.action, &prepared.resource, self.message, failed);
        failed
    }

    /// Makes an action's calls when its lane lets it, in their order; the first that fails ends it.
    async fn in_lane(&self, lane: &Arc<Lane>, index: Option<usize>, prepared: &Prepared) -> Ended {
        let started = Instant::now();
        let result = self.calls(lane, index, prepared).await;
        (result, started.elapsed().as_secs_f64() * 1000.0)
    }

    async fn calls(
        &self,
        lane: &Arc<Lane>,
        index: Option<usize>,
        prepared: &Prepared,
    ) -> Result<String, ActionFailure> {
        let outgoing = match &prepared.outgoing {
            Ok(outgoing) => outgoing,
            Err(NotPrepared::Failed(failure)) => return Err(failure.clone()),
            Err(NotPrepared::Waiting(call)) => {
                return Err(prepared.failed(format!("`{}` has nobody to answer it here", call.key())));
            }
        };
        let Some(place) = lane.queue() else {
            let why = format!("dropped: {} messages wait for this action already", super::lane::WAITING);
            return Err(prepared.failed(why));
        };
        let turn = place.turn().await;
        let errand = Errand { broker: self.broker, state: self.state, rule: self.rule, message: self.message, index };
        let mut answers = Vec::with_capacity(outgoing.len());
        for one in outgoing {
            answers.push(self.acting.sender.send(&errand, one).await.map_err(|why| prepared.failed(why))?);
        }
        drop(turn);
        Ok(answers.join("; "))
    }
}

/// What a template of an action waits for.
fn waits_for(prepared: &Prepared) -> Option<ExternalCall> {
    match &prepared.outgoing {
        Err(NotPrepared::Waiting(call)) => Some((**call).clone()),
        _ => None,
    }
}

/// What a watcher is told of an action.
fn acted(prepared: &Prepared, result: &Result<String, ActionFailure>, ms: f64, substituted: Trace) -> Acted {
    let answer = match result {
        Ok(answer) => answer.clone(),
        Err(failure) => failure.error_message.clone(),
    };
    let (action, resource) = (prepared.action, prepared.resource.clone());
    Acted { action, resource, ok: result.is_ok(), answer, ms: (ms * 1000.0).round() / 1000.0, substituted }
}
