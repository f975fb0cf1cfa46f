//! What time does: rollouts go on, schedules begin and end, maintenance windows open and close, executions time out.

use crate::assignment::Waiting;
use crate::book::Jobs;
use crate::context::{Context, Outcome};
use crate::job::Window;
use crate::rollout::{MINUTE, rate};
use crate::step::Step;
use drydock_core::event::jobs::ExecutionStage;
use drydock_core::{Done, ThingName};
use drydock_model::iot::{JobEndBehavior, JobExecutionStatus as Status, JobStatus, TargetSelection};
use smol_str::SmolStr;

/// How many executions time out in one command at most, so that others are let in between.
const AT_ONCE: usize = 1000;

impl Jobs {
    /// Does some of what is due; whether anything was. To be called until nothing is.
    ///
    /// What is due later comes later: timers that have passed while nobody looked are taken in the order of their times.
    pub fn due(&mut self, context: &Context<'_>) -> Done<Outcome<bool>> {
        let mut step = Step::new(context);
        let tick = self.ticks.first().filter(|(at, _)| *at <= context.now).cloned();
        let deadline = self.deadlines.first().map(|(at, ..)| *at).filter(|at| *at <= context.now);
        let found = match (tick, deadline) {
            (Some((at, id)), deadline) if deadline.is_none_or(|deadline| at <= deadline) => {
                self.tick(&mut step, &id);
                true
            }
            (_, Some(_)) => {
                self.time_out(&mut step);
                true
            }
            _ => false,
        };
        self.finish(step, found)
    }

    fn time_out(&mut self, step: &mut Step<'_>) {
        let now = step.now();
        let until = self.ticks.first().map(|(at, _)| *at).filter(|at| *at <= now);
        let late = self.deadlines.iter().take_while(|(at, ..)| *at <= now && until.is_none_or(|until| *at < until));
        let late: Vec<_> = late.take(AT_ONCE).cloned().collect();
        for (_, id, thing) in late {
            self.end(step, &id, &thing, ExecutionStage::TimedOut, None);
            self.judge(step, &id);
        }
    }

    /// Does what is due of a job by now.
    pub(crate) fn tick(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        let now = step.now();
        let Some(job) = self.jobs.get_mut(id) else { return };
        if job.row.status == JobStatus::Scheduled && job.schedule.start.is_none_or(|start| start <= now) {
            job.row.status = JobStatus::InProgress;
            job.row.updated = now;
            job.row.next_rollout = Some(now);
            let begins = job.schedule.has_windows();
            step.touch(id);
            if begins {
                let window = self.window_at(id, step);
                self.set_window(step, id, window);
            }
        }
        self.pass_end(step, id);
        let passed = |window: &Window| window.until.is_some_and(|until| until <= now);
        let active = self.jobs.get(id).filter(|job| job.row.status == JobStatus::InProgress && !job.row.ended);
        if active.is_some_and(|job| job.row.window.as_ref().is_some_and(passed)) {
            let window = self.window_at(id, step);
            self.set_window(step, id, window);
        }
        self.roll_out(step, id);
        self.judge(step, id);
    }

    /// Whether one of a job's windows is open now, and until when it is so.
    fn window_at(&self, id: &SmolStr, step: &Step<'_>) -> Option<Window> {
        let (job, now) = (self.jobs.get(id)?, step.now());
        Some(match job.schedule.closes(now).filter(|closes| *closes > now) {
            Some(closes) => Window { open: true, until: Some(closes) },
            None => Window { open: false, until: job.schedule.next_window(now) },
        })
    }

    /// The end time of a job: nothing more is made, and what its end behaviour says is canceled.
    fn pass_end(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        let now = step.now();
        let Some(job) = self.jobs.get_mut(id) else { return };
        if job.row.status != JobStatus::InProgress || job.row.ended || job.schedule.end.is_none_or(|end| end > now) {
            return;
        }
        job.row.ended = true;
        job.row.updated = now;
        job.row.next_rollout = None;
        let (behavior, selection) = (job.schedule.behavior, job.row.selection);
        step.touch(id);
        // What is queued and stays so may be begun from now on, whatever the windows were.
        self.set_window(step, id, None);
        match behavior {
            JobEndBehavior::StopRollout => self.drop_waiting(step, id),
            JobEndBehavior::Cancel => self.drop_open(step, id, false),
            JobEndBehavior::ForceCancel => self.drop_open(step, id, true),
        }
        if selection == TargetSelection::Continuous {
            self.complete(step, id);
        }
    }

    fn drop_waiting(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        let waiting = self.jobs.get(id).map(|job| job.waiting.clone()).unwrap_or_default();
        for thing in waiting {
            self.alter(step, id, &thing, |assignment| assignment.waiting = None);
        }
    }

    /// Makes the executions of this minute, and whatever has waited for a window to open.
    fn roll_out(&mut self, step: &mut Step<'_>, id: &SmolStr) {
        let now = step.now();
        let Some(job) = self.jobs.get(id) else { return };
        if job.row.status != JobStatus::InProgress || job.row.ended || !job.is_open() || job.waiting.is_empty() {
            return;
        }
        let is_late = |thing: &ThingName| {
            let waiting = job.things.get(thing).and_then(|assignment| assignment.waiting);
            waiting.is_some_and(|Waiting { late, .. }| late)
        };
        let (late, first): (Vec<_>, Vec<_>) = job.waiting.iter().cloned().partition(is_late);
        for thing in late {
            self.queue(step, id, &thing);
        }
        let Some(job) = self.jobs.get_mut(id) else { return };
        if first.is_empty() || job.row.next_rollout.is_some_and(|next| next > now) {
            return;
        }
        let config = job.row.config.rollout.as_ref();
        let rate = rate(config, job.row.notified, job.counts.of(Status::Succeeded));
        let made: Vec<_> = first.into_iter().take(rate).collect();
        job.row.notified += i64::try_from(made.len()).unwrap_or(i64::MAX);
        job.row.next_rollout = Some(now.plus_millis(MINUTE));
        step.touch(id);
        for thing in made {
            self.queue(step, id, &thing);
        }
    }
}
