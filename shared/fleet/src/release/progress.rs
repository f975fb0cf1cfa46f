//! What happens to a release. Each function changes a release in memory; whoever calls it writes the row and carries out what is
//! then to be done.

use super::definition::{By, Definition};
use super::environment::{Claimed, Current};
use super::job::{Failure, JobView, Part};
use super::judgement::{Judgement, judge};
use super::state::{Effect, Next, Phase, Release, Run, RunOutcome};
use crate::EpochMillis;

const MINUTE: EpochMillis = 60_000;

/// Something that happens to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A second person approves it.
    Approve {
        /// Who.
        by: String,
    },
    /// The next wave begins.
    Promote {
        /// Its number, from 1, so that asking twice promotes once; without it, whichever is next.
        wave: Option<u32>,
    },
    /// It stops.
    Stop {
        /// Why.
        why: String,
    },
    /// It goes on behind the waves that have done well.
    Resume,
    /// Devices get what they had before.
    RollBack,
    /// A job was looked at.
    Seen {
        /// The job.
        job_id: String,
        /// How it stands; `None` if there is none.
        view: Option<JobView>,
        /// Where it went wrong, if that was asked.
        failures: Vec<Failure>,
    },
}

/// Why something cannot be done with a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not as it is.
    #[error("{0}")]
    No(String),
    /// Not now: what was decided before is being carried out.
    #[error("what was decided before is being carried out: try again")]
    Busy,
}

/// What became of an [`Effect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The environment was claimed, or was not to be had.
    Claimed(Claimed),
    /// A page of a group was filled; there is another.
    Filled(Option<String>),
    /// The job is there, for so many things, as far as they were counted.
    Started(u32),
    /// The job can never be made, and why.
    NotStarted(String),
    /// It was done.
    Simply,
}

impl Release {
    /// A release that is asked for.
    #[must_use]
    pub fn new(definition: Definition, by: &str, now: EpochMillis) -> Self {
        let waits = definition.approval;
        let mut release = Self {
            definition,
            phase: if waits { Phase::AwaitingApproval } else { Phase::Claiming },
            created_by: by.to_owned(),
            approved_by: None,
            reason: None,
            previous: None,
            runs: Vec::new(),
            todo: Vec::new(),
            tellings: 0,
            created_at: now,
            updated_at: now,
            revision: 0,
            busy_until: None,
        };
        if waits {
            release.tell(Vec::new(), now);
        } else {
            release.claim(Next::RollOut, Phase::Stopped);
        }
        release
    }

    /// Takes a step; says whether that changed anything. One that was taken before changes nothing.
    ///
    /// # Errors
    /// [`Refusal`]: the release is not at a point where it can be taken.
    pub fn step(&mut self, step: &Step, now: EpochMillis) -> Result<bool, Refusal> {
        let before = (self.phase, self.runs.clone(), self.todo.len());
        match step {
            Step::Approve { by } => self.approve(by)?,
            Step::Promote { wave } => self.promote(*wave, now)?,
            Step::Stop { why } => self.stop_on_demand(why, now)?,
            Step::Resume => self.resume(now)?,
            Step::RollBack => self.roll_back_on_demand(now)?,
            Step::Seen { job_id, view, failures } => self.seen(job_id, view.as_ref(), failures, now),
        }
        let changed = before != (self.phase, self.runs.clone(), self.todo.len());
        if changed {
            self.updated_at = now;
        }
        Ok(changed)
    }

    /// Whether a look at the job would stop the release, so that it is worth to ask where it went wrong.
    #[must_use]
    pub fn fails(&self, job_id: &str, view: &JobView, now: EpochMillis) -> bool {
        let watched = self.watched(job_id).map(|run| self.judge(run, view, now));
        view.counts.failures() > 0 && matches!(watched, Some(Judgement::Fails(_)))
    }

