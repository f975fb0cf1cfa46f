//! What a command changes: the one way in which jobs and executions change, so that counts, lists, timers, rows and events are
//! in step, and what follows from a change (a retry, an abort, the end of a job) follows from each.

use crate::assignment::{Assignment, Waiting};
use crate::book::{JOBS, Jobs, Line, THINGS, json};
use crate::context::{Changed, Context, Outcome};
use drydock_core::event::jobs::{ExecutionStage, ExecutionState, JobStage};
use drydock_core::{Done, Event, ThingName, Timestamp, Write};
use drydock_model::iot::{
    JobExecutionFailureType as FailureType, JobExecutionStatus as Status, JobStatus, RetryableFailureType,
    TargetSelection,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What a command has changed so far.
pub(crate) struct Step<'c> {
    pub(crate) context: &'c Context<'c>,
    jobs: BTreeSet<SmolStr>,
    things: BTreeSet<(SmolStr, ThingName)>,
    gone: Vec<Write>,
    events: Vec<Event>,
    lists: BTreeMap<Line, Before>,
}

/// A list of pending executions as it was.
struct Before {
    /// The job and the number of the execution that was next.
    next: Option<(SmolStr, i64)>,
    /// Whether something came to the list or left it since.
    changed: bool,
}

/// Why a job is canceled.
pub(crate) struct Cancellation {
    pub(crate) reason: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) forced: bool,
}

impl<'c> Step<'c> {
    pub(crate) fn new(context: &'c Context<'c>) -> Self {
        Self {
            context,
            jobs: BTreeSet::new(),
            things: BTreeSet::new(),
            gone: Vec::new(),
            events: Vec::new(),
            lists: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.now
    }

    /// A job's row has changed.
    pub(crate) fn touch(&mut self, job: &SmolStr) {
        self.jobs.insert(job.clone());
    }

    /// A row is gone, or is another one.
    pub(crate) fn write(&mut self, write: Write) {
        self.gone.push(write);
    }
}

impl Jobs {
    /// Ends a command: its writes, its events, and who is to be told.
    pub(crate) fn finish<T>(&mut self, step: Step<'_>, reply: T) -> Done<Outcome<T>> {
        let mut writes = step.gone;
        for id in &step.jobs {
            if let Some(job) = self.jobs.get(id) {
                writes.push(Write::put(JOBS, id.as_str(), json(&job.row)));
            }
        }
        for (id, thing) in &step.things {
            if let Some(assignment) = self.jobs.get(id).and_then(|job| job.things.get(thing)) {
                writes.push(Write::put(THINGS, format!("{id}/{thing}"), json(assignment)));
            }
        }
        let mut changed = Vec::new();
        for (line, before) in step.lists {
            let now = self.head(&line).map(|head| (head.job.clone(), head.number));
            let next = now != before.next;
            if before.changed || next {
                changed.push(Changed { thing: line.0, namespace: line.1, list: before.changed, next });
            }
        }
        self.tells = step.context.tells;
        let outcome = Outcome { reply, changed, due: self.next_due() };
        Done { reply: outcome, writes, events: step.events }
    }

    /// Changes what a job is on a thing.
    pub(crate) fn alter<T>(
        &mut self,
        step: &mut Step<'_>,
        id: &SmolStr,
        thing: &ThingName,
        change: impl FnOnce(&mut Assignment) -> T,
    ) -> Option<T> {
        let (line, place) = self.look(step, id, thing)?;
        let mut assignment = self.unindex(id, thing).unwrap_or_default();
        let answer = change(&mut assignment);
        self.index(id, thing, assignment);
        self.compare(step, &line, id, thing, place);
        step.things.insert((id.clone(), thing.clone()));
        Some(answer)
    }

    /// Forgets what a job was on a thing.
    pub(crate) fn forget(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName) {
        let Some((line, place)) = self.look(step, id, thing) else { return };
        self.unindex(id, thing);
        self.compare(step, &line, id, thing, place);
        step.write(Write::delete(THINGS, format!("{id}/{thing}")));
    }

    /// Opens a job at the start of a maintenance window, or closes it at its end.
    pub(crate) fn set_window(&mut self, step: &mut Step<'_>, id: &SmolStr, window: Option<crate::job::Window>) {
        let Some(job) = self.jobs.get(id) else { return };
        let queued = |assignment: &Assignment| assignment.open().is_some_and(|open| open.status == Status::Queued);
        let things: Vec<_> = job.things.iter().filter(|(_, of)| queued(of)).map(|(thing, _)| thing.clone()).collect();
        let mut taken = Vec::with_capacity(things.len());
        for thing in things {
            let Some((line, place)) = self.look(step, id, &thing) else { continue };
            if let Some(assignment) = self.unindex(id, &thing) {
                taken.push((thing, assignment, line, place));
            }
        }
        if let Some(job) = self.jobs.get_mut(id) {
            job.row.window = window;
        }
        for (thing, assignment, line, place) in taken {
            self.index(id, &thing, assignment);
            self.compare(step, &line, id, &thing, place);
        }
        step.touch(id);
    }

