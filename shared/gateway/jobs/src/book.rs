//! The rulebook's state and how it is filled again.

use crate::assignment::Assignment;
use crate::context::Tells;
use crate::job::{Job, JobRow};
use crate::schedule::Schedule;
use crate::templates::TemplateRow;
use drydock_core::{ApiError, CorruptRow, Event, Rulebook, Scope, ThingName, Timestamp};
use drydock_model::iot::JobExecutionStatus as Status;
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const JOBS: &str = "jobs";
pub(crate) const THINGS: &str = "job_things";
pub(crate) const TEMPLATES: &str = "job_templates";

/// Whose list of pending executions it is: a thing's, of the jobs of a namespace or of those without.
pub(crate) type Line = (ThingName, Option<SmolStr>);

/// An execution in a list of those that are pending. Their order is the list's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pending {
    /// Those in progress come first.
    pub(crate) is_queued: bool,
    queued: Timestamp,
    created: Timestamp,
    pub(crate) job: SmolStr,
    pub(crate) number: i64,
}

/// The jobs of an account in a region.
#[derive(Debug)]
pub struct Jobs {
    pub(crate) scope: Scope,
    pub(crate) jobs: BTreeMap<SmolStr, Job>,
    pub(crate) templates: BTreeMap<SmolStr, TemplateRow>,
    /// Which jobs a thing has or had.
    pub(crate) by_thing: BTreeSet<(ThingName, SmolStr)>,
    pub(crate) pending: BTreeMap<Line, BTreeSet<Pending>>,
    /// When executions time out.
    pub(crate) deadlines: BTreeSet<(Timestamp, SmolStr, ThingName)>,
    /// The things on which jobs have installed what is still to be told.
    pub(crate) untold: BTreeSet<(SmolStr, ThingName)>,
    /// When jobs are looked at.
    pub(crate) ticks: BTreeSet<(Timestamp, SmolStr)>,
    /// What the account wants to be told, as the last command had it.
    pub(crate) tells: Tells,
}