    /// Notes what became of the first of what was to be done.
    pub fn done(&mut self, done: Done, now: EpochMillis) {
        self.updated_at = now;
        if self.todo.is_empty() {
            return;
        }
        match (self.todo.remove(0), done) {
            (Effect::Claim { then, back }, Done::Claimed(claimed)) if self.phase == Phase::Claiming => {
                self.claimed(then, back, claimed, now);
            }
            (Effect::Fill { group, of, from, to, .. }, Done::Filled(Some(page))) => {
                self.todo.insert(0, Effect::Fill { group, of, from, to, page: Some(page) });
            }
            (Effect::Start { job_id }, Done::Started(targets)) => {
                let begun = |run: &&mut Run| run.job_id == job_id && run.outcome == RunOutcome::Begun;
                if let Some(run) = self.runs.iter_mut().find(begun) {
                    run.outcome = RunOutcome::Going;
                    run.targets = Some(targets);
                    // The time that a wave may take counts from when its job is there.
                    run.begun_at = now;
                }
            }
            (Effect::Start { job_id } | Effect::Fill { group: job_id, .. }, Done::NotStarted(why)) => {
                self.todo.retain(|effect| !matches!(effect, Effect::Start { job_id: other } if *other == job_id));
                if self.runs.last().is_some_and(|run| run.job_id == job_id) {
                    self.fail(format!("its job cannot be made: {why}"), &[], now);
                }
            }
            _ => {}
        }
    }

    fn claim(&mut self, then: Next, back: Phase) {
        self.phase = Phase::Claiming;
        self.reason = None;
        self.todo.push(Effect::Claim { then, back });
    }

    fn claimed(&mut self, then: Next, back: Phase, claimed: Claimed, now: EpochMillis) {
        let current = match claimed {
            Claimed::No(other) => {
                self.phase = back;
                self.reason = Some(format!("the environment `{}` has release `{other}`", self.definition.environment));
                return;
            }
            Claimed::Yes(current) => current,
        };
        let own = current.as_ref().is_some_and(|current| current.release_id == self.id());
        if back == Phase::Succeeded && !own {
            self.phase = back;
            let newer = current.map_or_else(|| "another".to_owned(), |current| current.release_id);
            self.reason = Some(format!("it is not what the environment has: release `{newer}` came after it"));
            self.todo.push(Effect::Free { current: None });
            return;
        }
        if !own {
            self.previous = current.map(|current| *current);
        }
        match then {
            Next::RollOut => self.begin_wave(now),
            Next::RollBack => {
                self.cancel("rolled back");
                self.begin_rollback(now);
            }
        }
    }

    fn approve(&mut self, by: &str) -> Result<(), Refusal> {
        if self.approved_by.as_deref() == Some(by) {
            return Ok(());
        }
        if self.phase != Phase::AwaitingApproval {
            return Err(self.refuse("does not wait for an approval"));
        }
        if by == self.created_by {
            return Err(Refusal::No(format!("`{by}` has asked for the release: a second person has to approve it")));
        }
        self.idle()?;
        self.approved_by = Some(by.to_owned());
        self.claim(Next::RollOut, Phase::Stopped);
        Ok(())
    }

    fn promote(&mut self, wave: Option<u32>, now: EpochMillis) -> Result<(), Refusal> {
        let soaks = self.phase == Phase::RollingOut && self.run().is_some_and(|run| run.well_since.is_some());
        let begun =
            self.runs.iter().filter_map(|run| if let Part::Wave(number) = run.part { Some(number) } else { None });
        if wave.is_some_and(|wave| begun.max().is_some_and(|last| wave <= last)) {
            return Ok(());
        }
        if !soaks && self.phase != Phase::AwaitingPromotion {
            return Err(self.refuse("has no wave that has done well and waits for the next"));
        }
        self.idle()?;
        let number = self.next_wave().saturating_add(if soaks { 2 } else { 1 });
        if wave.is_some_and(|wave| usize::try_from(wave) != Ok(number)) {
            return Err(Refusal::No(format!("wave {number} is next")));
        }
        if let Some(run) = self.runs.last_mut() {
            run.outcome = RunOutcome::Well;
        }
        self.go_on(true, now);
        Ok(())
    }

    fn stop_on_demand(&mut self, why: &str, now: EpochMillis) -> Result<(), Refusal> {
        match self.phase {
            Phase::Stopped => Ok(()),
            Phase::Succeeded | Phase::RolledBack | Phase::RollbackFailed => Err(self.refuse("is over")),
            _ => {
                self.stop(why.to_owned(), &[], now);
                self.let_go(None);
                Ok(())
            }
        }
    }

    fn resume(&mut self, now: EpochMillis) -> Result<(), Refusal> {
        match self.phase {
            Phase::Claiming | Phase::RollingOut | Phase::AwaitingPromotion | Phase::AwaitingApproval => Ok(()),
            Phase::Stopped => {
                self.idle()?;
                if self.definition.approval && self.approved_by.is_none() {
                    (self.phase, self.reason) = (Phase::AwaitingApproval, None);
                    self.tell(Vec::new(), now);
                } else {
                    self.claim(Next::RollOut, Phase::Stopped);
                }
                Ok(())
            }
            Phase::RollingBack | Phase::Succeeded | Phase::RolledBack | Phase::RollbackFailed => {
                Err(self.refuse("cannot be resumed"))
            }
        }
    }

