//! One execution environment: a process, its Runtime API and its log, driven by one task from the first event it is started
//! for to its end.

mod output;
mod peer;
mod process;

use super::invocation::{Invoked, MAX_PAYLOAD};
use super::logs::Report;
use super::runtime_api::{Answer, Call, Invocation, Reply};
use super::setup::Setup;
use bytes::Bytes;
use http::StatusCode;
use process::{Heard, Process};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// An event to run a function on.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    pub(super) arn: String,
    pub(super) client_context: Option<String>,
    pub(super) trace_id: String,
}

struct Task {
    job: Job,
    done: oneshot::Sender<(Invoked, bool)>,
}

/// The outside of an execution environment.
pub(super) struct Environment {
    tasks: mpsc::Sender<Task>,
    /// Which definition of the function it runs.
    pub(super) generation: u64,
}

impl Environment {
    /// An environment that starts its process with its first event.
    pub(super) fn new(setup: Setup, generation: u64) -> Self {
        let (tasks, taken) = mpsc::channel(1);
        let context = Arc::clone(&setup.context);
        context.spawn_to_end(live(setup, taken));
        Self { tasks, generation }
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.tasks.is_closed()
    }

    /// Runs an event; says whether the environment can take another. `None` where it ended before it took this one.
    pub(super) async fn run(&self, job: Job) -> Option<(Invoked, bool)> {
        let (done, ended) = oneshot::channel();
        self.tasks.send(Task { job, done }).await.ok()?;
        ended.await.ok()
    }
}

/// The process's open question for its next event.
type Next = oneshot::Sender<Invocation>;

async fn live(setup: Setup, mut tasks: mpsc::Receiver<Task>) {
    let Some(mut task) = tasks.recv().await else { return };
    let started = Instant::now();
    setup.show_time();
    let mut process = match Process::spawn(&setup).await {
        Ok(process) => process,
        Err(why) => {
            let invoked = Invoked::failed(&task.job.request_id, "Runtime.InvalidEntrypoint", &why);
            setup.report(&task.job, Duration::ZERO, None, None, &invoked);
            // Nobody may wait any more: then there is nobody to tell.
            let _ = task.done.send((invoked, false));
            return;
        }
    };
    let mut next = match setup.init(&mut process, &task.job).await {
        Ok(next) => next,
        Err(mut invoked) => {
            let memory = process.peak_memory();
            process.kill().await;
            invoked.log_tail = process.output.end().await;
            setup.report(&task.job, started.elapsed(), None, memory, &invoked);
            let _ = task.done.send((invoked, false));
            return;
        }
    };
    let mut init = Some(started.elapsed());
    loop {
        let (invoked, again) = setup.invoke(&mut process, &task.job, next, init.take()).await;
        if again.is_none() {
            process.kill().await;
        }
        let _ = task.done.send((invoked, again.is_some()));
        let Some(again) = again else { return };
        match setup.idle(&mut process, again, &mut tasks).await {
            Some((taken, asked)) => (task, next) = (taken, asked),
            None => {
                // No event may come in any more for a process that is about to end.
                drop(tasks);
                return process.kill().await;
            }
        }
    }
}