    /// Remembers a list as it is before a change; gives what the job has on it.
    fn look(&self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName) -> Option<(Line, Option<i64>)> {
        let job = self.jobs.get(id)?;
        let line = (thing.clone(), job.row.namespace.clone());
        if !step.lists.contains_key(&line) {
            let next = self.head(&line).map(|head| (head.job.clone(), head.number));
            step.lists.insert(line.clone(), Before { next, changed: false });
        }
        Some((line, self.number_listed(id, thing)))
    }

    fn number_listed(&self, id: &SmolStr, thing: &ThingName) -> Option<i64> {
        let assignment = self.jobs.get(id)?.things.get(thing)?;
        self.listed(id, assignment).map(|listed| listed.number)
    }

    fn compare(&self, step: &mut Step<'_>, line: &Line, id: &SmolStr, thing: &ThingName, place: Option<i64>) {
        let now = self.number_listed(id, thing);
        if let Some(before) = step.lists.get_mut(line).filter(|_| now != place) {
            before.changed = true;
        }
    }

    /// Makes the execution that a thing waits for.
    pub(crate) fn queue(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName) {
        let now = step.now();
        self.alter(step, id, thing, |assignment| assignment.queue(now));
    }

    /// Lets a thing wait for an execution, which is made at once where neither a rate nor a window is in the way.
    pub(crate) fn want(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName, attempt: i32) {
        self.alter(step, id, thing, |assignment| assignment.waiting = Some(Waiting { attempt, late: true }));
        let open = self.jobs.get(id).is_some_and(|job| job.row.status == JobStatus::InProgress && job.is_open());
        if open {
            self.queue(step, id, thing);
        }
    }

    /// Ends the execution of a thing that has not ended; what follows for the job is for [`judge`](Self::judge).
    pub(crate) fn end(
        &mut self,
        step: &mut Step<'_>,
        id: &SmolStr,
        thing: &ThingName,
        stage: ExecutionStage,
        details: Option<BTreeMap<String, String>>,
    ) {
        let now = step.now();
        let installs = self.jobs.get(id).is_some_and(|job| !job.row.installs.is_empty());
        let ended = self.alter(step, id, thing, |assignment| {
            let open = assignment.open_mut()?;
            open.forced = stage == ExecutionStage::Canceled && open.status == Status::InProgress;
            open.status = status_of(stage)?;
            open.updated = now;
            // Seen on AWS: who leaves a group finds the version as it was.
            if stage != ExecutionStage::Removed {
                open.version += 1;
            }
            if let Some(details) = details {
                open.details = details;
            }
            (open.timeout, open.step_timeout) = (None, None);
            let (number, details) = (open.number, open.details.clone());
            assignment.untold |= installs && stage == ExecutionStage::Succeeded;
            Some((number, details))
        });
        let Some((number, details)) = ended.flatten() else { return };
        self.tell(step, id, thing, number, details, stage);
        self.retry(step, id, thing, stage);
    }

    /// Emits that an execution has come to something.
    pub(crate) fn tell(
        &self,
        step: &mut Step<'_>,
        job: &SmolStr,
        thing: &ThingName,
        number: i64,
        details: BTreeMap<String, String>,
        stage: ExecutionStage,
    ) {
        let state = ExecutionState { job: job.clone(), thing: thing.clone(), number, details };
        let at = step.now();
        step.events.push(Event::JobExecutionChanged { execution: Box::new(state), stage, at });
    }

    /// Emits that a job has come to something.
    pub(crate) fn tell_job(&self, step: &mut Step<'_>, id: &SmolStr, stage: JobStage) {
        let Some(job) = self.jobs.get(id) else { return };
        let at = step.now();
        step.events.push(Event::JobChanged { job: Box::new(job.state(id)), stage, at });
    }

    /// Tries again what has failed or timed out, as often as the job has it.
    fn retry(&mut self, step: &mut Step<'_>, id: &SmolStr, thing: &ThingName, stage: ExecutionStage) {
        let Some(job) = self.jobs.get(id) else { return };
        let (Some(config), Some(assignment)) = (&job.row.config.retry, job.things.get(thing)) else { return };
        let wanted = match stage {
            ExecutionStage::Failed => RetryableFailureType::Failed,
            ExecutionStage::TimedOut => RetryableFailureType::TimedOut,
            _ => return,
        };
        if job.row.status != JobStatus::InProgress || job.row.ended || !assignment.targeted {
            return;
        }
        let retried = assignment.retried;
        let left = config.criteria_list.iter().any(|criteria| {
            let tried = match criteria.failure_type {
                RetryableFailureType::All => retried.failed + retried.timed_out,
                RetryableFailureType::Failed => retried.failed,
                RetryableFailureType::TimedOut => retried.timed_out,
            };
            let fits = criteria.failure_type == wanted || criteria.failure_type == RetryableFailureType::All;
            fits && tried < criteria.number_of_retries
        });
        if !left {
            return;
        }
        let attempt = self.alter(step, id, thing, |assignment| {
            match wanted {
                RetryableFailureType::Failed => assignment.retried.failed += 1,
                _ => assignment.retried.timed_out += 1,
            }
            assignment.executions.last().map_or(1, |last| last.attempt + 1)
        });
        self.want(step, id, thing, attempt.unwrap_or(1));
    }

