//! The execution environments of one function: an idle one is used again, the last one first; a new one starts where none
//! is idle; and there are never more than the function's concurrency.

use super::clock::ClockFile;
use super::definition::Definition;
use super::environment::{Environment, Job};
use super::error::LambdaError;
use super::invocation::Invoked;
use super::logs::LogStore;
use super::setup::Setup;
use crate::context::{Context, lock};
use drydock_timers::{Bell, Name, Ringing};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

pub(super) struct Pool {
    context: Arc<Context>,
    logs: Arc<LogStore>,
    clock: Option<Arc<ClockFile>>,
    state: Mutex<State>,
    freed: Bell,
}

#[derive(Default)]
struct State {
    idle: Vec<Environment>,
    busy: usize,
    generation: u64,
}

/// A place among the function's concurrent executions, given back when it is dropped.
struct Place(Arc<Pool>);

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.0.state).busy -= 1;
        self.0.freed.ring_one();
    }
}

impl Pool {
    pub(super) fn new(context: Arc<Context>, logs: Arc<LogStore>, clock: Option<Arc<ClockFile>>) -> Self {
        let freed = Bell::new(&context.timers, "Lambda event that waits for a place");
        Self { context, logs, clock, state: Mutex::default(), freed }
    }

    /// Runs an event to its end, whether or not the caller waits for it.
    pub(super) async fn run(self: &Arc<Self>, definition: Arc<Definition>, job: Job) -> Result<Invoked, LambdaError> {
        let limit = self.limit(&definition);
        let work = self.context.timers.work(Name::new("Lambda function", definition.name.as_str()));
        let place = {
            let mut state = lock(&self.state);
            if state.busy >= limit {
                self.logs.throttled(&definition.name);
                return Err(LambdaError::Throttled);
            }
            state.busy += 1;
            Place(Arc::clone(self))
        };
        let (done, ended) = oneshot::channel();
        let pool = Arc::clone(self);
        self.context.spawn_to_end(async move {
            let invoked = pool.run_in_one(&definition, job).await;
            // The place is free before the caller knows of the end, so that it can call again at once.
            drop(place);
            let _ = done.send(invoked);
            drop(work);
        });
        ended.await.map_err(|_| LambdaError::Service("the gateway is shutting down".into()))
    }

    async fn run_in_one(&self, definition: &Arc<Definition>, job: Job) -> Invoked {
        loop {
            let environment = self.take(definition);
            if let Some((invoked, reusable)) = environment.run(job.clone()).await {
                if reusable {
                    self.give_back(environment);
                }
                return invoked;
            }
            if environment.is_alive() {
                // It took the event and did not say what became of it, which no environment does.
                return Invoked::failed(&job.request_id, "Runtime.ExitError", "the execution environment was lost");
            }
            if self.context.is_stopping() {
                return Invoked::failed(&job.request_id, "Runtime.ExitError", "the gateway is shutting down");
            }
        }
    }

    fn take(&self, definition: &Arc<Definition>) -> Environment {
        let mut state = lock(&self.state);
        while let Some(environment) = state.idle.pop() {
            if environment.is_alive() {
                return environment;
            }
        }
        let setup = Setup {
            context: Arc::clone(&self.context),
            logs: Arc::clone(&self.logs),
            clock: self.clock.clone(),
            definition: Arc::clone(definition),
        };
        Environment::new(setup, state.generation)
    }

    fn give_back(&self, environment: Environment) {
        let mut state = lock(&self.state);
        if environment.generation == state.generation {
            state.idle.push(environment);
        }
    }

    /// Ends idle processes, and busy ones after their invocation: the next event starts anew.
    pub(super) fn retire(&self) {
        let mut state = lock(&self.state);
        state.generation += 1;
        state.idle.clear();
    }

    fn limit(&self, definition: &Definition) -> usize {
        definition.max_concurrency.unwrap_or(self.context.config.lambda.concurrency)
    }

    /// Tells when an execution has ended; `None` where there is a place now.
    pub(super) fn freed(&self, definition: &Definition) -> Option<Ringing> {
        // Under the lock that a place is given back under: none is given back in between unheard.
        let state = lock(&self.state);
        (state.busy >= self.limit(definition)).then(|| self.freed.listen())
    }

    /// Busy and idle processes.
    pub(super) fn count(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.busy, state.idle.iter().filter(|environment| environment.is_alive()).count())
    }
}