impl Jobs {
    /// A book without jobs.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            jobs: BTreeMap::new(),
            templates: BTreeMap::new(),
            by_thing: BTreeSet::new(),
            pending: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            untold: BTreeSet::new(),
            ticks: BTreeSet::new(),
            tells: Tells::default(),
        }
    }

    /// Whether there is no job.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether there is a job of this id.
    #[must_use]
    pub fn has_job(&self, job: &str) -> bool {
        self.jobs.contains_key(job)
    }

    /// Whether there is a job template of this id.
    #[must_use]
    pub fn has_template(&self, template: &str) -> bool {
        self.templates.contains_key(template)
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let tick = self.ticks.first().map(|(at, _)| *at);
        let deadline = self.deadlines.first().map(|(at, ..)| *at);
        tick.into_iter().chain(deadline).min()
    }

    pub(crate) fn job(&self, job: &str) -> Result<&Job, ApiError> {
        self.jobs.get(job).ok_or_else(|| no_job(job))
    }

    /// The execution that is next on a list.
    pub(crate) fn head(&self, line: &Line) -> Option<&Pending> {
        self.pending.get(line).and_then(BTreeSet::first)
    }

    /// What an assignment has on the list of its thing: a queued execution only while its job is open.
    pub(crate) fn listed(&self, job: &SmolStr, assignment: &Assignment) -> Option<Pending> {
        let of = self.jobs.get(job)?;
        let open = assignment.open()?;
        let is_queued = open.status == Status::Queued;
        (of.is_open() || !is_queued).then(|| Pending {
            is_queued,
            queued: open.queued,
            created: of.row.created,
            job: job.clone(),
            number: open.number,
        })
    }

    /// Enters an assignment into all that follows from it.
    pub(crate) fn index(&mut self, job: &SmolStr, thing: &ThingName, assignment: Assignment) {
        let listed = self.listed(job, &assignment);
        let Some(of) = self.jobs.get_mut(job) else { return };
        for execution in &assignment.executions {
            of.counts.add(execution.status, 1);
        }
        if assignment.waiting.is_some() {
            of.waiting.insert(thing.clone());
        }
        let namespace = of.row.namespace.clone();
        if let Some(deadline) = assignment.open().and_then(|open| open.deadline()) {
            self.deadlines.insert((deadline, job.clone(), thing.clone()));
        }
        if assignment.untold {
            self.untold.insert((job.clone(), thing.clone()));
        }
        of.things.insert(thing.clone(), assignment);
        if let Some(listed) = listed {
            self.pending.entry((thing.clone(), namespace)).or_default().insert(listed);
        }
        self.by_thing.insert((thing.clone(), job.clone()));
    }

    /// Takes an assignment out, and out of all that follows from it.
    pub(crate) fn unindex(&mut self, job: &SmolStr, thing: &ThingName) -> Option<Assignment> {
        let assignment = self.jobs.get(job)?.things.get(thing)?;
        let listed = self.listed(job, assignment);
        let of = self.jobs.get_mut(job)?;
        let assignment = of.things.remove(thing)?;
        for execution in &assignment.executions {
            of.counts.add(execution.status, -1);
        }
        of.waiting.remove(thing);
        let line = (thing.clone(), of.row.namespace.clone());
        if let Some(deadline) = assignment.open().and_then(|open| open.deadline()) {
            self.deadlines.remove(&(deadline, job.clone(), thing.clone()));
        }
        if assignment.untold {
            self.untold.remove(&(job.clone(), thing.clone()));
        }
        if let (Some(listed), Some(list)) = (listed, self.pending.get_mut(&line)) {
            list.remove(&listed);
            if list.is_empty() {
                self.pending.remove(&line);
            }
        }
        self.by_thing.remove(&(thing.clone(), job.clone()));
        Some(assignment)
    }

    /// Sees to it that a job is looked at in time.
    pub(crate) fn set_tick(&mut self, id: &SmolStr) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let wakes = job.wakes();
        if let Some(before) = std::mem::replace(&mut job.tick, wakes) {
            self.ticks.remove(&(before, id.clone()));
        }
        if let Some(at) = wakes {
            self.ticks.insert((at, id.clone()));
        }
    }
}

pub(crate) fn no_job(job: &str) -> ApiError {
    ApiError::not_found(format!("Job {job} cannot be found."))
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

impl Rulebook for Jobs {
    const TABLES: &'static [&'static str] = &[JOBS, THINGS, TEMPLATES];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        let text = |error: serde_json::Error| corrupt(error.to_string());
        match table {
            JOBS => {
                let row: JobRow = serde_json::from_str(value).map_err(text)?;
                let schedule = Schedule::read(row.scheduling.as_ref());
                let schedule = schedule.map_err(|error| corrupt(error.message.into_owned()))?;
                self.jobs.insert(key.into(), Job::new(row, schedule));
                self.set_tick(&key.into());
            }
            THINGS => {
                let (job, thing) = key.split_once('/').ok_or_else(|| corrupt("its key has no `/`".into()))?;
                let thing = ThingName::new(thing).map_err(|error| corrupt(error.to_string()))?;
                if !self.has_job(job) {
                    return Err(corrupt("its job is missing".into()));
                }
                let assignment: Assignment = serde_json::from_str(value).map_err(text)?;
                let ended = assignment.executions.split_last().map_or(&[][..], |(_, before)| before);
                if ended.iter().any(|execution| execution.is_open()) {
                    return Err(corrupt("an execution that is not the last has not ended".into()));
                }
                let job = SmolStr::new(job);
                self.index(&job, &thing, assignment);
                self.set_tick(&job);
            }
            TEMPLATES => {
                let row = serde_json::from_str(value).map_err(text)?;
                self.templates.insert(key.into(), row);
            }
            _ => return Err(corrupt("the table is not one of jobs".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }

    fn promises(&self, event: &Event) -> bool {
        match event {
            Event::JobChanged { .. } => self.tells.jobs,
            Event::JobExecutionChanged { .. } => self.tells.executions,
            _ => false,
        }
    }
}