    /// Looks what follows for a job from what its executions have come to: it is aborted, or is complete; and when it is looked
    /// at next.
    pub(crate) fn judge(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        if let Some(why) = self.aborts(id) {
            let reason = Some("ABORT_CRITERIA_MET".to_owned());
            self.cancel(step, id, Cancellation { reason, comment: Some(why), forced: false });
        }
        let Some(job) = self.jobs.get_mut(id) else { return };
        let open = job.counts.of(Status::Queued) + job.counts.of(Status::InProgress);
        let may_end = job.row.selection == TargetSelection::Snapshot || job.row.ended;
        if job.row.status == JobStatus::InProgress && may_end && open == 0 && job.waiting.is_empty() {
            self.complete(step, id);
        }
        self.set_tick(id);
    }

    /// A job is complete.
    pub(crate) fn complete(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        let now = step.now();
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.row.status = JobStatus::Completed;
        (job.row.completed, job.row.updated) = (Some(now), now);
        (job.row.next_rollout, job.row.window) = (None, None);
        step.touch(id);
        self.tell_job(step, id, JobStage::Completed);
    }

    /// Why a job is to be aborted, if it is: the first of its criteria that is met.
    fn aborts(&self, id: &SmolStr) -> Option<String> {
        let job = self.jobs.get(id).filter(|job| job.row.status == JobStatus::InProgress)?;
        let of = |status| job.counts.of(status);
        let (failed, rejected, timed_out) = (of(Status::Failed), of(Status::Rejected), of(Status::TimedOut));
        let executed = of(Status::Succeeded) + failed + rejected + timed_out;
        let config = job.row.config.abort.as_ref()?;
        config.criteria_list.iter().find_map(|criteria| {
            let failures = match criteria.failure_type {
                FailureType::Failed => failed,
                FailureType::Rejected => rejected,
                FailureType::TimedOut => timed_out,
                FailureType::All => failed + rejected + timed_out,
            };
            let share = 100.0 * f64::from(failures) / f64::from(executed.max(1));
            let met = executed >= criteria.min_number_of_executed_things
                && failures > 0
                && share >= criteria.threshold_percentage;
            met.then(|| {
                let (kind, threshold) = (criteria.failure_type, criteria.threshold_percentage);
                format!(
                    "Job aborted: {failures} of {executed} executions are {kind}, the threshold is {threshold} percent"
                )
            })
        })
    }

    /// Cancels a job: what waits or is queued, and by force what is in progress.
    pub(crate) fn cancel(&mut self, step: &mut Step<'_>, id: &SmolStr, why: Cancellation) {
        let now = step.now();
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.row.status = JobStatus::Canceled;
        (job.row.forced, job.row.reason, job.row.comment) = (why.forced, why.reason, why.comment);
        (job.row.completed, job.row.updated) = (Some(now), now);
        job.row.next_rollout = None;
        step.touch(id);
        self.tell_job(step, id, JobStage::CancellationInProgress);
        self.drop_open(step, id, why.forced);
        if let Some(job) = self.jobs.get_mut(id) {
            job.row.window = None;
        }
        self.tell_job(step, id, JobStage::Canceled);
    }

    /// Cancels what waits or is queued, and by force what is in progress.
    pub(crate) fn drop_open(&mut self, step: &mut Step<'_>, id: &SmolStr, forced: bool) {
        let Some(job) = self.jobs.get(id) else { return };
        let open = |of: &Assignment| {
            of.open().is_some_and(|open| open.status == Status::Queued || forced) || of.waiting.is_some()
        };
        let things: Vec<_> = job.things.iter().filter(|(_, of)| open(of)).map(|(thing, _)| thing.clone()).collect();
        for thing in things {
            let open = self.alter(step, id, &thing, |assignment| {
                assignment.waiting = None;
                assignment.open().map(|open| open.status)
            });
            if open.flatten().is_some_and(|status| status == Status::Queued || forced) {
                self.end(step, id, &thing, ExecutionStage::Canceled, None);
            }
        }
    }
}

fn status_of(stage: ExecutionStage) -> Option<Status> {
    Some(match stage {
        ExecutionStage::Succeeded => Status::Succeeded,
        ExecutionStage::Failed => Status::Failed,
        ExecutionStage::Rejected => Status::Rejected,
        ExecutionStage::Canceled => Status::Canceled,
        ExecutionStage::TimedOut => Status::TimedOut,
        ExecutionStage::Removed => Status::Removed,
        ExecutionStage::Deleted => return None,
    })
}