    fn roll_back_on_demand(&mut self, now: EpochMillis) -> Result<(), Refusal> {
        match self.phase {
            Phase::RollingBack | Phase::RolledBack => return Ok(()),
            Phase::AwaitingApproval | Phase::Claiming => return Err(self.refuse("has reached no device")),
            _ => self.idle()?,
        }
        if self.reached().is_empty() {
            return Err(self.refuse("has reached no device"));
        }
        if self.previous.is_none() {
            return Err(self.refuse("has none before it in its environment"));
        }
        if self.phase.holds() {
            self.cancel("rolled back");
            self.begin_rollback(now);
        } else {
            let back = self.phase;
            self.claim(Next::RollBack, back);
        }
        Ok(())
    }

    /// The run of this job, if it is the one that goes on.
    fn watched(&self, job_id: &str) -> Option<&Run> {
        let run = self.run().filter(|run| self.phase.holds() && run.job_id == job_id)?;
        matches!(run.outcome, RunOutcome::Going | RunOutcome::Well).then_some(run)
    }

    fn judge(&self, run: &Run, view: &JobView, now: EpochMillis) -> Judgement {
        // The way back has done well when as many have taken it as had to take what is taken back.
        let way_back = || {
            let mut wave = self.runs.iter().rev().find_map(|run| self.wave_of(run))?.clone();
            (wave.abort, wave.timeout_minutes, wave.success.minimum) = (None, None, 0);
            Some(wave)
        };
        match self.wave_of(run).cloned().or_else(way_back) {
            Some(wave) => judge(&wave, run, view, now),
            None => Judgement::Open,
        }
    }

    fn seen(&mut self, job_id: &str, view: Option<&JobView>, failures: &[Failure], now: EpochMillis) {
        let Some(run) = self.watched(job_id) else { return };
        let judgement = match view {
            Some(view) => self.judge(run, view, now),
            None => Judgement::Fails("its job is gone".to_owned()),
        };
        let soak = self.wave_of(run).map_or(0, |wave| i64::from(wave.soak_minutes).saturating_mul(MINUTE));
        let going = run.outcome == RunOutcome::Going;
        let well_since = run.well_since;
        if judgement == Judgement::Open {
            return;
        }
        let counts = view.map(|view| view.counts);
        let note = |run: &mut Run, well: Option<EpochMillis>, outcome: RunOutcome| {
            run.counts = counts.unwrap_or(run.counts);
            (run.well_since, run.outcome) = (well, outcome);
        };
        match judgement {
            Judgement::Open => {}
            Judgement::Fails(why) => {
                if let Some(run) = self.runs.last_mut() {
                    note(run, None, RunOutcome::Going);
                }
                self.fail(why, failures, now);
            }
            Judgement::Well if going => {
                let since = well_since.unwrap_or(now);
                let soaked = since.saturating_add(soak) <= now;
                if well_since.is_some() && !soaked {
                    return;
                }
                if let Some(run) = self.runs.last_mut() {
                    note(run, Some(since), if soaked { RunOutcome::Well } else { RunOutcome::Going });
                }
                if soaked {
                    self.go_on(false, now);
                }
            }
            Judgement::Well => {}
        }
    }

    /// What comes behind a run that has done well.
    fn go_on(&mut self, promoted: bool, now: EpochMillis) {
        if self.phase == Phase::RollingBack {
            return self.rolled_back(now);
        }
        match self.definition.waves.get(self.next_wave()) {
            None => self.succeed(now),
            Some(next) if next.promote == By::Manual && !promoted => {
                self.phase = Phase::AwaitingPromotion;
                self.tell(Vec::new(), now);
            }
            Some(_) => self.begin_wave(now),
        }
    }

    fn succeed(&mut self, now: EpochMillis) {
        self.phase = Phase::Succeeded;
        self.tell(Vec::new(), now);
        for job_id in self.previous.iter().flat_map(|previous| previous.jobs.clone()).collect::<Vec<_>>() {
            let comment = format!("release {} came after it", self.id());
            self.todo.push(Effect::Cancel { job_id, comment });
        }
        let jobs = self.runs.iter().filter(|run| run.outcome == RunOutcome::Well).map(|run| run.job_id.clone());
        let current =
            Current { release_id: self.id().to_owned(), what: self.definition.what.clone(), jobs: jobs.collect() };
        self.let_go(Some(current));
    }

