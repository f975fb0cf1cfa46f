//! One rule on one message: evaluate, prepare, send, and tell the error action of what failed.

use super::backlog::Part;
use super::delivery::Delivery;
use super::entries::Entries;
use super::externals::{self, Asked};
use super::queue::Queue;
use super::send::Sender;
use super::state::{Metric, State, States};
use super::watch::{Acted, Execution, Watches, done_word};
use drydock_broker::Broker;
use drydock_cloud::Cloud;
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Notices, Tone, Topic as About};
use drydock_rules::{
    ActionFailure, CompiledRule, Env, ExternalCall, Message, NotPrepared, Outcome, Output, Prepared, Trace, Value,
};
use drydock_tasks::Tasks;
use drydock_timers::{Kind, Resting, Work as Guard};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What acting needs.
pub(super) struct Acting {
    pub(super) books: Arc<Books>,
    pub(super) cloud: Cloud,
    pub(super) sender: Sender,
    pub(super) states: States,
    pub(super) notices: Notices,
    pub(super) watches: Watches,
    pub(super) entries: Entries,
    /// What an advance of the clock waits for.
    pub(super) kind: Kind,
    /// How many evaluations that may take long run at a time.
    pub(super) heavy: Arc<Semaphore>,
    pub(super) tasks: Tasks,
}

/// How many evaluations that may take long run at a time, on threads of their own.
pub(super) const HEAVY: usize = 4;

/// Hands a message to a rule. It waits in the rule's own queue, so that no other rule waits with it. Its part in the backlog, if it
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
    let Some(place) = state.statement.place() else {
        acting.throttled(&state, &rule, message);
        if let Some(part) = part {
            part.done();
        }
        return;
    };
    let (tasks, acting, broker, message) = (&acting.tasks, Arc::clone(acting), broker.clone(), Arc::clone(message));
    let guard = acting.kind.begin();
    // A task of its own: what goes wrong in one rule, even a panic, is not another's matter.
    tasks.spawn_to_end(async move {
        let Some(turn) = place.turn().await else { return };
        if !part.as_ref().is_some_and(Part::is_void) {
            let work = Work { acting: &acting, broker: &broker, state: &state, rule: &rule, message: &message };
            work.run(turn, guard).await;
        }
        if let Some(part) = part {
            part.done();
        }
    });
}

impl Acting {
    fn throttled(&self, state: &State, rule: &CompiledRule, message: &Message) {
        let why = format!("{} messages wait for this rule already", super::queue::WAITING);
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
    rule: &'a Arc<CompiledRule>,
    message: &'a Arc<Message>,
}

/// What failed where the evaluation of the statement was ended: AWS knows no name for it.
const EVALUATION: &str = "SqlEvaluationAction";

/// What became of an action: what it was answered, and how long that took in milliseconds.
type Ended = (Result<String, ActionFailure>, f64);

impl Work<'_> {
    /// Runs the rule; its turn in the queue of its statement ends when it is known what its actions send.
    async fn run(&self, turn: OwnedSemaphorePermit, guard: Guard) {
        let Self { acting, rule, message, .. } = self;
        acting.states.executed();
        if !message.is_json() {
            self.state.count(Metric::ParseError);
        }
        let watchers = acting.watches.of(rule);
        let mut asked = Asked::new(&acting.books);
        let (outcome, trace) = loop {
            let traced = watchers.is_some();
            let evaluated = self.evaluate(&mut asked, move |rule, message, env| {
                if traced {
                    let (outcome, trace) = rule.evaluate_traced(message, env);
                    (outcome, Some(trace))
                } else {
                    (rule.evaluate(message, env), None)
                }
            });
            let evaluated = evaluated.await;
            let (Outcome::Waiting(call), _) = &evaluated else { break evaluated };
            let answer = externals::answer(&acting.books, &acting.cloud, &acting.tasks, rule, call).await;
            asked.learn(call, answer);
        };
        let mut execution = trace.map(|trace| Execution::new(rule, message, acting.books.now(), &outcome, trace));
        match outcome {
            Outcome::Unmatched => acting.tell(rule, Tone::Plain, || {
                let text = format!("did not match {}", message.topic);
                if !rule.is_light(message.payload.len()) {
                    return (text, Vec::new());
                }
                let (_, trace) = rule.evaluate_traced(message, asked.env());
                (text, trace.to_string().lines().map(str::to_owned).collect())
            }),
            Outcome::Matched(output) => self.act(turn, guard, &output, &mut asked, execution.as_mut()).await,
            Outcome::Failed(why) => {
                tracing::warn!(rule = %rule.name, topic = %message.topic, %why, "a rule could not be evaluated");
                acting.entries.not_evaluated(&rule.name, message, &why);
                acting.tell(rule, Tone::Bad, || {
                    (format!("could not be evaluated on {}: {why}", message.topic), Vec::new())
                });
            }
            Outcome::Exhausted(why) => {
                tracing::warn!(rule = %rule.name, topic = %message.topic, %why, "a rule could not be evaluated");
                acting.entries.not_evaluated(&rule.name, message, &why);
                self.state.count_action(Metric::Failure, EVALUATION);
                acting.tell(rule, Tone::Bad, || {
                    (format!("could not be evaluated on {}: {why}", message.topic), Vec::new())
                });
                drop(turn);
                let failure = ActionFailure {
                    failed_action: EVALUATION.to_owned(),
                    failed_resource: rule.name.to_string(),
                    error_message: why,
                };
                let output = Output { value: Value::Undefined, variables: Vec::new() };
                let work = Resting::new(guard);
                let ended = self.error_action(&[failure], &output, &mut asked, &work).await;
                if let (Some(execution), Some((prepared, ended))) = (&mut execution, ended) {
                    execution.error_action = Some(acted(&prepared, &ended.0, ended.1, Trace::default()));
                }
            }
            // It is answered above.
            Outcome::Waiting(_) => {}
        }
        if let (Some(watchers), Some(execution)) = (watchers, execution) {
            // A watcher that left meanwhile is no loss.
            let _ = watchers.send(Arc::new(execution));
        }
    }