impl Setup {
    /// From the process's start to its first question for an event.
    async fn init(&self, process: &mut Process, job: &Job) -> Result<Next, Invoked> {
        let id = &job.request_id;
        let limit = self.context.config.lambda.init_timeout;
        let out_of_time = tokio::time::sleep(limit);
        tokio::pin!(out_of_time);
        let stopped = self.context.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                heard = process.heard() => match heard {
                    Heard::Call(Call::Next(next)) => return Ok(next),
                    Heard::Call(Call::InitError { error, reply }) => {
                        let _ = reply.send(Reply::Accepted);
                        return Err(Invoked {
                            payload: error,
                            function_error: Some("Unhandled"),
                            log_tail: String::new(),
                        });
                    }
                    Heard::Call(Call::Done { reply, .. }) => drop(reply.send(Reply::InvalidState)),
                    Heard::Exited(how) => return Err(Invoked::failed(id, "Runtime.ExitError", &how)),
                },
                () = &mut out_of_time => {
                    let message = format!("Init timed out after {:.2} seconds", limit.as_secs_f64());
                    return Err(Invoked::failed(id, "Sandbox.Timedout", &message));
                }
                () = &mut stopped => {
                    return Err(Invoked::failed(id, "Runtime.ExitError", "the gateway is shutting down"));
                }
            }
        }
    }

    /// One invocation: from handing the event over to the process's next question. Without one, the process is spent.
    async fn invoke(
        &self,
        process: &mut Process,
        job: &Job,
        next: Next,
        init: Option<Duration>,
    ) -> (Invoked, Option<Next>) {
        let id = &job.request_id;
        let limit = Duration::from_secs(self.definition.timeout.into());
        process.output.begin(id.clone()).await;
        self.show_time();
        let started = Instant::now();
        let out_of_time = tokio::time::sleep(limit);
        tokio::pin!(out_of_time);
        let stopped = self.context.stopped();
        tokio::pin!(stopped);
        let mut answer = None;
        // A connection may break between the question and the event: then the process asks again.
        let mut waiting = next.send(self.invocation(job, limit)).err();
        let (mut invoked, again) = loop {
            tokio::select! {
                heard = process.heard() => match heard {
                    Heard::Call(Call::Next(next)) => {
                        if let Some(invocation) = waiting.take() {
                            waiting = next.send(invocation).err();
                        } else if let Some(answer) = answer.take() {
                            break (answer, Some(next));
                        } else {
                            // It asks for another event before it answered this one.
                            waiting = next.send(self.invocation(job, limit)).err();
                        }
                    }
                    Heard::Call(Call::Done { request_id, result, reply }) => {
                        let (said, given) = self.judge(job, &request_id, answer.is_some(), result);
                        answer = given.or(answer);
                        let _ = reply.send(said);
                    }
                    Heard::Call(Call::InitError { reply, .. }) => drop(reply.send(Reply::InvalidState)),
                    Heard::Exited(how) => {
                        break (answer.unwrap_or_else(|| Invoked::failed(id, "Runtime.ExitError", &how)), None);
                    }
                },
                () = &mut out_of_time => {
                    let message = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
                    break (Invoked::failed(id, "Sandbox.Timedout", &message), None);
                }
                () = &mut stopped => {
                    let message = "the gateway is shutting down";
                    break (Invoked::failed(id, "Runtime.ExitError", message), None);
                }
            }
        };
        let duration = started.elapsed();
        let memory = process.peak_memory();
        if again.is_none() {
            process.kill().await;
        }
        let report = self.report(job, duration, init, memory, &invoked);
        invoked.log_tail = process.output.finish(id, &report.line()).await;
        (invoked, again)
    }

    /// What a process said about an invocation: what to tell it, and what it means.
    fn judge(&self, job: &Job, request_id: &str, answered: bool, result: Answer) -> (Reply, Option<Invoked>) {
        if request_id != job.request_id {
            return (Reply::InvalidRequestId, None);
        }
        if answered {
            return (Reply::InvalidState, None);
        }
        let ended = |payload, function_error| Invoked { payload, function_error, log_tail: String::new() };
        match result {
            Answer::Response(payload) if payload.len() <= MAX_PAYLOAD => (Reply::Accepted, Some(ended(payload, None))),
            Answer::Error(payload) => (Reply::Accepted, Some(ended(payload, Some("Unhandled")))),
            Answer::Response(_) => (Reply::InvalidState, None),
            Answer::Refused(kind, message) => {
                let invoked = Invoked::failed(request_id, kind, &message);
                (Reply::Refused(StatusCode::PAYLOAD_TOO_LARGE, kind, message), Some(invoked))
            }
        }
    }

    /// Waits for the next event; `None` where the process ended, idled too long, or is to end.
    async fn idle(
        &self,
        process: &mut Process,
        mut next: Next,
        tasks: &mut mpsc::Receiver<Task>,
    ) -> Option<(Task, Next)> {
        let too_long = tokio::time::sleep(self.context.config.lambda.idle_after);
        tokio::pin!(too_long);
        let stopped = self.context.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                task = tasks.recv() => return Some((task?, next)),
                heard = process.heard() => match heard {
                    Heard::Call(Call::Next(again)) => next = again,
                    Heard::Call(Call::Done { reply, .. } | Call::InitError { reply, .. }) => {
                        drop(reply.send(Reply::InvalidState));
                    }
                    Heard::Exited(_) => return None,
                },
                () = &mut too_long => return None,
                () = &mut stopped => return None,
            }
        }
    }

    fn invocation(&self, job: &Job, limit: Duration) -> Invocation {
        let now = self.context.timers.machine_now();
        Invocation {
            request_id: job.request_id.clone(),
            deadline_ms: now.plus_millis(drydock_timers::millis(limit)).millis(),
            arn: job.arn.clone(),
            trace_id: job.trace_id.clone(),
            client_context: job.client_context.clone(),
            payload: job.payload.clone(),
        }
    }

    fn report(
        &self,
        job: &Job,
        duration: Duration,
        init: Option<Duration>,
        memory: Option<u64>,
        invoked: &Invoked,
    ) -> Report {
        let ms = |span: Duration| span.as_secs_f64() * 1000.0;
        let report = Report {
            function: self.definition.name.clone(),
            request_id: job.request_id.clone(),
            duration_ms: ms(duration),
            init_ms: init.map(ms),
            memory_mb: self.definition.memory,
            max_memory_mb: memory,
            error: invoked.error_text(),
        };
        self.logs.report(report.clone());
        report
    }
}
