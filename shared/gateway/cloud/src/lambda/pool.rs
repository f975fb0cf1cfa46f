//! The execution environments of one function: an idle one is used again, the last one first; a new one starts where none
//! is idle; and there are never more than the function's concurrency.

use super::Invoked;
use super::definition::Definition;
use super::environment::{Environment, Job};
use super::error::LambdaError;
use super::logs::LogStore;
use crate::context::{Context, lock};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, oneshot};

pub(super) struct Pool {
    context: Arc<Context>,
    logs: Arc<LogStore>,
    state: Mutex<State>,
    freed: Notify,
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
        self.0.freed.notify_one();
    }
}

impl Pool {
    pub(super) fn new(context: Arc<Context>, logs: Arc<LogStore>) -> Self {
        Self { context, logs, state: Mutex::default(), freed: Notify::new() }
    }

    /// Runs an event to its end, whether or not the caller waits for it.
    pub(super) async fn run(self: &Arc<Self>, definition: Arc<Definition>, job: Job) -> Result<Invoked, LambdaError> {
        let limit = definition.max_concurrency.unwrap_or(self.context.config.lambda.concurrency);
        let place = {
            let mut state = lock(&self.state);
            if state.busy >= limit {
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
        Environment::new(&self.context, &self.logs, Arc::clone(definition), state.generation)
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

    /// Completes when an execution may have ended since the last call.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Busy and idle processes.
    pub(super) fn count(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.busy, state.idle.iter().filter(|environment| environment.is_alive()).count())
    }
}