    /// Evaluates something of the rule on its message. What may take long does not run on the threads that serve sockets, and
    /// only so much of it at a time.
    async fn evaluate<T: Send + 'static>(
        &self,
        asked: &mut Asked,
        what: impl FnOnce(&CompiledRule, &Message, Env<'_>) -> T + Send + 'static,
    ) -> T {
        if self.rule.is_light(self.message.payload.len()) {
            return what(self.rule, self.message, asked.env());
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.acting.heavy).acquire_owned().await;
        let (rule, message) = (Arc::clone(self.rule), Arc::clone(self.message));
        let own = std::mem::replace(asked, Asked::new(&self.acting.books));
        let done = tokio::task::spawn_blocking(move || {
            let made = what(&rule, &message, own.env());
            drop(permit);
            (made, own)
        });
        match done.await {
            Ok((made, own)) => {
                *asked = own;
                made
            }
            Err(error) => match error.try_into_panic() {
                // As if it had run here.
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down, and everything with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Runs all actions, each in its queue and none waiting for another; then the error action with all that failed.
    async fn act(
        &self,
        turn: OwnedSemaphorePermit,
        guard: Guard,
        output: &Output,
        asked: &mut Asked,
        mut execution: Option<&mut Execution>,
    ) {
        let prepared = self.prepare(output, asked, execution.is_some()).await;
        drop(turn);
        // Each action rests by itself while it waits for a time; the last that ends hands its work on.
        let left = AtomicUsize::new(prepared.len());
        let actions = prepared.iter().enumerate().map(|(index, (prepared, _))| {
            let (work, left) = (Resting::new(self.acting.kind.begin()), &left);
            async move {
                let ended = self.action(index, prepared, &work).await;
                let is_last = left.fetch_sub(1, Ordering::AcqRel) == 1;
                (ended, work.take().filter(|_| is_last))
            }
        });
        let actions: Vec<_> = actions.collect();
        drop(guard);
        let (ended, works): (Vec<Ended>, Vec<Option<Guard>>) =
            futures_util::future::join_all(actions).await.into_iter().unzip();
        let work = Resting::new(works.into_iter().flatten().next().unwrap_or_else(|| self.acting.kind.begin()));
        let mut failures = Vec::new();
        let mut done = Vec::new();
        for ((prepared, substituted), (result, took)) in prepared.into_iter().zip(ended) {
            if let Some(execution) = &mut execution {
                execution.actions.push(acted(&prepared, &result, took, substituted));
            }
            let how = match result {
                Ok(_) => format!("{} in {took:.1} ms", done_word(prepared.action)),
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
        let Some((prepared, ended)) = self.error_action(&failures, output, asked, &work).await else { return };
        if let Some(execution) = execution {
            execution.error_action = Some(acted(&prepared, &ended.0, ended.1, Trace::default()));
        }
    }

    /// What the actions send, once all that their templates ask for is answered.
    async fn prepare(&self, output: &Output, asked: &mut Asked, traced: bool) -> Vec<(Prepared, Trace)> {
        asked.next(&self.acting.books);
        loop {
            let output = output.clone();
            let prepared = self.evaluate(asked, move |rule, message, env| {
                if traced {
                    rule.prepare_traced(&output, message, env)
                } else {
                    let prepared = rule.prepare(&output, message, env);
                    prepared.into_iter().map(|one| (one, Trace::default())).collect()
                }
            });
            let prepared: Vec<(Prepared, Trace)> = prepared.await;
            let calls: Vec<ExternalCall> = prepared.iter().filter_map(|(prepared, _)| waits_for(prepared)).collect();
            if calls.is_empty() {
                return prepared;
            }
            self.ask(calls, asked).await;
        }
    }

    async fn ask(&self, calls: Vec<ExternalCall>, asked: &mut Asked) {
        for call in calls {
            let Acting { books, cloud, tasks, .. } = self.acting;
            let answer = externals::answer(books, cloud, tasks, self.rule, &call).await;
            asked.learn(&call, answer);
        }
    }

    async fn action(&self, index: usize, prepared: &Prepared, work: &Resting) -> Ended {
        self.acting.entries.starting(&self.rule.name, prepared.action, self.message);
        let ended = self.in_queue(self.state.action(index), Some(index), prepared, work).await;
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
        work: &Resting,
    ) -> Option<(Prepared, Ended)> {
        asked.next(&self.acting.books);
        let prepared = loop {
            let (failures, output) = (failures.to_vec(), output.clone());
            let prepared = self
                .evaluate(asked, move |rule, message, env| rule.prepare_error(&failures, &output, message, env))
                .await?;
            let Some(call) = waits_for(&prepared) else { break prepared };
            self.ask(vec![call], asked).await;
        };
        let ended = self.in_queue(&self.state.error_action, None, &prepared, work).await;
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

    /// Makes an action's calls when its queue lets it, in their order; the first that fails ends it.
    async fn in_queue(&self, queue: &Arc<Queue>, index: Option<usize>, prepared: &Prepared, work: &Resting) -> Ended {
        let started = Instant::now();
        let result = self.calls(queue, index, prepared, work).await;
        (result, started.elapsed().as_secs_f64() * 1000.0)
    }

    async fn calls(
        &self,
        queue: &Arc<Queue>,
        index: Option<usize>,
        prepared: &Prepared,
        work: &Resting,
    ) -> Result<String, ActionFailure> {
        let outgoing = match &prepared.outgoing {
            Ok(outgoing) => outgoing,
            Err(NotPrepared::Failed(failure)) => return Err(failure.clone()),
            Err(NotPrepared::Waiting(call)) => {
                return Err(prepared.failed(format!("`{}` has nobody to answer it here", call.key())));
            }
        };
        let Some(place) = queue.place() else {
            let why = format!("dropped: {} messages wait for this action already", super::queue::WAITING);
            return Err(prepared.failed(why));
        };
        let turn = match place.turn_now() {
            Some(turn) => turn,
            None => {
                // Those before it may wait for the clock.
                work.rest();
                let turn = place.turn().await;
                work.go_on(self.acting.kind.begin());
                turn.ok_or_else(|| prepared.failed("the gateway is stopping"))?
            }
        };
        let (broker, state, rule, message) = (self.broker, self.state, self.rule, self.message);
        let delivery = Delivery { broker, state, rule, message, index, work };
        let mut answers = Vec::with_capacity(outgoing.len());
        for one in outgoing {
            answers.push(self.acting.sender.send(&delivery, one).await.map_err(|why| prepared.failed(why))?);
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