    fn rolled_back(&mut self, now: EpochMillis) {
        self.phase = Phase::RolledBack;
        self.tell(Vec::new(), now);
        let job = self.run().map(|run| run.job_id.clone());
        // What never succeeded never was what the environment has: that is still the one before.
        let current = self
            .previous
            .clone()
            .map(|previous| Current { jobs: previous.jobs.into_iter().chain(job).collect(), ..previous });
        self.let_go(current);
    }

    pub(super) fn begin_wave(&mut self, now: EpochMillis) {
        let number = self.next_wave();
        let Some(wave) = self.definition.waves.get(number).cloned() else { return };
        let part = Part::Wave(u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1));
        let job_id = self.job_name(part);
        let share = self.share(number, &job_id);
        let group = if share.is_some() { job_id.clone() } else { wave.group };
        self.phase = Phase::RollingOut;
        self.todo.extend(share);
        self.begin(part, wave.name, vec![group], job_id, now);
    }

    fn begin_rollback(&mut self, now: EpochMillis) {
        let groups = self.reached();
        let job_id = self.job_name(Part::Rollback);
        self.phase = Phase::RollingBack;
        self.begin(Part::Rollback, "rollback".to_owned(), groups, job_id, now);
        self.tell(Vec::new(), now);
    }

    /// The groups whose devices were told of it.
    fn reached(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        let reached = self.runs.iter().filter(|run| matches!(run.part, Part::Wave(_)) && run.targets.is_some());
        for group in reached.flat_map(|run| &run.groups) {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        groups
    }

    fn begin(&mut self, part: Part, name: String, groups: Vec<String>, job_id: String, now: EpochMillis) {
        self.todo.push(Effect::Start { job_id: job_id.clone() });
        let (counts, outcome) = (super::job::Counts::default(), RunOutcome::Begun);
        self.runs.push(Run {
            part,
            name,
            job_id,
            groups,
            targets: None,
            counts,
            outcome,
            begun_at: now,
            well_since: None,
        });
    }

    /// The wave that goes on fails, or the way back does.
    fn fail(&mut self, why: String, failures: &[Failure], now: EpochMillis) {
        if self.phase == Phase::RollingBack {
            (self.phase, self.reason) = (Phase::RollbackFailed, Some(why));
            if let Some(run) = self.runs.last_mut() {
                run.outcome = RunOutcome::Stopped;
            }
            self.tell(failures.to_vec(), now);
            return self.let_go(None);
        }
        if !self.phase.holds() {
            return;
        }
        self.stop(why, failures, now);
        if self.definition.rollback == By::Automatic && self.previous.is_some() && !self.reached().is_empty() {
            self.begin_rollback(now);
        } else {
            self.let_go(None);
        }
    }

    fn stop(&mut self, why: String, failures: &[Failure], now: EpochMillis) {
        self.cancel(&why);
        (self.phase, self.reason) = (Phase::Stopped, Some(why));
        if let Some(run) = self.runs.last_mut().filter(|run| run.outcome != RunOutcome::Well) {
            run.outcome = RunOutcome::Stopped;
        }
        self.tell(failures.to_vec(), now);
    }

    /// Cancels the jobs that may go on: the last, and those of earlier waves, which devices that were offline have yet to do.
    fn cancel(&mut self, why: &str) {
        let comment: String = why.chars().filter(|c| !c.is_control()).take(2028).collect();
        let back = self.phase == Phase::RollingBack;
        let going =
            self.runs.iter().filter(|run| run.outcome != RunOutcome::Stopped && (!back || run.part == Part::Rollback));
        let jobs: Vec<_> = going.map(|run| run.job_id.clone()).collect();
        self.todo.extend(jobs.into_iter().map(|job_id| Effect::Cancel { job_id, comment: comment.clone() }));
    }

    fn let_go(&mut self, current: Option<Current>) {
        self.todo.push(Effect::Free { current: current.map(Box::new) });
    }

    fn idle(&self) -> Result<(), Refusal> {
        if self.todo.is_empty() { Ok(()) } else { Err(Refusal::Busy) }
    }

    fn refuse(&self, why: &str) -> Refusal {
        Refusal::No(format!("release `{}` is {} and {why}", self.id(), self.phase.as_str()))
    }
}
